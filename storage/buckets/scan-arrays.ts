/**
 * The arrays that a scan decodes into, over and over, where what it decodes is not kept: what it gives of a chunk holds until its next, or
 * until it is left.
 */
import { type KernelMemory, kernelMemory } from '../../model/kernels/index.ts';
import type { DoublesTarget } from './column-block.ts';
import { PackedColumn } from './packed-column.ts';

/**
 * In tests (`tests/support/poisoned-arrays.ts`) what no longer holds is written over: whoever reads a block after its next was asked for,
 * or the scan was left, gets NaN, or the number of a series that there is not.
 */
const IS_POISONED = process.env.MILLRACE_POISON_ARRAYS === '1';
const POISON_WORD = 0xfff7dead;

export class ScanArrays {
  /** Doubles, and what is read ahead, are in the kernels' memory, as far as that lends it. */
  readonly #areNear: boolean;
  readonly #doubles: (Float64Array<ArrayBuffer> | undefined)[] = [];
  /** Of these, what was asked for last: the chunks of a scan have much the same lengths. */
  readonly #parts: (Float64Array<ArrayBuffer> | undefined)[] = [];
  readonly #targets: (DoublesTarget | undefined)[] = [];
  readonly #packed: (PackedColumn | undefined)[] = [];
  #series = new Uint32Array(0);
  /** The first `rows` of it are all the number of one series. */
  #oneSeries = { number: 0, rows: 0, array: new Uint32Array(0) };
  readonly #stored: (Uint8Array<ArrayBuffer> | undefined)[] = [];

  constructor(areNear: boolean) {
    this.#areNear = areNear;
  }

  /** Memory held, but for what the kernels' memory has lent. */
  get bytes(): number {
    const arrays = [this.#series, this.#oneSeries.array, ...this.#doubles, ...this.#stored];
    const lent = this.#memory()?.buffer;
    return arrays.reduce(
      (sum, array) => sum + (array === undefined || array.buffer === lent ? 0 : array.byteLength),
      0,
    );
  }

  /** Room for the numbers of one of the blocks of a chunk. */
  doubles(block: number, n: number): Float64Array<ArrayBuffer> {
    let array = this.#doubles[block];
    if (array === undefined || array.length < n) {
      array = this.#memory()?.lendDoubles(this, n) ?? new Float64Array(n);
      this.#doubles[block] = array;
    }
    if (array.length === n) return array;
    let part = this.#parts[block];
    if (part?.length !== n || part.byteOffset !== array.byteOffset || part.buffer !== array.buffer) {
      part = array.subarray(0, n);
      this.#parts[block] = part;
    }
    return part;
  }

  /** The same, as a decoder asks for it. */
  target(block: number): DoublesTarget {
    let target = this.#targets[block];
    if (target === undefined) {
      target = (n) => this.doubles(block, n);
      this.#targets[block] = target;
    }
    return target;
  }

  /** For one of the blocks of a chunk, where its words lie near, as what is read ahead does; else null. */
  packed(block: number, words: Uint32Array): PackedColumn | null {
    if (words.buffer !== this.#memory()?.buffer) return null;
    this.#packed[block] ??= new PackedColumn();
    return this.#packed[block];
  }

  series(n: number): Uint32Array<ArrayBuffer> {
    if (this.#series.length < n) this.#series = new Uint32Array(n);
    return this.#series.length === n ? this.#series : this.#series.subarray(0, n);
  }

  /** One number, n times: the chunks of a long series follow each other. Not to be written to. */
  oneSeries(number: number, n: number): Uint32Array<ArrayBuffer> {
    const one = this.#oneSeries;
    if (one.array.length < n) one.array = new Uint32Array(n);
    if (one.number !== number || one.rows < n) {
      one.array.fill(number, 0, n);
      one.number = number;
      one.rows = n;
    }
    return one.array.subarray(0, n);
  }

  /** Room for some of the bytes that are read ahead. */
  stored(slot: number, bytes: number): Uint8Array<ArrayBuffer> {
    let array = this.#stored[slot];
    if (array === undefined || array.length < bytes) {
      array = this.#memory()?.lendBytes(this, bytes) ?? new Uint8Array(bytes);
      this.#stored[slot] = array;
    }
    return array.subarray(0, bytes);
  }

  /** What was given of the last chunk holds no longer, but for the block that the scan remembers. */
  nextChunk(remembered: number): void {
    for (const packed of this.#packed) packed?.leave();
    if (IS_POISONED) this.#poison(this.#doubles.filter((_, block) => block !== remembered));
  }

  /** Nothing of it holds. */
  left(): void {
    for (const packed of this.#packed) packed?.leave();
    if (IS_POISONED) this.#poison(this.#doubles);
  }

  /** It is not used again: what it was lent is free. */
  giveBack(): void {
    this.#memory()?.giveBack(this);
    this.#doubles.length = 0;
    this.#parts.length = 0;
    this.#stored.length = 0;
  }

  // private functions

  #poison(doubles: readonly (Float64Array<ArrayBuffer> | undefined)[]): void {
    for (const array of doubles) {
      if (array !== undefined) new Uint32Array(array.buffer, array.byteOffset, 2 * array.length).fill(POISON_WORD);
    }
    this.#series.fill(POISON_WORD);
    this.#oneSeries.array.fill(POISON_WORD);
    this.#oneSeries.rows = 0;
  }

  #memory(): KernelMemory | null {
    return this.#areNear ? kernelMemory() : null;
  }
}
