/**
 * LiveView: stage 1 of one live query that shares a stream (shared-stream.ts): which of the shared slices its windows are made of, and
 * which of its cells changed since it last spoke. It keeps no states. To its host and its home it is what `LiveShard` is, and it says
 * the same: what differs is only how the states are come by.
 *
 * Its windows are the plan's panes where windows overlap: home puts these together, and asks for those it was not told.
 *
 * It is long because it answers all that an operator of its own answers.
 *
 * Order of calls as for `LiveShard`. What `accept` is given here has been taken by the stream before: it is only told again.
 */
import { windowOf } from '../../../planner/plan.ts';
import { firstPaneAt, isInWindow, panesBeside } from '../../cells/window-times.ts';
import type { CellsPartial, Group } from '../../source/partial.ts';
import type { Source } from '../../source/source.ts';
import { keptBehind } from '../live-kept.ts';
import { changeableFrom, type LivePlan, windowEnd } from '../live-plan.ts';
import { history, type LiveInput, type LiveUpdate, NO_COUNTS, type ShardCounts } from '../live-update.ts';
import { EventClock, msToNs } from '../watermark.ts';
import { readWindows } from './live-read.ts';
import { RowWindows } from './live-windows.ts';
import { firstSlice, type Sharing, type SliceRuns, sliceRuns, windowWith } from './share-plan.ts';
import { type SharedStream, type StreamReader, tupleText } from './shared-stream.ts';
import type { SliceRange } from './slices.ts';

/** A shared query speaks in turn this often at least: the least and the greatest that EMIT EVERY makes of it. */
const TURN_MS_MIN = 200;
const TURN_MS_MAX = 1_000;
/** Where turns come late, it says nothing in its own if no row came of which it tells, but for so long. */
const SILENT_MS_MAX = 5_000;

export class LiveView implements StreamReader {
  /** The values of the compared tags. */
  readonly tuple: string;
  /** How long after it spoke its turn comes again. */
  readonly everyMs: number;
  readonly #live: LivePlan;
  readonly #sharing: Sharing;
  readonly #stream: SharedStream<LiveView>;
  readonly #source: Source;
  readonly #runs: SliceRuns;
  readonly #windowMs: number;
  readonly #aggregates: readonly number[];
  readonly #clock = new EventClock();
  /** By number of the stream's group: the query's own. */
  readonly #groups: Group[] = [];
  /** First window that was read at the start, and the ones before it that it has spoken of. */
  #from = Number.NEGATIVE_INFINITY;
  readonly #before = new Set<number>();
  /** Windows below this can no longer change. */
  #floor = Number.NEGATIVE_INFINITY;
  /** Number of the entry of the stream's log to be read next. */
  place = 0;
  /** By window: groups whose cells changed. */
  #changed = new Map<number, Set<number>>();
  #touched = new Map<number, number>();
  #counts = { ...NO_COUNTS } as { -readonly [K in keyof ShardCounts]: ShardCounts[K] };
  #complete = true;
  #toldComplete = true;
  #news = false;
  #sequence = 0;
  turnAtMs = Number.NEGATIVE_INFINITY;
  #spokeAtMs = Number.NEGATIVE_INFINITY;
  /** Kept by the stream: see `SharedStream.spoke`. */
  next: bigint | null = null;

  constructor(live: LivePlan, sharing: Sharing, stream: SharedStream<LiveView>, source: Source) {
    this.#live = live;
    this.#sharing = sharing;
    this.#stream = stream;
    this.#source = source;
    this.#runs = sliceRuns(live.plan, stream.plan.window!)!;
    this.#windowMs = Number(live.plan.window!.interval / 1_000_000n);
    this.tuple = tupleText(sharing.values);
    this.#aggregates = stream.slices.indexesOf(live.plan.aggregates);
    const { emitEvery } = live.rules;
    const wantedMs = emitEvery === null ? TURN_MS_MIN : Number(emitEvery / 1_000_000n);
    this.everyMs = Math.min(Math.max(wantedMs, TURN_MS_MIN), TURN_MS_MAX);
    stream.attach(this);
  }

  get stream(): SharedStream<LiveView> {
    return this.#stream;
  }

  /** Something is to be told. */
  get hasNews(): boolean {
    return this.#news || this.place < this.#stream.end;
  }

