/**
 * stddev(x): the sample standard deviation, from the sum and the sum of squares, each a pair of doubles (two-sum, and two-product
 * of Dekker), so that neither order nor shards change it. A single value has none. Where squares leave a double's range it is
 * infinite, as in InfluxDB; where the sum does, too, there is none.
 */
import type { Value } from '../../model/index.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { grown, picked } from './growing.ts';

/** Sums of squares beyond it are computed with scaled down: what splits a double multiplies it first. */
const SQUARES_MAX = 2 ** 900;
const SCALE = 2 ** -200;
/** 2^27 + 1: splits a double in two halves whose product is exact. */
const SPLITTER = 134217729;

export class StddevState implements AggregateState {
  #counts = new Float64Array(0);
  /** Per slot four doubles: sum, what it lost, sum of squares, what it lost. */
  #sums = new Float64Array(0);

  grow(slots: number): void {
    this.#counts = grown(this.#counts, slots);
    this.#sums = grown(this.#sums, slots * 4);
  }

  update(slice: RowSlice): void {
    const { count, rows, slots } = slice;
    const { values, present } = slice.column;
    if (count > 1 && slots[0] === slots[1]) {
      this.#updateNeighbours(slice);
      return;
    }
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (present !== null && present[row] === 0) continue;
      const x = Number(values[row]);
      const at = slots[k] * 4;
      const square = x * x;
      this.#counts[slots[k]]++;
      add(this.#sums, at, x, 0);
      add(this.#sums, at + 2, square, productError(x, x, square));
    }
  }

  take(slots: Int32Array): StateData {
    const sums = new Float64Array(slots.length * 4);
    for (let i = 0; i < slots.length; i++) sums.set(this.#sums.subarray(slots[i] * 4, slots[i] * 4 + 4), i * 4);
    return { counts: picked(this.#counts, slots), sums };
  }

  merge(data: StateData, slots: Int32Array): void {
    const { counts, sums } = data as Record<string, Float64Array>;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] < 0) continue;
      this.#counts[slots[i]] += counts[i];
      add(this.#sums, slots[i] * 4, sums[i * 4], sums[i * 4 + 1]);
      add(this.#sums, slots[i] * 4 + 2, sums[i * 4 + 2], sums[i * 4 + 3]);
    }
  }

  reset(slot: number): void {
    this.#counts[slot] = 0;
    this.#sums.fill(0, slot * 4, slot * 4 + 4);
  }

  empty(slot: number): boolean {
    return this.#counts[slot] === 0;
  }

  result(slot: number): Value {
    const n = this.#counts[slot];
    if (n < 2) return null;
    const at = slot * 4;
    const scale = this.#sums[at + 2] > SQUARES_MAX ? SCALE : 1;
    const [sum, sumLost, squares, squaresLost] = this.#sums.subarray(at, at + 4);
    if (squares === Number.POSITIVE_INFINITY) return Number.isFinite(sum) ? squares : null;
    const s = (sum + sumLost) * scale;
    const sLow = sum * scale - s + sumLost * scale;
    const squared = s * s;
    const squaredLow = productError(s, s, squared) + 2 * s * sLow;
    const mean = squared / n;
    const product = mean * n;
    const meanLow = (squared - product - productError(mean, n, product) + squaredLow) / n;
    // how a pair is split depends on the order of its parts; only their sum does not
    const q = (squares + squaresLost) * scale * scale;
    const qLow = squares * scale * scale - q + squaresLost * scale * scale;
    const difference = q - mean;
    const back = difference - q;
    const differenceLow = q - (difference - back) - (mean + back);
    const variance = (difference + (differenceLow + qLow - meanLow)) / (n - 1);
    return Number.isFinite(variance) ? Math.sqrt(Math.max(0, variance)) / scale : null;
  }

  // private functions

  /** Rows of one slot that follow one another are added up before they are put there. */
  #updateNeighbours({ count, rows, slots, column: { values, present } }: RowSlice): void {
    const sums = this.#sums;
    for (let k = 0; k < count; ) {
      const slot = slots[k];
      const at = slot * 4;
      let [sum, sumLost, squares, squaresLost] = [sums[at], sums[at + 1], sums[at + 2], sums[at + 3]];
      let added = 0;
      do {
        const row = rows === null ? k : rows[k];
        if (present !== null && present[row] === 0) continue;
        const x = Number(values[row]);
        const square = x * x;
        sumLost += lostBy(sum, x);
        sum += x;
        squaresLost += lostBy(squares, square) + productError(x, x, square);
        squares += square;
        added++;
      } while (++k < count && slots[k] === slot);
      sums[at] = sum;
      sums[at + 1] = sumLost;
      sums[at + 2] = squares;
      sums[at + 3] = squaresLost;
      this.#counts[slot] += added;
    }
  }
}

// private functions

function add(sums: Float64Array, at: number, x: number, low: number): void {
  sums[at + 1] += lostBy(sums[at], x) + low;
  sums[at] += x;
}

/** What the rounding of a + x takes away from it. */
function lostBy(a: number, x: number): number {
  const sum = a + x;
  const b = sum - a;
  return a - (sum - b) + (x - b);
}

function productError(x: number, y: number, product: number): number {
  const xs = SPLITTER * x;
  const xh = xs - (xs - x);
  const xl = x - xh;
  const ys = SPLITTER * y;
  const yh = ys - (ys - y);
  const yl = y - yh;
  return xh * yh - product + xh * yl + xl * yh + xl * yl;
}
