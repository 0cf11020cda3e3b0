/** count(x): how many rows have a value. */
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { grown, picked } from './growing.ts';

export class CountState implements AggregateState {
  #counts = new Float64Array(0);

  grow(slots: number): void {
    this.#counts = grown(this.#counts, slots);
  }

  update(slice: RowSlice): void {
    const { count, rows, slots } = slice;
    const { present } = slice.column;
    const counts = this.#counts;
    if (present === null) {
      if (count > 1 && slots[0] === slots[1]) this.#updateNeighbours(slots, count);
      else for (let k = 0; k < count; k++) counts[slots[k]]++;
      return;
    }
    for (let k = 0; k < count; k++) counts[slots[k]] += present[rows === null ? k : rows[k]];
  }

  updateRuns({ count, from, to, slots, column: { present } }: RunSlice): boolean {
    for (let i = 0; i < count; i++) {
      let values = to[i] - from[i];
      if (present !== null) for (let row = from[i]; row < to[i]; row++) values -= 1 - present[row];
      this.#counts[slots[i]] += values;
    }
    return true;
  }

  take(slots: Int32Array): StateData {
    return { counts: picked(this.#counts, slots) };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Float64Array;
    for (let i = 0; i < slots.length; i++) if (slots[i] >= 0) this.#counts[slots[i]] += counts[i];
  }

  reset(slot: number): void {
    this.#counts[slot] = 0;
  }

  empty(slot: number): boolean {
    return this.#counts[slot] === 0;
  }

  result(slot: number): number {
    return this.#counts[slot];
  }

  // private functions

  /** Rows of one slot that follow one another are counted together. */
  #updateNeighbours(slots: Int32Array, count: number): void {
    for (let k = 0; k < count; ) {
      const slot = slots[k];
      const from = k;
      while (++k < count && slots[k] === slot);
      this.#counts[slot] += k - from;
    }
  }
}
