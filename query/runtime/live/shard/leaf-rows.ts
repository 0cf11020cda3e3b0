/**
 * Stage 1 of a live query over held rows, on a shard: the rows of a raw plan for the query's home, which holds them. Rows that are newer
 * than all of their series are sent as they come. Any other may change one that was sent: a part of time around such rows is read again
 * from the source, and takes the place of what was there. So after `collect` the home's rows of this shard are those of the source.
 *
 * Order of calls as in live-shard.ts. In its updates `touched` has the times of the rows that may overwrite others. What the home reads
 * no more (`expire`) is not sent again. No clock: times are passed in.
 */
import { type Block, later } from '../../../../model/index.ts';
import type { Plan } from '../../../planner/plan.ts';
import { shardNow } from '../../historical.ts';
import type { RowsPartial } from '../../source/partial.ts';
import type { Source, TimeRange } from '../../source/source.ts';
import type { LivePlan } from '../live-plan.ts';
import { history, type LiveInput, type LiveUpdate, NO_COUNTS, type ShardCounts, tooMany } from '../live-update.ts';
import { EventClock, msToNs } from '../watermark.ts';
import { blockSource } from './live-read.ts';
import { RowWindows } from './live-windows.ts';
import { sourceKey } from './shared-stream.ts';

/** Rows that one shard may have on the way to the home. */
export const LEAF_ROWS_MAX = 1_000_000;
/** Parts of time that are read again at a collect; more are put together. */
const SPANS_MAX = 32;
/** Parts that are so near are one. */
const SPAN_GAP = 1_000_000_000n;
/** `due` asks for no collect sooner than this after the last. */
const DUE_GAP_MS = 20;

type Run = readonly RowsPartial[];

