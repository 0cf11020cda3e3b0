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
const READS_MAX = 6;
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

export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  readonly #arrays = new Lent(ARRAYS_AT, ARRAY_BYTES, ARRAYS_MAX);
  readonly #reads = new Lent(READS_AT, READ_BYTES, READS_MAX);

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    this.buffer = this.memory.buffer;
  }

  /** Room for so many doubles, for as long as its owner is there; null where that is too many, and where all are lent. */
  lendDoubles(owner: object, n: number): Float64Array<ArrayBuffer> | null {
    const at = n > ARRAY_DOUBLES ? null : this.#arrays.lend(owner);
    return at === null ? null : new Float64Array(this.buffer, at, ARRAY_DOUBLES);
  }

  /** The same for so many bytes as they are read. */
  lendBytes(owner: object, n: number): Uint8Array<ArrayBuffer> | null {
    const at = n > READ_BYTES ? null : this.#reads.lend(owner);
    return at === null ? null : new Uint8Array(this.buffer, at, READ_BYTES);
  }
}

/** Places of one size that follow each other. */
class Lent {
  readonly #free: number[] = [];
  /** Those whose owner is gone come back. */
  readonly #left = new FinalizationRegistry<number>((at) => this.#free.push(at));

  constructor(at: number, bytes: number, count: number) {
    for (let i = count - 1; i >= 0; i--) this.#free.push(at + i * bytes);
  }

  lend(owner: object): number | null {
    const at = this.#free.pop();
    if (at === undefined) return null;
    this.#left.register(owner, at);
    return at;
  }
}
