/**
 * Times of many slots as two doubles, so that a hot loop compares nanoseconds exactly without making a bigint: a time is
 * high · 2^32 + low with 0 ≤ low < 2^32. Used by the selectors and by whatever keeps times beside values.
 */

const PART = 2 ** 32;
const PART_BITS = 32n;

export interface SplitTime {
  readonly high: number;
  readonly low: number;
}

export function splitTime(time: bigint): SplitTime {
  const high = time >> PART_BITS;
  return { high: Number(high), low: Number(time - (high << PART_BITS)) };
}

export function joinTime(high: number, low: number): bigint {
  return (BigInt(high) << PART_BITS) + BigInt(low);
}

/** The high part of base + offset; `sum` is the base's low part plus the offset, exact below 2^53. */
export function highOf(baseHigh: number, sum: number): number {
  return baseHigh + Math.floor(sum / PART);
}

export function lowOf(sum: number): number {
  return sum - Math.floor(sum / PART) * PART;
}

/** Negative where (ah, al) is earlier than (bh, bl). */
export function compareSplit(ah: number, al: number, bh: number, bl: number): number {
  return ah !== bh ? ah - bh : al - bl;
}
