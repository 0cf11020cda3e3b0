/**
 * top(x, N), bottom(x, N) and sample(x, N): N points of a slot, each with its time and what it carries. top and bottom prefer the
 * earlier of equal values; with tags (`by`) each combination of them has its best point only. sample takes the points whose hash is
 * smallest, so that it is the same however the rows are spread and in whatever order they come.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, ChosenPoint, RowSlice, StateData } from './aggregate.ts';
import { ordered } from './ordered.ts';
import { selectRank } from './rank-select.ts';
import { columnValue } from './selector.ts';
import { compareSplit, highOf, lowOf, splitTime } from './slot-time.ts';

/** Points that one query may hold on one thread: some 200 MB. */
const CHOSEN_POINTS_MAX = 2_000_000;

/** `hash`: of a sample; else 0. */
type Point = ChosenPoint & { readonly hash: number };

export class ChosenState implements AggregateState {
  readonly #name: 'top' | 'bottom' | 'sample';
  readonly #n: number;
  readonly #by: readonly number[] | null;
  readonly #carriedCount: number;
  /** By slot; without tags a heap whose first is chosen last of those held, else one per combination of tags in no order. */
  readonly #slots: (Point[] | undefined)[] = [];
  /** By slot: the points in order of time, until more come. */
  readonly #settled = new Map<number, readonly Point[]>();
  /** By slot, with tags: index in the list by combination. */
  readonly #keys: (Map<string, number> | undefined)[] = [];
  #held = 0;

