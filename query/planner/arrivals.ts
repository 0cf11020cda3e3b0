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
  /** Rows have columns of a chosen point. */
  readonly carries: boolean;
  /** Not of the rows of a subquery. */
  readonly isOfStored: boolean;
  /** Each group is one series. */
  readonly isOfOneSeries: boolean;
}

export function withArrival(aggregate: Aggregate, arrival: Arrival): Aggregate {
  return showsArrival(aggregate, arrival) ? { ...aggregate, arrival: arrival.direction } : aggregate;
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

// private functions

/** Whether the order in which equal points come shows in the answer. */
function showsArrival({ name }: Aggregate, { hasTime, carries, isOfStored, isOfOneSeries }: Arrival): boolean {
  switch (name) {
    case 'mode':
      return true;
    case 'percentile':
      return hasTime || carries;
    case 'first':
    case 'last':
      return isOfStored && !isOfOneSeries && hasTime;
    case 'min':
    case 'max':
      return isOfStored && !isOfOneSeries && hasTime && carries;
    default:
      return false;
  }
}
