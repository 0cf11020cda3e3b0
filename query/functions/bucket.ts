/** One column of histogram(x, b1, b2, …): how many values are above one border and not above the next. */
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { grown, picked } from './growing.ts';
import { columnValue } from './selector.ts';

export class BucketState implements AggregateState {
  readonly #above: number;
  readonly #most: number;
  #counts = new Float64Array(0);
  /** Values inside and outside of the bucket: a slot that has some is not empty, whatever the bucket holds. */
  #seen = new Float64Array(0);

  constructor(above: number, most: number) {
    this.#above = above;
    this.#most = most;
  }

  grow(slots: number): void {
    this.#counts = grown(this.#counts, slots);
    this.#seen = grown(this.#seen, slots);
  }

  update(slice: RowSlice): void {
    const { count, rows, slots, column } = slice;
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const value = columnValue(column, row) as number | bigint;
      this.#seen[slots[k]]++;
      if (value > this.#above && value <= this.#most) this.#counts[slots[k]]++;
    }
  }

  take(slots: Int32Array): StateData {
    return { counts: picked(this.#counts, slots), seen: picked(this.#seen, slots) };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Float64Array;
    const seen = data.seen as Float64Array;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] < 0) continue;
      this.#counts[slots[i]] += counts[i];
      this.#seen[slots[i]] += seen[i];
    }
  }

  reset(slot: number): void {
    this.#counts[slot] = 0;
    this.#seen[slot] = 0;
  }

  empty(slot: number): boolean {
    return this.#seen[slot] === 0;
  }

  result(slot: number): number {
    return this.#counts[slot];
  }
}
