/**
 * Tables of windows, column by column, for the plans that are most of all: windows of one width, outputs that are aggregates as they
 * are, numbers, filled by null, none or a number. They are what cell-rows.ts would make row by row, which makes all others.
 */
import { OFFSET_MAX } from '../../../model/index.ts';
import { type Aggregate, answerColumns, type Plan, windowOf, windowStart } from '../../planner/plan.ts';
import { isEven } from '../../planner/window-grid.ts';
import { fillValue, isNumber } from '../source/columns.ts';
import type { Group } from '../source/partial.ts';
import type { ResultColumn, ResultTable } from '../source/result.ts';
import { hasPlainOutputs } from './column-tables.ts';
import { isTyped } from './fill-beyond.ts';
import type { PaneStore } from './panes.ts';
import { TABLE_ROWS_MAX } from './table-writer.ts';

/** Have one result where they have any value. */
const PLAIN: ReadonlySet<string> = new Set(['count', 'rows', 'sum', 'mean', 'min', 'max', 'first', 'last', 'spread']);
/** Of nothing there are none. */
const COUNTS: ReadonlySet<string> = new Set(['count', 'rows']);

/** Whether its tables can be made here, if all results are doubles. */
export function isGrid(plan: Plan): boolean {
  const { window, windows, pair, columns, aggregates, outputs, fill } = plan;
  if (window === null || !isEven(window) || windows !== undefined || pair !== undefined || columns.length > 0)
    return false;
  if (fill.kind === 'previous' || fill.kind === 'linear' || !aggregates.every(({ name }) => PLAIN.has(name)))
    return false;
  if (fill.kind === 'value' && aggregates.some(({ result }) => typeof fillValue(fill.value, result) !== 'number'))
    return false;
  if (fill.kind === 'value' && !aggregates.every((aggregate) => isTyped(plan, aggregate))) return false;
  return hasPlainOutputs(plan) && outputs.every(({ type }) => isNumber(type));
}

/** Whether the results in these slots are doubles. */
export function areDoubles(store: PaneStore, slots: Int32Array): boolean {
  for (const state of store.states) {
    for (const slot of slots) if (!state.empty(slot) && typeof state.result(slot) !== 'number') return false;
  }
  return true;
}

/** Of a series with these slots, ascending by window; `admit` hears how many rows it has before the first is made. */
export function* gridTables(
  plan: Plan,
  store: PaneStore,
  group: Group,
  slots: Int32Array,
  admit: (rows: number) => void,
): Generator<ResultTable> {
  const { descending, limit, offset, aggregates } = plan;
  const rows = plan.fill.kind === 'none' ? metRows(plan, store, slots) : filledRows(plan, store, slots);
  admit(rows.count);
  const width = Number(plan.window!.interval);
  const end = limit > 0 ? Math.min(rows.count, offset + limit) : rows.count;
  const names = answerColumns(plan);
  const tags = plan.groupBy.length === 0 ? null : plan.groupBy.map((key, i) => [key, group.tags[i]] as const);
  const next = aggregates.map(() => 0);
  for (let from = offset; from < end; ) {
    const base = rows.window(from);
    const farthest = Math.floor(OFFSET_MAX / width);
    let to = Math.min(end, from + TABLE_ROWS_MAX);
    while (Math.abs(rows.window(to - 1) - base) > farthest) to = from + ((to - from) >> 1);
    const offsets = new Float64Array(to - from);
    for (let i = 0; i < offsets.length; i++) offsets[i] = (rows.window(from + i) - base) * width;
    const columns = aggregates.map((aggregate, a) => {
      const filled = rows.filled(aggregate, a, from, to);
      for (; next[a] < slots.length; next[a]++) {
        const slot = slots[descending ? slots.length - 1 - next[a] : next[a]];
        const row = rows.row(slot);
        if (row >= to) break;
        if (row < from || store.states[a].empty(slot)) continue;
        filled.values[row - from] = store.states[a].result(slot) as number;
        filled.present[row - from] = 1;
      }
      return { values: filled.values, present: filled.present.includes(0) ? filled.present : null };
    });
    const time = {
      type: 'time' as const,
      base: windowStart(plan, base),
      offsets,
      ...(plan.zone && { zone: plan.zone }),
    };
    const data = plan.outputs.map(({ expression, type }) => {
      const index = expression.kind === 'column' ? expression.index : 0;
      return { type, ...columns[index] } as ResultColumn;
    });
    yield { name: group.name, tags, columns: names, rows: to - from, data: [time, ...data] };
    from = to;
  }
}

// private functions

/** The rows of a series in the order of the answer. */
interface GridRows {
  readonly count: number;
  window(row: number): number;
  row(slot: number): number;
  /** Rows [from, to) as they are where an aggregate has no value. */
  filled(aggregate: Aggregate, a: number, from: number, to: number): { values: Float64Array; present: Uint8Array };
}

/** One for each window between the bounds, or from the first that has a value. */
function filledRows(plan: Plan, store: PaneStore, slots: Int32Array): GridRows {
  const { descending, fill, bounds } = plan;
  const last = windowOf(plan, bounds.max);
  const firsts = store.states.map((state) => {
    const met = slots.find((slot) => !state.empty(slot));
    if (met === undefined) return fill.kind === 'value' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return bounds.minStated ? windowOf(plan, bounds.min) : store.windowOf(met);
  });
  const first = Math.min(...firsts.filter(Number.isFinite));
  const count = last - first + 1;
  return {
    count,
    window: (row) => (descending ? last - row : first + row),
    row: (slot) => (descending ? last - store.windowOf(slot) : store.windowOf(slot) - first),
    filled(aggregate, a, from, to) {
      const values = new Float64Array(to - from);
      const present = new Uint8Array(to - from);
      const value = filler(plan, aggregate);
      if (value === null || firsts[a] === Number.POSITIVE_INFINITY) return { values, present };
      const missing = fill.kind === 'value' ? 0 : Math.max(0, firsts[a] - first);
      const [low, high] = descending ? [from, Math.min(to, count - missing)] : [Math.max(from, missing), to];
      if (low < high) {
        values.fill(value, low - from, high - from);
        present.fill(1, low - from, high - from);
      }
      return { values, present };
    },
  };
}

/** One for each window in which an aggregate has a value. */
function metRows(plan: Plan, store: PaneStore, slots: Int32Array): GridRows {
  const met = slots.filter((slot) => store.states.some((state) => !state.empty(slot)));
  if (plan.descending) met.reverse();
  const rows = new Map<number, number>();
  for (let row = 0; row < met.length; row++) rows.set(met[row], row);
  return {
    count: met.length,
    window: (row) => store.windowOf(met[row]),
    row: (slot) => rows.get(slot) ?? -1,
    filled: (_, __, from, to) => ({ values: new Float64Array(to - from), present: new Uint8Array(to - from) }),
  };
}

/** What stands where an aggregate that has values elsewhere has none; null = nothing. */
function filler({ fill }: Plan, { name, result }: Aggregate): number | null {
  if (fill.kind !== 'value') return COUNTS.has(name) ? 0 : null;
  return fillValue(fill.value, result) as number;
}
