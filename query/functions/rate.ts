/**
 * rate(x[, unit]): how fast a counter rises, per unit of time, between the first and the last of its points in a slot. A value below the
 * one before means that the counter began again at 0. Which rise belongs to which point is known only once all points are there in
 * order, so they are kept; of points of one time the greatest counts. Counters that differ in tags are told apart by GROUP BY.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { columnValue } from './selector.ts';
import { highOf, lowOf, splitTime } from './slot-time.ts';

/** Points that one query may hold on one thread: 240 MB. */
const POINTS_MAX = 10_000_000;
const PART = 2 ** 32;
/** Numbers kept per point: time in two parts, value. */
const WIDTH = 3;

export class RateState implements AggregateState {
  readonly #unit: number;
  readonly #slots: (number[] | undefined)[] = [];
  #kept = 0;

  /** `unit` in ns. */
  constructor(unit: number) {
    this.#unit = unit;
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    const { count, rows, slots, offsets, column } = slice;
    const base = splitTime(slice.base);
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const sum = base.low + offsets[row];
      this.#keep(slots[k], highOf(base.high, sum), lowOf(sum), Number(columnValue(column, row)));
    }
  }

  take(slots: Int32Array): StateData {
    const counts = new Uint32Array(slots.length);
    const points: number[] = [];
    for (let i = 0; i < slots.length; i++) {
      const kept = this.#slots[slots[i]] ?? [];
      counts[i] = kept.length;
      for (const number of kept) points.push(number);
    }
    return { counts, points: Float64Array.from(points) };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const points = data.points as Float64Array;
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      for (const end = at + counts[i]; at < end; at += WIDTH) {
        if (slots[i] >= 0) this.#keep(slots[i], points[at], points[at + 1], points[at + 2]);
      }
    }
  }

  reset(slot: number): void {
    this.#kept -= (this.#slots[slot]?.length ?? 0) / WIDTH;
    this.#slots[slot] = undefined;
  }

  empty(slot: number): boolean {
    return this.#slots[slot] === undefined;
  }

  result(slot: number): Value {
    const p = this.#slots[slot];
    if (p === undefined) return null;
    const order = Array.from({ length: p.length / WIDTH }, (_, i) => i * WIDTH);
    order.sort((a, b) => p[a] - p[b] || p[a + 1] - p[b + 1] || p[b + 2] - p[a + 2]);
    const first = order[0];
    let last = first;
    let rise = 0;
    for (const at of order) {
      if (p[at] === p[last] && p[at + 1] === p[last + 1]) continue;
      rise += p[at + 2] < p[last + 2] ? p[at + 2] : p[at + 2] - p[last + 2];
      last = at;
    }
    if (last === first) return null;
    const ns = (p[last] - p[first]) * PART + (p[last + 1] - p[first + 1]);
    const rate = rise / (ns / this.#unit);
    return Number.isFinite(rate) ? rate : null;
  }

  // private functions

  #keep(slot: number, high: number, low: number, value: number): void {
    (this.#slots[slot] ??= []).push(high, low, value);
    if (++this.#kept <= POINTS_MAX) return;
    throw new QueryError('invalid', `rate() over more than ${POINTS_MAX} points: narrow the time range`);
  }
}
