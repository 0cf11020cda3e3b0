/**
 * SharedStream: stage 1 of all live queries over one shared measurement (share-plan.ts) on one shard. It takes every block once, keeps
 * the slices, and notes what happened in entries of a log; each query is a view (live-view.ts) that reads the log when it is its turn.
 *
 *     block ──accept──▶ slices ──seal──▶ log: entry, entry, entry
 *                                              ▲ view       ▲ view     each has its own place
 *
 * What a query costs here: a few numbers for each entry it reads, and its own windows when it speaks. A query is asked to speak when
 * one of its windows ends (`ends`), else in turn, its interval after it spoke last, and only if something came meanwhile.
 *
 * It is long because taking, sealing and the order of turns share the log.
 */
import type { SeriesTable } from '../../../../model/index.ts';
import { type Plan, windowOf } from '../../../planner/plan.ts';
import { startOf } from '../../../planner/window-grid.ts';
import type { Group } from '../../source/partial.ts';
import type { Source } from '../../source/source.ts';
import { type LiveInput, tooMany } from '../live-update.ts';
import { type ClockReading, EventClock, msToNs } from '../watermark.ts';
import { greatestIn } from './live-read.ts';
import { RowWindows } from './live-windows.ts';
import { SliceStore } from './slices.ts';
import { TimesSeen } from './times-seen.ts';

/** Cells of slices and nodes of one shared measurement on one shard. At some 200 bytes each this is 200 MB. */
export const SLICE_CELLS_MAX = 1_000_000;
/** Entries of the log; before there are more all views read it. */
const ENTRIES_MAX = 64;
/** An entry ends so often for each turn of a view, if no window does. */
const SEALS_PER_TURN = 2;
/** The same where there is no time for turns. */
const SEAL_MS_MAX = 2_000;
/** How often slices that nobody needs are looked for. */
const TRIM_INTERVAL_MS = 1_000;
/**
 * A slice into which disordered rows keep coming is read again at most every so often: while it is the newest, a wide one more seldom;
 * at once when the stream has gone by, and then for what is later still.
 */
const RENEW_GAP_MS_MIN = 500;
const RENEW_GAP_MS_MAX = 5_000;
const RENEW_LATE_GAP_MS = 250;

/** What came in between two seals. */
export interface StreamEntry {
  /** Greatest time of its rows, not too far ahead, and when it came. */
  readonly reading: ClockReading | null;
  /** By slice. */
  readonly rows: ReadonlyMap<number, RowCounts>;
  /** Rows later than the limit. */
  readonly ahead: number;
  /** By the values of the compared tags: group and slice of cells that changed, one after the other. */
  readonly changed: ReadonlyMap<string, readonly number[]>;
  /** Slices wait to be read again. */
  readonly complete: boolean;
  /** Last message whose rows are in it. */
  readonly sequence: number;
  readonly sealedAtMs: number;
}

export interface RowCounts {
  rows: number;
  /** Of those: not newer than everything their series had. */
  disordered: number;
}

/** A query as its stream knows it. */
export interface StreamReader {
  /** The values of the compared tags. */
  readonly tuple: string;
  /** How long after it spoke its turn comes again. */
  readonly everyMs: number;
  /** Number of the entry that it reads next. */
  readonly place: number;
  /** Something is to be told. */
  readonly hasNews: boolean;
  /** Slices below this one change nothing that it tells. */
  readonly floor: number;
  /** When it had its turn last, or spoke without. */
  readonly turnAtMs: number;
  /** The stream's: see `spoke`. */
  next: bigint | null;
  /** Reads the log to its end. */
  read(): void;
}

