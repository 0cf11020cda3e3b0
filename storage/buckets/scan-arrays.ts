/** The arrays that a scan decodes into, over and over, where what it decodes is not kept: what it gives of a chunk holds until its next. */

export class ScanArrays {
  readonly #doubles: (Float64Array<ArrayBuffer> | undefined)[] = [];
  #series = new Uint32Array(0);
  readonly #stored: (Uint8Array<ArrayBuffer> | undefined)[] = [];

  /** Memory held. */
  get bytes(): number {
    const arrays = [this.#series, ...this.#doubles, ...this.#stored];
    return arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0);
  }

  /** Room for the numbers of one of the blocks of a chunk. */
  doubles(block: number, n: number): Float64Array<ArrayBuffer> {
    let array = this.#doubles[block];
    if (array === undefined || array.length < n) {
      array = new Float64Array(n);
      this.#doubles[block] = array;
    }
    return array.length === n ? array : array.subarray(0, n);
  }

  series(n: number): Uint32Array<ArrayBuffer> {
    if (this.#series.length < n) this.#series = new Uint32Array(n);
    return this.#series.length === n ? this.#series : this.#series.subarray(0, n);
  }

  /** Room for some of the bytes that are read ahead. */
  stored(slot: number, bytes: number): Uint8Array<ArrayBuffer> {
    let array = this.#stored[slot];
    if (array === undefined || array.length < bytes) {
      array = new Uint8Array(bytes);
      this.#stored[slot] = array;
    }
    return array.subarray(0, bytes);
  }
}
