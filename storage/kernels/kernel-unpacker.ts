/**
 * The unpacker that calls the kernels. What is packed is taken from where it is, and what comes out is written where it is wanted, if
 * these are arrays that the kernels' memory has lent; else it is copied in, or out.
 */
import {
  type FunctionWriter,
  INPUT_BYTES,
  type KernelMemory,
  kernelMemory,
  moduleOf,
  OUTPUT_BYTES,
} from '../../model/kernels/index.ts';
import { packedWords } from '../buckets/packing.ts';
import { fusedProbe, numberKernels } from './number-kernels.ts';
import { patternKernels } from './pattern-kernels.ts';
import { PLAIN } from './plain-unpacker.ts';
import type { Firsts, Line, Range, Unpacker, Wide } from './unpacker.ts';
import { weighingKernels } from './weighing-kernel.ts';

/** A chunk's. */
export const KERNEL_ROWS_MAX = 8192;
/** Below it the copies and calls cost more than they save. */
export const KERNEL_ROWS_MIN = 128;
/** In front of it: numbers of up to 64 bits, the row behind them that kernels read, and runs. */
const OUTPUT_AT = INPUT_BYTES;
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
    const memory = kernelMemory();
    return memory === null ? null : new KernelUnpacker(memory);
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
  weigh: WeighingKernel;
  quotients: QuotientsKernel;
  quotientsOfSums: QuotientsKernel;
  unpackXors: PairKernel<number>;
  unpackWide: PairKernel<bigint>;
  unpackWideSums: PairKernel<bigint>;
  joinPlanes: (planes: number, out: number, n: number) => void;
}

