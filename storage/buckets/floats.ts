/**
 * Doubles, losslessly (−0 and infinities too; NaN comes back as some NaN).
 *
 *      word 0   mode | exponent << 8 | exceptions << 16
 *
 *      0 DECIMAL   v = i / 10^exponent: INTEGERS i; then packed positions (bits of n − 1) and two words each for the exceptions
 *      1 XOR       each value's bits xor those before: u32 leading | trailing << 8 zero bits common to all; packed low and high halves of what is between
 *      2 BYTES     the same xors byte by byte: plane of all lowest bytes, …, of all highest; u32 compressed bytes, zstd
 */
import type { Compression } from '../../model/index.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import { pack, packedWords, packHalves } from './packing.ts';
import { joinBytePlanes, unpack, unpackXors } from './unpacking.ts';
import { bitLength, takeBytes, takeWord, type WordReader, type WordWriter } from './words.ts';

const DECIMAL = 0;
const XOR = 1;
const BYTES = 2;
/** 10^15 is the greatest scale with which doubles of a few digits before the point stay below 2^53. */
const EXPONENT_MAX = 15;
const SCALES = Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) => 10 ** exponent);
const SAMPLES = 64;
/** More exceptions than one value in this many: not decimals. */
const EXCEPTION_SHARE = 16;
/** zstd is slower to read: it must save this share. */
const BYTES_GAIN = 0.85;

export function encodeFloats(
  values: Float64Array,
  n: number,
  into: WordWriter,
  starts: Uint32Array,
  compression: Compression,
): void {
  if (n === 0) return;
  const exponent = decimalExponent(values, n);
  if (exponent === null || !encodeDecimals(values, n, exponent, into, starts)) encodeXor(values, n, into, compression);
}

export function decodeFloats(
  from: WordReader,
  n: number,
  out: Float64Array,
  starts: Uint32Array,
  compression: Compression,
): void {
  if (n === 0) return;
  const word = takeWord(from);
  switch (word & 0xff) {
    case DECIMAL:
      decodeDecimals(from, n, out, starts, (word >>> 8) & 0xff, word >>> 16);
      return;
    case XOR:
      decodeXor(from, n, out);
      return;
    case BYTES:
      decodeBytes(from, n, out, compression);
      return;
    default:
      throw new RangeError(`floats: unknown mode ${word & 0xff}`);
  }
}

/** Of the first word of such a block, what its INTEGERS are divided by; null where they are not all, or are others. */
export function decimalScale(word: number): number | null {
  return (word & 0xff) === DECIMAL && word >>> 16 === 0 ? SCALES[(word >>> 8) & 0xff] : null;
}

// private functions

/** The least exponent that fits most of some samples; null where none does. */
function decimalExponent(values: Float64Array, n: number): number | null {
  const samples = Math.min(n, SAMPLES);
  for (let exponent = 0; exponent <= EXPONENT_MAX; exponent++) {
    const scale = 10 ** exponent;
    let misses = 0;
    for (let s = 0; s < samples; s++) if (!isDecimal(values[Math.floor((s * n) / samples)], scale)) misses++;
    if (misses * EXCEPTION_SHARE <= samples) return exponent;
  }
  return null;
}

function isDecimal(value: number, scale: number): boolean {
  const whole = Math.round(value * scale);
  return Math.abs(whole) <= Number.MAX_SAFE_INTEGER && whole / scale === value && (value !== 0 || 1 / value > 0);
}

/** False, with nothing written, where too many values are no such decimals. */
function encodeDecimals(
  values: Float64Array,
  n: number,
  exponent: number,
  into: WordWriter,
  starts: Uint32Array,
): boolean {
  const scale = 10 ** exponent;
  const wholes = new Float64Array(n);
  const exceptions: number[] = [];
  const most = Math.min(n / EXCEPTION_SHARE, 0xffff);
  let previous = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (isDecimal(v, scale)) previous = Math.round(v * scale);
    else if (exceptions.push(i) > most) return false;
    wholes[i] = previous;
  }
  if (exceptions[0] === 0) fillBefore(wholes, exceptions);
  into.push((DECIMAL | (exponent << 8) | (exceptions.length << 16)) >>> 0);
  encodeIntegers(wholes, n, into, starts);
  if (exceptions.length === 0) return true;
  pack(Float64Array.from(exceptions), exceptions.length, bitLength(n - 1), into);
  for (const i of exceptions) into.pushDouble(values[i]);
  return true;
}

