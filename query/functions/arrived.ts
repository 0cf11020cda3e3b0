/**
 * min, max, first and last where it shows which of several points of one time is chosen. InfluxDB goes by the best point of each series
 * in a window, and of those alike takes the one that comes first, by a heap of the series that remembers the windows before it
 * (arrival.ts); without windows there is one. Only first and last without windows are another matter: its storage gives the first two
 * points of all, by a heap of their times, of which the function takes the greater.
 *
 * So the best point of each series is kept. Of a slot with more series than such an order is looked for, and of a query that would keep
 * too many points, the choice is that of SelectorState, which also tells where nothing is to be chosen.
 */
import type { Value } from '../../model/index.ts';
import type { Aggregate } from '../planner/plan.ts';
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { ARRIVALS_MAX, arrivalByTime, arrivalByWindow, compareTimes, type Direction } from './arrival.ts';
import { BestPoints } from './best-points.ts';
import { prefixed, unprefixed } from './prefixed.ts';
import { type SelectorName, SelectorState } from './selector.ts';
import { splitTime } from './slot-time.ts';

/** Points that one query may keep on one thread, some 60 MB; of more all go. */
const KEPT_POINTS_MAX = 200_000;

/** Windows of a group between two steps. */
const STEP_WINDOWS = 1_024;

/** Before the names of what is kept beside the state of SelectorState. */
export const BEST = 'best ';

export class ArrivedState implements AggregateState {
  readonly #name: SelectorName;
  readonly #byTime: boolean;
  readonly #firstOnly: boolean;
  readonly #direction: Direction;
  readonly #carriedCount: number;
  readonly #byName: readonly number[];
  readonly #plain: SelectorState;
  /** null once there were too many. */
  #best: BestPoints | null;
  /** By slot: the index of the point chosen among several, −1 where the choice is that of `#plain`. */
  readonly #settled = new Map<number, number>();

  /** Of an aggregate that has an arrival. */
  constructor({ type, arrival, firstOnly, byName }: Aggregate, name: SelectorName, carried: number) {
    this.#name = name;
    this.#firstOnly = firstOnly === true;
    this.#byTime = name === 'first' || name === 'last';
    this.#direction = arrival!;
    this.#carriedCount = carried;
    this.#byName = byName ?? [...Array(carried).keys()];
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

  *arrange(slots: Int32Array): Generator<null> {
    const ordered = this.#direction === 'ascending' ? slots : slots.toReversed();
    const alike: (readonly number[])[] = [];
    for (const [i, slot] of ordered.entries()) {
      alike.push(this.#alike(slot));
      this.#settled.set(slot, -1);
      if (i % STEP_WINDOWS === STEP_WINDOWS - 1) yield null;
    }
    if (alike.every(({ length }) => length < 2)) return;
    const windows = Array.from(ordered, (slot) => this.#best!.at(slot)?.series ?? []);
    let i = 0;
    for (const order of arrivalByWindow(windows, this.#best!, this.#direction)) {
      const [slot, candidates] = [ordered[i], alike[i]];
      if (candidates.length > 1) {
        const { series } = this.#best!.at(slot)!;
        const first = order.find((number) => candidates.some((at) => series[at] === number));
        this.#settled.set(slot, candidates.find((at) => series[at] === first)!);
      }
      if (++i % STEP_WINDOWS === 0) yield null;
    }
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
      if (this.#byTime) this.#settled.set(slot, this.#firstOfAll(slot));
      else for (const _ of this.arrange(Int32Array.of(slot)));
      chosen = this.#settled.get(slot)!;
    }
    return chosen;
  }

  /** Of the best points of the series those that cannot be told from the best of all. */
  #alike(slot: number): readonly number[] {
    const points = this.#best?.at(slot);
    if (points === undefined || points.values.length < 2 || points.values.length > ARRIVALS_MAX) return [];
    const { high, low } = splitTime(this.#plain.time(slot));
    const value = this.#plain.result(slot);
    const alike: number[] = [];
    for (let i = 0; i < points.values.length; i++) {
      if (points.values[i] === value && points.times[i * 2] === high && points.times[i * 2 + 1] === low) alike.push(i);
    }
    return alike;
  }

  /** Without windows: the storage gives the first two points of all series, the greater of which is taken, or only the first. */
  #firstOfAll(slot: number): number {
    const points = this.#best?.at(slot);
    if (points === undefined || points.values.length < 2 || points.values.length > ARRIVALS_MAX) return -1;
    const direction = this.#name === 'first' ? 'ascending' : 'descending';
    const order = arrivalByTime(points, this.#best!, direction, this.#byName);
    const [a, b] = [points.values[order[0]], points.values[order[1]]];
    if (this.#firstOnly || compareTimes(points, order[0], order[1]) !== 0) return order[0];
    const isGreater = this.#name === 'first' && typeof b === 'boolean' ? b < a : b > a;
    return order[isGreater ? 1 : 0];
  }
}
