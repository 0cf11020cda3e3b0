/**
 * NewestRows: of the rows of one block those that a LIMIT can need: of each series no more than the answer shows of a group, from the
 * end at which it begins. So the newest rows of many series are found without putting all of a block in order.
 */
import type { Block } from '../../../model/index.ts';

/** Of a table: what is kept of each takes memory whether it has rows or not. */
const SERIES_MAX = 65_536;

export class NewestRows {
  readonly #page: number;
  readonly #descending: boolean;
  /** By series: how many rows of the block at hand were met, and the time of the last. */
  #met = new Uint32Array(0);
  #last = new Float64Array(0);

  /** `page`: of a group, above 0. */
  constructor(page: number, descending: boolean) {
    this.#page = page;
    this.#descending = descending;
  }

  /** Narrows rows[0 … count) in place; returns the new count. Where rows of a series are in no order of time all are kept. */
  narrow({ series, offsets }: Block, rows: Uint32Array, count: number, tableSize: number): number {
    if (count <= this.#page || tableSize > SERIES_MAX) return count;
    if (this.#met.length < tableSize) {
      this.#met = new Uint32Array(tableSize);
      this.#last = new Float64Array(tableSize);
    } else this.#met.fill(0);
    const sign = this.#descending ? -1 : 1;
    const kept = new Uint32Array(count);
    let at = 0;
    for (let k = 0; k < count; k++) {
      const row = rows[this.#descending ? count - 1 - k : k];
      const number = series[row];
      const offset = offsets[row];
      if (this.#met[number]++ > 0 && (offset - this.#last[number]) * sign < 0) return count;
      this.#last[number] = offset;
      if (this.#met[number] <= this.#page) kept[at++] = row;
    }
    const narrowed = kept.subarray(0, at);
    rows.set(this.#descending ? narrowed.reverse() : narrowed);
    return at;
  }
}
