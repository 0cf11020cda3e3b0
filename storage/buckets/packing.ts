/**
 * Bit packing, the layer under every encoding. n numbers of `width` bits stand in lanes = ⌈n / 32⌉ lanes of 32 numbers: number i is the ⌊i / lanes⌋-th
 * of lane i mod lanes. A lane is a bit stream of `width` words, and the w-th words of all lanes stand side by side:
 *
 *      word w · lanes + lane     holds bits 32w .. 32w + 31 of that lane's stream; number k of the lane is bits [k · width, (k + 1) · width)
 *
 * So numbers that follow each other have the same shift and stand in words that follow each other: the inner loops have no branch and no changing shift.
 * Numbers wider than 32 bits are two such planes: the low 32 bits, then the rest. n and width are kept by whoever packs.
 */
import type { WordReader, WordWriter } from './words.ts';

const TWO_32 = 4294967296;

/** Words that `pack` takes. */
export function packedWords(n: number, width: number): number {
  return ((n + 31) >>> 5) * width;
}

/** Whole numbers in [0, 2^width), width ≤ 53. */
export function pack(values: Float64Array, n: number, width: number, into: WordWriter): void {
  if (width > 32) {
    packPlane(values, n, 32, into);
    const high = new Float64Array(n);
    for (let i = 0; i < n; i++) high[i] = Math.floor(values[i] / TWO_32);
    packPlane(high, n, width - 32, into);
  } else packPlane(values, n, width, into);
}

/** out[i] = base + step · number i. Exact where all of it is below 2^53. */
export function unpack(
  from: WordReader,
  n: number,
  width: number,
  out: Float64Array,
  base: number,
  step: number,
): void {
  if (width === 0) {
    out.fill(base, 0, n);
  } else if (width <= 32) {
    unpackPlane(from.words, from.at, n, width, out, base, step);
  } else {
    const high = new Float64Array(n);
    unpackPlane(from.words, from.at, n, 32, out, 0, 1);
    unpackPlane(from.words, from.at + packedWords(n, 32), n, width - 32, high, 0, TWO_32);
    for (let i = 0; i < n; i++) out[i] = base + step * (high[i] + out[i]);
  }
  from.at += packedWords(n, width);
}

/** out[i] = first + the sum of base + step · number k for 0 < k ≤ i, in one pass. Up to 32 bits, exact where all of it is below 2^53. */
export function unpackSums(
  from: WordReader,
  n: number,
  width: number,
  out: Float64Array,
  base: number,
  step: number,
  first: number,
): void {
  const { words, at } = from;
  const lanes = (n + 31) >>> 5;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let sum = first - base - (width === 0 ? 0 : step * ((words[at] & mask) >>> 0));
  for (let k = 0, i = 0; i < n; k++) {
    const shift = (k * width) & 31;
    const end = Math.min(n, i + lanes);
    let w = at + ((k * width) >>> 5) * lanes;
    if (width === 0) for (; i < end; i++) out[i] = sum += base;
    else if (width === 32) for (; i < end; i++, w++) out[i] = sum += base + step * words[w];
    else if (shift + width <= 32) {
      for (; i < end; i++, w++) out[i] = sum += base + step * ((words[w] >>> shift) & mask);
    } else {
      const left = 32 - shift;
      for (; i < end; i++, w++) {
        out[i] = sum += base + step * (((words[w] >>> shift) | (words[w + lanes] << left)) & mask);
      }
    }
  }
  from.at += packedWords(n, width);
}

/** Numbers of up to 32 bits in a Uint32Array: halves of 64-bit values. */
export function packHalves(values: Uint32Array, n: number, width: number, into: WordWriter): void {
  packPlane(values, n, width, into);
}

export function unpackHalves(from: WordReader, n: number, width: number, out: Uint32Array): void {
  if (width === 0) out.fill(0, 0, n);
  else unpackPlane(from.words, from.at, n, width, out, 0, 1);
  from.at += packedWords(n, width);
}

/** As `unpackHalves`, into every second word from `first` on: halves of doubles in their places. */
export function unpackEvery2nd(from: WordReader, n: number, width: number, out: Uint32Array, first: number): void {
  const { words, at } = from;
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
  from.at += packedWords(n, width);
}

// private functions

function packPlane(values: Float64Array | Uint32Array, n: number, width: number, into: WordWriter): void {
  const lanes = (n + 31) >>> 5;
  into.reserve(lanes * width);
  const { words, length: at } = into;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  for (let k = 0, first = 0; first < n && width > 0; k++, first += lanes) {
    const shift = (k * width) & 31;
    const end = Math.min(n, first + lanes);
    let w = at + ((k * width) >>> 5) * lanes;
    if (shift + width <= 32) {
      for (let i = first; i < end; i++, w++) words[w] |= (values[i] & mask) << shift;
    } else {
      const left = 32 - shift;
      for (let i = first; i < end; i++, w++) {
        const value = values[i] & mask;
        words[w] |= value << shift;
        words[w + lanes] |= value >>> left;
      }
    }
  }
  into.length += lanes * width;
}

function unpackPlane(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  out: Float64Array | Uint32Array,
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
