/**
 * Whole numbers that doubles hold exactly (|v| ≤ 2^53): integer columns, times, scaled decimals, counts, indexes. The smallest of four modes is taken:
 *
 *      word 0   mode | width << 8 | exceptions << 16          (0xffff = more: the next word has the count)
 *
 *      0 RAW     n doubles (the numbers span 2^52 or more)
 *      1 FRAME   plane of n: v[i]
 *      2 DELTA   numbers of the firsts of each run (INTEGERS), then plane of n: v[i] − v[i − 1]; of no meaning (and cheap) at the first of a run
 *      3 RUNS    u32 k; INTEGERS of k values, INTEGERS of k lengths
 *
 *      plane     f64 base, f64 step, packed (d − base) / step with `width` bits; then, where there are exceptions, f64 their base, u32 their width,
 *                packed positions (bits of n − 1), packed d − their base.  Exceptions keep one outlier from widening all.
 *
 * Runs are given to both sides from outside (`starts`: where the rows of each series begin), n too.
 */
import { pack, packedWords, unpack } from './packing.ts';
import { bitLength, takeDouble, takeWord, type WordReader, type WordWriter } from './words.ts';

const RAW = 0;
const FRAME = 1;
const DELTA = 2;
const RUNS = 3;
/** Differences of numbers that span less than this, and their distances from each other, are exact in doubles. */
const SPAN_MAX = 2 ** 52;
const EXCEPTIONS_ESCAPE = 0xffff;
/** Words of a plane besides its numbers; of exceptions likewise. */
const PLANE_WORDS = 4;
const EXCEPTION_WORDS = 3;
/** From how many samples a plane's middle is taken. */
const SAMPLES = 9;

const NO_STARTS = new Uint32Array(1);

export function encodeIntegers(
  values: Float64Array,
  n: number,
  into: WordWriter,
  starts: Uint32Array = NO_STARTS,
): void {
  if (n === 0) return;
  let min = values[0];
  let max = values[0];
  let runs = 1;
  for (let i = 1; i < n; i++) {
    const v = values[i];
    if (v < min) min = v;
    else if (v > max) max = v;
    if (v !== values[i - 1]) runs++;
  }
  if (!(max - min < SPAN_MAX)) {
    encodeRaw(values, n, into);
    return;
  }
  const frame = planPlane(values, n, min, max);
  if (runs > 1 && 8 * runs <= n && runsWords(runs, n, max - min) < frame.words) {
    encodeRuns(values, n, runs, into);
    return;
  }
  if (frame.width > 0 || frame.exceptions > 0) {
    const deltas = differences(values, n, starts);
    const delta = planPlane(deltas.values, n, deltas.min, deltas.max);
    const firstsWords = PLANE_WORDS + 1 + packedWords(starts.length, bitLength(max - min));
    if (delta.words + firstsWords < frame.words) {
      into.push(head(DELTA, delta));
      pushCount(delta, into);
      encodeIntegers(
        Float64Array.from(starts, (s) => values[s]),
        starts.length,
        into,
      );
      encodePlane(deltas.values, n, delta, into);
      return;
    }
  }
  into.push(head(FRAME, frame));
  pushCount(frame, into);
  encodePlane(values, n, frame, into);
}

export function decodeIntegers(from: WordReader, n: number, out: Float64Array, starts: Uint32Array = NO_STARTS): void {
  if (n === 0) return;
  const word = takeWord(from);
  const width = (word >>> 8) & 0xff;
  let exceptions = word >>> 16;
  if (exceptions === EXCEPTIONS_ESCAPE) exceptions = takeWord(from);
  switch (word & 0xff) {
    case RAW:
      decodeRaw(from, n, out);
      return;
    case FRAME:
      decodePlane(from, n, width, exceptions, out);
      return;
    case DELTA: {
      const firsts = new Float64Array(starts.length);
      decodeIntegers(from, starts.length, firsts);
      decodePlane(from, n, width, exceptions, out);
      for (let run = 0; run < starts.length; run++) {
        const end = run + 1 < starts.length ? starts[run + 1] : n;
        let value = firsts[run];
        out[starts[run]] = value;
        for (let i = starts[run] + 1; i < end; i++) out[i] = value += out[i];
      }
      return;
    }
    case RUNS: {
      const count = takeWord(from);
      const values = new Float64Array(count);
      const lengths = new Float64Array(count);
      decodeIntegers(from, count, values);
      decodeIntegers(from, count, lengths);
      for (let run = 0, at = 0; run < count; at += lengths[run++]) out.fill(values[run], at, at + lengths[run]);
      return;
    }
    default:
      throw new RangeError(`integers: unknown mode ${word & 0xff}`);
  }
}

