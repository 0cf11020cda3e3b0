/**
 * 64-bit whole numbers (int64, uint64) that doubles would round, worked on as pairs of 32-bit words, modulo 2^64.
 *
 *      word 0   mode | width << 8;  u64 base;  packed low halves (min(width, 32) bits), then packed high halves (width − 32)
 *
 *      0 FRAME   v[i] − base, base the least as signed numbers
 *      1 DELTA   v[i] − v[i − 1] − base, v[−1] = 0
 */
import { packHalves } from './packing.ts';
import { unpackWide } from './unpacking.ts';
import { takeWord, type WordReader, type WordWriter } from './words.ts';

const FRAME = 0;
const DELTA = 1;

export function encodeWide(values: BigInt64Array | BigUint64Array, n: number, into: WordWriter): void {
  if (n === 0) return;
  const signed = new BigInt64Array(values.buffer, values.byteOffset, n);
  const deltas = new BigInt64Array(n);
  let min = signed[0];
  let max = signed[0];
  let minDelta = signed[0];
  let maxDelta = signed[0];
  let previous = 0n;
  for (let i = 0; i < n; i++) {
    const v = signed[i];
    deltas[i] = v - previous;
    const d = deltas[i];
    previous = v;
    if (v < min) min = v;
    if (v > max) max = v;
    if (d < minDelta) minDelta = d;
    if (d > maxDelta) maxDelta = d;
  }
  const frameWidth = bigLength(max - min);
  const deltaWidth = bigLength(maxDelta - minDelta);
  const isDelta = deltaWidth < frameWidth;
  const base = isDelta ? minDelta : min;
  const width = isDelta ? deltaWidth : frameWidth;
  const source = isDelta ? deltas : signed;
  const packed = new BigInt64Array(n);
  for (let i = 0; i < n; i++) packed[i] = source[i] - base;
  const { low, high } = halves(packed);
  into.push((isDelta ? DELTA : FRAME) | (width << 8));
  into.push(Number(BigInt.asUintN(32, base)));
  into.push(Number(BigInt.asUintN(32, base >> 32n)));
  packHalves(low, n, Math.min(width, 32), into);
  packHalves(high, n, Math.max(width - 32, 0), into);
}

/** `out` may be of either sign: the bits are the same. */
export function decodeWide(from: WordReader, n: number, out: BigInt64Array | BigUint64Array): void {
  if (n === 0) return;
  const word = takeWord(from);
  const baseLow = takeWord(from);
  const base = (BigInt(takeWord(from)) << 32n) | BigInt(baseLow);
  unpackWide(from, n, (word >>> 8) & 0xff, base, (word & 0xff) === DELTA, out);
}

// private functions

function bigLength(span: bigint): number {
  return span === 0n ? 0 : span.toString(2).length;
}

function halves(values: BigInt64Array): { low: Uint32Array; high: Uint32Array } {
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const low = new Uint32Array(values.length);
  const high = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    low[i] = words[2 * i];
    high[i] = words[2 * i + 1];
  }
  return { low, high };
}
