/**
 * Stage 1 of a live query: runs on a shard's thread, in the same turn in which the rows are applied to the shard's head, so its
 * state and `source` always stand at the same position. It turns applied blocks into changed cells (or points, for a tail) for the
 * query's home.
 *
 * Order of calls: `start` once, then `accept` for every applied block of any measurement, `collect` on the host's tick and whenever
 * `due` says so, `expire` as the home tells. `history` and `missed` read the source beside the running state, at any time.
 *
 * The invariant: after `collect`, every cell the home holds of this shard is what a scan of the source would give. Rows newer than
 * all of their series go straight into the panes. Every other row may overwrite a field of an older one, and a row of a window whose
 * beginning we do not hold misses its neighbours; both only mark their window, which is then read again from the source.
 *
 * It is long because running, starting and reading beside the running state share the same few private steps.
 *
 * Its windows are the plan's panes where windows overlap: home puts these together.
 *
 * It judges no row as late but those of windows that the home has declared unchangeable. No clock, no I/O: times are passed in.
 */
import { later, type SeriesTable } from '../../../../model/index.ts';
import { type Plan, windowOf, windowStart } from '../../../planner/plan.ts';
import { PaneStore } from '../../cells/panes.ts';
import { firstPaneAt, firstPaneWith, isInWindow, panesBeside } from '../../cells/window-times.ts';
import { shardNow } from '../../historical.ts';
import type { RowsPartial } from '../../source/partial.ts';
import type { ResultTable } from '../../source/result.ts';
import type { Source } from '../../source/source.ts';
import { pointsOf } from '../late-points.ts';
import { keptBehind } from '../live-kept.ts';
import { changeableFrom, type LivePlan, windowEnd } from '../live-plan.ts';
import { history, type LiveInput, type LiveUpdate, NO_COUNTS, type ShardCounts, tooMany } from '../live-update.ts';
import { SeriesNews } from '../series-news.ts';
import { EventClock, msToNs } from '../watermark.ts';
import { type BlockRead, blockSource, inBounds, readInto, readWindows, SHARD_CELLS_MAX } from './live-read.ts';
import { RowWindows } from './live-windows.ts';
import { sourceKey } from './shared-stream.ts';

/** Points of a tail that wait for `collect`. */
export const TAIL_ROWS_MAX = 1_000_000;
/** `due` asks for no collect sooner than this after the last. */
const DUE_GAP_MS = 5;
/** A wide window into which disordered rows keep coming is read again from the source at most every so often. */
const RECOMPUTE_GAP_MS_MAX = 5_000;

export class LiveShard {
  readonly #live: LivePlan;
  readonly #plan: Plan;
  readonly #source: Source;
  readonly #store: PaneStore;
  readonly #clock = new EventClock();
  /** Where each series has a watermark of its own. */
  readonly #series: SeriesNews | null;
  /** Indexes in plan.sources by `sourceKey`: the sides of a join may read one measurement. */
  readonly #sources = new Map<string, number[]>();
  /** Windows from this one on are whole in the store. */
  #wholeFrom = Number.NEGATIVE_INFINITY;
  /** Below `#wholeFrom`: those that have been read again and are whole too. */
  readonly #whole = new Set<number>();
  /** Windows below this can no longer change. */
  #floor = Number.NEGATIVE_INFINITY;
  /** To be read again from the source at the next collect. */
  readonly #stale = new Set<number>();
  /** Panes of windows of which no pane is missing. */
  readonly #completed = new Set<number>();
  readonly #recomputedAtMs = new Map<number, number>();
  /** Where rows are counted by cell that came for windows below `#floor`; null = none came. */
  #old: PaneStore | null = null;
  #late: ResultTable[] = [];
  #lateRows = 0;
  /** The floor to be, of a query that keeps late points: until it is told what was taken below it. */
  #askedFloor = Number.NEGATIVE_INFINITY;
  #touched = new Map<number, number>();
  #counts = { ...NO_COUNTS } as { -readonly [K in keyof ShardCounts]: ShardCounts[K] };
  #runs: RowsPartial[][] = [];
  #rowsWaiting = 0;
  #collectedAtMs = Number.NEGATIVE_INFINITY;
  /** End of the earliest window that the last update left open. */
  #nextEnd: bigint | null = null;
  /** Something is to be told, be it only that time went on. */
  #news = false;