export class SharedStream<View extends StreamReader = StreamReader> {
  readonly slices: SliceStore;
  /** The same for streams of one kind on every shard. */
  readonly name: string;
  readonly #source: Source;
  /** Positions of the compared tags among the keys. */
  readonly #tagged: readonly number[];
  readonly #aheadNs: bigint;
  readonly #indexes = new Map<string, number>();
  /** By source. */
  readonly #times: readonly TimesSeen[];
  /** By the values of the compared tags. */
  readonly #wanted = new Map<string, number>();
  readonly #views = new Set<View>();
  /** By interval in ms: views in the order in which they spoke. */
  readonly #turns = new Map<number, Set<View>>();
  /** Views that have something to tell though those before them in `#turns` may have nothing, in the order in which they spoke. */
  readonly #owing = new Set<View>();
  /** Views by when the stream must have come so far that they speak: the end of their earliest open window, and their delay. */
  readonly #ends = new Map<bigint, Set<View>>();
  #earliestEnd: bigint | null = null;
  readonly #clock = new EventClock();
  /** Greatest time of rows that were too far ahead when they came. */
  #aheadUntil: bigint | null = null;
  #log: StreamEntry[] = [];
  /** Number of the first entry in the log. */
  #first = 0;
  #rows = new Map<number, RowCounts>();
  #reading = new EventClock();
  #ahead = 0;
  #news = false;
  #sequence = 0;
  readonly #stale = new Set<number>();
  /** Rows of slices below this one change nothing for anybody. */
  #floor = Number.NEGATIVE_INFINITY;
  /** When slices were read again last, and whether that was while they were the newest. */
  readonly #renewed = new Map<number, { readonly ms: number; readonly newest: boolean }>();
  #sealedAtMs = Number.NEGATIVE_INFINITY;
  /** By the view whose turn comes most often. */
  #sealEveryMs = Number.POSITIVE_INFINITY;
  #trimmedAtMs = Number.NEGATIVE_INFINITY;
  readonly #tuples: string[] = [];

