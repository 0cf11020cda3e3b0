/**
 * What waits for a slow reader of one subscription, in order: rows, of which in mode `latest` only the newest of each (series, time)
 * is kept, and the other frames between them. A `progress` or `group` takes the place of the one before it; a `reset` empties what came
 * before.
 *
 *     rows rows delete rows rows progress        as they came
 *     [newest rows] delete [newest rows] progress   as they leave
 *
 * Frames that leave before the last one carry the cursor that the client already has: were the connection lost between two of them,
 * it would resume from where it surely is.
 */
import type { Mode } from '../../../client/protocol/index.ts';
import type { FeedFrame } from '../engine.ts';
import { REFS, readRowsMembers } from './members.ts';

/** What an entry costs beside its text: keys, objects, references. */
const ENTRY_BYTES = 64;

export interface HeldFrame {
  readonly op: FeedFrame['op'];
  readonly members: Uint8Array;
  readonly cursor: string;
  readonly phase: FeedFrame['phase'];
}

/** Rows of one series and time: they are told together, and replaced together. */
type Row = { text: string; final: string; rev: string; phase: string };
/** Rows by series and time; those of series with numbers stand together. `named`: the series that were given numbers, from `from` on. */
type Rows = {
  kind: 'rows';
  series: Map<string, Map<string, Row>>;
  named: { from: number; heads: string[] };
  cursor: string;
};
type Whole = { kind: 'frame'; frame: FeedFrame };

const encoder = new TextEncoder();

export class Held {
  #entries: (Rows | Whole)[] = [];
  #bytes = 0;
  /** Of the bytes, those of a snapshot's frames. */
  #snapshotBytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get snapshotBytes(): number {
    return this.#snapshotBytes;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  /** Returns how many rows were replaced by newer ones. */
  add(frame: FeedFrame, mode: Mode): number {
    if (frame.op === 'reset') this.clear();
    if (frame.op === 'rows' && mode === 'latest' && frame.phase === 'live') return this.#conflate(frame);
    if (isNews(frame.op)) this.#dropNews(frame.op);
    this.#entries.push({ kind: 'frame', frame });
    this.#bytes += frame.members.length + ENTRY_BYTES;
    if (frame.phase === 'snapshot') this.#snapshotBytes += frame.members.length + ENTRY_BYTES;
    return 0;
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#snapshotBytes = 0;
  }

  /** Lets go of all that the log can replay: what stands behind the last frame of a snapshot. */
  dropLive(): void {
    const last = this.#entries.findLastIndex((entry) => entry.kind === 'frame' && entry.frame.phase === 'snapshot');
    this.#entries.length = last + 1;
    this.#bytes = this.#entries.reduce((sum, entry) => sum + entryCost(entry), 0);
  }