  /** Slices below this one change nothing that it tells. */
  get floor(): number {
    return this.#sliceOf(this.#floor);
  }

  /** The last message that what it has told contains; `applied`: the last of the shard. */
  position(applied: number): number {
    return this.#stream.unsealed || this.place < this.#stream.end ? this.#sequence : applied;
  }

  start(nowMs: number, before: LiveView | null = null): LiveUpdate {
    const { plan, rules } = this.#live;
    this.#from = firstPaneAt(plan, msToNs(nowMs) - rules.delay - rules.idle - keptBehind(rules));
    if (before !== null) this.#takeOver(before);
    const first = this.#sliceOf(this.#from);
    this.#observe(this.#stream.ensureFrom(first, nowMs), nowMs);
    this.#stream.seal(nowMs);
    this.place = this.#stream.end;
    this.#markFrom(this.#from, this.#changed);
    this.#news = true;
    return { ...this.collect(nowMs)!, shares: this.#stream.name, wholeFrom: this.#from };
  }

  /** Rows that the stream had taken before this view was started: their windows are told again. */
  accept(input: LiveInput, arrivalMs: number): void {
    if (!this.#stream.reads(input)) return;
    this.#news = true;
    const windows = new RowWindows(this.#live.plan, input.block, msToNs(arrivalMs) + this.#live.rules.ahead);
    this.#observe(windows.greatest, arrivalMs);
    this.#counts.ahead += windows.ahead;
    const rows = new Map<number, number>();
    windows.addTo(rows);
    for (const [window, count] of rows) {
      this.#touch(window, count, count);
      this.#markWindow(window, this.#changed);
    }
  }

  /** Forgets what it has read of the log and not told: who calls this tells all of it by `accept`. */
  skip(nowMs: number): void {
    this.#stream.seal(nowMs);
    this.read();
    this.#changed = new Map();
    this.#touched = new Map();
    this.#counts = { ...NO_COUNTS };
  }

  /** Reads the stream's log to its end. */
  read(): void {
    const entries = this.#stream.since(this.place);
    if (entries.length === 0) return;
    this.place = this.#stream.end;
    this.#news = true;
    for (const { reading, rows, ahead, changed, complete, sequence } of entries) {
      if (reading !== null) this.#observe(reading.greatest, reading.arrivalMs);
      this.#counts.ahead += ahead;
      for (const [slice, counts] of rows) {
        const window = this.#windowOf(slice);
        this.#touch(window, counts.rows, counts.disordered);
        if (window < this.#from && !this.#before.has(window)) this.#markWindow(window, this.#changed);
      }
      const cells = changed.get(this.tuple);
      if (cells !== undefined) this.#markCells(cells);
      this.#complete = complete;
      this.#sequence = sequence;
    }
  }

  /**
   * What has changed since the last call, up to the stream's last entry; null = nothing. `turn`: because its turn has come. `ended`:
   * only cells of windows that have ended; the others wait for its turn, and nobody misses them: who comes back with a cursor is told
   * all windows that were open there. Rows that are sent once wait for nothing. Where turns come later than windows end, that is its turn.
   */
  collect(nowMs: number, turn = false, ended = false): LiveUpdate | null {
    let waitedMs = turn ? this.#stream.waitedMs(this, nowMs) : undefined;
    this.read();
    if (!this.#news) return null;
    const { plan, rules } = this.#live;
    const { reading } = this.#clock;
    const open = reading === null ? null : windowOf(plan, reading.greatest - rules.delay);
    const mayWait = ended && rules.sendsOnce === undefined;
    const left = mayWait && open !== null ? this.#leave(open) : new Map<number, Set<number>>();
    const lateMs = nowMs - this.turnAtMs - this.everyMs;
    const isTurn = left.size === 0 || lateMs >= this.#windowMs;
    if (left.size > 0 && isTurn) waitedMs = lateMs;
    if (isTurn) this.turnAtMs = nowMs;
    if (turn && waitedMs! > this.everyMs && this.#mayBeSilent(nowMs)) {
      this.#stream.passed(this);
      return null;
    }
    const update: LiveUpdate = {
      kind: 'changes',
      reading,
      cells: this.#take(this.#changed),
      runs: [],
      touched: {
        windows: Float64Array.from(this.#touched.keys()),
        rows: Float64Array.from(this.#touched.values()),
      },
      counts: { ...this.#counts },
      complete: this.#complete,
      waitedMs,
    };
    this.#changed = left;
    this.#touched = new Map();
    this.#counts = { ...NO_COUNTS };
    this.#news = left.size > 0;
    this.#spokeAtMs = nowMs;
    this.#toldComplete = this.#complete;
    if (isTurn) this.#stream.passed(this, left.size > 0);
    this.#stream.spoke(this, open === null ? null : windowEnd(plan, open) + rules.delay);
    return update;
  }

  expire(before: bigint): void {
    const floor = windowOf(this.#live.plan, before);
    if (floor <= this.#floor) return;
    this.#floor = floor;
    for (const set of [this.#before, this.#changed]) {
      for (const window of set.keys()) if (window < floor) set.delete(window);
    }
  }

  history(nowMs: number): LiveUpdate {
    return this.#readWindows(nowMs, null, []);
  }

  /** These windows, whether they have changed or not. */
  windows(some: readonly number[]): LiveUpdate {
    const marks = new Map<number, Set<number>>();
    for (const window of some) this.#markWindow(window, marks);
    return { ...history(), reading: this.#clock.reading, cells: this.#take(marks) };
  }

  missed(nowMs: number, watermark: bigint | null, inputs: readonly LiveInput[]): LiveUpdate {
    const touched = new Map<number, number>();
    for (const input of inputs) {
      if (!this.#stream.reads(input)) continue;
      const windows = new RowWindows(this.#live.plan, input.block, msToNs(nowMs) + this.#live.rules.ahead);
      windows.addTo(touched);
      this.#observe(windows.greatest, nowMs);
    }
    return this.#readWindows(nowMs, changeableFrom(this.#live, watermark), [...touched.keys()]);
  }

  /** The query has gone. */
  close(): void {
    this.#stream.detach(this);
  }

  // private functions

  /** Takes the cells of open windows out of those that changed. */
  #leave(open: number): Map<number, Set<number>> {
    const left = new Map<number, Set<number>>();
    for (const [window, groups] of this.#changed) {
      if (window < open) continue;
      left.set(window, groups);
      this.#changed.delete(window);
    }
    return left;
  }

  /** No row of its own has come, and its home knows that the stream is there. */
  #mayBeSilent(nowMs: number): boolean {
    const elapsed = nowMs - this.#spokeAtMs;
    if (elapsed < 0 || elapsed >= SILENT_MS_MAX || this.next === null) return false;
    return this.#changed.size === 0 && this.#complete === this.#toldComplete;
  }

  #sliceOf(window: number): number {
    return firstSlice(this.#runs, window);
  }

  #windowOf(slice: number): number {
    return windowWith(this.#runs, slice);
  }

  /** What `before` has spoken of is told again, as far as it may still change. */
  #takeOver(before: LiveView): void {
    this.#floor = before.#floor;
    this.#from = Math.min(this.#from, before.#from);
    const windows = [...before.#before, ...before.#changed.keys()];
    for (const window of windows) if (window < this.#from) this.#markWindow(window, this.#changed);
    const { reading } = before.#clock;
    if (reading !== null) this.#observe(reading.greatest, reading.arrivalMs);
  }

  #touch(window: number, rows: number, disordered: number): void {
    if (window < this.#floor) {
      if (isInWindow(this.#live.plan, window)) this.#counts.dropped += rows;
      return;
    }
    this.#counts.accepted += rows;
    this.#counts.disordered += disordered;
    this.#touched.set(window, (this.#touched.get(window) ?? 0) + rows);
  }

  /** Groups and slices, one after the other: most of those that follow one another are of one window. */
  #markCells(cells: readonly number[]): void {
    let window = Number.NaN;
    let groups: Set<number> | null = null;
    for (let i = 0; i < cells.length; i += 2) {
      const next = this.#windowOf(cells[i + 1]);
      if (next !== window) {
        window = next;
        groups = window < this.#floor ? null : setAt(this.#changed, window);
      }
      groups?.add(cells[i]);
    }
  }

  #mark(window: number, group: number, marks: Map<number, Set<number>>): void {
    if (window >= this.#floor) setAt(marks, window).add(group);
  }

  /** All cells of its groups in windows from this one on. */
  #markFrom(window: number, marks: Map<number, Set<number>>): void {
    this.#stream.slices.eachFrom(this.#sliceOf(window), (group, slice) => {
      if (this.#isOwn(group)) this.#mark(this.#windowOf(slice), group, marks);
    });
  }

  /** All cells of its groups in one window, which is read where the stream does not hold it. */
  #markWindow(window: number, marks: Map<number, Set<number>>): void {
    if (window < this.#floor) return;
    if (window < this.#from && marks === this.#changed) this.#before.add(window);
    const { slices } = this.#stream;
    const [from, to] = [this.#sliceOf(window), this.#sliceOf(window + 1)];
    slices.ensureWhole(from, to);
    slices.eachIn(from, to, (group) => {
      if (this.#isOwn(group)) this.#mark(window, group, marks);
    });
  }

  #isOwn(group: number): boolean {
    return this.#stream.tupleAt(group) === this.tuple;
  }

  #groupOf(number: number): Group {
    const held = this.#groups[number];
    if (held !== undefined) return held;
    const group = this.#stream.groups[number];
    const { keys } = this.#sharing;
    // one group for the thousands of queries that have all of the stream's keys
    if (keys.length === group.tags.length && keys.every((at, i) => at === i)) return (this.#groups[number] = group);
    const tags = keys.map((at) => (at < 0 ? '' : group.tags[at]));
    return (this.#groups[number] = { name: group.name, tags });
  }

  /** The states of marked cells. */
  #take(marks: ReadonlyMap<number, ReadonlySet<number>>): CellsPartial | null {
    if (marks.size === 0) return null;
    const ranges: SliceRange[] = [];
    const windows: number[] = [];
    const group: number[] = [];
    const groups: Group[] = [];
    const local = new Map<number, number>();
    for (const [window, numbers] of marks) {
      const [from, to] = [this.#sliceOf(window), this.#sliceOf(window + 1)];
      this.#stream.slices.ensureWhole(from, to);
      for (const number of numbers) {
        let at = local.get(number);
        if (at === undefined) local.set(number, (at = groups.push(this.#groupOf(number)) - 1));
        ranges.push({ group: number, from, to });
        windows.push(window);
        group.push(at);
      }
    }
    const states = this.#stream.slices.combine(ranges, this.#aggregates);
    return { kind: 'cells', groups, group: Int32Array.from(group), window: Float64Array.from(windows), states };
  }

  /** Windows from the one that holds `from` on (null = those read at the start that may still change), and some before it. */
  #readWindows(nowMs: number, from: bigint | null, some: readonly number[]): LiveUpdate {
    const { plan, rules } = this.#live;
    const { slices } = this.#stream;
    const first =
      from === null ? Math.max(this.#from, this.#floor, windowOf(plan, plan.bounds.min)) : firstPaneAt(plan, from);
    const beside = panesBeside(plan, some);
    const windows = Float64Array.from(some);
    const touched = { windows, rows: new Float64Array(windows.length) };
    // below the floor marks are not kept, though slices may still be there
    const least = beside.reduce((one, other) => Math.min(one, other), first);
    if (this.#sliceOf(first) < slices.wholeFrom || least < this.#floor) {
      const limit = msToNs(nowMs) + rules.ahead;
      const { cells, greatest } = readWindows(plan, this.#source, first, beside, limit);
      this.#observe(greatest, nowMs);
      return { ...history(), reading: this.#clock.reading, cells, touched, wholeFrom: first };
    }
    this.#observe(this.#stream.ensureFrom(this.#sliceOf(first), nowMs), nowMs);
    const marks = new Map<number, Set<number>>();
    this.#markFrom(first, marks);
    for (const window of beside) if (window < first) this.#markWindow(window, marks);
    return { ...history(), reading: this.#clock.reading, cells: this.#take(marks), touched, wholeFrom: first };
  }

  #observe(greatest: bigint | null, arrivalMs: number): void {
    if (greatest !== null) this.#clock.observe(greatest, arrivalMs);
  }
}

// private functions

function setAt(marks: Map<number, Set<number>>, window: number): Set<number> {
  let groups = marks.get(window);
  if (groups === undefined) marks.set(window, (groups = new Set()));
  return groups;
}
