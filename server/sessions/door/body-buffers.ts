/**
 * Buffers for bodies, used again: a large body costs fresh memory, which the system must clear and the garbage collector must count,
 * and that is dear at hundreds of megabytes a second. Sizes are powers of two. Whoever is done with a body's buffer may give it
 * back, also after it has been on another thread; nobody must.
 */

/** Smaller ones are cheap to make. */
const BYTES_MIN = 64 * 1024;
/** A body larger than this is rare: its buffer is not kept. */
const BYTES_MAX = 8 * 1024 * 1024;
/** Of all that wait to be used again. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

export class BodyBuffers {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #keptBytes = 0;

  /** At least that long; what is in it means nothing. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length < BYTES_MIN || length > BYTES_MAX) return new Uint8Array(length);
    const bytes = 2 ** Math.ceil(Math.log2(length));
    const buffer = this.#free.get(bytes)?.pop();
    if (buffer === undefined) return new Uint8Array(bytes);
    this.#keptBytes -= bytes;
    return new Uint8Array(buffer);
  }

  /** Nobody else uses it from here on. Buffers of other sizes than those given out are left to the garbage collector. */
  giveBack(buffer: ArrayBuffer): void {
    const bytes = buffer.byteLength;
    if (bytes < BYTES_MIN || bytes > BYTES_MAX || !Number.isInteger(Math.log2(bytes))) return;
    if (this.#keptBytes + bytes > KEPT_BYTES_MAX) return;
    this.#keptBytes += bytes;
    const free = this.#free.get(bytes);
    if (free === undefined) this.#free.set(bytes, [buffer]);
    else free.push(buffer);
  }
}
