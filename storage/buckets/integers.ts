/**
 * Whole numbers that doubles hold exactly (|v| ≤ 2^53): integer columns, times, scaled decimals, counts, indexes. The smallest of four
 * modes is taken:
 *
 *      word 0   mode | width << 8 | exceptions << 16          (0xffff = more: the next word has the count)
 *
 *      0 RAW     n doubles (the numbers span 2^52 or more)
 *      1 FRAME   plane of n: v[i]
 *      2 DELTA   numbers of the firsts of each run (INTEGERS), then plane of n: v[i] − v[i − 1]; of no meaning (and cheap) at the first of a run
 *      3 RUNS    u32 k; INTEGERS of k values, INTEGERS of k lengths
 *
 * Planes: `planes.ts`. Runs are given to both sides from outside (`starts`: where the rows of each series begin), n too.
 */
import { packedWords } from './packing.ts';
import { decodePlane, decodeSums, encodePlane, PLANE_WORDS, type Plane, planPlane } from './planes.ts';
import { bitLength, takeDouble, takeWord, type WordReader, type WordWriter } from './words.ts';

const RAW = 0;
const FRAME = 1;
const DELTA = 2;
const RUNS = 3;
/** Differences of numbers that span less than this, and their distances from each other, are exact in doubles. */
const SPAN_MAX = 2 ** 52;
const EXCEPTIONS_ESCAPE = 0xffff;
const NO_STARTS = new Uint32Array(1);
/** Of so many runs the firsts are decoded into the same array again, by their number. */
const KEPT_FIRSTS_MAX = 64;
const FIRSTS: (Float64Array | undefined)[] = [];

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

/** Each number divided by `scale`: decimals come out of the same pass. */
export function decodeIntegers(
  from: WordReader,
  n: number,
  out: Float64Array,
  starts: Uint32Array = NO_STARTS,
  scale = 1,
): void {
  if (n === 0) return;
  const word = takeWord(from);
  const width = (word >>> 8) & 0xff;
  let exceptions = word >>> 16;
  if (exceptions === EXCEPTIONS_ESCAPE) exceptions = takeWord(from);
  switch (word & 0xff) {
    case RAW:
      decodeRaw(from, n, out);
      divide(out, n, scale);
      return;
    case FRAME:
      decodePlane(from, n, width, exceptions, out, scale);
      return;
    case DELTA: {
      const firsts = roomForFirsts(starts.length);
      decodeIntegers(from, starts.length, firsts);
      if (exceptions === 0 && width <= 32) {
        decodeSums(from, n, width, { starts, firsts }, out, scale);
        return;
      }
      decodePlane(from, n, width, exceptions, out, 1);
      for (let run = 0; run < starts.length; run++) {
        const end = run + 1 < starts.length ? starts[run + 1] : n;
        let value = firsts[run];
        out[starts[run]] = value;
        for (let i = starts[run] + 1; i < end; i++) out[i] = value += out[i];
      }
      divide(out, n, scale);
      return;
    }
    case RUNS: {
      const count = takeWord(from);
      const values = new Float64Array(count);
      const lengths = new Float64Array(count);
      decodeIntegers(from, count, values, NO_STARTS, scale);
      decodeIntegers(from, count, lengths);
      for (let run = 0, at = 0; run < count; at += lengths[run++]) out.fill(values[run], at, at + lengths[run]);
      return;
    }
    default:
      throw new RangeError(`integers: unknown mode ${word & 0xff}`);
  }
}

/** A plane as it is stored, which may be read where it is: numbers, or of DELTA differences (`firsts` is not null). */
export interface StoredPlane {
  readonly base: number;
  readonly step: number;
  readonly width: number;
  /** Where its packed numbers begin. */
  readonly at: number;
  /** Of each run. */
  readonly firsts: Float64Array | null;
}

/** Of what `encodeIntegers` wrote; null where it is more than one plane without exceptions of up to 32 bits. */
export function storedPlane(from: WordReader, n: number, starts: Uint32Array): StoredPlane | null {
  const word = takeWord(from);
  const mode = word & 0xff;
  const width = (word >>> 8) & 0xff;
  if ((mode !== FRAME && mode !== DELTA) || word >>> 16 !== 0 || width > 32 || n === 0) return null;
  let firsts: Float64Array | null = null;
  if (mode === DELTA) {
    firsts = new Float64Array(starts.length);
    decodeIntegers(from, starts.length, firsts);
  }
  return { base: takeDouble(from), step: takeDouble(from), width, at: from.at, firsts };
}

// private functions

/**
 * Whatever stands there. Firsts of firsts are one number, and that has none of its own: no two that are decoded at the same time are as
 * many.
 */
function roomForFirsts(count: number): Float64Array {
  if (count > KEPT_FIRSTS_MAX) return new Float64Array(count);
  let room = FIRSTS[count];
  if (room === undefined) {
    room = new Float64Array(count);
    FIRSTS[count] = room;
  }
  return room;
}

function divide(out: Float64Array, n: number, scale: number): void {
  if (scale !== 1) for (let i = 0; i < n; i++) out[i] /= scale;
}

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
