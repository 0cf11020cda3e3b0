/**
 * What a scan can be spared, as rules with names: each looks at a plan and says whether it holds. EXPLAIN shows those that do; the
 * runtime asks the same functions, so that what is shown is what is done.
 */
import type { Bound, Plan } from './plan.ts';

export interface Rule {
  readonly name: string;
  readonly holds: (plan: Plan) => boolean;
}

export const RULES: readonly Rule[] = [
  { name: 'time bounds', holds: ({ bounds }) => bounds.minStated || bounds.maxStated },
  { name: 'series by tags', holds: ({ sources }) => sources.some(({ condition }) => mentions(condition, 'tag')) },
  { name: 'needed columns', holds: readsSomeFields },
  { name: 'chunk statistics', holds: readsTotals },
  { name: 'newest windows', holds: showsNewestWindows },
  { name: 'one pass for both sides of a join', holds: ({ pair }) => pair !== undefined },
  { name: 'newest chunks', holds: (plan) => plan.descending && endsEarly(plan) },
  { name: 'oldest chunks', holds: (plan) => !plan.descending && endsEarly(plan) },
];

const TOLD_BY_TOTALS: ReadonlySet<string> = new Set(['count', 'sum', 'mean', 'min', 'max', 'first', 'last', 'spread']);

/** Whether a chunk that lies in one window may be told by its statistics: its rows are all wanted, and only totals are asked of them. */
export function readsTotals(plan: Plan): boolean {
  const { aggregates, columns, shown, sources, selector, window } = plan;
  if (plan.kind !== 'aggregate' || columns.length > 0 || shown !== null) return false;
  if (plan.derived !== undefined) return false;
  if (sources.every(({ subquery }) => subquery !== undefined)) return false;
  if (sources.some(({ condition }) => mentions(condition, 'field'))) return false;
  if (aggregates.some(({ name, windowsBefore }) => !TOLD_BY_TOTALS.has(name) || windowsBefore !== undefined))
    return false;
  // a lone min or max without windows has the time of its point, which statistics do not have
  return !(selector && window === null && ['min', 'max'].includes(aggregates[0].name));
}

/** Whether the answer is the newest windows of one series, each filled by itself: LIMIT then says which windows these are. */
export function showsNewestWindows(plan: Plan): boolean {
  const { kind, window, descending, limit, transforms, shown, derived, groupBy, sources, fill, aggregates } = plan;
  if (kind !== 'aggregate' || window === null || !descending || limit === 0 || transforms.length > 0) return false;
  if (shown !== null || derived !== undefined || groupBy.length > 0) return false;
  if ([plan.windows, plan.rowWindow, plan.join, plan.pair].some((kind) => kind !== undefined)) return false;
  if (sources.some(({ measurement, subquery }) => measurement !== sources[0].measurement || subquery !== undefined))
    return false;
  return (fill.kind === 'null' || fill.kind === 'value') && aggregates.every(isOneRow);
}

// private functions

/** Of these a window with points may have no value, or several rows. */
function isOneRow({ name }: Plan['aggregates'][number]): boolean {
  return !['distinct', 'percentile', 'top', 'bottom', 'sample'].includes(name);
}

/** Rows are read from the answer's beginning until every series has those that LIMIT leaves it. */
function endsEarly({ kind, limit, transforms }: Plan): boolean {
  return kind === 'raw' && limit > 0 && transforms.length === 0;
}

function readsSomeFields({ sources, aggregates, columns }: Plan): boolean {
  const read = new Set([...aggregates.map(({ field }) => field), ...columns.map(({ name }) => name)]);
  return sources.some(({ fields }) => [...fields.keys()].some((name) => !read.has(name)));
}

function mentions(bound: Bound | null, kind: Bound['kind']): boolean {
  if (bound === null) return false;
  if (bound.kind === 'binary') return mentions(bound.left, kind) || mentions(bound.right, kind);
  if (bound.kind === 'call') return bound.args.some((argument) => mentions(argument, kind));
  return bound.kind === kind;
}
