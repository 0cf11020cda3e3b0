/**
 * Stretches of doubles added up to running sums, as aggregates of a column ask for it. A running sum is a pair, the sum and what its
 * roundings lost, which together have twice the digits of a double. Kernels (`sum-kernels.ts`) and plain TypeScript give the same bits;
 * they are for what is long and near, it for what is short and where there is no WebAssembly.
 */
import type { Column } from '../column.ts';
import type { RunningSums, Stretches } from '../stretches.ts';
import { INPUT_BYTES, type KernelMemory, kernelMemory, OUTPUT_BYTES } from './memory.ts';
import { moduleOf } from './module.ts';
import { STRANDS, sumKernels, WHOLES_STEP } from './sum-kernels.ts';

/** Below so many doubles in a stretch a call costs more than it saves; of so many in all a copy to the kernels' memory pays. */
export const SUM_KERNEL_MIN = 32;
const COPIED_MIN = 512;
/** Longer columns elsewhere are not copied. */
const COPIED_MAX = OUTPUT_BYTES / 8;
/** Below it every integer is a double, and so is the sum of two whose sum is below it. */
const EXACT_BELOW = 2 ** 53;

/** Sums of n doubles from `from` on, written to `out`; the rest of n by a step is left out. */
export interface Adder {
  /** n in steps of `WHOLES_STEP`: two numbers whose sum is the sum, two more for absolute values. In no promised order. */
  wholes(values: Float64Array, from: number, n: number, out: Float64Array): void;
  /** n in steps of `STRANDS`: the sums of the strands, double i being of strand i modulo `STRANDS`; then what each has lost. */
  doubles(values: Float64Array, from: number, n: number, out: Float64Array): void;
}

export const PLAIN_ADDER: Adder = { wholes: plainWholes, doubles: plainDoubles };

const RESULTS = new Float64Array(2 * STRANDS);
let kernels: KernelAdder | null | undefined;

/** Stretches of a column of doubles that every row has; false = it is another. */
export function addColumn(column: Column, stretches: Stretches, into: RunningSums): boolean {
  const { type, present } = column;
  if (present !== null) return false;
  if (type !== 'string' && type !== 'boolean' && column.addStretches?.(stretches, into)) return true;
  const { values } = column;
  if (!(values instanceof Float64Array)) return false;
  addStretches(values, stretches, type !== 'float', into);
  return true;
}

/** `isWhole`: the values are integers, whose sums are exact: in any order, as long as none could be rounded. */
export function addStretches(
  values: Float64Array,
  { count, from, to, slots }: Stretches,
  isWhole: boolean,
  into: RunningSums,
): void {
  const near = nearAdder(values, from, to, count);
  for (let i = 0; i < count; i++) {
    const adder = near !== null && to[i] - from[i] >= SUM_KERNEL_MIN ? near : PLAIN_ADDER;
    if (isWhole && addWholes(adder, values, from[i], to[i], slots[i], into)) continue;
    addDoubles(adder, values, from[i], to[i], slots[i], into);
  }
}

/** Null where there is no WebAssembly with vectors. */
export function kernelAdder(): KernelAdder | null {
  if (kernels === undefined) {
    try {
      const memory = kernelMemory();
      kernels = memory === null ? null : new KernelAdder(memory);
    } catch {
      kernels = null;
    }
  }
  return kernels;
}

/** Of values that are in the kernels' memory, or have been brought near. */
export class KernelAdder implements Adder {
  readonly #buffer: ArrayBuffer;
  readonly #sumWholes: SumKernel;
  readonly #sumDoubles: SumKernel;
  readonly #room: Float64Array;
  readonly #results: Float64Array;
  /** Where number 0 of the values would be. */
  #at = 0;

  constructor({ memory, buffer }: KernelMemory) {
    const module = new WebAssembly.Module(moduleOf(sumKernels()));
    const { exports } = new WebAssembly.Instance(module, { js: { memory } });
    this.#sumWholes = exports.sumWholes as SumKernel;
    this.#sumDoubles = exports.sumDoubles as SumKernel;
    this.#buffer = buffer;
    this.#results = new Float64Array(buffer, 0, 2 * STRANDS);
    this.#room = new Float64Array(buffer, INPUT_BYTES, COPIED_MAX);
  }

  /** Whether values[from … to − 1] can be added up, until somebody else works in the kernels' memory. */
  near(values: Float64Array, from: number, to: number): boolean {
    if (values.buffer === this.#buffer) {
      this.#at = values.byteOffset;
      return true;
    }
    if (to - from > COPIED_MAX || to - from < COPIED_MIN) return false;
    this.#room.set(values.subarray(from, to));
    this.#at = INPUT_BYTES - 8 * from;
    return true;
  }