  /** The frames of the oldest entry, taken out; `standing` is the cursor that the client has. Not called on an empty one. */
  shift(standing: string): HeldFrame[] {
    const entry = this.#entries.shift()!;
    if (this.#entries.length === 0) this.#bytes = 0;
    else this.#bytes -= entryCost(entry);
    if (entry.kind === 'rows') return rowsFrames(entry, standing);
    if (entry.frame.phase === 'snapshot') this.#snapshotBytes -= entryCost(entry);
    return [entry.frame];
  }

  // private functions

  /** The newest of its kind, where nothing else came behind it. */
  #dropNews(op: FeedFrame['op']): void {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i];
      if (entry.kind !== 'frame' || !isNews(entry.frame.op)) return;
      if (entry.frame.op !== op) continue;
      this.#entries.splice(i, 1);
      this.#bytes -= entryCost(entry);
      return;
    }
  }

  #conflate(frame: FeedFrame): number {
    const { phase, final, rev, series } = readRowsMembers(frame.members);
    // rows behind what only told how far things were supersede it
    for (const op of NEWS) this.#dropNews(op);
    let last = this.#entries.at(-1);
    if (last?.kind !== 'rows') {
      last = { kind: 'rows', series: new Map(), named: { from: 0, heads: [] }, cursor: '' };
      this.#entries.push(last);
    }
    let replaced = 0;
    for (const { head: name, ref, rows } of series) {
      const head = ref < 0 ? name : REFS;
      if (ref >= 0) {
        // numbers are given in order, and all of them pass here
        if (last.named.heads.length === 0) last.named.from = ref;
        last.named.heads.push(name);
        this.#bytes += name.length + ENTRY_BYTES;
      }
      let known = last.series.get(head);
      if (known === undefined) {
        known = new Map();
        last.series.set(head, known);
        this.#bytes += head.length + ENTRY_BYTES;
      }
      for (let first = 0, end = 0; first < rows.length; first = end) {
        while (end < rows.length && rows[end].time === rows[first].time) end++;
        const time = ref < 0 ? rows[first].time : `${ref},${rows[first].time}`;
        const texts = rows.slice(first, end).map((row) => (ref < 0 ? row.text : `[${ref},${row.text.slice(1)}`));
        const text = texts.join(',');
        const before = known.get(time);
        if (before !== undefined) {
          replaced++;
          this.#bytes -= before.text.length + ENTRY_BYTES;
        }
        known.set(time, { text, final, rev, phase });
        this.#bytes += text.length + ENTRY_BYTES;
      }
    }
    if (frame.cursor !== '') last.cursor = frame.cursor;
    return replaced;
  }
}

// private functions

/** Tell how far things are, and nothing else. */
const NEWS: readonly FeedFrame['op'][] = ['progress', 'group'];

function isNews(op: FeedFrame['op']): boolean {
  return NEWS.includes(op);
}

function entryCost(entry: Rows | Whole): number {
  if (entry.kind === 'frame') return entry.frame.members.length + ENTRY_BYTES;
  let bytes = entry.named.heads.reduce((sum, head) => sum + head.length + ENTRY_BYTES, 0);
  for (const [head, rows] of entry.series) {
    bytes += head.length + ENTRY_BYTES;
    for (const row of rows.values()) bytes += row.text.length + ENTRY_BYTES;
  }
  return bytes;
}

/** The series that were given numbers, and one frame for each (phase, final, rev) among the rows; only the last one moves the cursor. */
function rowsFrames(entry: Rows, standing: string): HeldFrame[] {
  const groups = new Map<string, Map<string, string[]>>();
  for (const [head, rows] of entry.series) {
    for (const { text, final, rev, phase } of rows.values()) {
      const kind = `"phase":"${phase}","final":${final},"rev":${rev}`;
      let group = groups.get(kind);
      if (group === undefined) groups.set(kind, (group = new Map()));
      const texts = group.get(head);
      if (texts === undefined) group.set(head, [text]);
      else texts.push(text);
    }
  }
  const frames: HeldFrame[] = [];
  const { from, heads } = entry.named;
  if (heads.length > 0) {
    const members = encoder.encode(`"from":${from},"series":[${heads.map((head) => `{${head}}`).join(',')}]`);
    frames.push({ op: 'series', members, cursor: '', phase: 'live' });
  }
  let left = groups.size;
  for (const [kind, group] of groups) {
    const cursor = --left === 0 && entry.cursor !== '' ? entry.cursor : standing;
    const byNumber = group.get(REFS);
    group.delete(REFS);
    const refs = byNumber === undefined ? '' : `,"refs":[${byNumber.join(',')}]`;
    const series = [...group].map(([head, texts]) => `{${head}${head === '' ? '' : ','}"values":[${texts.join(',')}]}`);
    const members = `${kind},"series":[${series.join(',')}]${refs},"cursor":${JSON.stringify(cursor)}`;
    frames.push({ op: 'rows', members: encoder.encode(members), cursor, phase: 'live' });
  }
  return frames;
}
