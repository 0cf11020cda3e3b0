/**
 * Packed numbers (`packing.ts`) unpacked by whoever is quickest at so many: the kernels, else plain TypeScript. Each moves its reader
 * behind them.
 */
import { KERNEL_ROWS_MAX, KERNEL_ROWS_MIN, kernelUnpacker } from '../kernels/kernel-unpacker.ts';
import { PLAIN } from '../kernels/plain-unpacker.ts';
import type { Firsts, Line, Range, Unpacker, Wide } from '../kernels/unpacker.ts';
import { WEIGH_WIDTH_MAX } from '../kernels/weighing-kernel.ts';
import { packedWords } from './packing.ts';
import type { WordReader } from './words.ts';

/** Numbers as they are. */
export const IDENTITY: Line = { base: 0, step: 1, scale: 1 };

/** One for each thread, when it is first needed; it keeps nothing between two calls. */
let kernels: Unpacker | null | undefined;

/** out[i] = (base + step · number i) / scale. Up to 53 bits, exact where all of it before the division is below 2^53. */
export function unpack(from: WordReader, n: number, width: number, out: Float64Array, line: Line = IDENTITY): void {
  unpackerOf(n).numbers(from.words, from.at, n, width, out, line);
  from.at += packedWords(n, width);
}

/** In each run out[i] = (its first + the sum of base + step · number k for its start < k ≤ i) / scale. Up to 32 bits, exact likewise. */
export function unpackSums(
  from: WordReader,
  n: number,
  width: number,
  out: Float64Array,
  line: Line,
  runs: Firsts,
): void {
  unpackerOf(n).sums(from.words, from.at, n, width, out, line, runs);
  from.at += packedWords(n, width);
}

/** The bits of doubles from those that differ from the double before, `width` of them, `shift` from the lowest. */
export function unpackXors(from: WordReader, n: number, width: number, shift: number, out: Float64Array): void {
  unpackerOf(n).xors(from.words, from.at, n, width, shift, out);
  from.at += packedWords(n, width);
}

/** base + number i, and + the result before where `isDelta`. Up to 64 bits, modulo 2^64. */
export function unpackWide(
  from: WordReader,
  n: number,
  width: number,
  base: bigint,
  isDelta: boolean,
  out: Wide,
): void {
  unpackerOf(n).wide(from.words, from.at, n, width, base, isDelta, out);
  from.at += packedWords(n, width);
}

/** Whether `weigh` takes so many numbers of that width. */
export function isWeighed(n: number, width: number): boolean {
  return width <= WEIGH_WIDTH_MAX && unpackerOf(n) !== PLAIN;
}

/** Of packed numbers from … to − 1, which stay packed: their sum, and the sum of each times how far it is from `to`. Exact. */
export function weigh(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  from: number,
  to: number,
  out: Float64Array,
): void {
  unpackerOf(n).weigh(words, at, n, width, from, to, out);
}

/** Whether `addQuotients` takes so many numbers of that width here. */
export function hasQuotients(n: number, width: number): boolean {
  return isWeighed(n, width) && unpackerOf(n).hasQuotients;
}

/**
 * The sum of (base + number) / scale, each rounded, and what the sum lost; `before`: of running sums, the first of which is added to it,
 * with the last of them.
 */
export function addQuotients(
  words: Uint32Array,
  at: number,
  n: number,
  width: number,
  range: Range,
  line: Line,
  before: number | null,
  out: Float64Array,
): void {
  unpackerOf(n).quotients(words, at, n, width, range, line, before, out);
}

/** The same as `unpackXors` of eight planes of n bytes, lowest first. */
export function joinBytePlanes(planes: Uint8Array, n: number, out: Float64Array): void {
  unpackerOf(n).bytePlanes(planes, n, out);
}

// private functions

function unpackerOf(n: number): Unpacker {
  if (n < KERNEL_ROWS_MIN || n > KERNEL_ROWS_MAX) return PLAIN;
  if (kernels === undefined) kernels = kernelUnpacker();
  return kernels ?? PLAIN;
}
