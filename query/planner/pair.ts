/**
 * A rule: a join ON WINDOW of aggregates that are grouped by the tags of ON, under a SELECT that is grouped by them too, is one set of
 * cells with the aggregates of both sides. The shards compute it like any other aggregate, over history and live; which side a cell
 * has a row of is seen when its row is made. What does not fit stays a join of two answers.
 */
import type { Aggregate, AggregateName, Bound, JoinColumn, Plan, PlanPair, PlanSource } from './plan.ts';

/** They give several rows for a window, or rows at times of their own, or count rows whichever side they are of. */
const SEVERAL: ReadonlySet<AggregateName> = new Set(['distinct', 'top', 'bottom', 'sample', 'rows']);

/** The same plan as a pair, where it can be one. */
export function paired(plan: Plan): Plan {
  const { join, subqueries, columns } = plan;
  if (join === undefined || !isPlain(plan)) return plan;
  const [left, right] = subqueries.map(sideOf);
  if (left === null || right === null || !isSame(frameOf(left.inner), frameOf(right.inner))) return plan;
  const sides = [left, right] as const;
  if (sides.some(({ inner }) => !isSame(inner.groupBy, join.keys))) return plan;
  const aggregates: Aggregate[] = [];
  const places = sides.map(() => new Map<number, number>());
  const take = (side: 0 | 1, index: number): number => {
    let place = places[side].get(index);
    if (place === undefined) {
      place = aggregates.push({ ...sides[side].inner.aggregates[index], side }) - 1;
      places[side].set(index, place);
    }
    return place;
  };
  const boundOf = (side: 0 | 1, output: number): Bound => rebased(sides[side].outputs[output], (i) => take(side, i));
  const asked = ([0, 1] as const).map((s) => Array.from({ length: join.asked[s] }, (_, output) => boundOf(s, output)));
  const pair: PlanPair = {
    asked: [asked[0], asked[1]],
    columns: columns.map(({ name, type }) => {
      const { side, index } = join.fields.find((field) => field.name === name) as JoinColumn & { side: 0 | 1 };
      return { side, expression: boundOf(side, index), type };
    }),
    fill: join.fill,
  };
  const { window, bounds } = left.inner;
  const sources = ([0, 1] as const).flatMap((side) =>
    sides[side].inner.sources.map(
      (source): PlanSource => ({
        ...source,
        condition: both(source.condition, sides[side].condition),
        side,
        series: plan.sources[0].measurement,
      }),
    ),
  );
  const { join: _, ...rest } = plan;
  return {
    ...rest,
    kind: 'aggregate',
    sources,
    subqueries: [],
    bounds,
    window,
    aggregates,
    columns: [],
    pair,
    selector: false,
    fill: { kind: 'none' },
  };
}

// private functions

interface Side {
  readonly inner: Plan;
  /** On tags. */
  readonly condition: Bound | null;
  /** Over the inner aggregates, by output of the side. */
  readonly outputs: readonly Bound[];
}

/** The SELECT over the join gives its columns, row by row. */
function isPlain({
  kind,
  join,
  sources,
  columns,
  transforms,
  groupBy,
  derived,
  seriesLimit,
  seriesOffset,
}: Plan): boolean {
  if (kind !== 'raw' || join?.kind !== 'window' || transforms.length > 0 || derived !== undefined) return false;
  if (join.fill !== null && join.fill.kind !== 'null' && join.fill.kind !== 'value') return false;
  if (sources[0].condition !== null || seriesLimit > 0 || seriesOffset > 0) return false;
  return columns.every(({ kind }) => kind === 'field') && isSame(groupBy, join.keys);
}

/** What a side computes, null where it is no aggregate of measurements with a row for each window. */
function sideOf({ sources, subqueries, columns, outputs }: Plan): Side | null {
  const [inner] = subqueries;
  const condition = sources[0]?.condition ?? null;
  if (inner === undefined || mentions(condition, 'field') || !isAggregate(inner)) return null;
  const found = outputs.map(({ expression }) => {
    const column = expression.kind === 'column' ? columns[expression.index] : undefined;
    if (column?.kind !== 'field') return undefined;
    return inner.outputs.findLast(({ name }) => name === column.name)?.expression;
  });
  return found.includes(undefined) ? null : { inner, condition, outputs: found as Bound[] };
}

function isAggregate(plan: Plan): boolean {
  const { kind, sources, aggregates, columns, transforms, subqueries, fill, derived, pair, shown } = plan;
  if (kind !== 'aggregate' || fill.kind !== 'none' || plan.window === null) return false;
  if (plan.windows !== undefined || plan.rowWindow !== undefined) return false;
  if (plan.limit > 0 || plan.offset > 0 || plan.seriesLimit > 0 || plan.seriesOffset > 0) return false;
  if (subqueries.length > 0 || sources.some(({ subquery }) => subquery !== undefined)) return false;
  if (columns.length > 0 || transforms.length > 0) return false;
  if (derived !== undefined || pair !== undefined || shown !== null) return false;
  if (plan.outputs.some(({ expression }) => mentions(expression, 'edge'))) return false;
  return aggregates.every(({ name }) => !SEVERAL.has(name));
}

/** What has to be the same of both sides. */
function frameOf({ bounds, window, descending }: Plan): object {
  return { bounds, window, descending };
}

function isSame(a: object, b: object): boolean {
  const text = (value: object): string =>
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
  return text(a) === text(b);
}

function mentions(bound: Bound | null, kind: Bound['kind']): boolean {
  if (bound === null) return false;
  if (bound.kind === 'binary') return mentions(bound.left, kind) || mentions(bound.right, kind);
  if (bound.kind === 'call') return bound.args.some((argument) => mentions(argument, kind));
  return bound.kind === kind;
}

function both(a: Bound | null, b: Bound | null): Bound | null {
  if (a === null || b === null) return a ?? b;
  return { kind: 'binary', operator: 'AND', left: a, right: b, type: 'boolean' };
}

function rebased(bound: Bound, index: (old: number) => number): Bound {
  switch (bound.kind) {
    case 'column':
      return { ...bound, index: index(bound.index) };
    case 'binary':
      return { ...bound, left: rebased(bound.left, index), right: rebased(bound.right, index) };
    case 'call':
      return { ...bound, args: bound.args.map((argument) => rebased(argument, index)) };
    default:
      return bound;
  }
}
