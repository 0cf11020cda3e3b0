/**
 * Unpacker: the inner loops of decoding (the layout of packed numbers is in `buckets/packing.ts`). There are two, and for any input they
 * give the same bits: `plain-unpacker.ts`, which says in plain TypeScript what is meant, and `kernel-unpacker.ts`, WebAssembly that is
 * some times as fast.
 *
 * Packed numbers are the words from `at` on; n ≥ 1 results are written to the beginning of `out`. Where results are doubles all
 * arithmetic before a division must be exact (below 2^53); `scale` divides each result, 1 = as it is: a power
 * of ten up to 10^15.
 */
export interface Unpacker {
  /** base + step · number, each of up to 53 bits. */
  numbers(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line): void;
  /**
   * Of each run its first, then each base + step · number more than the one before; numbers at starts mean nothing. Runs begin at `starts`,
   * ascending from 0 on. Up to 32 bits.
   */
  sums(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line, runs: Firsts): void;
  /**
   * Nothing is unpacked: of numbers from … to − 1 the sum, then the sum of each times how far it is from `to`, as which it is in so many
   * running sums. Two doubles, exact. Up to 20 bits, n ≤ 8192.
   */
  weigh(words: Uint32Array, at: number, n: number, width: number, from: number, to: number, out: Float64Array): void;
  /** Whether it does this. */
  readonly hasQuotients: boolean;
  /**
   * Nothing is unpacked: of numbers from … to − 1 the sum of (base + number) / scale, each rounded, and what that sum lost; where `before`
   * is not null each base + number is added to the one before, `before` the first, and the last of these is told, too. Three doubles.
   * Up to 20 bits, all of it before the division within 32 bits with a sign, and `step` is 1.
   */
  quotients(
    words: Uint32Array,
    at: number,
    n: number,
    width: number,
    range: Range,
    line: Line,
    before: number | null,
    out: Float64Array,
  ): void;
  /** 64-bit patterns of a plane of low halves and one of high halves behind it, each shifted up, xored with the one before. */
  xors(words: Uint32Array, at: number, n: number, width: number, shift: number, out: Float64Array): void;
  /** 64-bit numbers, halves likewise, each plus `base`; `isDelta`: and plus the one before. Modulo 2^64. */
  wide(words: Uint32Array, at: number, n: number, width: number, base: bigint, isDelta: boolean, out: Wide): void;
  /** n bytes of each of eight planes, lowest first: 64-bit patterns, each xored with the one before. */
  bytePlanes(planes: Uint8Array, n: number, out: Float64Array): void;
}

/** What a packed number stands for: (base + step · number) / scale. */
export interface Line {
  readonly base: number;
  readonly step: number;
  readonly scale: number;
}

/** Numbers from … to − 1. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Where runs begin, and with which numbers. */
export interface Firsts {
  readonly starts: Uint32Array;
  readonly firsts: Float64Array;
}

export type Wide = BigInt64Array | BigUint64Array;
