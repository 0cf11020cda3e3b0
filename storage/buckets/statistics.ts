/**
 * What a footer says of the values of one field in one chunk: a record of STATISTICS_BYTES beside the block's place.
 *
 *      0  u32  values                  4  u32  flags: 1 = least, greatest · 2 = sum · 4 = first, last
 *      8  8 bytes  least              16  8 bytes  greatest
 *     24  8 bytes  sum                32  f64  what the sum of floats has lost by rounding
 *     40  f64  offset of the first    48  8 bytes  first
 *     56  f64  offset of the last     64  8 bytes  last
 *
 * Eight bytes are i64 for integers, u64 for unsigned, f64 for floats and booleans. Strings have only their count. First and last are there
 * for chunks of one series only.
 */
import { type Column, type FieldType, INT64_MAX, INT64_MIN, UINT64_MAX } from '../../model/index.ts';
import type { FieldStatistics } from './types.ts';

export const STATISTICS_BYTES = 72;
const HAS_RANGE = 1;
const HAS_SUM = 2;
const HAS_ENDS = 4;

/** Of rows [from, to) of a column, of which `count` ≥ 1 have a value. */
export function writeStatistics(
  view: DataView,
  at: number,
  column: Column,
  from: number,
  to: number,
  offsets: Float64Array,
  hasEnds: boolean,
): void {
  const { present, type } = column;
  let count = 0;
  let first = -1;
  let last = -1;
  for (let i = from; i < to; i++) {
    if (present !== null && present[i] === 0) continue;
    if (first < 0) first = i;
    last = i;
    count++;
  }
  let flags = 0;
  if (type !== 'string' && hasEnds) {
    flags |= HAS_ENDS;
    view.setFloat64(at + 40, offsets[first], true);
    setValue(view, at + 48, type, column.values[first]);
    view.setFloat64(at + 56, offsets[last], true);
    setValue(view, at + 64, type, column.values[last]);
  }
  if (type !== 'string' && type !== 'boolean') {
    const { min, max, sum, rest } = type === 'float' ? floatTotals(column, from, to) : wholeTotals(column, from, to);
    flags |= HAS_RANGE;
    setValue(view, at + 8, type, min);
    setValue(view, at + 16, type, max);
    if (sum !== null) {
      flags |= HAS_SUM;
      setValue(view, at + 24, type, sum);
      view.setFloat64(at + 32, rest, true);
    }
  }
  view.setUint32(at, count, true);
  view.setUint32(at + 4, flags, true);
}

export function readStatistics(view: DataView, at: number, type: FieldType): FieldStatistics {
  const flags = view.getUint32(at + 4, true);
  const hasRange = (flags & HAS_RANGE) !== 0;
  const hasEnds = (flags & HAS_ENDS) !== 0;
  return {
    type,
    count: view.getUint32(at, true),
    min: hasRange ? getValue(view, at + 8, type) : null,
    max: hasRange ? getValue(view, at + 16, type) : null,
    sum: (flags & HAS_SUM) !== 0 ? getValue(view, at + 24, type) : null,
    sumRest: view.getFloat64(at + 32, true),
    first: hasEnds ? { offset: view.getFloat64(at + 40, true), value: getValue(view, at + 48, type) } : null,
    last: hasEnds ? { offset: view.getFloat64(at + 56, true), value: getValue(view, at + 64, type) } : null,
  };
}

// private functions

type Totals = {
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly sum: number | bigint | null;
  readonly rest: number;
};

/** Sum by two-sum (Knuth): the rounding errors are added up beside it. */
function floatTotals(column: Column, from: number, to: number): Totals {
  const { present } = column;
  const values = column.values as Float64Array;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let rest = 0;
  for (let i = from; i < to; i++) {
    if (present !== null && present[i] === 0) continue;
    const v = values[i];
    if (v < min) min = v;
    if (v > max) max = v;
    const next = sum + v;
    const part = next - sum;
    rest += sum - (next - part) + (v - part);
    sum = next;
  }
  return { min, max, sum, rest: Number.isFinite(rest) ? rest : 0 };
}

function wholeTotals(column: Column, from: number, to: number): Totals {
  const { present, type } = column;
  const values = column.values as Float64Array | BigInt64Array;
  let min: number | bigint | null = null;
  let max: number | bigint | null = null;
  /** Sum = big + small. */
  let big = 0n;
  let small = 0;
  for (let i = from; i < to; i++) {
    if (present !== null && present[i] === 0) continue;
    const v: number | bigint = values[i];
    if (min === null || v < min) min = v;
    if (max === null || v > max) max = v;
    if (typeof v === 'bigint') big += v;
    else if (Math.abs(small + v) <= Number.MAX_SAFE_INTEGER) small += v;
    else {
      big += BigInt(small) + BigInt(v);
      small = 0;
    }
  }
  const sum = big + BigInt(small);
  const fits = type === 'unsigned' ? sum <= UINT64_MAX : sum >= INT64_MIN && sum <= INT64_MAX;
  return { min: min!, max: max!, sum: fits ? sum : null, rest: 0 };
}

function setValue(view: DataView, at: number, type: FieldType, value: number | bigint): void {
  if (type === 'integer') view.setBigInt64(at, BigInt(value), true);
  else if (type === 'unsigned') view.setBigUint64(at, BigInt(value), true);
  else view.setFloat64(at, Number(value), true);
}

function getValue(view: DataView, at: number, type: FieldType): number | bigint {
  if (type !== 'integer' && type !== 'unsigned') return view.getFloat64(at, true);
  const value = type === 'integer' ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
  const double = Number(value);
  return Number.isSafeInteger(double) ? double : value;
}
