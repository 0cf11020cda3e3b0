/**
 * Whether the order in which points of one time come to a function shows in the answer of a query: then the function is asked to choose as
 * InfluxDB does, by what is kept beside its values (query/functions/arrived.ts).
 */
import type { Aggregate, Plan } from './plan.ts';

/** Of a query. */
export interface Arrival {
  readonly direction: Aggregate['arrival'];
  /** Rows have the time of a chosen point. */
  readonly hasTime: boolean;
  /** Of a chosen point. */
  readonly columns: Plan['columns'];
  /** Not of the rows of a subquery. */
  readonly isOfStored: boolean;
  /** Each group is one series. */
  readonly isOfOneSeries: boolean;
  /** Windows are put together of panes. */
  readonly isOfPanes: boolean;
}

export function withArrival(aggregate: Aggregate, arrival: Arrival): Aggregate {
  if (!showsArrival(aggregate, arrival)) return aggregate;
  const names = arrival.columns.map(({ name }) => name);
  const byName = [...names.keys()].sort((a, b) => (names[a] < names[b] ? -1 : 1));
  return { ...aggregate, arrival: arrival.direction, ...(byName.length > 1 && { byName }) };
}

/** Where a query inside groups by more than the one around it, InfluxDB has its storage give one point of each group. */
export function firstOnly(plan: Plan, keys: readonly string[]): Plan {
  if (plan.groupBy.every((key) => keys.includes(key))) return plan;
  const aggregates = plan.aggregates.map((aggregate) =>
    aggregate.arrival !== undefined && aggregate.name === 'last'
      ? { ...aggregate, firstOnly: true as const }
      : aggregate,
  );
  return { ...plan, aggregates };
}

/**
 * Of a plan that is kept up to date: a window that has closed cannot hang on those before it, so in windows equal points are chosen by
 * what they are.
 */
export function withoutArrivals(plan: Plan): Plan {
  const aggregates =
    plan.window === null ? plan.aggregates : plan.aggregates.map(({ arrival: _, byName: __, ...rest }) => rest);
  return { ...plan, aggregates, subqueries: plan.subqueries.map(withoutArrivals) };
}

// private functions

/** Whether the order in which equal points come shows in the answer. */
function showsArrival({ name }: Aggregate, arrival: Arrival): boolean {
  const { hasTime, columns, isOfStored, isOfOneSeries, isOfPanes } = arrival;
  const carries = columns.length > 0;
  switch (name) {
    case 'mode':
      return true;
    case 'percentile':
      return hasTime || carries;
    case 'first':
    case 'last':
      return isOfStored && !isOfOneSeries && !isOfPanes && (hasTime || carries);
    case 'min':
    case 'max':
      return isOfStored && !isOfOneSeries && !isOfPanes && carries;
    default:
      return false;
  }
}
