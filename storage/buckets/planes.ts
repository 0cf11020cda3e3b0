/**
 * A plane: n whole numbers of doubles, bit-packed as multiples of a step above a base. One outlier does not widen all: what lies far from
 * the others may be kept beside them as exceptions.
 *
 *      f64 base, f64 step, packed (v − base) / step with `width` bits
 *      where there are exceptions: f64 their base, u32 their width, packed positions (bits of n − 1), packed v − their base
 *
 * n, width and the number of exceptions are kept by whoever encodes. All differences must be below 2^53 (`integers.ts` sees to it).
 */
import type { Firsts } from '../kernels/unpacker.ts';
import { pack, packedWords } from './packing.ts';
import { unpack, unpackSums } from './unpacking.ts';
import { bitLength, takeDouble, takeWord, type WordReader, type WordWriter } from './words.ts';

/** Words of a plane besides its packed numbers; of exceptions likewise. */
export const PLANE_WORDS = 4;
const EXCEPTION_WORDS = 3;
/** From how many samples a plane's middle is taken. */
const SAMPLES = 9;
/** From about how many it is told whether exceptions pay; rare ones need not be among them. */
const DISTANCES = 512;
/** Exceptions are for outliers: at most one number in this many. */
const EXCEPTION_SHARE = 8;

export interface Plane {
  readonly base: number;
  /** Greatest number that is packed. */
  readonly high: number;
  readonly step: number;
  readonly width: number;
  readonly exceptions: number;
  readonly exceptionBase: number;
  readonly exceptionWidth: number;
  readonly words: number;
}

/** How a plane of these numbers is cheapest: the width that all but a few of them need, counted from around their middle. */
export function planPlane(values: Float64Array, n: number, min: number, max: number): Plane {
  const full = planWithin(values, n, min, max, min, max);
  if (full.width <= 2 || n < 32) return full;
  const middle = middleOf(values, n);
  const best = likelyBits(values, n, middle, full, bitLength(n - 1) + bitLength(max - min));
  if (best + 1 >= full.width) return full;
  const reach = full.step * 2 ** best;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (Math.abs(v - middle) >= reach) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return full;
  const patched = planWithin(values, n, low, high, min, max);
  return patched.words < full.words ? patched : full;
}

export function encodePlane(values: Float64Array, n: number, plane: Plane, into: WordWriter): void {
  const { base, high, step, width, exceptions, exceptionBase, exceptionWidth } = plane;
  into.pushDouble(base);
  into.pushDouble(step);
  const packed = new Float64Array(n);
  if (exceptions === 0) {
    if (width === 0) return;
    if (step === 1) for (let i = 0; i < n; i++) packed[i] = values[i] - base;
    else for (let i = 0; i < n; i++) packed[i] = (values[i] - base) / step;
    pack(packed, n, width, into);
    return;
  }
  const positions = new Float64Array(exceptions);
  const outliers = new Float64Array(exceptions);
  let count = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (v >= base && v <= high) packed[i] = (v - base) / step;
    else {
      positions[count] = i;
      outliers[count++] = v - exceptionBase;
    }
  }
  pack(packed, n, width, into);
  into.pushDouble(exceptionBase);
  into.push(exceptionWidth);
  pack(positions, exceptions, bitLength(n - 1), into);
  pack(outliers, exceptions, exceptionWidth, into);
}

/** Each number divided by `scale`. */
export function decodePlane(
  from: WordReader,
  n: number,
  width: number,
  exceptions: number,
  out: Float64Array,
  scale: number,
): void {
  const base = takeDouble(from);
  const step = takeDouble(from);
  unpack(from, n, width, out, { base, step, scale });
  if (exceptions === 0) return;
  const exceptionBase = takeDouble(from);
  const exceptionWidth = takeWord(from);
  const positions = new Float64Array(exceptions);
  const outliers = new Float64Array(exceptions);
  unpack(from, exceptions, bitLength(n - 1), positions);
  unpack(from, exceptions, exceptionWidth, outliers, { base: exceptionBase, step: 1, scale });
  for (let i = 0; i < exceptions; i++) out[positions[i]] = outliers[i];
}

/**
 * The running sums of a plane without exceptions that is packed in up to 32 bits, of each run from its first on; each divided by `scale`.
 */
export function decodeSums(
  from: WordReader,
  n: number,
  width: number,
  runs: Firsts,
  out: Float64Array,
  scale: number,
): void {
  const base = takeDouble(from);
  const step = takeDouble(from);
  unpackSums(from, n, width, out, { base, step, scale }, runs);
}

// private functions

/** How many bits the distances from the middle take, where exceptions pay for the rest: told from a part of the numbers. */
function likelyBits(values: Float64Array, n: number, middle: number, full: Plane, exceptionBits: number): number {
  const stride = Math.max(1, Math.floor(n / DISTANCES)) | 1;
  const counts = new Uint32Array(64);
  let sampled = 0;
  for (let i = 0; i < n; i += stride, sampled++) counts[bitLength(Math.abs(values[i] - middle) / full.step)]++;
  let best = full.width;
  let bestBits = sampled * full.width;
  for (let bits = 62, beyond = 0; bits >= 0; bits--) {
    beyond += counts[bits + 1];
    if (EXCEPTION_SHARE * beyond > sampled) break;
    const cost = sampled * (bits + 1) + beyond * exceptionBits;
    if (cost >= bestBits) continue;
    bestBits = cost;
    best = bits;
  }
  return best;
}

/** Numbers in [low, high] are packed, the others exceptions. */
function planWithin(values: Float64Array, n: number, low: number, high: number, min: number, max: number): Plane {
  let step = 0;
  let exceptions = 0;
  if (low !== high) {
    for (let i = 0; i < n; i++) {
      const v = values[i];
      if (v < low || v > high) exceptions++;
      else if (step !== 1 && v !== low) step = divisor(v - low, step);
    }
  } else if (min !== max) {
    for (let i = 0; i < n; i++) if (values[i] !== low) exceptions++;
  }
  if (step === 0) step = 1;
  const width = bitLength((high - low) / step);
  const exceptionWidth = exceptions > 0 ? bitLength(max - min) : 0;
  let words = 1 + PLANE_WORDS + packedWords(n, width);
  if (exceptions > 0) {
    words += EXCEPTION_WORDS + packedWords(exceptions, bitLength(n - 1)) + packedWords(exceptions, exceptionWidth);
  }
  return { base: low, high, step, width, exceptions, exceptionBase: min, exceptionWidth, words };
}

function divisor(a: number, b: number): number {
  if (b !== 0 && a % b === 0) return b;
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

function middleOf(values: Float64Array, n: number): number {
  const samples = new Float64Array(SAMPLES);
  for (let i = 0; i < SAMPLES; i++) samples[i] = values[Math.floor(((i + 0.5) * n) / SAMPLES)];
  return samples.sort()[SAMPLES >>> 1];
}
