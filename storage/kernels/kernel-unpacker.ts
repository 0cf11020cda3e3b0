/**
 * The unpacker that calls the kernels: what is packed is copied into their memory, what comes out is copied out again. Both are in the
 * nearest caches, where a copy of 64 KiB costs a microsecond; for that the kernels need no memory but 256 KiB that never grows, and
 * everybody else's arrays stay their own.
 */
import { packedWords } from '../buckets/packing.ts';
import { moduleOf } from './module.ts';
import { numberKernels } from './number-kernels.ts';
import { patternKernels } from './pattern-kernels.ts';
import { PLAIN } from './plain-unpacker.ts';
import type { Firsts, Line, Unpacker, Wide } from './unpacker.ts';

/** A chunk's. */
export const KERNEL_ROWS_MAX = 8192;
/** Below it the copies and calls cost more than they save. */
export const KERNEL_ROWS_MIN = 128;
const PAGE_BYTES = 65536;
/** Numbers of up to 64 bits, the row behind them that kernels read, and runs. */
const INPUT_PAGES = 2;
const OUTPUT_AT = INPUT_PAGES * PAGE_BYTES;
/** And what kernels write behind the last result. */
const OUTPUT_PAGES = 2;
/** Four numbers of so many bits have a sum of up to 32. */
const SUMS_WIDTH_MAX = 30;
/** Whole numbers below it can be taken from each other, and that added to one of them, without being rounded. */
const EXACT_MAX = 2 ** 52;
/** Of more runs each is short. They stand behind the input. */
const RUNS_MAX = 1024;
const FIRSTS_AT = OUTPUT_AT - RUNS_MAX * 8;
const ENDS_AT = FIRSTS_AT - RUNS_MAX * 4;

/** Null where there is no WebAssembly with vectors. */
export function kernelUnpacker(): Unpacker | null {
  try {
    return new KernelUnpacker();
  } catch {
    return null;
  }
}

// private functions

/** As `number-kernels.ts` and `pattern-kernels.ts` declare them. */
interface Exports {
  unpack: NumbersKernel;
  unpackScaled: NumbersKernel;
  unpackSums: SumsKernel;
  unpackSumsScaled: SumsKernel;
  unpackSmallSums: SmallSumsKernel;
  unpackSmallSumsScaled: SmallSumsKernel;
  raiseRuns: RaiseKernel;
  raiseRunsScaled: RaiseKernel;
  unpackXors: PairKernel<number>;
  unpackWide: PairKernel<bigint>;
  unpackWideSums: PairKernel<bigint>;
  joinPlanes: (planes: number, out: number, n: number) => void;
}

type NumbersKernel = (...plane: [...Plane, base: number, step: number, scale: number]) => void;
type SumsKernel = (...plane: [...Plane, base: number, step: number, before: number, scale: number]) => void;
type SmallSumsKernel = (...plane: [...Plane, base: number, before: number, scale: number]) => void;
type RaiseKernel = (ends: number, firsts: number, runs: number, out: number, scale: number) => void;
type PairKernel<T> = (
  low: number,
  lowWidth: number,
  high: number,
  highWidth: number,
  out: number,
  n: number,
  value: T,
) => void;
type Plane = [source: number, width: number, out: number, n: number];

class KernelUnpacker implements Unpacker {
  readonly #kernels: Exports;
  readonly #input: Uint32Array;
  readonly #inputBytes: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #firsts: Float64Array;
  readonly #doubles: Float64Array;
  /** The first of them, as many as the last call gave. */
  #results: Float64Array;
  readonly #wide: BigInt64Array;

  constructor() {
    const pages = INPUT_PAGES + OUTPUT_PAGES;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const module = new WebAssembly.Module(moduleOf([...numberKernels(), ...patternKernels()]));
    this.#kernels = new WebAssembly.Instance(module, { js: { memory } }).exports as unknown as Exports;
    this.#input = new Uint32Array(memory.buffer, 0, OUTPUT_AT / 4);
    this.#inputBytes = new Uint8Array(memory.buffer, 0, OUTPUT_AT);
    this.#ends = new Uint32Array(memory.buffer, ENDS_AT, RUNS_MAX);
    this.#firsts = new Float64Array(memory.buffer, FIRSTS_AT, RUNS_MAX);
    this.#doubles = new Float64Array(memory.buffer, OUTPUT_AT);
    this.#results = this.#doubles;
    this.#wide = new BigInt64Array(memory.buffer, OUTPUT_AT);
  }