  constructor(live: LivePlan, source: Source) {
    this.#live = live;
    this.#plan = live.plan;
    this.#source = source;
    this.#store = new PaneStore(live.plan);
    this.#series = live.rules.perSeries ? new SeriesNews(live.plan, live.rules.delay) : null;
    for (const [i, s] of live.plan.sources.entries()) {
      this.#sources.set(sourceKey(s), [...(this.#sources.get(sourceKey(s)) ?? []), i]);
    }
  }

  /**
   * Reads what is already there and gives it to the home. With a stated lower bound, and for a running total, that is everything
   * inside the query's bounds; else the windows that may still change as far as the clock knows, and those that `before` held, the
   * stage of the same query that this one takes over from. A tail without one starts empty.
   */
  start(nowMs: number, before: LiveShard | null = null): LiveUpdate {
    const { plan } = this.#live;
    if (plan.kind === 'raw') {
      const update = this.history(nowMs);
      this.#observe(update.reading?.greatest ?? null, nowMs);
      return update;
    }
    let min = before === null ? plan.bounds.min : this.#takeOverLate(before);
    if (!plan.bounds.minStated && plan.window !== null) {
      const { rules } = this.#live;
      this.#wholeFrom = firstPaneAt(plan, msToNs(nowMs) - rules.delay - rules.idle - keptBehind(rules));
      if (before !== null) this.#takeOver(before);
      min = later(min, windowStart(plan, this.#wholeFrom));
    }
    const limit = this.#aheadLimit(nowMs);
    const read = this.#ofSeries(limit, nowMs);
    this.#observe(readInto(this.#store, plan, this.#source, min, plan.bounds.max, limit, read), nowMs);
    this.#news = true;
    return { ...this.collect(nowMs)!, wholeFrom: this.#wholeFrom };
  }

  /**
   * Takes rows that the head has just taken; `again`: that it took a while ago, so that windows may hold them already and are read
   * anew. Measurements that the query does not read are ignored.
   */
  accept(input: LiveInput, arrivalMs: number, again = false): void {
    const indexes = this.#sources.get(sourceKey(input));
    if (indexes === undefined) return;
    const table = this.#source.series(input.database, input.retentionPolicy, input.measurement);
    if (table === null) return;
    this.#news = true;
    const windows = new RowWindows(this.#plan, input.block, this.#aheadLimit(arrivalMs));
    this.#observe(windows.greatest, arrivalMs);
    this.#counts.ahead += windows.ahead;
    if (this.#plan.kind === 'raw') {
      this.#counts.accepted += windows.rows;
      this.#counts.disordered += input.late?.length ?? 0;
      this.#acceptPoints(input);
      return;
    }
    for (const index of indexes) {
      this.#series?.observe(input.block, index, table, this.#aheadLimit(arrivalMs), arrivalMs, true);
    }
    const skip = this.#judge(windows, again ? everyRow(input.block.rows) : input.late);
    if (this.#live.rules.keepsLate) this.#keepLate(input, windows, indexes, table);
    if (this.#live.rules.recomputes) this.#noteOld(input, windows, indexes, table);
    for (const index of indexes) this.#store.add(input.block, index, table, skip);
    if (this.#store.size > SHARD_CELLS_MAX) throw tooMany('cells', SHARD_CELLS_MAX);
  }

  /** Whether the home should hear now rather than at the next tick: a window's end was passed, or points of a tail wait. */
  due(nowMs: number): boolean {
    const elapsed = nowMs - this.#collectedAtMs;
    if (!this.#news || (elapsed >= 0 && elapsed < DUE_GAP_MS)) return false;
    if (this.#rowsWaiting > 0 || this.#series?.isDue === true) return true;
    const greatest = this.#clock.reading?.greatest;
    return this.#nextEnd !== null && greatest !== undefined && greatest - this.#live.rules.delay >= this.#nextEnd;
  }

  /** Windows wait to be read again: it has to be collected once more, though nothing comes. */
  get waits(): boolean {
    return this.#stale.size > 0;
  }

  /** What has changed since the last call; null = nothing. */
  collect(nowMs: number): LiveUpdate | null {
    this.#recompute(nowMs);
    if (!this.#news) return null;
    const cells = this.#plan.kind === 'raw' ? null : this.#store.takeChanged();
    const touched = {
      windows: Float64Array.from(this.#touched.keys()),
      rows: Float64Array.from(this.#touched.values()),
    };
    // what was taken is told before no more is
    if (this.#live.rules.keepsLate) this.#forget(Math.min(this.#askedFloor, ...this.#stale));
    const update: LiveUpdate = {
      kind: 'changes',
      reading: this.#clock.reading,
      cells,
      runs: this.#runs,
      touched,
      counts: { ...this.#counts },
      complete: this.#stale.size === 0,
      ...(this.#old !== null && { old: this.#old.takeChanged() }),
      ...this.#takeLate(),
      ...(this.#series && { bySeries: this.#series.take() }),
    };
    this.#old = null;
    this.#touched = new Map();
    this.#counts = { ...NO_COUNTS };
    this.#runs = [];
    this.#rowsWaiting = 0;
    this.#collectedAtMs = nowMs;
    this.#news = false;
    const reading = this.#clock.reading;
    if (reading !== null && this.#plan.window !== null) {
      this.#nextEnd = windowEnd(this.#plan, windowOf(this.#plan, reading.greatest - this.#live.rules.delay));
    }
    return update;
  }

  /** Windows that end at or before this time can no longer change: forgets them, and counts their rows as dropped from now on. */
  expire(before: bigint): void {
    if (this.#plan.window === null) return;
    const floor = windowOf(this.#plan, before);
    if (floor <= this.#floor) return;
    if (this.#live.rules.keepsLate) {
      this.#askedFloor = Math.max(this.#askedFloor, floor);
      this.#news = true;
    } else this.#forget(floor);
  }

  /** What the query answers over history inside its bounds, read afresh: the snapshot for a client that comes later. */
  history(nowMs: number): LiveUpdate {
    const { bounds, kind } = this.#plan;
    if (kind === 'raw') return this.#readPoints(nowMs);
    return this.#readWindows(nowMs, bounds.minStated || this.#plan.window === null ? bounds.min : null, []);
  }

  /** These windows, whatever is held of them, read afresh. */
  windows(some: readonly number[]): LiveUpdate {
    const scratch = new PaneStore(this.#plan);
    for (const window of some) {
      const [min, max] = inBounds(this.#plan, window);
      readInto(scratch, this.#plan, this.#source, min, max, max);
    }
    if (scratch.size > SHARD_CELLS_MAX) throw tooMany('cells', SHARD_CELLS_MAX);
    return { ...history(), reading: this.#clock.reading, cells: scratch.takeChanged() };
  }

  /**
   * For a client that comes back: the windows that could still change at `watermark` or later, as a row of another shard may have
   * changed any of them, and those that rows of `inputs` fell into, read afresh; of a tail, the points of `inputs`. The inputs are
   * what the log holds behind the client's cursor.
   */
  missed(nowMs: number, watermark: bigint | null, inputs: readonly LiveInput[]): LiveUpdate {
    const touched = new Map<number, number>();
    const runs: RowsPartial[][] = [];
    const changeable = changeableFrom(this.#live, watermark);
    if (this.#live.rules.keepsLate && changeable !== null) this.#forget(windowOf(this.#plan, changeable));
    for (const input of inputs) {
      if (!this.#sources.has(sourceKey(input))) continue;
      if (this.#plan.kind === 'raw') runs.push(this.#points(input));
      else {
        const windows = new RowWindows(this.#plan, input.block, this.#aheadLimit(nowMs));
        windows.addTo(touched);
        if (this.#live.rules.keepsLate) this.#keepMissed(input, windows);
        this.#observe(windows.greatest, nowMs);
      }
    }
    if (this.#plan.kind === 'raw') return { ...history(), reading: this.#clock.reading, runs };
    const some = [...touched.keys()].filter((window) => !this.#live.rules.keepsLate || window >= this.#floor);
    return { ...this.#readWindows(nowMs, changeable, some), ...this.#takeLate() };
  }

  // private functions

  /** What `before` held is read again: a stream behind the clock has its open windows there. One that had no windows held none. */
  #takeOver(before: LiveShard): void {
    if (Number.isFinite(before.#wholeFrom)) {
      this.#floor = before.#floor;
      this.#wholeFrom = Math.min(this.#wholeFrom, before.#wholeFrom);
      for (const windows of [before.#whole, before.#stale]) {
        for (const window of windows) if (window < this.#wholeFrom) this.#stale.add(window);
      }
    }
    const { reading } = before.#clock;
    if (reading !== null) this.#clock.observe(reading.greatest, reading.arrivalMs);
  }

  /** A window that holds this pane will be told anew: its other panes must have been told too, and may lie before what is held. */
  #completeBeside(pane: number): void {
    if (this.#plan.windows === undefined || this.#completed.has(pane)) return;
    this.#completed.add(pane);
    if (firstPaneWith(this.#plan, pane) >= this.#wholeFrom) return;
    for (const other of panesBeside(this.#plan, [pane])) if (this.#isMissing(other)) this.#stale.add(other);
  }

  /** Whether a pane is not held as the source has it. */
  #isMissing(pane: number): boolean {
    return pane < this.#wholeFrom && pane >= this.#floor && !this.#whole.has(pane);
  }

  /** Counts rows by window; gives the numbers of those that must not go into the panes, marking their windows. */
  #judge(windows: RowWindows, late: Uint32Array | null): Uint32Array | null {
    const plain = late === null || late.length === 0;
    if (plain && (windows.rows === 0 || firstPaneWith(this.#plan, windows.least) >= this.#wholeFrom)) {
      windows.addTo(this.#touched);
      this.#counts.accepted += windows.rows;
      return null;
    }
    const skip: number[] = [];
    let nextLate = 0;
    windows.each((row, window) => {
      while (!plain && nextLate < late.length && late[nextLate] < row) nextLate++;
      const isLate = !plain && nextLate < late.length && late[nextLate] === row;
      if (window < this.#floor) {
        if (isInWindow(this.#plan, window)) this.#counts.dropped++;
        skip.push(row);
        return;
      }
      this.#counts.accepted++;
      if (isLate) this.#counts.disordered++;
      this.#touched.set(window, (this.#touched.get(window) ?? 0) + 1);
      if (isLate || this.#isMissing(window)) {
        this.#stale.add(window);
        skip.push(row);
      }
      this.#completeBeside(window);
    });
    return Uint32Array.from(skip);
  }

  /** Which cells of windows that were given up have new rows, or lost some: whether they pass the condition or not. */
  #noteOld({ block }: LiveInput, windows: RowWindows, indexes: readonly number[], table: SeriesTable): void {
    if (windows.rows === 0 || windows.least >= this.#floor) return;
    const rows: number[] = [];
    windows.each((row, window) => {
      if (window < this.#floor) rows.push(row);
    });
    this.#old ??= new PaneStore(unconditional(this.#plan));
    for (const index of indexes) {
      this.#old.add({ ...block, selection: Uint32Array.from(rows), runs: undefined }, index, table);
    }
    if (this.#old.size > SHARD_CELLS_MAX) throw tooMany('cells', SHARD_CELLS_MAX);
  }

  #keepMissed(input: LiveInput, windows: RowWindows): void {
    const table = this.#source.series(input.database, input.retentionPolicy, input.measurement);
    if (table !== null) this.#keepLate(input, windows, this.#sources.get(sourceKey(input))!, table);
  }

  /** The points of windows that take no more, where they meet the condition. */
  #keepLate(input: LiveInput, windows: RowWindows, indexes: readonly number[], table: SeriesTable): void {
    if (windows.rows === 0 || windows.least >= this.#floor) return;
    const rows: number[] = [];
    windows.each((row, window) => {
      if (window < this.#floor) rows.push(row);
    });
    for (const index of indexes) this.#late.push(...pointsOf(input, this.#plan.sources[index].condition, table, rows));
    this.#lateRows += rows.length;
    if (this.#lateRows > TAIL_ROWS_MAX) throw tooMany('late points waiting', TAIL_ROWS_MAX);
  }

  #takeLate(): Pick<LiveUpdate, 'late' | 'floor'> {
    if (!this.#live.rules.keepsLate) return {};
    const late = this.#late;
    this.#late = [];
    this.#lateRows = 0;
    return { late, floor: this.#floor };
  }

  /**
   * Points that came too late, and which those are: what `before` has judged stays so. Gives the time from which on points are in
   * windows.
   */
  #takeOverLate(before: LiveShard): bigint {
    const { bounds } = this.#plan;
    if (!this.#live.rules.keepsLate) return bounds.min;
    this.#late = before.#late;
    this.#askedFloor = before.#askedFloor;
    this.#floor = before.#floor;
    return Number.isFinite(this.#floor) ? later(bounds.min, windowStart(this.#plan, this.#floor)) : bounds.min;
  }

  /** Hears of what is read, where that says how far the time of a series has come. */
  #ofSeries(limit: bigint, nowMs: number): BlockRead | null {
    const series = this.#series;
    return series && ((block, source, table) => series.observe(block, source, table, limit, nowMs, false));
  }

  /** Windows below this one take no more points; where series have watermarks of their own, each point has them read again. */
  #forget(floor: number): void {
    if (floor <= (this.#series === null ? this.#floor : this.#wholeFrom)) return;
    if (this.#series === null) this.#floor = floor;
    this.#store.dropBefore(floor);
    for (const set of [this.#whole, this.#stale, this.#completed, this.#recomputedAtMs]) {
      for (const window of set.keys()) if (window < floor) set.delete(window);
    }
    if (floor > this.#wholeFrom) this.#wholeFrom = floor;
  }

  /** Reads stale windows again, but for wide ones that were read a moment ago and are not about to be reported as closed. */
  #recompute(nowMs: number): void {
    for (const window of this.#stale) {
      const wide = this.#plan.window === null ? Number.MAX_VALUE : Number(this.#plan.window.interval / 60_000_000n);
      const at = this.#recomputedAtMs.get(window) ?? Number.NEGATIVE_INFINITY;
      const end = windowEnd(this.#plan, window);
      const closing = this.#clock.reading !== null && this.#clock.reading.greatest - this.#live.rules.delay >= end;
      // it is told before the clock may close it
      const gapMs = Math.min(wide, RECOMPUTE_GAP_MS_MAX, Number(this.#live.rules.idle / 2_000_000n));
      if (!closing && nowMs - at < gapMs) continue;
      this.#stale.delete(window);
      this.#recomputedAtMs.set(window, nowMs);
      this.#store.reset(window);
      const [min, max] = inBounds(this.#plan, window);
      readInto(this.#store, this.#plan, this.#source, min, max, max);
      if (window < this.#wholeFrom) this.#whole.add(window);
      this.#counts.recomputed++;
      this.#news = true;
    }
    if (this.#store.size > SHARD_CELLS_MAX) throw tooMany('cells', SHARD_CELLS_MAX);
  }

  #acceptPoints(input: LiveInput): void {
    const run = this.#points(input);
    if (run.length > 0) this.#runs.push(run);
    for (const { rows } of run) this.#rowsWaiting += rows;
    if (this.#rowsWaiting > TAIL_ROWS_MAX) throw tooMany('points waiting', TAIL_ROWS_MAX);
  }

  /** The points of a block as the plan carries them: the historical driver over a source that is this block. */
  #points(input: LiveInput): RowsPartial[] {
    return [...shardNow(this.#plan, blockSource(this.#source, input))].filter((p) => p.kind === 'rows');
  }

  #readPoints(nowMs: number): LiveUpdate {
    if (!this.#plan.bounds.minStated) return history();
    const run = [...shardNow(this.#plan, this.#source)].filter((p) => p.kind === 'rows');
    const limit = this.#aheadLimit(nowMs);
    let greatest: bigint | null = null;
    let total = 0;
    for (const part of run) {
      total += part.rows;
      for (let i = 0; i < part.rows; i++) {
        const time = part.base + BigInt(part.offsets[i]);
        if (time <= limit && (greatest === null || time > greatest)) greatest = time;
      }
    }
    if (total > TAIL_ROWS_MAX) throw tooMany('points in its snapshot', TAIL_ROWS_MAX);
    return { ...history(), reading: greatest === null ? null : { greatest, arrivalMs: nowMs }, runs: [run] };
  }

  /** Windows from the one that holds `from` on (null = those held in full), and some before it, into an update. */
  #readWindows(nowMs: number, from: bigint | null, some: readonly number[]): LiveUpdate {
    const plan = this.#plan;
    const first = from === null ? Math.max(this.#wholeFrom, windowOf(plan, plan.bounds.min)) : firstPaneAt(plan, from);
    const limit = this.#aheadLimit(nowMs);
    const beside = panesBeside(plan, some);
    const read = this.#ofSeries(limit, nowMs);
    const { cells, greatest } = readWindows(plan, this.#source, first, beside, limit, read);
    // An operator that has started anew on a stream behind the clock learns here where the stream stands.
    this.#observe(greatest, nowMs);
    const windows = Float64Array.from(some);
    return {
      ...history(),
      reading: this.#clock.reading,
      cells,
      wholeFrom: first,
      touched: { windows, rows: new Float64Array(some.length) },
      ...(this.#series && { bySeries: this.#series.take() }),
    };
  }

  #observe(greatest: bigint | null, arrivalMs: number): void {
    if (greatest !== null) this.#clock.observe(greatest, arrivalMs);
  }

  #aheadLimit(nowMs: number): bigint {
    return msToNs(nowMs) + this.#live.rules.ahead;
  }
}

// private functions

function everyRow(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => row);
}

/** The plan for all rows: which group and window one is in does not depend on what it says. */
function unconditional(plan: Plan): Plan {
  return { ...plan, sources: plan.sources.map((source) => ({ ...source, condition: null })) };
}