// private functions

type Plane = {
  readonly base: number;
  /** Greatest number that is packed. */
  readonly high: number;
  readonly step: number;
  readonly width: number;
  readonly exceptions: number;
  readonly exceptionBase: number;
  readonly exceptionWidth: number;
  readonly words: number;
};

function head(mode: number, plane: Plane): number {
  return (mode | (plane.width << 8) | (Math.min(plane.exceptions, EXCEPTIONS_ESCAPE) << 16)) >>> 0;
}

function pushCount(plane: Plane, into: WordWriter): void {
  if (plane.exceptions >= EXCEPTIONS_ESCAPE) into.push(plane.exceptions);
}

function encodeRaw(values: Float64Array, n: number, into: WordWriter): void {
  into.push(RAW);
  into.pushWords(new Uint32Array(values.buffer, values.byteOffset, 2 * n));
}

function decodeRaw(from: WordReader, n: number, out: Float64Array): void {
  new Uint32Array(out.buffer, out.byteOffset, 2 * n).set(from.words.subarray(from.at, from.at + 2 * n));
  from.at += 2 * n;
}

function runsWords(runs: number, n: number, span: number): number {
  return 2 * (PLANE_WORDS + 2) + packedWords(runs, bitLength(span)) + packedWords(runs, bitLength(n));
}

function encodeRuns(values: Float64Array, n: number, runs: number, into: WordWriter): void {
  const firsts = new Float64Array(runs);
  const lengths = new Float64Array(runs);
  let run = 0;
  for (let i = 0, start = 0; i < n; i++) {
    if (i + 1 < n && values[i + 1] === values[i]) continue;
    firsts[run] = values[i];
    lengths[run++] = i + 1 - start;
    start = i + 1;
  }
  into.push(RUNS);
  into.push(runs);
  encodeIntegers(firsts, runs, into);
  encodeIntegers(lengths, runs, into);
}

/** Differences to the number before; at starts that of a neighbour, so that they never cost. */
function differences(values: Float64Array, n: number, starts: Uint32Array) {
  const deltas = new Float64Array(n);
  let min = Infinity;
  let max = -Infinity;
  for (let run = 0; run < starts.length; run++) {
    const end = run + 1 < starts.length ? starts[run + 1] : n;
    for (let i = starts[run] + 1; i < end; i++) {
      const d = values[i] - values[i - 1];
      deltas[i] = d;
      if (d < min) min = d;
      if (d > max) max = d;
    }
  }
  if (min > max) min = max = 0;
  for (const start of starts) deltas[start] = min;
  return { values: deltas, min, max };
}

/** How a plane of these numbers is cheapest: the width that all but a few of them need, counted from around their middle. */
function planPlane(values: Float64Array, n: number, min: number, max: number): Plane {
  const full = planWithin(values, n, min, max, min, max);
  if (full.width <= 2 || n < 32) return full;
  const middle = middleOf(values, n);
  const counts = new Uint32Array(64);
  for (let i = 0; i < n; i++) counts[bitLength(Math.abs(values[i] - middle) / full.step)]++;
  const exceptionBits = bitLength(n - 1) + bitLength(max - min);
  let best = full.width;
  let bestBits = n * full.width;
  for (let bits = 62, beyond = 0; bits >= 0; bits--) {
    beyond += counts[bits + 1];
    if (8 * beyond > n) break;
    const cost = n * (bits + 1) + (beyond + 32) * exceptionBits;
    if (cost < bestBits) {
      bestBits = cost;
      best = bits;
    }
  }
  if (bestBits >= n * full.width) return full;
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

function encodePlane(values: Float64Array, n: number, plane: Plane, into: WordWriter): void {
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

function decodePlane(from: WordReader, n: number, width: number, exceptions: number, out: Float64Array): void {
  const base = takeDouble(from);
  const step = takeDouble(from);
  unpack(from, n, width, out, base, step);
  if (exceptions === 0) return;
  const exceptionBase = takeDouble(from);
  const exceptionWidth = takeWord(from);
  const positions = new Float64Array(exceptions);
  const outliers = new Float64Array(exceptions);
  unpack(from, exceptions, bitLength(n - 1), positions, 0, 1);
  unpack(from, exceptions, exceptionWidth, outliers, exceptionBase, 1);
  for (let i = 0; i < exceptions; i++) out[positions[i]] = outliers[i];
}