  constructor(name: string, plan: Plan, tagged: readonly number[], aheadNs: bigint, source: Source) {
    this.name = name;
    this.#source = source;
    this.#tagged = tagged;
    this.#aheadNs = aheadNs;
    this.slices = new SliceStore(plan, source, (group) => tagged.length === 0 || this.#wanted.has(this.tupleOf(group)));
    this.#times = plan.sources.map(() => new TimesSeen());
    for (const [i, s] of plan.sources.entries()) this.#indexes.set(sourceKey(s), i);
  }

  get views(): ReadonlySet<View> {
    return this.#views;
  }

  get plan(): Plan {
    return this.slices.plan;
  }

  get groups(): readonly Group[] {
    return this.slices.groups;
  }

  /** Number that the next entry will have. */
  get end(): number {
    return this.#first + this.#log.length;
  }

  /** Something came since the last entry. */
  get unsealed(): boolean {
    return this.#news;
  }

  /** A window of some view has ended. */
  get hasEnded(): boolean {
    const greatest = this.#clock.reading?.greatest;
    return greatest !== undefined && this.#earliestEnd !== null && greatest >= this.#earliestEnd;
  }

  /** When a point last moved the stream's time, ms; null = none did. */
  get heardMs(): number | null {
    return this.#clock.reading?.arrivalMs ?? null;
  }

  /** The values of the compared tags, as text. */
  tupleOf({ tags }: Group): string {
    return tupleText(this.#tagged.map((at) => tags[at]));
  }

  /** The same of a group by its number. */
  tupleAt(group: number): string {
    return (this.#tuples[group] ??= this.tupleOf(this.groups[group]));
  }

  reads(input: LiveInput): boolean {
    return this.#indexes.has(sourceKey(input));
  }

  /** A view takes part: its groups are wanted from now on. */
  attach(view: View): void {
    this.#views.add(view);
    this.#floor = Number.NEGATIVE_INFINITY;
    this.#turnsOf(view).add(view);
    this.#sealEveryMs = Math.min(this.#sealEveryMs, view.everyMs / SEALS_PER_TURN);
    if (this.#tagged.length === 0) return;
    const held = this.#wanted.get(view.tuple) ?? 0;
    this.#wanted.set(view.tuple, held + 1);
    if (held > 0) return;
    try {
      this.slices.wantMore((group) => this.tupleOf(group) === view.tuple);
    } catch (error) {
      this.detach(view);
      throw error;
    }
  }

  detach(view: View): void {
    if (!this.#views.delete(view)) return;
    this.rest(view);
    if (this.#tagged.length === 0) return;
    const left = this.#wanted.get(view.tuple)! - 1;
    this.#wanted.set(view.tuple, left);
    if (left > 0) return;
    this.#wanted.delete(view.tuple);
    this.slices.wantLess((group) => this.tupleOf(group) === view.tuple);
  }

  /** Takes rows that the head has just taken, of any measurement; `sequence`: of their message. */
  accept(input: LiveInput, arrivalMs: number, sequence: number): void {
    const index = this.#indexes.get(sourceKey(input));
    if (index === undefined) return;
    const table = this.#source.series(input.database, input.retentionPolicy, input.measurement);
    if (table === null) return;
    this.#sequence = sequence;
    this.#news = true;
    const windows = new RowWindows(this.plan, input.block, msToNs(arrivalMs) + this.#aheadNs);
    this.#ahead += windows.ahead;
    if (windows.ahead > 0) this.#aheadUntil = later(this.#aheadUntil, startOf(this.plan.window!, windows.most + 1));
    if (windows.greatest !== null) {
      this.#clock.observe(windows.greatest, arrivalMs);
      this.#reading.observe(windows.greatest, arrivalMs);
    }
    this.#add(input, index, table, windows);
    if (this.slices.size > SLICE_CELLS_MAX) throw tooMany('cells', SLICE_CELLS_MAX);
  }

  /** The entry numbered `number` and those behind it. */
  since(number: number): readonly StreamEntry[] {
    return this.#log.slice(number - this.#first);
  }

  /** Ends the entry under way: who reads the log now sees all that was accepted. */
  seal(nowMs: number): void {
    if (!this.#news && this.#stale.size === 0) return;
    this.#renewStale(nowMs);
    const changed = new Map<string, number[]>();
    this.slices.eachChanged((group, slice) => {
      const tuple = this.tupleAt(group);
      const cells = changed.get(tuple);
      if (cells === undefined) changed.set(tuple, [group, slice]);
      else cells.push(group, slice);
    });
    this.#log.push({
      reading: this.#reading.reading,
      rows: this.#rows,
      ahead: this.#ahead,
      changed,
      complete: this.#stale.size === 0,
      sequence: this.#sequence,
      sealedAtMs: nowMs,
    });
    this.#rows = new Map();
    this.#reading = new EventClock();
    this.#ahead = 0;
    this.#news = false;
    this.#sealedAtMs = nowMs;
    if (this.#log.length < ENTRIES_MAX) return;
    for (const view of this.#views) view.read();
    this.#first += this.#log.length;
    this.#log = [];
  }

  /**
   * Views of which a window ended, no more than `most`; they are expected to `spoke`. `hasTime`: others may have their turns next, and
   * see what has come; else fewer entries are fewer to be read by all of them.
   */
  ended(nowMs: number, most: number, hasTime = true): View[] {
    this.#trim(nowMs);
    const { hasEnded } = this;
    const elapsed = nowMs - this.#sealedAtMs;
    const sealEveryMs = hasTime ? this.#sealEveryMs : SEAL_MS_MAX;
    if (hasEnded || elapsed >= sealEveryMs || elapsed < 0) this.seal(nowMs);
    const found: View[] = [];
    if (!hasEnded) return found;
    const { greatest } = this.#clock.reading!;
    for (const [at, views] of this.#ends) {
      if (at > greatest) continue;
      for (const view of views) if (found.push(view) === most) return found;
    }
    return found;
  }

  /** Views whose turn has come, no more than `most`; they are expected to `spoke`. */
  turns(nowMs: number, most: number): View[] {
    const found: View[] = [];
    for (const [interval, views] of this.#turns) {
      const left = most - found.length;
      for (const view of first(views, left, (view) => view.hasNews && turnCame(view, interval, nowMs)))
        found.push(view);
    }
    if (this.#owing.size === 0 || found.length === most) return found;
    const others = first(this.#owing, most - found.length, (view) => turnCame(view, view.everyMs, nowMs));
    return [...new Set([...found, ...others])];
  }

  /** For how long a view has had something to tell beyond its interval. */
  waitedMs({ place, turnAtMs, everyMs }: View, nowMs: number): number {
    const news = this.#log[place - this.#first];
    if (news === undefined) return 0;
    return Math.max(0, nowMs - Math.max(turnAtMs + everyMs, news.sealedAtMs));
  }

  /** Nothing is left to be told of what came. */
  get quiet(): boolean {
    if (this.#news || this.#stale.size > 0 || this.#owing.size > 0) return false;
    for (const views of this.#turns.values())
      for (const view of first(views, 1, () => true)) if (view.hasNews) return false;
    return true;
  }

  /** A view has no turn until it `wakes`. */
  rest(view: View): void {
    for (const turns of this.#turns.values()) turns.delete(view);
    this.#owing.delete(view);
    this.#unplan(view);
  }

  wake(view: View): void {
    if (!this.#views.has(view)) return;
    this.#turnsOf(view).add(view);
    if (view.hasNews) this.#owing.add(view);
  }

  /** A view has had its turn: it comes again after the others'. `owes`: it has something to tell all the same. */
  passed(view: View, owes = false): void {
    const turns = this.#turnsOf(view);
    if (!turns.delete(view)) return;
    turns.add(view);
    this.#owing.delete(view);
    if (owes) this.#owing.add(view);
  }

  /** A view has spoken: it does so again when the stream has come to `next`, null = no window is open. */
  spoke(view: View, next: bigint | null): void {
    this.#unplan(view);
    view.next = next;
    if (next === null) return;
    let views = this.#ends.get(next);
    if (views === undefined) this.#ends.set(next, (views = new Set()));
    views.add(view);
    if (this.#earliestEnd === null || next < this.#earliestEnd) this.#earliestEnd = next;
  }

  /**
   * All slices from this one on are whole then. Gives the greatest time in them, not too far ahead now; null = none. Throws QueryError
   * where they would be too many, and nothing has changed.
   */
  ensureFrom(slice: number, nowMs: number): bigint | null {
    const limit = msToNs(nowMs) + this.#aheadNs;
    const { wholeFrom } = this.slices;
    const read = this.slices.ensureFrom(slice);
    if (this.slices.size > SLICE_CELLS_MAX) {
      // who asks for so much is refused, and the others go on
      this.slices.dropBefore(wholeFrom);
      throw tooMany('cells', SLICE_CELLS_MAX);
    }
    if (read !== null && read > limit) this.#aheadUntil = later(this.#aheadUntil, read);
    else if (read !== null) this.#clock.observe(read, nowMs);
    const from = startOf(this.plan.window!, slice);
    // what it has read is of all series, whichever are wanted
    for (const times of this.#times) times.allUpTo(read ?? from - 1n);
    if (this.#aheadUntil !== null) return greatestIn(this.plan, this.#source, from, limit);
    const known = this.#clock.reading?.greatest ?? null;
    return known === null || known < from ? null : known;
  }

  /** Rows of these measurements were deleted. */
  rowsDeleted(): void {
    this.slices.renewAll();
    this.#news = true;
  }

  // private functions

  #add(input: LiveInput, index: number, table: SeriesTable, windows: RowWindows): void {
    const { block, late } = input;
    const repeating = this.#times[index].repeating(block, late);
    if ((late === null || late.length === 0) && (windows.rows === 0 || windows.least >= this.slices.wholeFrom)) {
      const counts = new Map<number, number>();
      windows.addTo(counts);
      for (const [slice, rows] of counts) this.#count(slice, rows, 0);
      this.slices.add(input, index, table, null);
      return;
    }
    const skip: number[] = [];
    const isLate = among(late);
    const isRepeating = among(repeating);
    windows.each((row, slice) => {
      this.#count(slice, 1, isLate(row) ? 1 : 0);
      if (!isRepeating(row) && this.slices.isWhole(slice)) return;
      skip.push(row);
      if (slice >= this.#floor) this.#stale.add(slice);
    });
    this.slices.add(input, index, table, Uint32Array.from(skip));
  }

  #count(slice: number, rows: number, disordered: number): void {
    const counts = this.#rows.get(slice);
    if (counts === undefined) this.#rows.set(slice, { rows, disordered });
    else {
      counts.rows += rows;
      counts.disordered += disordered;
    }
  }

  /** Reads stale slices again, but for those that were a moment ago. */
  #renewStale(nowMs: number): void {
    if (this.#stale.size === 0) return;
    const { window } = this.plan;
    const gap = Math.min(Math.max(Number(window!.interval / 60_000_000n), RENEW_GAP_MS_MIN), RENEW_GAP_MS_MAX);
    const greatest = this.#clock.reading?.greatest ?? null;
    const open = greatest === null ? Number.NEGATIVE_INFINITY : windowOf(this.plan, greatest);
    for (const slice of this.#stale) {
      const newest = slice >= open;
      const before = this.#renewed.get(slice);
      const elapsed = before === undefined || before.newest !== newest ? Number.POSITIVE_INFINITY : nowMs - before.ms;
      if (elapsed >= 0 && elapsed < (newest ? gap : RENEW_LATE_GAP_MS)) continue;
      this.#stale.delete(slice);
      this.#renewed.set(slice, { ms: nowMs, newest });
      this.slices.renew(slice);
    }
    if (this.#stale.size === 0) this.#news = true;
  }

  #trim(nowMs: number): void {
    const elapsed = nowMs - this.#trimmedAtMs;
    if (elapsed >= 0 && elapsed < TRIM_INTERVAL_MS) return;
    this.#trimmedAtMs = nowMs;
    let floor = Number.POSITIVE_INFINITY;
    let read = this.end;
    for (const view of this.#views) {
      floor = Math.min(floor, view.floor);
      read = Math.min(read, view.place);
    }
    this.#log = this.#log.slice(read - this.#first);
    this.#first = read;
    if (!Number.isFinite(floor)) return;
    this.#floor = floor;
    this.slices.dropBefore(floor);
    for (const set of [this.#stale, this.#renewed]) {
      for (const slice of set.keys()) if (slice < floor) set.delete(slice);
    }
  }

  #turnsOf({ everyMs }: View): Set<View> {
    let turns = this.#turns.get(everyMs);
    if (turns === undefined) this.#turns.set(everyMs, (turns = new Set()));
    return turns;
  }

  #unplan(view: View): void {
    if (view.next === null) return;
    const views = this.#ends.get(view.next);
    views?.delete(view);
    const { next } = view;
    view.next = null;
    if (views?.size !== 0) return;
    this.#ends.delete(next);
    if (next !== this.#earliestEnd) return;
    this.#earliestEnd = null;
    for (const at of this.#ends.keys()) this.#earliestEnd = earlier(this.#earliestEnd, at);
  }
}

export function tupleText(values: readonly string[]): string {
  return values.length === 1 ? values[0] : JSON.stringify(values);
}

/** Of all that a stream, or a plan, reads: streams of equal ones have the same time. */
export function sourcesKey({ sources }: Plan): string {
  return sources.map(sourceKey).join('\0');
}

export function sourceKey(source: { database: string; retentionPolicy: string; measurement: string }): string {
  return `${source.database}\0${source.retentionPolicy}\0${source.measurement}`;
}

// private functions

/** Whether a row is among some; both come ascending. */
function among(rows: Uint32Array | null): (row: number) => boolean {
  let next = 0;
  return (row) => {
    while (rows !== null && rows[next] < row) next++;
    return rows !== null && rows[next] === row;
  };
}

function turnCame(view: StreamReader, intervalMs: number, nowMs: number): boolean {
  const elapsed = nowMs - view.turnAtMs;
  return elapsed >= intervalMs || elapsed < 0;
}

/** The first views up to the one that is not wanted, as they come in the order of their turns. */
function* first<View>(views: Iterable<View>, most: number, wanted: (view: View) => boolean): Generator<View> {
  let left = most;
  for (const view of views) {
    if (left-- <= 0 || !wanted(view)) return;
    yield view;
  }
}

function later(a: bigint | null, b: bigint): bigint {
  return a === null || b > a ? b : a;
}

function earlier(a: bigint | null, b: bigint): bigint {
  return a === null || b < a ? b : a;
}
