/**
 * min, max, first and last without windows, where it shows which of several points of one time is chosen. InfluxDB goes by the best
 * point of each series. Of first and last its storage gives the first two points in the order of arrival.ts, of which the function takes
 * the greater. Of min and max the storage gives each series' point, and of those alike the function takes the one that comes first.
 *
 * So the best point of each series is kept. Of a slot with more series than such an order is looked for, and of a query that would keep
 * too many points, the choice is that of SelectorState, which also tells where nothing is to be chosen.
 */
import type { Value } from '../../model/index.ts';
import type { Aggregate } from '../planner/plan.ts';
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { ARRIVALS_MAX, arrivalByTime, type Direction } from './arrival.ts';
import { BestPoints } from './best-points.ts';
import type { PointList } from './kept-points.ts';
import { prefixed, unprefixed } from './prefixed.ts';
import { type SelectorName, SelectorState } from './selector.ts';
import { splitTime } from './slot-time.ts';

/** Points that one query may keep on one thread, some 60 MB; of more all go. */
const KEPT_POINTS_MAX = 200_000;

/** Before the names of what is kept beside the state of SelectorState. */
export const BEST = 'best ';

export class ArrivedState implements AggregateState {
  readonly #name: SelectorName;
  readonly #byTime: boolean;
  readonly #firstOnly: boolean;
  readonly #direction: Direction;
  readonly #carriedCount: number;
  readonly #plain: SelectorState;
  /** null once there were too many. */
  #best: BestPoints | null;
  /** By slot: the index of the point chosen among several, −1 where the choice is that of `#plain`. */
  readonly #settled = new Map<number, number>();

  /** Of an aggregate that has an arrival. */
  constructor({ type, arrival, firstOnly }: Aggregate, name: SelectorName, carried: number) {
    this.#name = name;
    this.#firstOnly = firstOnly === true;
    this.#byTime = name === 'first' || name === 'last';
    this.#direction = name === 'first' ? 'ascending' : name === 'last' ? 'descending' : arrival!;
    this.#carriedCount = carried;
    this.#plain = new SelectorState(name, type, carried);
    this.#best = new BestPoints(name, carried);
  }

  grow(slots: number): void {
    this.#plain.grow(slots);
  }

  update(slice: RowSlice): void {
    this.#settled.clear();
    this.#plain.update(slice);
    this.#best?.update(slice);
    this.#forgetMany();
  }

  updateRuns(runs: RunSlice): boolean {
    if (!this.#plain.updateRuns(runs)) return false;
    this.#settled.clear();
    this.#best?.updateRuns(runs);
    this.#forgetMany();
    return true;
  }

  take(slots: Int32Array): StateData {
    const best = this.#best === null ? {} : prefixed(BEST, this.#best.take(slots));
    return { ...this.#plain.take(slots), ...best };
  }

  merge(data: StateData, slots: Int32Array): void {
    this.#settled.clear();
    this.#plain.merge(data, slots);
    const best = unprefixed(BEST, data);
    if (best === null) this.#best = null;
    else this.#best?.merge(best, slots);
    this.#forgetMany();
  }

  reset(slot: number): void {
    this.#plain.reset(slot);
    this.#best?.reset(slot);
    this.#settled.delete(slot);
  }

  empty(slot: number): boolean {
    return this.#plain.empty(slot);
  }

  result(slot: number): Value {
    const chosen = this.#chosen(slot);
    return chosen < 0 ? this.#plain.result(slot) : this.#best!.at(slot)!.values[chosen];
  }

  /** Points that are alike have one time. */
  time(slot: number): bigint {
    return this.#plain.time(slot);
  }

  carried(slot: number, index: number): Value {
    const chosen = this.#chosen(slot);
    if (chosen < 0) return this.#plain.carried(slot, index);
    return this.#best!.at(slot)!.carried[chosen * this.#carriedCount + index];
  }

  // private functions

  #forgetMany(): void {
    if (this.#best !== null && this.#best.count > KEPT_POINTS_MAX) this.#best = null;
  }

  #chosen(slot: number): number {
    let chosen = this.#settled.get(slot);
    if (chosen === undefined) {
      chosen = this.#firstArrived(slot);
      this.#settled.set(slot, chosen);
    }
    return chosen;
  }

  #firstArrived(slot: number): number {
    const points = this.#best?.at(slot);
    if (points === undefined || points.values.length < 2 || points.values.length > ARRIVALS_MAX) return -1;
    const { high, low } = splitTime(this.#plain.time(slot));
    const value = this.#plain.result(slot);
    const isAlike = (i: number): boolean =>
      points.times[i * 2] === high && points.times[i * 2 + 1] === low && (this.#byTime || points.values[i] === value);
    const alike = [...points.values.keys()].filter(isAlike);
    if (alike.length < 2) return -1;
    return this.#byTime ? this.#firstOfAll(points) : this.#firstOrLastSeries(points, alike);
  }

  /** The storage gives the first two points of all series, the greater of which is taken, or only the first. */
  #firstOfAll(points: PointList): number {
    const order = arrivalByTime(points, this.#best!, this.#direction, this.#carriedCount);
    if (this.#firstOnly) return order[0];
    const [a, b] = [points.values[order[0]], points.values[order[1]]];
    const isGreater = this.#name === 'first' && typeof b === 'boolean' ? b < a : b > a;
    return order[isGreater ? 1 : 0];
  }

  /** The series come one after the other: the first by key, then the others from the last. */
  #firstOrLastSeries(points: PointList, alike: readonly number[]): number {
    const { keys } = this.#best!;
    const isBefore = (a: number, b: number): boolean => keys[points.series[a]] < keys[points.series[b]];
    let first = 0;
    for (let i = 1; i < points.values.length; i++) if (isBefore(i, first)) first = i;
    return alike.includes(first) ? first : alike.reduce((last, i) => (isBefore(last, i) ? i : last));
  }
}
