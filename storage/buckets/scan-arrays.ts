/** The arrays that a long scan decodes into, over and over: what it gives of a chunk holds until its next. A scan whose blocks are cached has none. */

export class ScanArrays {
  readonly #doubles: (Float64Array<ArrayBuffer> | undefined)[] = [];
  #series = new Uint32Array(0);

  /** Room for the numbers of one of the fields. */
  doubles(field: number, n: number): Float64Array<ArrayBuffer> {
    let array = this.#doubles[field];
    if (array === undefined || array.length < n) {
      array = new Float64Array(n);
      this.#doubles[field] = array;
    }
    return array.length === n ? array : array.subarray(0, n);
  }

  series(n: number): Uint32Array<ArrayBuffer> {
    if (this.#series.length < n) this.#series = new Uint32Array(n);
    return this.#series.length === n ? this.#series : this.#series.subarray(0, n);
  }
}