/** Exceptions at the very beginning have no value before them: they take the one after. */
function fillBefore(wholes: Float64Array, exceptions: readonly number[]): void {
  let leading = 0;
  while (exceptions[leading] === leading) leading++;
  wholes.fill(wholes[leading], 0, leading);
}

function decodeDecimals(
  from: WordReader,
  n: number,
  out: Float64Array,
  starts: Uint32Array,
  exponent: number,
  exceptions: number,
): void {
  decodeIntegers(from, n, out, starts, SCALES[exponent]);
  if (exceptions === 0) return;
  const positions = new Float64Array(exceptions);
  unpack(from, exceptions, bitLength(n - 1), positions);
  const words = new Uint32Array(out.buffer, out.byteOffset, 2 * n);
  for (let i = 0; i < exceptions; i++) {
    words[2 * positions[i]] = takeWord(from);
    words[2 * positions[i] + 1] = takeWord(from);
  }
}

function encodeXor(values: Float64Array, n: number, into: WordWriter, compression: Compression): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * n);
  const low = new Uint32Array(n);
  const high = new Uint32Array(n);
  let lowUnion = 0;
  let highUnion = 0;
  for (let i = 0; i < n; i++) {
    low[i] = words[2 * i] ^ (i === 0 ? 0 : words[2 * i - 2]);
    high[i] = words[2 * i + 1] ^ (i === 0 ? 0 : words[2 * i - 1]);
    lowUnion |= low[i];
    highUnion |= high[i];
  }
  const leading = highUnion === 0 ? 32 + Math.clz32(lowUnion) : Math.clz32(highUnion);
  const trailing = lowUnion === 0 ? Math.min(64 - leading, 32 + lowZeros(highUnion)) : lowZeros(lowUnion);
  const width = 64 - leading - trailing;
  const squeezed = compression.compress(bytePlanes(low, high));
  if (squeezed.length / 4 < BYTES_GAIN * packedWords(n, width)) {
    into.push(BYTES);
    into.push(squeezed.length);
    into.pushBytes(squeezed);
    return;
  }
  into.push(XOR);
  into.push(leading | (trailing << 8));
  for (let i = 0; i < n; i++) {
    const l = low[i];
    const h = high[i];
    low[i] = trailing >= 32 ? h >>> (trailing - 32) : trailing === 0 ? l : (l >>> trailing) | (h << (32 - trailing));
    high[i] = trailing >= 32 ? 0 : h >>> trailing;
  }
  packHalves(low, n, Math.min(width, 32), into);
  packHalves(high, n, Math.max(width - 32, 0), into);
}

function decodeXor(from: WordReader, n: number, out: Float64Array): void {
  const zeros = takeWord(from);
  const trailing = zeros >>> 8;
  const width = 64 - (zeros & 0xff) - trailing;
  unpackXors(from, n, width, trailing, out);
}

function bytePlanes(low: Uint32Array, high: Uint32Array): Uint8Array {
  const n = low.length;
  const planes = new Uint8Array(8 * n);
  for (let plane = 0; plane < 8; plane++) {
    const half = plane < 4 ? low : high;
    const shift = 8 * (plane & 3);
    for (let i = 0; i < n; i++) planes[plane * n + i] = half[i] >>> shift;
  }
  return planes;
}

function decodeBytes(from: WordReader, n: number, out: Float64Array, compression: Compression): void {
  joinBytePlanes(compression.decompress(takeBytes(from, takeWord(from)), 8 * n), n, out);
}

/** Zero bits at the low end of a word that is not 0. */
function lowZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