  constructor(name: 'top' | 'bottom' | 'sample', n: number, by: readonly number[] | null, carried: number) {
    this.#name = name;
    this.#n = n;
    this.#by = by;
    this.#carriedCount = carried;
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    const { count, rows, slots, offsets, carried, column } = slice;
    const base = splitTime(slice.base);
    const sign = this.#name === 'top' ? 1 : -1;
    this.#settled.clear();
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const points = (this.#slots[slots[k]] ??= []);
      const value = columnValue(column, row);
      if (this.#by === null && this.#name !== 'sample' && points.length >= this.#n) {
        // the common case: no better than what is there
        const worst = points[0].value;
        if (sign > 0 ? value < worst : value > worst) continue;
      }
      const sum = base.low + offsets[row];
      const own: Value[] = [];
      for (let c = 0; c < this.#carriedCount; c++) own.push(carried[c](row));
      this.#add(slots[k], this.#point(value, highOf(base.high, sum), lowOf(sum), own));
    }
  }

  take(slots: Int32Array): StateData {
    return copied(Array.from(slots, (slot) => this.#slots[slot] ?? []));
  }

  weight(slot: number): number {
    return this.#slots[slot]?.length ?? 0;
  }

  *takeParts(slot: number, valuesMax: number): Generator<StateData> {
    const points = this.#slots[slot] ?? [];
    for (let from = 0; from < points.length; from += valuesMax) yield copied([points.slice(from, from + valuesMax)]);
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as readonly NonNullable<Value>[];
    const times = data.times as Float64Array;
    const carried = data.carried as readonly Value[];
    const c = this.#carriedCount;
    let at = 0;
    this.#settled.clear();
    for (let i = 0; i < slots.length; i++) {
      for (let k = 0; k < counts[i]; k++, at++) {
        if (slots[i] < 0) continue;
        this.#slots[slots[i]] ??= [];
        const own = carried.slice(at * c, at * c + c);
        this.#add(slots[i], this.#point(values[at], times[at * 2], times[at * 2 + 1], own));
      }
    }
  }

  reset(slot: number): void {
    this.#held -= this.#slots[slot]?.length ?? 0;
    this.#slots[slot] = undefined;
    this.#keys[slot] = undefined;
    this.#settled.delete(slot);
  }

  empty(slot: number): boolean {
    return (this.#slots[slot]?.length ?? 0) === 0;
  }

  /** The best point's value. */
  result(slot: number): Value {
    const points = this.#slots[slot];
    if (points === undefined || points.length === 0) return null;
    return points.reduce((best, point) => (this.#compare(point, best) < 0 ? point : best)).value;
  }

  *settle(slot: number): Generator<null> {
    const points = this.#slots[slot];
    if (points === undefined || this.#settled.has(slot)) return;
    const best = points.length <= this.#n ? points : yield* this.#best(points);
    const order = yield* ordered(best.length, (a, b) => compareTimes(best[a], best[b]));
    this.#settled.set(
      slot,
      Array.from(order, (i) => best[i]),
    );
  }

  points(slot: number): readonly ChosenPoint[] {
    for (const _ of this.settle(slot));
    return this.#settled.get(slot) ?? [];
  }

  // private functions

  #point(value: NonNullable<Value>, high: number, low: number, carried: readonly Value[]): Point {
    if (this.#name !== 'sample') return { value, high, low, carried, hash: 0 };
    return { value, high, low, carried, hash: mixed(high, low, carried.length === 0 ? value : carried.join()) };
  }

  *#best(points: readonly Point[]): Generator<null, Point[]> {
    const items = yield* selectRank(points.length, this.#n - 1, (a, b) => this.#compare(points[a], points[b]));
    return Array.from(items.subarray(0, this.#n), (i) => points[i]);
  }

  #add(slot: number, point: Point): void {
    const points = this.#slots[slot]!;
    if (this.#by !== null) {
      const keys = (this.#keys[slot] ??= new Map());
      const key = JSON.stringify(this.#by.map((index) => point.carried[index]));
      const at = keys.get(key);
      if (at !== undefined) {
        if (this.#compare(point, points[at]) < 0) points[at] = point;
        return;
      }
      keys.set(key, points.length);
      points.push(point);
    } else if (points.length >= this.#n) {
      if (this.#compare(point, points[0]) < 0) this.#sink(points, point);
      return;
    } else this.#rise(points, point);
    if (++this.#held > CHOSEN_POINTS_MAX) {
      throw new QueryError('invalid', `${this.#name}() holds more than ${CHOSEN_POINTS_MAX} points: ask for fewer`);
    }
  }

  /** Adds a point to a heap. */
  #rise(points: Point[], point: Point): void {
    let at = points.push(point) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#compare(point, points[above]) <= 0) break;
      points[at] = points[above];
      at = above;
    }
    points[at] = point;
  }

  /** Puts a point in the place of the first of a heap. */
  #sink(points: Point[], point: Point): void {
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= points.length) break;
      if (below + 1 < points.length && this.#compare(points[below + 1], points[below]) > 0) below++;
      if (this.#compare(point, points[below]) >= 0) break;
      points[at] = points[below];
      at = below;
    }
    points[at] = point;
  }

  /** Negative where `a` is chosen before `b`. */
  #compare(a: Point, b: Point): number {
    if (this.#name === 'sample') return a.hash - b.hash || compareTimes(a, b);
    if (a.value !== b.value) return a.value < b.value === (this.#name === 'top') ? 1 : -1;
    return compareTimes(a, b);
  }
}

// private functions

/** As `take` gives them. */
function copied(slots: readonly (readonly Point[])[]): StateData {
  const counts = Uint32Array.from(slots, (points) => points.length);
  const values: Value[] = [];
  const times: number[] = [];
  const carried: Value[] = [];
  for (const points of slots) {
    for (const point of points) {
      values.push(point.value);
      times.push(point.high, point.low);
      carried.push(...point.carried);
    }
  }
  return { counts, values, times: Float64Array.from(times), carried };
}

function compareTimes(a: Point, b: Point): number {
  return compareSplit(a.high, a.low, b.high, b.low) || compareContent(a, b);
}

function compareContent(a: Point, b: Point): number {
  const x = `${a.carried.join('\0')}\0${a.value}`;
  const y = `${b.carried.join('\0')}\0${b.value}`;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A 32-bit hash whose bits all depend on all of the input. */
function mixed(high: number, low: number, content: NonNullable<Value>): number {
  let h = Math.imul(low | 0, 0x9e3779b1) ^ Math.imul(high | 0, 0x85ebca6b);
  for (const character of String(content)) h = Math.imul(h ^ character.charCodeAt(0), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
