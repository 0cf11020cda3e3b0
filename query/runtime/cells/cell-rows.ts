/**
 * From the states of cells to tables: results, fill, order. Each aggregate is filled on its own, as InfluxDB does: from the stated
 * lower bound, else from its first window with a value in that series, to the upper bound; one that has no value in a series stays
 * null there, or has the number that fill() states, which also stands before that window. Expressions over aggregates see filled values.
 * distinct gives a row per value and is never filled.
 */
import type { Value } from '../../../model/index.ts';
import type { AggregateState } from '../../functions/aggregate.ts';
import { compareSplit, joinTime, splitTime } from '../../functions/slot-time.ts';
import { QueryError } from '../../language/errors.ts';
import type { Aggregate, Plan } from '../../planner/plan.ts';
import { fillValue, isNumeric } from '../source/columns.ts';
import { ofNoPoint } from './fill-beyond.ts';
import { areDoubles, gridTables, isGrid } from './grid-tables.ts';
import type { PaneStore } from './panes.ts';
import { type RowWriter, SeriesWindow, type TableStep } from './table-writer.ts';
import { rowWriter } from './transform-rows.ts';
import { answerWindows, type WindowTimes } from './window-times.ts';

/** Rows that fill() may make in one answer: a window of 1ns over a year must not fill the memory of the client. */
export const BUCKETS_MAX = 10_000_000;

/** Groups between two steps, whether they have rows or not. */
const STEP_GROUPS = 1_024;
/** Cells of few values that are settled in one step. */
const STEP_CELLS = 1_024;

/** Of nothing there are none. */
const COUNTS: ReadonlySet<string> = new Set(['count', 'count distinct', 'count_distinct_approx', 'histogram', 'rows']);

/** The windows in which one aggregate has a value in one series, ascending, and its slots there. */
interface Track {
  readonly aggregate: Aggregate;
  readonly state: AggregateState;
  readonly windows: number[];
  readonly slots: number[];
}

/** `times`: of the windows by which the store has its cells. */
export function* cellTables(
  plan: Plan,
  store: PaneStore,
  times: WindowTimes = answerWindows(plan),
): Generator<TableStep> {
  const isOfGrid = isGrid(plan);
  /** null where all may be done column by column. */
  let writer: RowWriter | null = isOfGrid ? null : rowWriter(plan, times);
  const wanted = new SeriesWindow(plan);
  const budget = { buckets: 0 };
  const series = yield* store.byGroup();
  let looked = 0;
  for (const slots of plan.descending ? series.reverse() : series) {
    // groups that SLIMIT leaves out, or that have nothing, give no table to stop at
    if (++looked % STEP_GROUPS === 0) yield null;
    const group = store.groupOf(slots[0]);
    if (isOfGrid && areDoubles(store, slots)) {
      if (slots.every((slot) => store.emptyCell(slot)) || !wanted.admits(group)) continue;
      yield* gridTables(
        plan,
        store,
        group,
        slots,
        (rows) => plan.fill.kind !== 'none' && admitRows(plan, rows, budget),
      );
      continue;
    }
    for (const state of store.states) {
      if (state.arrange !== undefined && plan.window !== null) yield* state.arrange(slots);
      if (state.settle === undefined) continue;
      for (const [i, slot] of slots.entries()) {
        yield* state.settle(slot);
        if (i % STEP_CELLS === STEP_CELLS - 1) yield null;
      }
    }
    const tracks = plan.aggregates.map((aggregate, a) => trackOf(aggregate, store.states[a], store, slots));
    if (tracks.every(({ slots }) => slots.length === 0) || !wanted.admits(group)) continue;
    writer ??= rowWriter(plan, times);
    writer.start(
      group,
      tracks.map(({ slots }) => slots.length > 0),
    );
    for (const [time, values, window] of rowsOf(plan, store, slots, tracks, budget, times)) {
      yield* writer.add(time, values, window);
      if (writer.full) break;
    }
    if (writer.end !== undefined) for (const _ of writer.end()) yield null;
    yield* writer.finish();
  }
}

