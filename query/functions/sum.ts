/**
 * sum(x) and mean(x). The running sum is a pair of doubles (the sum and what its roundings lost, two-sum of Knuth), so that the
 * rounded result does not depend on the order of the rows; sums of integers are exact, and wrap at 64 bits as InfluxDB's do, also
 * those that a mean divides.
 */
import { addColumn, type FieldType, type Value } from '../../model/index.ts';
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { grown, picked } from './growing.ts';

/** Below it every integer is a double, and so is the sum of two whose sum is below it. */
const EXACT_BELOW = 2 ** 53;

export class SumState implements AggregateState {
  readonly #mean: boolean;
  readonly #type: FieldType;
  #counts = new Float64Array(0);
  #sums = new Float64Array(0);
  #lost = new Float64Array(0);

  /** `type` is the input's. */
  constructor(mean: boolean, type: FieldType) {
    this.#mean = mean;
    this.#type = type;
  }

  grow(slots: number): void {
    this.#counts = grown(this.#counts, slots);
    this.#sums = grown(this.#sums, slots);
    this.#lost = grown(this.#lost, slots);
  }

  update(slice: RowSlice): void {
    const { count, rows, slots } = slice;
    const { values, present } = slice.column;
    const counts = this.#counts;
    const sums = this.#sums;
    const lost = this.#lost;
    if (!(values instanceof Float64Array)) {
      this.#updateWide(slice);
      return;
    }
    if (count > 1 && slots[0] === slots[1]) {
      this.#updateNeighbours(slice, values);
      return;
    }
    const isWhole = this.#type !== 'float';
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (present !== null && present[row] === 0) continue;
      const slot = slots[k];
      const x = values[row];
      const a = sums[slot];
      const sum = a + x;
      sums[slot] = sum;
      counts[slot]++;
      // nothing is lost then
      if (isWhole && sum < EXACT_BELOW && sum > -EXACT_BELOW) continue;
      const b = sum - a;
      lost[slot] += a - (sum - b) + (x - b);
    }
  }

  updateRuns(runs: RunSlice): boolean {
    const { count, from, to, slots } = runs;
    if (addColumn(runs.column, runs, { sums: this.#sums, lost: this.#lost })) {
      for (let i = 0; i < count; i++) this.#counts[slots[i]] += to[i] - from[i];
      return true;
    }
    const { values, present } = runs.column;
    if (present === null || !(values instanceof Float64Array)) return false;
    for (let i = 0; i < count; i++) {
      for (let row = from[i]; row < to[i]; row++) if (present[row] === 1) this.#add(slots[i], values[row]);
    }
    return true;
  }

  take(slots: Int32Array): StateData {
    return { counts: picked(this.#counts, slots), sums: picked(this.#sums, slots), lost: picked(this.#lost, slots) };
  }

  merge(data: StateData, slots: Int32Array): void {
    const { counts, sums, lost } = data as Record<string, Float64Array>;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] < 0 || counts[i] === 0) continue;
      this.#counts[slots[i]] += counts[i] - 1;
      this.#add(slots[i], sums[i]);
      this.#lost[slots[i]] += lost[i];
    }
  }

  reset(slot: number): void {
    this.#counts[slot] = 0;
    this.#sums[slot] = 0;
    this.#lost[slot] = 0;
  }

  empty(slot: number): boolean {
    return this.#counts[slot] === 0;
  }

  result(slot: number): Value {
    if (this.#counts[slot] === 0) return null;
    const sum = this.#sums[slot];
    const rounded = Number.isFinite(sum) ? sum + this.#lost[slot] : sum;
    const plain = this.#type === 'float' || Number.isSafeInteger(rounded);
    if (this.#mean) return (plain ? rounded : Number(this.#wrapped(slot))) / this.#counts[slot];
    return plain ? rounded : this.#wrapped(slot);
  }

  // private functions

  /** The exact sum of integers at 64 bits. */
  #wrapped(slot: number): bigint {
    const exact = BigInt(this.#sums[slot]) + BigInt(this.#lost[slot]);
    return this.#type === 'unsigned' ? BigInt.asUintN(64, exact) : BigInt.asIntN(64, exact);
  }

  #add(slot: number, x: number): void {
    const a = this.#sums[slot];
    const sum = a + x;
    const b = sum - a;
    this.#sums[slot] = sum;
    this.#lost[slot] += a - (sum - b) + (x - b);
    this.#counts[slot]++;
  }

  /** As `update` where rows of one slot mostly follow one another: its sum stays out of the arrays while they do. */
  #updateNeighbours({ count, rows, slots, column: { present } }: RowSlice, values: Float64Array): void {
    for (let k = 0; k < count; ) {
      const slot = slots[k];
      let sum = this.#sums[slot];
      let lost = this.#lost[slot];
      let added = 0;
      do {
        const row = rows === null ? k : rows[k];
        if (present !== null && present[row] === 0) continue;
        const x = values[row];
        const a = sum;
        sum = a + x;
        const b = sum - a;
        lost += a - (sum - b) + (x - b);
        added++;
      } while (++k < count && slots[k] === slot);
      this.#sums[slot] = sum;
      this.#lost[slot] = lost;
      this.#counts[slot] += added;
    }
  }

  /** 64-bit integers: each is the double nearest to it and the rest. */
  #updateWide(slice: RowSlice): void {
    const { count, rows, slots } = slice;
    const { present } = slice.column;
    const values = slice.column.values as BigInt64Array | BigUint64Array;
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (present !== null && present[row] === 0) continue;
      const near = Number(values[row]);
      this.#add(slots[k], near);
      this.#lost[slots[k]] += Number(values[row] - BigInt(near));
    }
  }
}