type NumbersKernel = (...plane: [...Plane, base: number, step: number, scale: number]) => void;
type SumsKernel = (...plane: [...Plane, base: number, step: number, before: number, scale: number]) => void;
type SmallSumsKernel = (...plane: [...Plane, base: number, before: number, scale: number]) => void;
type WeighingKernel = (...plane: [...Plane, from: number, to: number]) => void;
type QuotientsKernel = (
  ...plane: [...Plane, from: number, to: number, base: number, before: number, scale: number]
) => void;
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
  readonly hasQuotients: boolean;
  readonly #kernels: Exports;
  readonly #buffer: ArrayBuffer;
  readonly #input: Uint32Array;
  readonly #inputBytes: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #firsts: Float64Array;
  readonly #doubles: Float64Array;
  /** The first of them, as many as the last call gave. */
  #results: Float64Array;

  constructor({ memory, buffer }: KernelMemory) {
    this.hasQuotients = isFused(memory);
    const kernels = [...numberKernels(this.hasQuotients), ...weighingKernels(this.hasQuotients), ...patternKernels()];
    this.#kernels = instanceOf(kernels, memory) as unknown as Exports;
    this.#buffer = buffer;
    this.#input = new Uint32Array(buffer, 0, OUTPUT_AT / 4);
    this.#inputBytes = new Uint8Array(buffer, 0, OUTPUT_AT);
    this.#ends = new Uint32Array(buffer, ENDS_AT, RUNS_MAX);
    this.#firsts = new Float64Array(buffer, FIRSTS_AT, RUNS_MAX);
    this.#doubles = new Float64Array(buffer, OUTPUT_AT, OUTPUT_BYTES / 8);
    this.#results = this.#doubles;
  }

  numbers(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line): void {
    if (width > 32) {
      PLAIN.numbers(words, at, n, width, out, line);
      return;
    }
    const source = this.#sourceOf(words, at, packedWords(n, width));
    const { base, step, scale } = line;
    const { unpack, unpackScaled } = this.#kernels;
    (scale === 1 ? unpack : unpackScaled)(source, width, this.#targetOf(out), n, base, step, scale);
    this.#give(n, out);
  }

  sums(words: Uint32Array, at: number, n: number, width: number, out: Float64Array, line: Line, runs: Firsts): void {
    const { base, step, scale } = line;
    const { starts, firsts } = runs;
    // of more than 31 bits it means nothing, and is not used
    const reach = Math.max(Math.abs(base), Math.abs(base + step * (2 << (width - 1))));
    // all of it as one run, from the first of the first on, and nothing on the way is rounded
    const most = Math.abs(firsts[0]) + (n + 1) * reach;
    if (width > SUMS_WIDTH_MAX || starts.length > RUNS_MAX || most >= EXACT_MAX || !areExact(firsts)) {
      PLAIN.sums(words, at, n, width, out, line, runs);
      return;
    }
    const source = this.#sourceOf(words, at, packedWords(n, width));
    const number = width === 0 ? 0 : words[at] & ((1 << width) - 1);
    const before = firsts[0] - (base + step * number);
    const isScaled = scale !== 1 && starts.length === 1;
    const target = this.#targetOf(out);
    const { unpackSums, unpackSumsScaled, unpackSmallSums, unpackSmallSumsScaled } = this.#kernels;
    if (step === 1 && most < 2 ** 31) {
      (isScaled ? unpackSmallSumsScaled : unpackSmallSums)(source, width, target, n, base, before, scale);
    } else {
      (isScaled ? unpackSumsScaled : unpackSums)(source, width, target, n, base, step, before, scale);
    }
    if (starts.length > 1) this.#raise(target, n, runs, scale);
    this.#give(n, out);
  }

  weigh(words: Uint32Array, at: number, n: number, width: number, from: number, to: number, out: Float64Array): void {
    const source = this.#sourceOf(words, at, packedWords(n, width));
    this.#kernels.weigh(source, width, OUTPUT_AT, n, from, to);
    out[0] = this.#doubles[0];
    out[1] = this.#doubles[1];
  }

  quotients(
    words: Uint32Array,
    at: number,
    n: number,
    width: number,
    { from, to }: Range,
    { base, scale }: Line,
    before: number | null,
    out: Float64Array,
  ): void {
    const source = this.#sourceOf(words, at, packedWords(n, width));
    const kernel = before === null ? this.#kernels.quotients : this.#kernels.quotientsOfSums;
    kernel(source, width, OUTPUT_AT, n, from, to, base, before ?? 0, scale);
    for (let i = 0; i < 3; i++) out[i] = this.#doubles[i];
  }

  xors(words: Uint32Array, at: number, n: number, width: number, shift: number, out: Float64Array): void {
    this.#pairs(this.#kernels.unpackXors, words, at, n, width, shift, out);
  }

  wide(words: Uint32Array, at: number, n: number, width: number, base: bigint, isDelta: boolean, out: Wide): void {
    const { unpackWide, unpackWideSums } = this.#kernels;
    const patterns = new Float64Array(out.buffer, out.byteOffset, n);
    this.#pairs(isDelta ? unpackWideSums : unpackWide, words, at, n, width, base, patterns);
  }

  bytePlanes(planes: Uint8Array, n: number, out: Float64Array): void {
    this.#inputBytes.set(planes);
    this.#kernels.joinPlanes(0, this.#targetOf(out), n);
    this.#give(n, out);
  }

  // private functions

  #pairs<T>(
    kernel: PairKernel<T>,
    words: Uint32Array,
    at: number,
    n: number,
    width: number,
    value: T,
    out: Float64Array,
  ): void {
    const source = this.#sourceOf(words, at, packedWords(n, width));
    const lowWidth = Math.min(width, 32);
    kernel(source, lowWidth, source + 4 * packedWords(n, lowWidth), width - lowWidth, this.#targetOf(out), n, value);
    this.#give(n, out);
  }

  /** Each run of the results to its own first. */
  #raise(target: number, n: number, { starts, firsts }: Firsts, scale: number): void {
    for (let run = 0; run < starts.length; run++) {
      this.#ends[run] = run + 1 < starts.length ? starts[run + 1] : n;
      this.#firsts[run] = firsts[run];
    }
    const { raiseRuns, raiseRunsScaled } = this.#kernels;
    (scale === 1 ? raiseRuns : raiseRunsScaled)(ENDS_AT, FIRSTS_AT, starts.length, target, scale);
  }

  /** Where results for it are written: to itself, where it is in the kernels' memory. */
  #targetOf(out: Float64Array): number {
    return out.buffer === this.#buffer ? out.byteOffset : OUTPUT_AT;
  }

  #give(n: number, out: Float64Array): void {
    if (out.buffer === this.#buffer) return;
    if (this.#results.length !== n) this.#results = this.#doubles.subarray(0, n);
    out.set(this.#results);
  }

  /** Where they stand in the kernels' memory: there already, or at its beginning now. */
  #sourceOf(words: Uint32Array, at: number, length: number): number {
    if (words.buffer === this.#buffer) return words.byteOffset + 4 * at;
    this.#input.set(words.subarray(at, at + length));
    return 0;
  }
}

/** Where relaxed SIMD is not known at all the module does not compile. */
function isFused(memory: WebAssembly.Memory): boolean {
  try {
    const fusedError = instanceOf([fusedProbe()], memory).fusedError as (out: number, a: number) => void;
    fusedError(0, 1 + 2 ** -30);
    return new Float64Array(memory.buffer, 0, 1)[0] === 2 ** -60;
  } catch {
    return false;
  }
}

function instanceOf(functions: readonly FunctionWriter[], memory: WebAssembly.Memory): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(moduleOf(functions)), { js: { memory } }).exports;
}

function areExact(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) < EXACT_MAX)) return false;
  return true;
}
