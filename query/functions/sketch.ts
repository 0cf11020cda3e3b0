/**
 * percentile_approx(x, p[, accuracy]) and count_distinct_approx(x): what would need all values, from tables that stay small and merge
 * without loss: the answer is the same however the rows are spread.
 *
 * percentile_approx is a DDSketch (Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error
 * guarantees, VLDB 2019): values are counted in buckets whose borders grow by (1 + a) / (1 − a), so a percentile is off by no more than
 * the share a of itself, 0.01 where nothing is said.
 *
 * count_distinct_approx is a HyperLogLog with 64 bits of hash and 2^14 registers, sparse while few are used, as in HyperLogLog++
 * (Heule, Nunkesser, Hall 2013); its estimate is Ertl's (New cardinality estimation algorithms for HyperLogLog sketches, 2017), which
 * needs no tables of corrections. The standard error is 0.8 %.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { columnValue } from './selector.ts';

/** Entries of tables that one query may hold on one thread: some 200 MB. */
const ENTRIES_MAX = 4_000_000;
export const ACCURACY = 0.01;
/** Keeps keys of buckets, which may be negative, apart from the sign of values. */
const KEY_OFFSET = 2 ** 30;
/** What is nearer to 0 counts as 0. */
const LEAST = 1e-300;
const REGISTERS_BITS = 14;
const REGISTERS = 2 ** REGISTERS_BITS;
/** Bits of the hash that ranks are of. */
const RANK_BITS = 32;

/** What a table means: the entry of a value, how two numbers at one entry become one, and what is read from it in the end. */
interface Sketch {
  readonly name: string;
  key(value: NonNullable<Value>): number;
  joined(a: number, b: number): number;
  result(table: ReadonlyMap<number, number>): number | null;
  /** Of the value whose key was asked last. */
  rank(): number;
}

export class SketchState implements AggregateState {
  readonly #sketch: Sketch;
  readonly #slots: (Map<number, number> | undefined)[] = [];
  #entries = 0;

  /** `percentile` null = count of distinct values. */
  constructor(percentile: number | null, accuracy: number) {
    this.#sketch = percentile === null ? distinctSketch() : percentileSketch(percentile, accuracy);
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    const { count, rows, slots, column } = slice;
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const key = this.#sketch.key(columnValue(column, row));
      this.#join(slots[k], key, this.#sketch.rank());
    }
  }

  take(slots: Int32Array): StateData {
    const counts = new Uint32Array(slots.length);
    const entries: number[] = [];
    for (let i = 0; i < slots.length; i++) {
      const table = this.#slots[slots[i]];
      if (table === undefined) continue;
      counts[i] = table.size;
      for (const [key, value] of table) entries.push(key, value);
    }
    return { counts, entries: Float64Array.from(entries) };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const entries = data.entries as Float64Array;
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      for (const end = at + counts[i] * 2; at < end; at += 2) {
        if (slots[i] >= 0) this.#join(slots[i], entries[at], entries[at + 1]);
      }
    }
  }

  reset(slot: number): void {
    this.#entries -= this.#slots[slot]?.size ?? 0;
    this.#slots[slot] = undefined;
  }

  empty(slot: number): boolean {
    return this.#slots[slot] === undefined;
  }

  result(slot: number): Value {
    const table = this.#slots[slot];
    return table === undefined ? null : this.#sketch.result(table);
  }

  // private functions

  #join(slot: number, key: number, value: number): void {
    const table = (this.#slots[slot] ??= new Map());
    const known = table.get(key);
    if (known === undefined && ++this.#entries > ENTRIES_MAX) {
      throw new QueryError('invalid', `${this.#sketch.name}() over more than ${ENTRIES_MAX} entries of its tables`);
    }
    table.set(key, known === undefined ? value : this.#sketch.joined(known, value));
  }
}

// private functions

function percentileSketch(percentile: number, accuracy: number): Sketch {
  const growth = (1 + accuracy) / (1 - accuracy);
  const scale = 1 / Math.log(growth);
  return {
    name: 'percentile_approx',
    key(value) {
      const x = Number(value);
      if (Math.abs(x) < LEAST) return 0;
      const bucket = Math.ceil(Math.log(Math.abs(x)) * scale) + KEY_OFFSET;
      return x > 0 ? bucket : -bucket;
    },
    rank: () => 1,
    joined: (a, b) => a + b,
    result(table) {
      const keys = [...table.keys()].sort((a, b) => a - b);
      let left = 0;
      for (const count of table.values()) left += count;
      left = (percentile / 100) * (left - 1);
      for (const key of keys) {
        left -= table.get(key)!;
        if (left >= 0 && key !== keys.at(-1)) continue;
        if (key === 0) return 0;
        const size = (2 * growth ** (Math.abs(key) - KEY_OFFSET)) / (growth + 1);
        return key > 0 ? size : -size;
      }
      return null;
    },
  };
}

function distinctSketch(): Sketch {
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  let rank = 0;
  return {
    name: 'count_distinct_approx',
    key(value) {
      let a = 0x2545f491;
      let b = 0x9e3779b9;
      const mix = (word: number): void => {
        a = Math.imul(a ^ word, 0xcc9e2d51);
        a = (a << 15) | (a >>> 17);
        b = Math.imul(b ^ word ^ (a >>> 7), 0x1b873593);
        b = (b << 13) | (b >>> 19);
      };
      if (typeof value === 'number') {
        double[0] = value + 0;
        mix(words[0]);
        mix(words[1]);
      } else {
        const text = String(value);
        for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i));
      }
      a = finished(a ^ b);
      b = finished(b + a);
      rank = Math.clz32(b) + 1;
      return a >>> (32 - REGISTERS_BITS);
    },
    rank: () => rank,
    joined: Math.max,
    result: (table) => Math.round(estimated(table)),
  };
}

/** The finalizer of MurmurHash3. */
function finished(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Ertl's improved estimator, over how many registers have each rank. */
function estimated(table: ReadonlyMap<number, number>): number {
  const ranks = new Float64Array(RANK_BITS + 2);
  for (const rank of table.values()) ranks[rank]++;
  ranks[0] = REGISTERS - table.size;
  let z = REGISTERS * upper(1 - ranks[RANK_BITS + 1] / REGISTERS);
  for (let k = RANK_BITS; k >= 1; k--) z = 0.5 * (z + ranks[k]);
  z += REGISTERS * lower(ranks[0] / REGISTERS);
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z);
}

function lower(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let y = 1;
  let z = x;
  for (let before = -1; z !== before; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function upper(x: number): number {
  if (x === 0 || x === 1) return 0;
  let y = 1;
  let z = 1 - x;
  for (let before = -1; z !== before; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
