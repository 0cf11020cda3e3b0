/**
 * The latest time of each series, exact over the whole of int64 and without a bigint per row: a time is `high` × 2^48 + `low`, both
 * doubles. Who is not newer than this is late.
 */
const LOW = 2 ** 48;
const SEGMENT_BITS = 14;
const SEGMENT_SERIES = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_SERIES - 1;
const CAPACITY_MIN = 16;

/** An int64 time as high and low part. */
export function splitTime(time: bigint): { high: number; low: number } {
  return { high: Number(time >> 48n), low: Number(time & 0xffffffffffffn) };
}

export class LastTimes {
  /** Parts of SEGMENT_SERIES series, of which only the first grows: nobody waits for all to be copied. */
  readonly #high: Int16Array[] = [];
  readonly #low: Float64Array[] = [];
  #reserved = 0;

  get bytes(): number {
    return 10 * this.#reserved;
  }

  /** Makes room for this many series. */
  reserve(series: number): void {
    while (this.#reserved < series) {
      const grown = this.#reserved < SEGMENT_SERIES;
      const capacity = grown ? Math.max(CAPACITY_MIN, 2 * this.#reserved) : SEGMENT_SERIES;
      const high = new Int16Array(capacity).fill(-32768);
      const low = new Float64Array(capacity).fill(-1);
      if (grown && this.#reserved > 0) {
        high.set(this.#high.pop()!);
        low.set(this.#low.pop()!);
      }
      this.#high.push(high);
      this.#low.push(low);
      this.#reserved = (this.#high.length - 1) * SEGMENT_SERIES + capacity;
    }
  }

  /** Of the first `series` series: two arrays for `restore`, copied. */
  save(series: number): { high: Int16Array<ArrayBuffer>; low: Float64Array<ArrayBuffer> } {
    const high = new Int16Array(series);
    const low = new Float64Array(series);
    for (let at = 0; at < series; at += SEGMENT_SERIES) {
      const count = Math.min(SEGMENT_SERIES, series - at);
      high.set(this.#high[at >>> SEGMENT_BITS].subarray(0, count), at);
      low.set(this.#low[at >>> SEGMENT_BITS].subarray(0, count), at);
    }
    return { high, low };
  }

  /** Room has been reserved. */
  restore({ high, low }: { high: Int16Array; low: Float64Array }): void {
    for (let at = 0; at < high.length; at += SEGMENT_SERIES) {
      this.#high[at >>> SEGMENT_BITS].set(high.subarray(at, at + SEGMENT_SERIES));
      this.#low[at >>> SEGMENT_BITS].set(low.subarray(at, at + SEGMENT_SERIES));
    }
  }

  /** `time` as splitTime gives it. */
  isBefore(series: number, time: { readonly high: number; readonly low: number }): boolean {
    const high = this.#high[series >>> SEGMENT_BITS][series & SEGMENT_MASK];
    return (
      high < time.high || (high === time.high && this.#low[series >>> SEGMENT_BITS][series & SEGMENT_MASK] < time.low)
    );
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
    let late: Uint32Array | null = null;
    let count = 0;
    for (let i = 0; i < total; i++) {
      const row = kept === null ? i : kept[i];
      const highs = this.#high[series[row] >>> SEGMENT_BITS];
      const lows = this.#low[series[row] >>> SEGMENT_BITS];
      const s = series[row] & SEGMENT_MASK;
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
