/**
 * The unpacker in plain TypeScript: the reference of the kernels, and what decodes small blocks, rare shapes, and all where there is no
 * WebAssembly.
 */
import { packedWords } from '../buckets/packing.ts';
import type { Firsts, Line, Range, Unpacker, Wide } from './unpacker.ts';

const TWO_32 = 4294967296;

export const PLAIN: Unpacker = { numbers, sums, weigh, hasQuotients: true, quotients, xors, wide, bytePlanes };

// private functions

function numbers(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line): void {
  const { base, step, scale } = line;
  if (width === 0) {
    out.fill(base, 0, n);
  } else if (width <= 32) {
    unpackPlane(words, at, n, width, out, base, step);
  } else {
    const high = new Float64Array(n);
    unpackPlane(words, at, n, 32, out, 0, 1);
    unpackPlane(words, at + packedWords(n, 32), n, width - 32, high, 0, TWO_32);
    for (let i = 0; i < n; i++) out[i] = base + step * (high[i] + out[i]);
  }
  divide(out, n, scale);
}

function sums(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  out: Float64Array,
  line: Line,
  { starts, firsts }: Firsts,
): void {
  const { base, step, scale } = line;
  numbers(words, at, n, width, out, { base, step, scale: 1 });
  for (let run = 0; run < starts.length; run++) {
    const end = run + 1 < starts.length ? starts[run + 1] : n;
    let sum = firsts[run];
    out[starts[run]] = sum;
    for (let i = starts[run] + 1; i < end; i++) out[i] = sum += out[i];
  }
  divide(out, n, scale);
}

function weigh(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  from: number,
  to: number,
  out: Float64Array,
): void {
  const unpacked = new Float64Array(n);
  numbers(words, at, n, width, unpacked, { base: 0, step: 1, scale: 1 });
  out[0] = 0;
  out[1] = 0;
  for (let i = from; i < to; i++) {
    out[0] += unpacked[i];
    out[1] += unpacked[i] * (to - i);
  }
}

function quotients(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  { from, to }: Range,
  { base, scale }: Line,
  before: number | null,
  out: Float64Array,
): void {
  const unpacked = new Float64Array(n);
  numbers(words, at, n, width, unpacked, { base, step: 1, scale: 1 });
  let last = before ?? 0;
  out[0] = 0;
  out[1] = 0;
  for (let i = from; i < to; i++) {
    last = before === null ? unpacked[i] : last + unpacked[i];
    const a = out[0];
    const x = last / scale;
    const sum = a + x;
    const b = sum - a;
    out[0] = sum;
    out[1] += a - (sum - b) + (x - b);
  }
  out[2] = last;
}

function xors(words: Uint32Array, at: number, n: number, width: number, shift: number, out: Float64Array): void {
  const pairs = new Uint32Array(out.buffer, out.byteOffset, 2 * n);
  unpackHalves(words, at, n, width, pairs);
  let low = 0;
  let high = 0;
  for (let i = 0; i < 2 * n; i += 2) {
    const l = pairs[i];
    const h = pairs[i + 1];
    if (shift >= 32) high ^= l << (shift - 32);
    else if (shift > 0) {
      low ^= l << shift;
      high ^= (h << shift) | (l >>> (32 - shift));
    } else {
      low ^= l;
      high ^= h;
    }
    pairs[i] = low;
    pairs[i + 1] = high;
  }
}

function wide(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  base: bigint,
  isDelta: boolean,
  out: Wide,
): void {
  const pairs = new Uint32Array(out.buffer, out.byteOffset, 2 * n);
  unpackHalves(words, at, n, width, pairs);
  const baseLow = Number(BigInt.asUintN(32, base));
  const baseHigh = Number(BigInt.asUintN(32, base >> 32n));
  let low = 0;
  let high = 0;
  for (let i = 0; i < 2 * n; i += 2) {
    const sumLow = pairs[i] + baseLow + low;
    const sumHigh = pairs[i + 1] + baseHigh + high + Math.floor(sumLow / TWO_32);
    pairs[i] = sumLow;
    pairs[i + 1] = sumHigh;
    if (!isDelta) continue;
    low = pairs[i];
    high = pairs[i + 1];
  }
}

function bytePlanes(planes: Uint8Array, n: number, out: Float64Array): void {
  const pairs = new Uint32Array(out.buffer, out.byteOffset, 2 * n);
  let l = 0;
  let h = 0;
  for (let i = 0; i < n; i++) {
    l ^= planes[i] | (planes[n + i] << 8) | (planes[2 * n + i] << 16) | (planes[3 * n + i] << 24);
    h ^= planes[4 * n + i] | (planes[5 * n + i] << 8) | (planes[6 * n + i] << 16) | (planes[7 * n + i] << 24);
    pairs[2 * i] = l;
    pairs[2 * i + 1] = h;
  }
}

function divide(out: Float64Array, n: number, scale: number): void {
  if (scale !== 1) for (let i = 0; i < n; i++) out[i] /= scale;
}

function unpackPlane(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  out: Float64Array,
  base: number,
  step: number,
): void {
  const lanes = (n + 31) >>> 5;
  if (width === 32) {
    for (let i = 0; i < n; i++) out[i] = base + step * words[at + i];
    return;
  }
  const mask = (1 << width) - 1;
  for (let k = 0, first = 0; first < n; k++, first += lanes) {
    const shift = (k * width) & 31;
    const end = Math.min(n, first + lanes);
    let w = at + ((k * width) >>> 5) * lanes;
    if (shift + width <= 32) {
      for (let i = first; i < end; i++, w++) out[i] = base + step * ((words[w] >>> shift) & mask);
    } else {
      const left = 32 - shift;
      for (let i = first; i < end; i++, w++) {
        out[i] = base + step * (((words[w] >>> shift) | (words[w + lanes] << left)) & mask);
      }
    }
  }
}

/** Low and high halves of 64-bit patterns of `width` bits, to their places. */
function unpackHalves(words: Uint32Array, at: number, n: number, width: number, pairs: Uint32Array): void {
  const lowWidth = Math.min(width, 32);
  unpackEvery2nd(words, at, n, lowWidth, pairs, 0);
  unpackEvery2nd(words, at + packedWords(n, lowWidth), n, width - lowWidth, pairs, 1);
}

function unpackEvery2nd(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  out: Uint32Array,
  first: number,
): void {
  const lanes = (n + 31) >>> 5;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let o = first;
  if (width === 0) for (; o < 2 * n; o += 2) out[o] = 0;
  for (let k = 0; o < 2 * n; k++) {
    const shift = (k * width) & 31;
    const end = Math.min(2 * n, 2 * (k + 1) * lanes);
    let w = at + ((k * width) >>> 5) * lanes;
    if (shift + width <= 32) for (; o < end; o += 2, w++) out[o] = (words[w] >>> shift) & mask;
    else {
      const left = 32 - shift;
      for (; o < end; o += 2, w++) out[o] = ((words[w] >>> shift) | (words[w + lanes] << left)) & mask;
    }
  }
}
