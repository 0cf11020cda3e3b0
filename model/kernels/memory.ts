/**
 * The memory that all kernels of a thread share: room for one call to work in, then arrays that are lent, so that what one kernel leaves
 * is where the next finds it. It is reserved when somebody first asks for it, takes of the machine's memory what is written to, and never
 * grows: arrays on it stay where they are.
 */

const PAGE_BYTES = 65536;
/** For what goes into one call, and what comes out of it. Both mean nothing when the call has ended. */
export const INPUT_BYTES = 2 * PAGE_BYTES;
export const OUTPUT_BYTES = 2 * PAGE_BYTES;
/** A column of a chunk. */
export const ARRAY_DOUBLES = 8192;
/** So much behind its last number a kernel may write. */
const ARRAY_BYTES = 8 * ARRAY_DOUBLES + 256;
/** Columns of scans that are under way at the same time; more have arrays of their own, and are copied from and to kernels. */
const ARRAYS_MAX = 64;
/** What a scan has read ahead at a time, with what may stand between its blocks. */
const READ_BYTES = 17 * PAGE_BYTES;
/** Of two scans. */
export const READS_MAX = 6;
const ARRAYS_AT = INPUT_BYTES + OUTPUT_BYTES;
const READS_AT = ARRAYS_AT + ARRAYS_MAX * ARRAY_BYTES;
/** The last is read beyond its end. */
const PAGES = Math.ceil((READS_AT + READS_MAX * READ_BYTES) / PAGE_BYTES) + 1;

let made: KernelMemory | null | undefined;

/** The thread's; null where there is no WebAssembly. */
export function kernelMemory(): KernelMemory | null {
  if (made === undefined) {
    try {
      made = new KernelMemory();
    } catch {
      made = null;
    }
  }
  return made;
}

/** What of the thread's is lent, and how often there was nothing left to lend. Makes no memory. */
export function kernelMemoryUse(): KernelMemoryUse {
  return made?.use ?? { arrays: 0, reads: 0, refused: 0 };
}

export interface KernelMemoryUse {
  readonly arrays: number;
  readonly reads: number;
  readonly refused: number;
}

export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  readonly #arrays = new Lent(ARRAYS_AT, ARRAY_BYTES, ARRAYS_MAX);
  readonly #reads = new Lent(READS_AT, READ_BYTES, READS_MAX);

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    this.buffer = this.memory.buffer;
  }

  get use(): KernelMemoryUse {
    const [arrays, reads] = [this.#arrays, this.#reads];
    return { arrays: arrays.count, reads: reads.count, refused: arrays.refused + reads.refused };
  }

  /** Room for so many doubles, until its owner gives it back or is gone; null where that is too many, and where all are lent. */
  lendDoubles(owner: object, n: number): Float64Array<ArrayBuffer> | null {
    const at = n > ARRAY_DOUBLES ? null : this.#arrays.lend(owner);
    return at === null ? null : new Float64Array(this.buffer, at, ARRAY_DOUBLES);
  }

  /** The same for so many bytes as they are read. */
  lendBytes(owner: object, n: number): Uint8Array<ArrayBuffer> | null {
    const at = n > READ_BYTES ? null : this.#reads.lend(owner);
    return at === null ? null : new Uint8Array(this.buffer, at, READ_BYTES);
  }

  /** All that the owner was lent, which nobody may look at any more. */
  giveBack(owner: object): void {
    this.#arrays.giveBack(owner);
    this.#reads.giveBack(owner);
  }
}

/** Places of one size that follow each other. */
class Lent {
  refused = 0;
  readonly #free: number[] = [];
  readonly #max: number;
  readonly #byOwner = new WeakMap<object, number[]>();
  /** Those whose owner is gone without having given them back. */
  readonly #left = new FinalizationRegistry<number[]>((places) => this.#free.push(...places));

  constructor(at: number, bytes: number, count: number) {
    this.#max = count;
    for (let i = count - 1; i >= 0; i--) this.#free.push(at + i * bytes);
  }

  get count(): number {
    return this.#max - this.#free.length;
  }

  lend(owner: object): number | null {
    const at = this.#free.pop();
    if (at === undefined) {
      this.refused++;
      return null;
    }
    let places = this.#byOwner.get(owner);
    if (places === undefined) {
      places = [];
      this.#byOwner.set(owner, places);
      this.#left.register(owner, places, owner);
    }
    places.push(at);
    return at;
  }

  giveBack(owner: object): void {
    const places = this.#byOwner.get(owner);
    if (places === undefined) return;
    this.#byOwner.delete(owner);
    this.#left.unregister(owner);
    this.#free.push(...places);
  }
}
