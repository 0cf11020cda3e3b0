/**
 * The state that an aggregate has after some rows of one series, from what is known of them unread. null where it cannot be told so: the
 * function needs values, the field has another type than the plan reads it as, a sum has left 64 bits.
 */
import type { SeriesTable } from '../../../model/index.ts';
import type { StateData } from '../../functions/aggregate.ts';
import { BEST } from '../../functions/arrived.ts';
import { prefixed } from '../../functions/prefixed.ts';
import { splitTime } from '../../functions/slot-time.ts';
import type { Aggregate } from '../../planner/plan.ts';
import type { FieldTotals, Totals } from '../source/source.ts';

export function stateOfTotals(aggregate: Aggregate, totals: Totals, table: SeriesTable): StateData | null {
  const { name, field, type, arrival } = aggregate;
  const found = totals.fields.get(field);
  if (found !== undefined && found.type !== type) return null;
  switch (name) {
    case 'count':
      return { counts: Float64Array.of(found?.count ?? 0) };
    case 'sum':
    case 'mean':
      return sumState(found);
    case 'min':
      return chosenState(found === undefined ? NOWHERE : { value: found.min, time: totals.minTime });
    case 'max':
      return chosenState(found === undefined ? NOWHERE : { value: found.max, time: totals.minTime });
    case 'first':
    case 'last': {
      const end = found?.[name];
      if (end === null) return null;
      const state = chosenState(
        end === undefined ? NOWHERE : { value: end.value, time: totals.base + BigInt(end.offset) },
      );
      return state === null || arrival === undefined ? state : { ...state, ...bestState(state, totals.series, table) };
    }
    case 'spread': {
      const min = chosenState(found === undefined ? NOWHERE : { value: found.min, time: totals.minTime });
      const max = chosenState(found === undefined ? NOWHERE : { value: found.max, time: totals.minTime });
      return min === null || max === null ? null : { ...prefixed('min ', min), ...prefixed('max ', max) };
    }
    default:
      return null;
  }
}

// private functions

const NOWHERE = { value: undefined, time: 0n } as const;

function sumState(found: FieldTotals | undefined): StateData | null {
  if (found === undefined) return { counts: Float64Array.of(0), sums: Float64Array.of(0), lost: Float64Array.of(0) };
  const { count, sum, sumRest } = found;
  if (sum === null) return null;
  const near = Number(sum);
  const lost = typeof sum === 'bigint' ? Number(sum - BigInt(near)) : sumRest;
  return { counts: Float64Array.of(count), sums: Float64Array.of(near), lost: Float64Array.of(lost) };
}

/** Of a value that is not known, null; of none, an empty state. */
function chosenState({
  value,
  time,
}: {
  readonly value: number | bigint | null | undefined;
  readonly time: bigint;
}): StateData | null {
  if (value === null) return null;
  const { high, low } = splitTime(time);
  return {
    filled: Uint8Array.of(value === undefined ? 0 : 1),
    high: Float64Array.of(high),
    low: Float64Array.of(low),
    values: typeof value === 'bigint' ? [value] : Float64Array.of(value ?? 0),
  };
}

/** What ArrivedState keeps beside. */
function bestState({ filled, high, low, values }: StateData, series: number, table: SeriesTable): StateData {
  const count = (filled as Uint8Array)[0];
  const times = count === 0 ? [] : [(high as Float64Array)[0], (low as Float64Array)[0]];
  return prefixed(BEST, {
    counts: Uint32Array.of(count),
    values: count === 0 ? [] : [values[0]],
    times: Float64Array.from(times),
    series: new Uint32Array(count),
    keys: count === 0 ? [] : [table.key(series)],
    carried: [],
  });
}
