/**
 * Stage 2 of a live query with WATERMARK … PER SERIES: each series (what GROUP BY makes one row of) has a LiveMerge of its own, with a
 * watermark of its own, as if the query had been asked for that series alone; here they are one to the outside. Order of calls: see
 * live-merge.ts.
 *
 *     update of a shard ──split by series──▶ LiveMerge of each ──emissions──▶ those of one revision in one
 *
 * What differs from many queries of one series each:
 *   - Only series of which something is due are looked at: the others wait in an agenda.
 *   - A series of which nothing is left to change is let go, after `state_ttl` or when there is no room. A point that comes later begins it
 *     anew, and the revisions of its rows are above all that were sent of such series: rows that are told again have no two values.
 *   - Cursors say from when on a window of any series may be open (`resumesAt`): that may go back when a slower series comes. What
 *     clients are told of the watermark does not.
 *   - What shards may forget is what the fastest series needs no more. A point that is older has its window read again there.
 *
 * It reads no clock. It is long because it answers all that a LiveMerge answers.
 */
import { later } from '../../../../model/index.ts';
import { QueryError } from '../../../language/errors.ts';
import { windowOf } from '../../../planner/plan.ts';
import { type AnswerWindows, answerWindows } from '../../cells/window-times.ts';
import type { LivePlan } from '../live-plan.ts';
import { type Emission, history, type LiveUpdate, NO_COUNTS } from '../live-update.ts';
import { splitUpdate } from '../split-update.ts';
import { Agenda } from './agenda.ts';
import { together } from './live-emission.ts';
import { LiveMerge } from './live-merge.ts';
import { addCounts, countersSince, type LiveCounters, type LiveFloor, newLiveCounters } from './live-standing.ts';

/** Series that are kept at a time: at some 20 KB each, 400 MB. */
export const SERIES_KEPT_MAX = 20_000;
/** When series have to be looked at is kept to so many ms. */
const BUCKET_MS = 50;
/** A series with windows is looked at so often, to give up what can change no more. */
const LOOK_MS = 2_500;
/** One without is looked at so often. */
const REST_MS = 30_000;

interface Series {
  readonly key: string;
  readonly merge: LiveMerge;
  /** What its revisions are counted from. */
  base: number;
  heardMs: number;
  /** First of its windows that is open; Infinity = none is. */
  openFrom: number;
}

export class LiveSeries {
  readonly counters = newLiveCounters();
  readonly #live: LivePlan;
  readonly #shards: number;
  readonly #seriesMax: number;
  readonly #windows: AnswerWindows;
  readonly #series = new Map<string, Series>();
  readonly #agenda = new Agenda<Series>(BUCKET_MS);
  /** Those to which something has come since the last look. */
  readonly #due = new Set<Series>();
  readonly #unsettled = new Set<Series>();
  readonly #asking = new Set<Series>();
  readonly #incomplete = new Set<number>();
  /** By shard: the first window that it told when it began. */
  readonly #wholeFrom: number[];
  /** Windows below this one were forgotten with their series. */
  #forgottenBelow = Number.NEGATIVE_INFINITY;
  /** What the revisions of a series that comes are counted from. */
  #base = 0;
  #rev = 0;
  #nowMs = 0;
  #watermark: bigint | null = null;
  /** Not there = to be found anew. */
  #resumesAt: bigint | null | undefined;
  #expiredBefore: bigint | null = null;

  /** `seriesMax`: those that are kept at a time. */
  constructor(live: LivePlan, shards: number, seriesMax = SERIES_KEPT_MAX) {
    this.#live = live;
    this.#seriesMax = seriesMax;
    this.#shards = shards;
    this.#windows = answerWindows(live.plan);
    this.#wholeFrom = new Array<number>(shards).fill(Number.POSITIVE_INFINITY);
  }

  get joinedRows(): number {
    return 0;
  }