// private functions

type Row = readonly [time: bigint, values: readonly Value[], window: number];

function trackOf(aggregate: Aggregate, state: AggregateState, store: PaneStore, slots: Int32Array): Track {
  const track: Track = { aggregate, state, windows: [], slots: [] };
  for (const slot of slots) {
    if (state.empty(slot) || (aggregate.name === 'percentile' && state.result(slot) === null)) continue;
    track.slots.push(slot);
    track.windows.push(store.windowOf(slot));
  }
  return track;
}

function rowsOf(
  plan: Plan,
  store: PaneStore,
  slots: Int32Array,
  tracks: readonly Track[],
  budget: { buckets: number },
  times: WindowTimes,
): Iterable<Row> {
  if (plan.aggregates[0].name === 'distinct') return distinctRows(plan, store, slots, times);
  if (tracks.some(({ state }) => state.points !== undefined)) return chosenRows(plan, store, slots, tracks, times);
  if (plan.window === null || plan.fill.kind === 'none') return plainRows(plan, store, slots, tracks, times);
  return filledRows(plan, tracks, budget, times);
}

function* distinctRows(plan: Plan, store: PaneStore, slots: Int32Array, times: WindowTimes): Generator<Row> {
  for (const slot of plan.descending ? slots.toReversed() : slots) {
    const window = store.windowOf(slot);
    const time = times.time(window);
    for (const value of store.states[0].results!(slot)) yield [time, [value], window];
  }
}

/** top, bottom and sample: each point at its own time, ascending in a window; beside other aggregates, one row for each time. */
function* chosenRows(
  plan: Plan,
  store: PaneStore,
  slots: Int32Array,
  tracks: readonly Track[],
  times: WindowTimes,
): Generator<Row> {
  for (const slot of plan.descending ? slots.toReversed() : slots) {
    const window = store.windowOf(slot);
    const start = splitTime(times.time(window));
    /** Of each aggregate, in order of time. */
    const points = tracks.map(({ state }) => {
      if (state.empty(slot)) return [];
      return state.points?.(slot) ?? [{ ...start, value: state.result(slot), carried: [] }];
    });
    const next = tracks.map(() => 0);
    for (;;) {
      const heads = points.map((list, a) => list[next[a]]);
      const first = earliest(heads);
      if (first === null) break;
      const values = new Array<Value>(tracks.length + plan.columns.length).fill(null);
      for (const [a, point] of heads.entries()) {
        if (point === undefined || compareSplit(point.high, point.low, first.high, first.low) !== 0) continue;
        next[a]++;
        values[a] = point.value;
        for (const [c, value] of point.carried.entries()) values[tracks.length + c] = value;
      }
      yield [joinTime(first.high, first.low), values, window];
    }
  }
}

type Timed = { readonly high: number; readonly low: number };

function earliest(points: readonly (Timed | undefined)[]): Timed | null {
  let first: Timed | null = null;
  for (const point of points) {
    if (point === undefined) continue;
    if (first === null || compareSplit(point.high, point.low, first.high, first.low) < 0) first = point;
  }
  return first;
}

function* plainRows(
  plan: Plan,
  store: PaneStore,
  slots: Int32Array,
  tracks: readonly Track[],
  times: WindowTimes,
): Generator<Row> {
  const nothing = plan.aggregates.map((aggregate) => (plan.window === null ? ofNoPoint(plan, aggregate) : null));
  const ownTime = plan.selector && plan.window === null && plan.rowWindow === undefined;
  for (const slot of plan.descending ? slots.toReversed() : slots) {
    const there = tracks.map(({ aggregate, state }) =>
      state.empty(slot) || (aggregate.name === 'percentile' && state.result(slot) === null) ? null : state,
    );
    if (there.every((state) => state === null)) continue;
    const values = there.map((state, a) => (state === null ? nothing[a] : state.result(slot)));
    for (let c = 0; c < plan.columns.length; c++) values.push(there[0]!.carried!(slot, c));
    const window = store.windowOf(slot);
    yield [ownTime ? there[0]!.time!(slot) : times.time(window), values, window];
  }
}