  numbers(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line): void {
    if (width > 32) {
      PLAIN.numbers(words, at, n, width, out, line);
      return;
    }
    this.#take(words, at, packedWords(n, width));
    const { base, step, scale } = line;
    const { unpack, unpackScaled } = this.#kernels;
    (scale === 1 ? unpack : unpackScaled)(0, width, OUTPUT_AT, n, base, step, scale);
    this.#give(n, out);
  }

  sums(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line, runs: Firsts): void {
    const { base, step, scale } = line;
    const { starts, firsts } = runs;
    const reach = Math.max(Math.abs(base), Math.abs(base + step * 2 ** width));
    // all of it as one run, from the first of the first on, and nothing on the way is rounded
    const most = Math.abs(firsts[0]) + (n + 1) * reach;
    if (width > SUMS_WIDTH_MAX || starts.length > RUNS_MAX || most >= EXACT_MAX || !areExact(firsts)) {
      PLAIN.sums(words, at, n, width, out, line, runs);
      return;
    }
    this.#take(words, at, packedWords(n, width));
    const number = width === 0 ? 0 : words[at] & ((1 << width) - 1);
    const before = firsts[0] - (base + step * number);
    const isScaled = scale !== 1 && starts.length === 1;
    const { unpackSums, unpackSumsScaled, unpackSmallSums, unpackSmallSumsScaled } = this.#kernels;
    if (step === 1 && most < 2 ** 31) {
      (isScaled ? unpackSmallSumsScaled : unpackSmallSums)(0, width, OUTPUT_AT, n, base, before, scale);
    } else {
      (isScaled ? unpackSumsScaled : unpackSums)(0, width, OUTPUT_AT, n, base, step, before, scale);
    }
    if (starts.length > 1) this.#raise(n, runs, scale);
    this.#give(n, out);
  }

  xors(words: Uint32Array, at: number, n: number, width: number, shift: number, out: Float64Array): void {
    this.#pairs(this.#kernels.unpackXors, words, at, n, width, shift);
    this.#give(n, out);
  }

  wide(words: Uint32Array, at: number, n: number, width: number, base: bigint, isDelta: boolean, out: Wide): void {
    const { unpackWide, unpackWideSums } = this.#kernels;
    this.#pairs(isDelta ? unpackWideSums : unpackWide, words, at, n, width, base);
    const results = this.#wide.subarray(0, n);
    new BigInt64Array(out.buffer, out.byteOffset, n).set(results);
  }

  bytePlanes(planes: Uint8Array, n: number, out: Float64Array): void {
    this.#inputBytes.set(planes);
    this.#kernels.joinPlanes(0, OUTPUT_AT, n);
    this.#give(n, out);
  }

  // private functions

  #pairs<T>(kernel: PairKernel<T>, words: Uint32Array, at: number, n: number, width: number, value: T): void {
    this.#take(words, at, packedWords(n, width));
    const lowWidth = Math.min(width, 32);
    kernel(0, lowWidth, 4 * packedWords(n, lowWidth), width - lowWidth, OUTPUT_AT, n, value);
  }

  /** Each run of the results to its own first. */
  #raise(n: number, { starts, firsts }: Firsts, scale: number): void {
    for (let run = 0; run < starts.length; run++) {
      this.#ends[run] = run + 1 < starts.length ? starts[run + 1] : n;
      this.#firsts[run] = firsts[run];
    }
    const { raiseRuns, raiseRunsScaled } = this.#kernels;
    (scale === 1 ? raiseRuns : raiseRunsScaled)(ENDS_AT, FIRSTS_AT, starts.length, OUTPUT_AT, scale);
  }

  #give(n: number, out: Float64Array): void {
    if (this.#results.length !== n) this.#results = this.#doubles.subarray(0, n);
    out.set(this.#results);
  }

  /** To the beginning of the kernels' memory. */
  #take(words: Uint32Array, at: number, length: number): void {
    this.#input.set(words.subarray(at, at + length));
  }
}

function areExact(values: Float64Array): boolean {
  for (const value of values) if (!(Math.abs(value) < EXACT_MAX)) return false;
  return true;
}
