/**
 * The points of slots, each with its value and, where it is asked for, its time, the series it is of and what it carries: what
 * functions keep that need all points of a slot. In the order in which they came, which says nothing.
 */
import type { Value } from '../../model/index.ts';
import type { RowSlice, StateData } from './aggregate.ts';
import { columnValue } from './selector.ts';
import { SeriesNumbers } from './series-numbers.ts';
import { highOf, lowOf, splitTime } from './slot-time.ts';

/** 10 M doubles are 80 MB: what one query may hold on one thread. */
export const KEPT_VALUES_MAX = 10_000_000;

export interface PointList {
  readonly values: NonNullable<Value>[];
  /** high, low per value. */
  readonly times: number[];
  /** Indexes in `KeptPoints.keys`. */
  readonly series: number[];
  /** As many per value as the plan carries. */
  readonly carried: Value[];
}

const NO_POINTS: PointList = { values: [], times: [], series: [], carried: [] };

export class KeptPoints {
  readonly #timed: boolean;
  readonly #carriedCount: number;
  readonly #slotMax: number;
  readonly #slots: (PointList | undefined)[] = [];
  readonly #series = new SeriesNumbers();
  #count = 0;

  /** `timed`: times and series are kept too. `slotMax`: of a slot with more points than that the rest is left out. */
  constructor(timed: boolean, carried: number, slotMax = Number.POSITIVE_INFINITY) {
    this.#timed = timed;
    this.#carriedCount = carried;
    this.#slotMax = slotMax;
  }

  /** Points of all slots. */
  get count(): number {
    return this.#count;
  }

  /** Keys of the series that were met. */
  get keys(): readonly string[] {
    return this.#series.keys;
  }

  at(slot: number): PointList | undefined {
    return this.#slots[slot];
  }

  update({ count, rows, slots, base, offsets, carried, column, series, keyOf }: RowSlice): void {
    const { high, low } = splitTime(base);
    const numberOf = this.#series.ofBlock(keyOf);
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const points = this.#list(slots[k]);
      if (points.values.length > this.#slotMax) continue;
      points.values.push(columnValue(column, row));
      this.#count++;
      if (!this.#timed) continue;
      const sum = low + offsets[row];
      points.times.push(highOf(high, sum), lowOf(sum));
      points.series.push(numberOf(series[row]));
      for (let c = 0; c < this.#carriedCount; c++) points.carried.push(carried[c](row));
    }
  }

  weight(slot: number): number {
    return this.#slots[slot]?.values.length ?? 0;
  }

  take(slots: Int32Array): StateData {
    const parts = Array.from(slots, (slot): PointsPart => {
      const points = this.#slots[slot] ?? NO_POINTS;
      return { points, from: 0, to: points.values.length };
    });
    return this.#copied(parts);
  }

  *takeParts(slot: number, valuesMax: number): Generator<StateData> {
    const points = this.#slots[slot] ?? NO_POINTS;
    for (let from = 0; from < points.values.length; from += valuesMax) {
      yield this.#copied([{ points, from, to: Math.min(points.values.length, from + valuesMax) }]);
    }
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as ArrayLike<NonNullable<Value>>;
    const times = data.times as Float64Array;
    const series = data.series as Uint32Array;
    const carried = data.carried as readonly Value[];
    const numbers = (data.keys as readonly string[]).map((key) => this.#series.of(key));
    const c = this.#carriedCount;
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      const end = at + counts[i];
      const points = slots[i] >= 0 && end > at ? this.#list(slots[i]) : null;
      if (points !== null && points.values.length <= this.#slotMax) {
        for (let k = at; k < end; k++) points.values.push(values[k]);
        if (this.#timed) {
          for (let k = at * 2; k < end * 2; k++) points.times.push(times[k]);
          for (let k = at; k < end; k++) points.series.push(numbers[series[k]]);
          for (let k = at * c; k < end * c; k++) points.carried.push(carried[k]);
        }
        this.#count += counts[i];
      }
      at = end;
    }
  }

  reset(slot: number): void {
    this.#count -= this.#slots[slot]?.values.length ?? 0;
    this.#slots[slot] = undefined;
  }

  // private functions

  /** Series by the keys that are met in them. */
  #copied(parts: readonly PointsPart[]): StateData {
    const counts = Uint32Array.from(parts, ({ from, to }) => to - from);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const numbers = parts.every(({ points, from, to }) => areNumbers(points.values, from, to));
    const values = numbers ? new Float64Array(total) : new Array<Value>(total);
    const times = new Float64Array(this.#timed ? 2 * total : 0);
    const series = new Uint32Array(this.#timed ? total : 0);
    const met = new SeriesNumbers();
    const numberOf = met.ofBlock((number) => this.#series.keys[number]);
    const carried: Value[] = [];
    const c = this.#carriedCount;
    let at = 0;
    for (const { points, from, to } of parts) {
      for (let k = from; k < to; k++, at++) {
        values[at] = points.values[k];
        if (!this.#timed) continue;
        times[at * 2] = points.times[k * 2];
        times[at * 2 + 1] = points.times[k * 2 + 1];
        series[at] = numberOf(points.series[k]);
      }
      for (let k = from * c; k < to * c; k++) carried.push(points.carried[k]);
    }
    return { counts, values, times, series, keys: met.keys, carried };
  }

  #list(slot: number): PointList {
    return (this.#slots[slot] ??= { values: [], times: [], series: [], carried: [] });
  }
}

// private functions

/** Points [from, to) of a list. */
type PointsPart = { readonly points: PointList; readonly from: number; readonly to: number };

function areNumbers(values: readonly Value[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (typeof values[i] !== 'number') return false;
  return true;
}
