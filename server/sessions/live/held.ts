/**
 * What waits for a slow reader of one subscription, in order: rows, of which in mode `latest` only the newest of each (series, time)
 * is kept, and the other frames between them. A `progress` takes the place of the one before it; a `reset` empties what came before.
 *
 *     rows rows delete rows rows progress        as they came
 *     [newest rows] delete [newest rows] progress   as they leave
 *
 * Frames that leave before the last one carry the cursor that the client already has: were the connection lost between two of them,
 * it would resume from where it surely is.
 */
import type { Mode } from '../../../client/protocol/index.ts';
import type { FeedFrame } from '../engine.ts';
import { readRowsMembers } from './members.ts';

/** What an entry costs beside its text: keys, objects, references. */
const ENTRY_BYTES = 64;

export interface HeldFrame {
  readonly op: FeedFrame['op'];
  readonly members: Uint8Array;
  readonly cursor: string;
  readonly phase: FeedFrame['phase'];
}

type Row = { text: string; final: string; rev: string; phase: string };
type Rows = { kind: 'rows'; series: Map<string, Map<string, Row>>; cursor: string };
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
    const last = this.#entries.at(-1);
    if (frame.op === 'progress' && last?.kind === 'frame' && last.frame.op === 'progress') {
      this.#entries.pop();
      this.#bytes -= last.frame.members.length + ENTRY_BYTES;
    }
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

  #conflate(frame: FeedFrame): number {
    const { phase, final, rev, series } = readRowsMembers(frame.members);
    let last = this.#entries.at(-1);
    if (last?.kind === 'frame' && last.frame.op === 'progress') {
      // rows behind a progress supersede it: it only said that there were none
      this.#entries.pop();
      this.#bytes -= last.frame.members.length + ENTRY_BYTES;
      last = this.#entries.at(-1);
    }
    if (last?.kind !== 'rows') {
      last = { kind: 'rows', series: new Map(), cursor: '' };
      this.#entries.push(last);
    }
    let replaced = 0;
    for (const { head, rows } of series) {
      let known = last.series.get(head);
      if (known === undefined) {
        known = new Map();
        last.series.set(head, known);
        this.#bytes += head.length + ENTRY_BYTES;
      }
      for (const { time, text } of rows) {
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

function entryCost(entry: Rows | Whole): number {
  if (entry.kind === 'frame') return entry.frame.members.length + ENTRY_BYTES;
  let bytes = 0;
  for (const [head, rows] of entry.series) {
    bytes += head.length + ENTRY_BYTES;
    for (const row of rows.values()) bytes += row.text.length + ENTRY_BYTES;
  }
  return bytes;
}

/** One frame for each (phase, final, rev) among the rows; only the last one moves the cursor. */
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
  for (const [kind, group] of groups) {
    const cursor = frames.length === groups.size - 1 && entry.cursor !== '' ? entry.cursor : standing;
    const series = [...group].map(([head, texts]) => `{${head}${head === '' ? '' : ','}"values":[${texts.join(',')}]}`);
    const members = `${kind},"series":[${series.join(',')}],"cursor":${JSON.stringify(cursor)}`;
    frames.push({ op: 'rows', members: encoder.encode(members), cursor, phase: 'live' });
  }
  return frames;
}
