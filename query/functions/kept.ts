/**
 * percentile(x, N), and median(x) of integers: functions that need all values of a slot. The one in question is looked for when a result
 * is asked for, or in steps before (`settle`), and remembered until more values come. percentile is a selector (nearest rank): it keeps
 * time, series and carried columns too. Of equal values it takes the one that InfluxDB's sort leaves at that rank, where it shows which.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { ARRIVALS_MAX, compareTimes, type Direction } from './arrival.ts';
import { KEPT_VALUES_MAX, KeptPoints, type PointList } from './kept-points.ts';
import { medianOf } from './median.ts';
import { selectRank } from './rank-select.ts';
import { SlotArrivals } from './slot-arrivals.ts';
import { joinTime } from './slot-time.ts';
import { sortUnstable } from './unstable-order.ts';

export class KeptState implements AggregateState {
  readonly #percentile: number | null;
  readonly #carriedCount: number;
  /** null = it does not show which of equal points is chosen. */
  readonly #arrivals: SlotArrivals | null;
  readonly #kept: KeptPoints;
  /** By slot: the median, or the index of the percentile's point, −1 where its rank leaves the list. */
  readonly #settled = new Map<number, number>();

  /** `percentile` null = median. `direction` null = it does not show which of equal points is chosen. */
  constructor(
    percentile: number | null,
    carried: number,
    direction: Direction | null,
    byName: readonly number[] = [...Array(carried).keys()],
  ) {
    this.#percentile = percentile;
    this.#carriedCount = carried;
    this.#kept = new KeptPoints(percentile !== null, carried);
    this.#arrivals = direction === null ? null : new SlotArrivals(this.#kept, direction, byName);
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    this.#settled.clear();
    this.#kept.update(slice);
    this.#check();
  }

  take(slots: Int32Array): StateData {
    return this.#kept.take(slots);
  }

  weight(slot: number): number {
    return this.#kept.weight(slot);
  }

  takeParts(slot: number, valuesMax: number): Generator<StateData> {
    return this.#kept.takeParts(slot, valuesMax);
  }

  merge(data: StateData, slots: Int32Array): void {
    this.#settled.clear();
    this.#kept.merge(data, slots);
    this.#check();
  }

  reset(slot: number): void {
    this.#kept.reset(slot);
    this.#settled.delete(slot);
  }

  arrange(slots: Int32Array): Iterable<null> {
    this.#arrivals?.arrange(slots);
    return [];
  }

  *settle(slot: number): Generator<null> {
    const points = this.#kept.at(slot);
    if (points === undefined || this.#settled.has(slot)) return;
    const found = this.#percentile === null ? yield* medianOfKept(points.values) : yield* this.#choose(slot, points);
    this.#settled.set(slot, found);
  }

  empty(slot: number): boolean {
    return this.#kept.at(slot) === undefined;
  }

  result(slot: number): Value {
    const points = this.#kept.at(slot);
    if (points === undefined) return null;
    const found = this.#found(slot);
    if (this.#percentile === null) return found;
    return found < 0 ? null : points.values[found];
  }

  time(slot: number): bigint {
    const { times } = this.#kept.at(slot)!;
    const chosen = Math.max(0, this.#found(slot));
    return joinTime(times[chosen * 2], times[chosen * 2 + 1]);
  }

  carried(slot: number, index: number): Value {
    const points = this.#kept.at(slot);
    const chosen = points === undefined ? -1 : this.#found(slot);
    return chosen < 0 ? null : points!.carried[chosen * this.#carriedCount + index];
  }

  // private functions

  #check(): void {
    if (this.#kept.count <= KEPT_VALUES_MAX) return;
    const name = this.#percentile === null ? 'median' : 'percentile';
    throw new QueryError('invalid', `${name}() over more than ${KEPT_VALUES_MAX} values: narrow the time range`);
  }

  #found(slot: number): number {
    for (const _ of this.settle(slot));
    return this.#settled.get(slot)!;
  }

  /** Index of the percentile's point, −1 where the rank leaves the list. */
  *#choose(slot: number, points: PointList): Generator<null, number> {
    const { values, carried } = points;
    const rank = Math.floor((values.length * this.#percentile!) / 100 + 0.5) - 1;
    if (rank < 0 || rank >= values.length) return -1;
    const c = this.#carriedCount;
    const items = yield* selectRank(values.length, rank, (a, b) => {
      if (values[a] !== values[b]) return values[a] < values[b] ? -1 : 1;
      const later = compareTimes(points, a, b);
      if (later !== 0 || c === 0) return later;
      const [x, y] = [a, b].map((i) => carried.slice(i * c, i * c + c).join('\n'));
      return x < y ? -1 : x > y ? 1 : 0;
    });
    const chosen = items[rank];
    if (this.#arrivals === null || values.length > ARRIVALS_MAX || isAlone(values, chosen)) return chosen;
    const order = this.#arrivals.of(slot);
    sortUnstable(order, (a, b) => values[a] < values[b]);
    return order[rank];
  }
}

// private functions

function isAlone(values: PointList['values'], chosen: number): boolean {
  const value = values[chosen];
  return values.every((other, i) => other !== value || i === chosen);
}

function* medianOfKept(values: PointList['values']): Generator<null, number> {
  const numbers = numbersOf(values);
  return numbers === null ? yield* medianOfIntegers(values) : yield* medianOf(numbers);
}

/** Some or all of them are too large for a double. */
function* medianOfIntegers(values: PointList['values']): Generator<null, number> {
  const numbers = values as readonly (number | bigint)[];
  const middle = numbers.length >> 1;
  const compare = (a: number, b: number): number => (numbers[a] < numbers[b] ? -1 : numbers[a] > numbers[b] ? 1 : 0);
  const items = yield* selectRank(numbers.length, middle, compare);
  const high = numbers[items[middle]];
  if (numbers.length % 2 === 1) return Number(high);
  let before = items[0];
  for (let i = 1; i < middle; i++) if (compare(items[i], before) > 0) before = items[i];
  const low = numbers[before];
  return Number(low) + Number(toDifference(high, low)) / 2;
}

/** null: some are bigints. */
function numbersOf(values: PointList['values']): Float64Array | null {
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') return null;
    numbers[i] = value;
  }
  return numbers;
}

function toDifference(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === 'number' && typeof b === 'number' ? a - b : BigInt(a) - BigInt(b);
}
