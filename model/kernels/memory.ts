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
const PAGES = Math.ceil((INPUT_BYTES + OUTPUT_BYTES + ARRAYS_MAX * ARRAY_BYTES) / PAGE_BYTES);

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

export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  readonly #free: number[] = [];
  /** Arrays of owners that are gone without having given them back. */
  readonly #left = new FinalizationRegistry<number>((at) => this.#free.push(at));

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    this.buffer = this.memory.buffer;
    for (let i = ARRAYS_MAX - 1; i >= 0; i--) this.#free.push(INPUT_BYTES + OUTPUT_BYTES + i * ARRAY_BYTES);
  }

  /** An array of `ARRAY_DOUBLES`, for as long as its owner is there; null where all are lent. */
  lend(owner: object): Float64Array<ArrayBuffer> | null {
    const at = this.#free.pop();
    if (at === undefined) return null;
    this.#left.register(owner, at);
    return new Float64Array(this.buffer, at, ARRAY_DOUBLES);
  }
}
