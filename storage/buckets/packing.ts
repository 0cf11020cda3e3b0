/**
 * Bit packing, the layer under every encoding. n numbers of `width` bits stand in lanes = ⌈n / 32⌉ lanes of 32 numbers: number i is the
 * ⌊i / lanes⌋-th of lane i mod lanes. A lane is a bit stream of `width` words, and the w-th words of all lanes stand side by side:
 *
 *      word w · lanes + lane     holds bits 32w .. 32w + 31 of that lane's stream; number k of the lane is bits [k · width, (k + 1) · width)
 *
 * So numbers that follow each other have the same shift and stand in words that follow each other: the inner loops have no branch and no
 * changing shift. Numbers wider than 32 bits are two such planes: the low 32 bits, then the rest. n and width are kept by whoever packs.
 * Back: `unpacking.ts`.
 */
import type { WordWriter } from './words.ts';

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

/** Numbers of up to 32 bits in a Uint32Array: halves of 64-bit values. */
export function packHalves(values: Uint32Array, n: number, width: number, into: WordWriter): void {
  packPlane(values, n, width, into);
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