  wholes(_values: Float64Array, from: number, n: number, out: Float64Array): void {
    this.#sumWholes(this.#at + 8 * from, n - (n % WHOLES_STEP), 0);
    for (let i = 0; i < 4; i++) out[i] = this.#results[i];
  }

  doubles(_values: Float64Array, from: number, n: number, out: Float64Array): void {
    this.#sumDoubles(this.#at + 8 * from, n - (n % STRANDS), 0);
    for (let i = 0; i < 2 * STRANDS; i++) out[i] = this.#results[i];
  }
}

// private functions

type SumKernel = (source: number, n: number, out: number) => void;

/** For stretches that are worth it; else null. */
function nearAdder(values: Float64Array, from: Uint32Array, to: Uint32Array, count: number): Adder | null {
  let rows = 0;
  let low = values.length;
  let high = 0;
  for (let i = 0; i < count; i++) {
    rows += to[i] - from[i];
    if (from[i] < low) low = from[i];
    if (to[i] > high) high = to[i];
  }
  if (rows < SUM_KERNEL_MIN * count || 2 * rows < high - low) return null;
  const adder = kernelAdder();
  return adder?.near(values, low, high) ? adder : null;
}

/** As long as no sum of some of them can be rounded; else it adds nothing and says false. */
function addWholes(
  adder: Adder,
  values: Float64Array,
  from: number,
  to: number,
  slot: number,
  { sums }: RunningSums,
): boolean {
  adder.wholes(values, from, to - from, RESULTS);
  let sum = RESULTS[0] + RESULTS[1];
  let size = RESULTS[2] + RESULTS[3] + Math.abs(sums[slot]);
  for (let row = to - ((to - from) % WHOLES_STEP); row < to; row++) {
    sum += values[row];
    size += Math.abs(values[row]);
  }
  if (!(size < EXACT_BELOW)) return false;
  sums[slot] += sum;
  return true;
}

function addDoubles(
  adder: Adder,
  values: Float64Array,
  from: number,
  to: number,
  slot: number,
  into: RunningSums,
): void {
  const end = to - ((to - from) % STRANDS);
  if (end > from) {
    let sum = into.sums[slot];
    let rest = 0;
    adder.doubles(values, from, to - from, RESULTS);
    for (let strand = 0; strand < STRANDS; strand++) {
      const a = sum;
      const x = RESULTS[strand];
      sum = a + x;
      const b = sum - a;
      rest += a - (sum - b) + (x - b) + RESULTS[STRANDS + strand];
    }
    // strands may overflow where numbers in their order take each other away
    if (!Number.isFinite(sum)) {
      addInOrder(values, from, to, slot, into);
      return;
    }
    into.sums[slot] = sum;
    into.lost[slot] += rest;
  }
  addInOrder(values, end, to, slot, into);
}

function addInOrder(values: Float64Array, from: number, to: number, slot: number, { sums, lost }: RunningSums): void {
  let sum = sums[slot];
  let rest = 0;
  for (let row = from; row < to; row++) {
    const a = sum;
    const x = values[row];
    sum = a + x;
    const b = sum - a;
    rest += a - (sum - b) + (x - b);
  }
  sums[slot] = sum;
  lost[slot] += rest;
}

function plainWholes(values: Float64Array, from: number, n: number, out: Float64Array): void {
  let even = 0;
  let odd = 0;
  let size = 0;
  const end = from + n - (n % WHOLES_STEP);
  for (let row = from; row < end; row += 2) {
    const x = values[row];
    const y = values[row + 1];
    even += x;
    odd += y;
    size += Math.abs(x) + Math.abs(y);
  }
  out[0] = even;
  out[1] = odd;
  out[2] = size;
  out[3] = 0;
}

function plainDoubles(values: Float64Array, from: number, n: number, out: Float64Array): void {
  out.fill(0);
  const end = from + n - (n % STRANDS);
  for (let strand = 0; strand < STRANDS; strand++) {
    let sum = 0;
    let lost = 0;
    for (let row = from + strand; row < end; row += STRANDS) {
      const a = sum;
      const x = values[row];
      sum = a + x;
      const b = sum - a;
      lost += a - (sum - b) + (x - b);
    }
    out[strand] = sum;
    out[STRANDS + strand] = lost;
  }
}
