/**
 * The latest time of each series, exact over the whole of int64 and without a bigint per row: a time is `high` × 2^48 + `low`, both
 * doubles. Who is not newer than this is late.
 */
const LOW = 2 ** 48;
const CAPACITY_MIN = 16;

/** An int64 time as high and low part. */
export function splitTime(time: bigint): { high: number; low: number } {
  return { high: Number(time >> 48n), low: Number(time & 0xffffffffffffn) };
}

export class LastTimes {
  #high = new Int16Array(0);
  #low = new Float64Array(0);

  get bytes(): number {
    return this.#high.byteLength + this.#low.byteLength;
  }

  /** Makes room for this many series. */
  reserve(series: number): void {
    const old = this.#low.length;
    if (series <= old) return;
    const capacity = Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(series)));
    const high = new Int16Array(capacity).fill(-32768, old);
    const low = new Float64Array(capacity).fill(-1, old);
    high.set(this.#high);
    low.set(this.#low);
    this.#high = high;
    this.#low = low;
  }

  /** Of the first `series` series: two arrays for `restore`, copied. */
  save(series: number): { high: Int16Array<ArrayBuffer>; low: Float64Array<ArrayBuffer> } {
    return { high: this.#high.slice(0, series), low: this.#low.slice(0, series) };
  }

  /** Room has been reserved. */
  restore({ high, low }: { high: Int16Array; low: Float64Array }): void {
    this.#high.set(high);
    this.#low.set(low);
  }

  /** Takes the first `rows` rows in, or those of `kept`, and lists the ones that were not newer than their series, in order. */
  advance(
    series: Uint32Array,
    base: bigint,
    offsets: Float64Array,
    rows: number,
    kept: Uint32Array | null,
  ): Uint32Array | null {
    const total = kept === null ? rows : kept.length;
    const { high: baseHigh, low: baseLow } = splitTime(base);
    const highs = this.#high;
    const lows = this.#low;
    let late: Uint32Array | null = null;
    let count = 0;
    for (let i = 0; i < total; i++) {
      const row = kept === null ? i : kept[i];
      const s = series[row];
      const value = baseLow + offsets[row];
      const carry = Math.floor(value / LOW);
      const high = baseHigh + carry;
      const low = value - carry * LOW;
      const last = highs[s];
      if (high > last || (high === last && low > lows[s])) {
        highs[s] = high;
        lows[s] = low;
      } else {
        late ??= new Uint32Array(total);
        late[count++] = row;
      }
    }
    return late === null ? null : late.slice(0, count);
  }
}
