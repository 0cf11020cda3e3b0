/**
 * top(x, N), bottom(x, N) and sample(x, N): N points of a slot, each with its time and what it carries. top and bottom prefer the
 * earlier of equal values; with tags (`by`) each combination of them has its best point only. sample takes the points whose hash is
 * smallest, so that it is the same however the rows are spread and in whatever order they come.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, ChosenPoint, RowSlice, StateData } from './aggregate.ts';
import { columnValue } from './selector.ts';
import { compareSplit, highOf, lowOf, splitTime } from './slot-time.ts';

/** Points that one query may hold on one thread: some 200 MB. */
const CHOSEN_POINTS_MAX = 2_000_000;

type Point = ChosenPoint & { readonly hash: number };

export class ChosenState implements AggregateState {
  readonly #name: 'top' | 'bottom' | 'sample';
  readonly #n: number;
  readonly #by: readonly number[] | null;
  readonly #carriedCount: number;
  /** By slot; the best first where there are no tags, else one per combination of tags in no order. */
  readonly #slots: (Point[] | undefined)[] = [];
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
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const points = (this.#slots[slots[k]] ??= []);
      const value = columnValue(column, row);
      if (this.#by === null && this.#name !== 'sample' && points.length >= this.#n) {
        // the common case: no better than what is there
        const worst = points[points.length - 1].value;
        if (sign > 0 ? value < worst : value > worst) continue;
      }
      const sum = base.low + offsets[row];
      const own: Value[] = [];
      for (let c = 0; c < this.#carriedCount; c++) own.push(carried[c](row));
      this.#add(slots[k], toPoint(value, highOf(base.high, sum), lowOf(sum), own));
    }
  }

  take(slots: Int32Array): StateData {
    const counts = new Uint32Array(slots.length);
    const values: Value[] = [];
    const times: number[] = [];
    const carried: Value[] = [];
    for (let i = 0; i < slots.length; i++) {
      const points = this.#slots[slots[i]] ?? [];
      counts[i] = points.length;
      for (const point of points) {
        values.push(point.value);
        times.push(point.high, point.low);
        carried.push(...point.carried);
      }
    }
    return { counts, values, times: Float64Array.from(times), carried };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as readonly NonNullable<Value>[];
    const times = data.times as Float64Array;
    const carried = data.carried as readonly Value[];
    const c = this.#carriedCount;
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      for (let k = 0; k < counts[i]; k++, at++) {
        if (slots[i] < 0) continue;
        this.#slots[slots[i]] ??= [];
        this.#add(slots[i], toPoint(values[at], times[at * 2], times[at * 2 + 1], carried.slice(at * c, at * c + c)));
      }
    }
  }

  reset(slot: number): void {
    this.#held -= this.#slots[slot]?.length ?? 0;
    this.#slots[slot] = undefined;
    this.#keys[slot] = undefined;
  }

  empty(slot: number): boolean {
    return (this.#slots[slot]?.length ?? 0) === 0;
  }

  /** The best point's value. */
  result(slot: number): Value {
    return this.#best(slot)[0]?.value ?? null;
  }

  points(slot: number): readonly ChosenPoint[] {
    return this.#best(slot).sort((a, b) => compareSplit(a.high, a.low, b.high, b.low) || compareContent(a, b));
  }

  // private functions

  #best(slot: number): Point[] {
    const points = [...(this.#slots[slot] ?? [])];
    if (this.#by !== null) points.sort((a, b) => this.#compare(a, b));
    return points.slice(0, this.#n);
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
    } else {
      let low = 0;
      let high = points.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.#compare(points[middle], point) <= 0) low = middle + 1;
        else high = middle;
      }
      if (low >= this.#n) return;
      points.splice(low, 0, point);
      if (points.length > this.#n) {
        points.pop();
        return;
      }
    }
    if (++this.#held > CHOSEN_POINTS_MAX) {
      throw new QueryError('invalid', `${this.#name}() holds more than ${CHOSEN_POINTS_MAX} points: ask for fewer`);
    }
  }

  /** Negative where `a` is chosen before `b`. */
  #compare(a: Point, b: Point): number {
    if (this.#name === 'sample')
      return a.hash - b.hash || compareSplit(a.high, a.low, b.high, b.low) || compareContent(a, b);
    if (a.value !== b.value) return a.value < b.value === (this.#name === 'top') ? 1 : -1;
    return compareSplit(a.high, a.low, b.high, b.low) || compareContent(a, b);
  }
}

// private functions

function toPoint(value: NonNullable<Value>, high: number, low: number, carried: readonly Value[]): Point {
  return { value, high, low, carried, hash: mixed(high, low, carried.length === 0 ? value : carried.join()) };
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