export class LeafRows {
  readonly #live: LivePlan;
  readonly #plan: Plan;
  readonly #source: Source;
  readonly #sources: ReadonlySet<string>;
  readonly #clock = new EventClock();
  /** Rows from here on are at the home. */
  #from: bigint;
  /** Rows before this are settled there. */
  #floor: bigint | null = null;
  #runs: Run[] = [];
  #stale: TimeRange[] = [];
  /** Times of rows that may overwrite others, about, ns. */
  #late: number[] = [];
  #rowsWaiting = 0;
  /** Rows that were read at once, or waited: the most there ever were. */
  rowsMost = 0;
  #counts = { ...NO_COUNTS } as { -readonly [K in keyof ShardCounts]: ShardCounts[K] };
  #news = false;
  #collectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(live: LivePlan, source: Source) {
    this.#live = live;
    this.#plan = live.plan;
    this.#source = source;
    this.#sources = new Set(live.plan.sources.map(sourceKey));
    this.#from = live.plan.bounds.min;
  }

  get reading(): EventClock['reading'] {
    return this.#clock.reading;
  }

  /** All is told at a collect. */
  get waits(): boolean {
    return false;
  }

  /** Gives the home what may still matter, as far as the clock knows, and as far back as the plan looks. */
  start(nowMs: number, before: LeafRows | null = null): LiveUpdate {
    const { rules, lookBack = null } = this.#live;
    if (before?.reading != null) this.#clock.observe(before.reading.greatest, before.reading.arrivalMs);
    if (lookBack !== null && !this.#plan.bounds.minStated) {
      const at = msToNs(nowMs) - rules.delay - rules.idle - rules.lateness;
      const least = before === null || before.#from > at ? at : before.#from;
      this.#from = least - lookBack;
    }
    const run = this.#read(this.#from, this.#plan.bounds.max);
    this.#observe(greatestIn([run], this.#aheadLimit(nowMs)), nowMs);
    this.#news = false;
    return this.#update('changes', [run], [null]);
  }

  accept(input: LiveInput, arrivalMs: number, again = false): void {
    if (!this.#sources.has(sourceKey(input))) return;
    if (this.#source.series(input.database, input.retentionPolicy, input.measurement) === null) return;
    this.#news = true;
    const windows = new RowWindows(this.#plan, input.block, this.#aheadLimit(arrivalMs));
    this.#observe(windows.greatest, arrivalMs);
    this.#counts.ahead += windows.ahead;
    this.#counts.accepted += windows.rows;
    const late = again ? everyRow(input.block) : (input.late ?? new Uint32Array(0));
    this.#counts.disordered += late.length;
    for (const row of late) this.#mark(input.block.base + BigInt(input.block.offsets[row]));
    this.#late.push(...Array.from(late, (row) => Number(input.block.base) + input.block.offsets[row]));
    const block = late.length === 0 ? input.block : without(input.block, late);
    const run = this.#points({ ...input, block });
    if (run.length === 0) return;
    this.#runs.push(run);
    for (const { rows } of run) this.#rowsWaiting += rows;
    if (this.#rowsWaiting > this.rowsMost) this.rowsMost = this.#rowsWaiting;
    if (this.#rowsWaiting > LEAF_ROWS_MAX) throw tooMany('rows waiting', LEAF_ROWS_MAX);
    const least = leastIn(run);
    if (least !== null) this.#reachBack(least);
  }

  due(nowMs: number): boolean {
    const elapsed = nowMs - this.#collectedAtMs;
    return this.#news && (elapsed < 0 || elapsed >= DUE_GAP_MS) && (this.#rowsWaiting > 0 || this.#stale.length > 0);
  }

  collect(nowMs: number): LiveUpdate | null {
    if (!this.#news) return null;
    const spans: (TimeRange | null)[] = this.#runs.map(() => null);
    const runs = this.#runs;
    for (const span of this.#takeStale()) {
      runs.push(this.#read(span.min, span.max));
      spans.push(span);
      this.#counts.recomputed++;
    }
    this.#runs = [];
    this.#rowsWaiting = 0;
    this.#news = false;
    this.#collectedAtMs = nowMs;
    return this.#update('changes', runs, spans);
  }

  expire(before: bigint): void {
    if (this.#floor === null || before > this.#floor) this.#floor = before;
  }

  /** The home needs rows from this time on. */
  reach(from: bigint): void {
    if (from >= this.#from || this.#plan.bounds.minStated) return;
    this.#stale.push({ min: from, max: this.#from - 1n });
    this.#from = from;
    this.#news = true;
  }

  /** All rows inside a stated lower bound; the rows that may still change are at the home. */
  history(nowMs: number): LiveUpdate {
    if (!this.#plan.bounds.minStated) return { ...history(), reading: this.reading };
    return this.#past(nowMs, this.#plan.bounds.min);
  }

  /**
   * For a client that comes back: the rows that may matter to what could still change at `watermark`. `reach`: look back so much further.
   */
  missed(nowMs: number, watermark: bigint | null, _inputs: readonly LiveInput[], reach = 1n): LiveUpdate {
    const { rules, lookBack = null } = this.#live;
    const { min, minStated } = this.#plan.bounds;
    const all = minStated || lookBack === null || watermark === null;
    return this.#past(nowMs, all ? min : watermark - rules.lateness - lookBack * reach);
  }

  // private functions

  #past(nowMs: number, from: bigint): LiveUpdate {
    const run = this.#read(from, this.#plan.bounds.max);
    this.#observe(greatestIn([run], this.#aheadLimit(nowMs)), nowMs);
    return { ...history(), reading: this.reading, runs: [run], spans: [null], from };
  }

  #update(kind: LiveUpdate['kind'], runs: readonly Run[], spans: readonly (TimeRange | null)[]): LiveUpdate {
    const counts = { ...this.#counts };
    this.#counts = { ...NO_COUNTS };
    const touched = { windows: Float64Array.from(this.#late), rows: new Float64Array(this.#late.length).fill(1) };
    this.#late = [];
    const from = this.#from;
    return { kind, reading: this.reading, cells: null, runs, spans, touched, counts, complete: true, from };
  }

  #mark(time: bigint): void {
    this.#reachBack(time);
    this.#stale.push({ min: time, max: time });
  }

  /** Rows before those that the home was given make it need what was around them, as far back as the plan looks. */
  #reachBack(time: bigint): void {
    const { lookBack = null } = this.#live;
    if (time >= this.#from || lookBack === null || this.#plan.bounds.minStated) return;
    if (this.#floor === null || this.#floor < this.#from) this.reach(time - lookBack);
  }

  /** Marked times in parts that do not touch, without what is settled. */
  #takeStale(): TimeRange[] {
    const floor = this.#floor;
    const marked = this.#stale.filter(({ max }) => floor === null || max >= floor);
    this.#stale = [];
    marked.sort((a, b) => (a.min < b.min ? -1 : a.min > b.min ? 1 : 0));
    for (let gap = SPAN_GAP; ; gap *= 4n) {
      const spans: { min: bigint; max: bigint }[] = [];
      for (const { min, max } of marked) {
        const last = spans.at(-1);
        if (last === undefined || min > last.max + gap) {
          spans.push({ min: floor !== null && floor > min ? floor : min, max });
        } else if (max > last.max) last.max = max;
      }
      if (spans.length <= SPANS_MAX) return spans;
    }
  }

  #points(input: LiveInput): Run {
    return [...shardNow(this.#plan, blockSource(this.#source, input))].filter((p) => p.kind === 'rows');
  }

  #read(min: bigint, max: bigint): Run {
    const bounds = { ...this.#plan.bounds, min: later(min, this.#plan.bounds.min), max };
    const run = [...shardNow({ ...this.#plan, bounds }, this.#source)].filter((p) => p.kind === 'rows');
    const rows = run.reduce((sum, part) => sum + part.rows, 0);
    if (rows > this.rowsMost) this.rowsMost = rows;
    if (rows > LEAF_ROWS_MAX) throw tooMany('rows that its windows hold', LEAF_ROWS_MAX);
    return run;
  }

  #observe(greatest: bigint | null, arrivalMs: number): void {
    if (greatest !== null) this.#clock.observe(greatest, arrivalMs);
  }

  #aheadLimit(nowMs: number): bigint {
    return msToNs(nowMs) + this.#live.rules.ahead;
  }
}

// private functions

function everyRow({ rows, selection }: Block): Uint32Array {
  return selection ?? Uint32Array.from({ length: rows }, (_, row) => row);
}

function without(block: Block, rows: Uint32Array): Block {
  const left = new Set(rows);
  return { ...block, selection: everyRow(block).filter((row) => !left.has(row)) };
}

function greatestIn(runs: readonly Run[], limit: bigint): bigint | null {
  let greatest: bigint | null = null;
  for (const { base, offsets } of runs.flat()) {
    for (const offset of offsets) {
      const time = base + BigInt(offset);
      if (time <= limit && (greatest === null || time > greatest)) greatest = time;
    }
  }
  return greatest;
}

function leastIn(run: Run): bigint | null {
  let least: bigint | null = null;
  for (const { base, offsets } of run) {
    for (const offset of offsets) {
      const time = base + BigInt(offset);
      if (least === null || time < least) least = time;
    }
  }
  return least;
}