function* filledRows(
  plan: Plan,
  tracks: readonly Track[],
  budget: { buckets: number },
  times: WindowTimes,
): Generator<Row> {
  const last = times.last(plan.bounds.max);
  const nowhere = plan.fill.kind === 'value' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const firsts = tracks.map(({ windows }) =>
    windows.length === 0 ? nowhere : plan.bounds.minStated ? times.first(plan.bounds.min) : windows[0],
  );
  const first = Math.min(...firsts.filter(Number.isFinite));
  const fillers = tracks.map((track) => new Filler(plan, track));
  const rows = last - first + 1;
  admitRows(plan, rows, budget);
  for (let i = 0; i < rows; i++) {
    const window = plan.descending ? last - i : first + i;
    const values: Value[] = [];
    for (let a = 0; a < tracks.length; a++) {
      values.push(window < firsts[a] && plan.fill.kind !== 'value' ? null : fillers[a].at(window));
    }
    if (plan.columns.length > 0) fillers[0].pushCarried(values);
    yield [times.time(window), values, window];
  }
}

/** Rows that a series is going to have. */
function admitRows(plan: Plan, rows: number, budget: { buckets: number }): void {
  budget.buckets += plan.limit > 0 && plan.transforms.length === 0 ? Math.min(rows, plan.limit + plan.offset) : rows;
  if (budget.buckets <= BUCKETS_MAX) return;
  throw new QueryError('invalid', `max-select-buckets limit exceeded: (${budget.buckets}/${BUCKETS_MAX})`);
}

/** Walks one track in the order of the answer; every window is asked for once. */
class Filler {
  readonly #plan: Plan;
  readonly #track: Track;
  readonly #step: 1 | -1;
  /** Index in the track of the next window to come. */
  #next: number;
  #hit = false;

  constructor(plan: Plan, track: Track) {
    this.#plan = plan;
    this.#track = track;
    this.#step = plan.descending ? -1 : 1;
    this.#next = plan.descending ? track.slots.length - 1 : 0;
  }

  at(window: number): Value {
    const { windows, slots, state } = this.#track;
    this.#hit = windows[this.#next] === window;
    if (!this.#hit) return this.#filled(window);
    const value = state.result(slots[this.#next]);
    this.#next += this.#step;
    return value;
  }

  /** What the point behind the value last given carries. */
  pushCarried(values: Value[]): void {
    const { fill, columns } = this.#plan;
    const before = this.#track.slots[this.#next - this.#step];
    for (const [c, { type }] of columns.entries()) {
      if (this.#hit || (fill.kind === 'previous' && before !== undefined)) {
        values.push(this.#track.state.carried!(before, c));
      } else values.push(fill.kind === 'value' && isNumeric(type) ? fillValue(fill.value, type) : null);
    }
  }

  // private functions

  #filled(window: number): Value {
    const { fill } = this.#plan;
    const { aggregate, state, slots, windows } = this.#track;
    if (slots.length === 0) return ofNoPoint(this.#plan, aggregate);
    const before = this.#next - this.#step;
    switch (fill.kind) {
      case 'value':
        return fillValue(fill.value, aggregate.result);
      case 'previous':
        return slots[before] === undefined ? null : state.result(slots[before]);
      case 'linear': {
        if (slots[before] === undefined || slots[this.#next] === undefined || !isNumeric(aggregate.result)) return null;
        const from = state.result(slots[before]);
        const to = state.result(slots[this.#next]);
        if (from === null || to === null) return null;
        const slope = (Number(to) - Number(from)) / (windows[this.#next] - windows[before]);
        const value = slope * (window - windows[before]) + Number(from);
        // no integer is -0
        return aggregate.result === 'float' ? value : Math.trunc(value) + 0;
      }
      default:
        return COUNTS.has(aggregate.name) ? 0 : null;
    }
  }
}