  get cells(): number {
    let cells = 0;
    for (const { merge } of this.#series.values()) cells += merge.cells;
    return cells;
  }

  /** How far `resumesAt` has ever been. */
  get watermark(): bigint | null {
    const at = this.resumesAt;
    if (at !== null) this.#watermark = this.#watermark === null ? at : later(this.#watermark, at);
    return this.#watermark;
  }

  /** Windows that ended before this are closed for each series; null = there was no point. */
  get resumesAt(): bigint | null {
    if (this.#resumesAt !== undefined) return this.#resumesAt;
    let open = Number.POSITIVE_INFINITY;
    let all: bigint | null = null;
    for (const { openFrom, merge } of this.#series.values()) {
      if (openFrom < open) open = openFrom;
      if (merge.watermark !== null) all = all === null ? merge.watermark : later(all, merge.watermark);
    }
    this.#resumesAt = Number.isFinite(open) ? this.#windows.start(open) : all;
    return this.#resumesAt;
  }

  get rev(): number {
    return this.#rev;
  }

  get settled(): boolean {
    return this.#unsettled.size === 0 && this.#due.size === 0 && this.#incomplete.size === 0;
  }

  get shares(): string | null {
    return null;
  }

  get waitedMs(): number {
    return 0;
  }

  nextAdvanceMs(nowMs: number): number {
    return this.#due.size > 0 ? nowMs : this.#agenda.firstMs;
  }

  get expiredBefore(): bigint | null {
    return this.#expiredBefore;
  }

  get wantedFrom(): bigint | null {
    return null;
  }

  readsEnough(_watermark: bigint | null): boolean {
    return true;
  }

  /** Throws QueryError('invalid') when there are too many series. */
  accept(shard: number, update: LiveUpdate): void {
    addCounts(this.counters, update.counts);
    if (update.kind === 'changes' && update.complete) this.#incomplete.delete(shard);
    else if (update.kind === 'changes') this.#incomplete.add(shard);
    if (this.#wholeFrom[shard] === Number.POSITIVE_INFINITY && update.wholeFrom !== undefined) {
      this.#wholeFrom[shard] = update.wholeFrom;
      for (const { merge } of this.#series.values()) this.#tellWhole(merge, shard, update.wholeFrom);
    }
    const isAnswer = update.kind === 'history' && this.#asking.size > 0;
    const parts = splitUpdate(update, this.#live.plan, (group) => this.#windows.answerGroup(group));
    for (const { key, isHeard, update: own } of parts) {
      const series = this.#series.get(key) ?? (isHeard ? this.#begin(key) : null);
      // what some have asked for is theirs: others may have told it long ago
      if (series === null || (isAnswer && !this.#asking.has(series))) continue;
      if (isHeard) series.heardMs = Math.max(series.heardMs, own.reading?.arrivalMs ?? this.#nowMs);
      this.#counting(series, () => series.merge.accept(shard, { ...own, counts: NO_COUNTS }));
      this.#due.add(series);
    }
    this.#resumesAt = undefined;
  }

  takeWanted(): number[] | null {
    if (this.#asking.size > 0) return null;
    const panes = new Set<number>();
    for (const series of this.#unsettled) {
      const wanted = series.merge.takeWanted();
      if (wanted === null) continue;
      this.#asking.add(series);
      for (const pane of wanted) panes.add(pane);
    }
    return this.#asking.size === 0 ? null : [...panes];
  }

  recomputed(): Emission[] {
    const asking = [...this.#asking];
    this.#asking.clear();
    return together(asking.map((series) => this.#look(series, (merge) => ({ live: merge.recomputed() })).live));
  }

  /** Revisions of all rows from now on are above those that a client of an earlier life has seen. */
  raise({ watermark, rev }: LiveFloor): void {
    if (watermark === null) return;
    this.#base = Math.max(this.#base, rev + 1);
    this.#rev = Math.max(this.#rev, rev);
    for (const series of this.#series.values()) series.base = Math.max(series.base, this.#base);
  }

  advance(nowMs: number): Emission[] {
    this.#nowMs = nowMs;
    for (const series of this.#agenda.take(nowMs)) this.#due.add(series);
    const due = [...this.#due];
    this.#due.clear();
    const emissions = due.map((series) => this.#look(series, (merge) => ({ live: merge.advance(nowMs) })).live);
    for (const series of due) if (this.#isOver(series)) this.#letGo(series);
    return together(emissions);
  }

  subscribe(nowMs: number): { readonly live: Emission[]; readonly snapshot: Emission[] } {
    this.#nowMs = nowMs;
    const all = [...this.#series.values()].map((series) => this.#look(series, (merge) => merge.subscribe(nowMs)));
    return { live: together(all.map(({ live }) => live)), snapshot: together(all.map(({ snapshot }) => snapshot)) };
  }

  resume(watermark: bigint | null, nowMs: number): { readonly live: Emission[]; readonly missed: Emission[] } {
    this.#nowMs = nowMs;
    const all = [...this.#series.values()].map((series) =>
      this.#look(series, (merge) => merge.resume(watermark, nowMs)),
    );
    return { live: together(all.map(({ live }) => live)), missed: together(all.map(({ missed }) => missed)) };
  }

  leansOn(min: bigint, max: bigint): boolean {
    for (const { merge } of this.#series.values()) if (merge.leansOn(min, max)) return true;
    return false;
  }

  // private functions

  #begin(key: string): Series {
    if (this.#series.size >= this.#seriesMax) this.#makeRoom();
    const merge: LiveMerge = new LiveMerge(
      this.#live,
      this.#shards,
      null,
      this.#live.plan.windows?.[0],
      () => merge.waitsAt,
    );
    for (const [shard, from] of this.#wholeFrom.entries()) {
      if (from < Number.POSITIVE_INFINITY) this.#tellWhole(merge, shard, from);
    }
    const series = { key, merge, base: this.#base, heardMs: this.#nowMs, openFrom: Number.POSITIVE_INFINITY };
    this.#series.set(key, series);
    return series;
  }

  /** A shard has told all windows from this one on, but for those that were forgotten here. */
  #tellWhole(merge: LiveMerge, shard: number, from: number): void {
    merge.accept(shard, { ...history(), wholeFrom: Math.max(from, this.#forgottenBelow) });
  }

  /** What one series has to say now, with its revisions as they are told; and when it is looked at next. */
  #look<T extends Readonly<Record<string, Emission[]>>>(series: Series, ask: (merge: LiveMerge) => T): T {
    const { merge } = series;
    const told = this.#counting(series, () => ask(merge));
    if (merge.settled) this.#unsettled.delete(series);
    else this.#unsettled.add(series);
    series.openFrom = merge.openFrom;
    this.#resumesAt = undefined;
    const { expiredBefore } = merge;
    if (expiredBefore !== null && (this.#expiredBefore === null || expiredBefore > this.#expiredBefore)) {
      this.#expiredBefore = expiredBefore;
    }
    const latest = this.#nowMs + (merge.cells > 0 ? LOOK_MS : REST_MS);
    const at = Math.min(merge.nextAdvanceMs(this.#nowMs), latest);
    // no sooner either: what windows can change no more depends on when they are looked at
    this.#agenda.remove(series);
    this.#agenda.plan(series, Math.ceil(at / BUCKET_MS) * BUCKET_MS);
    const based = Object.entries(told).map(([name, emissions]) => [
      name,
      emissions.map((one) => this.#based(one, series)),
    ]);
    return Object.fromEntries(based) as T;
  }

  #based(emission: Emission, { base }: Series): Emission {
    if (!emission.final) return emission;
    const rev = emission.rev + base;
    this.#rev = Math.max(this.#rev, rev);
    return base === 0 ? emission : { ...emission, rev };
  }

  #counting<T>({ merge }: Series, act: () => T): T {
    const before = { ...merge.counters };
    const done = act();
    const since = countersSince(before, merge.counters);
    for (const name of Object.keys(since) as (keyof LiveCounters)[]) this.counters[name] += since[name];
    return done;
  }

  /** Nothing of it can change, and it has been silent for as long as was asked. */
  #isOver({ merge, heardMs }: Series): boolean {
    const { stateTtl } = this.#live.rules;
    if (stateTtl === undefined || merge.cells > 0 || !merge.settled) return false;
    return this.#nowMs - heardMs >= Number(stateTtl / 1_000_000n);
  }

  #letGo(series: Series): void {
    const { merge, base, key } = series;
    this.#agenda.remove(series);
    this.#series.delete(key);
    this.#due.delete(series);
    this.#unsettled.delete(series);
    this.#base = Math.max(this.#base, base + merge.rev + 1);
    const { expiredBefore } = merge;
    if (expiredBefore !== null) {
      this.#forgottenBelow = Math.max(this.#forgottenBelow, windowOf(this.#live.plan, expiredBefore));
    }
    this.counters.letGo++;
    this.#resumesAt = undefined;
  }

  /** Lets go of all of which nothing can change. */
  #makeRoom(): void {
    for (const series of this.#series.values()) {
      if (series.merge.cells === 0 && series.merge.settled && !this.#due.has(series)) this.#letGo(series);
    }
    if (this.#series.size < this.#seriesMax) return;
    const advice = 'ask for fewer, or leave PER SERIES out';
    throw new QueryError(
      'invalid',
      `live query: more than ${this.#seriesMax} series with a watermark of their own; ${advice}`,
    );
  }
}
