/** BestPoints: of each slot and series the point that min, max, first or last takes, each with what it carries. */
import type { Value } from '../../model/index.ts';
import type { RowSlice, RunSlice, StateData } from './aggregate.ts';
import type { PointList } from './kept-points.ts';
import { columnValue, type SelectorName } from './selector.ts';
import { SeriesNumbers } from './series-numbers.ts';
import { compareSplit, highOf, lowOf, splitTime } from './slot-time.ts';

/** A slot with fewer series is searched from end to end. */
const INDEXED_MIN = 16;

type SlotPoints = PointList & { index: Map<number, number> | null };

export class BestPoints {
  readonly #name: SelectorName;
  readonly #carriedCount: number;
  readonly #slots: (SlotPoints | undefined)[] = [];
  readonly #series = new SeriesNumbers();
  #count = 0;
  /** Where the series of the row before stands in the list of its slot. */
  #lastAt = 0;

  constructor(name: SelectorName, carried: number) {
    this.#name = name;
    this.#carriedCount = carried;
  }

  /** Points of all slots. */
  get count(): number {
    return this.#count;
  }

  /** Keys of the series that were met, by the numbers in the lists. */
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
      const sum = low + offsets[row];
      const read = (c: number): Value => carried[c](row);
      this.#offer(slots[k], numberOf(series[row]), columnValue(column, row), highOf(high, sum), lowOf(sum), read);
    }
  }

  updateRuns(runs: RunSlice): void {
    const { count, from, to, slots, base, offsets, column, series, keyOf } = runs;
    const { high, low } = splitTime(base);
    for (let i = 0; i < count; i++) {
      const number = this.#series.of(keyOf(series[from[i]]));
      const isFromEnd = this.#name === 'last';
      for (let k = from[i]; k < to[i]; k++) {
        const row = isFromEnd ? to[i] - 1 - (k - from[i]) : k;
        if (column.present !== null && column.present[row] === 0) continue;
        const sum = low + offsets[row];
        this.#offer(slots[i], number, columnValue(column, row), highOf(high, sum), lowOf(sum), none);
        if (isFromEnd || this.#name === 'first') break;
      }
    }
  }

  take(slots: Int32Array): StateData {
    const counts = new Uint32Array(slots.length);
    const [values, times, series, carried]: [Value[], number[], number[], Value[]] = [[], [], [], []];
    for (let i = 0; i < slots.length; i++) {
      const points = this.#slots[slots[i]];
      if (points === undefined) continue;
      counts[i] = points.values.length;
      for (const value of points.values) values.push(value);
      for (const time of points.times) times.push(time);
      for (const number of points.series) series.push(number);
      for (const value of points.carried) carried.push(value);
    }
    const keys = values.length === 0 ? [] : [...this.#series.keys];
    return { counts, values, times: Float64Array.from(times), series: Uint32Array.from(series), keys, carried };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as readonly NonNullable<Value>[];
    const times = data.times as Float64Array;
    const series = data.series as Uint32Array;
    const carried = data.carried as readonly Value[];
    const numbers = (data.keys as readonly string[]).map((key) => this.#series.of(key));
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      for (const end = at + counts[i]; at < end; at++) {
        if (slots[i] < 0) continue;
        const from = at * this.#carriedCount;
        const read = (c: number): Value => carried[from + c];
        this.#offer(slots[i], numbers[series[at]], values[at], times[at * 2], times[at * 2 + 1], read);
      }
    }
  }

  reset(slot: number): void {
    this.#count -= this.#slots[slot]?.values.length ?? 0;
    this.#slots[slot] = undefined;
  }

  // private functions

  #offer(
    slot: number,
    series: number,
    value: NonNullable<Value>,
    high: number,
    low: number,
    read: (index: number) => Value,
  ): void {
    const points = (this.#slots[slot] ??= { values: [], times: [], series: [], carried: [], index: null });
    let at = this.#lastAt;
    // rows of a series mostly follow one another
    if (points.series[at] !== series)
      at = points.index?.get(series) ?? (points.index ? -1 : points.series.indexOf(series));
    if (at < 0) {
      at = points.series.push(series) - 1;
      this.#count++;
      points.index?.set(series, at);
      if (at === INDEXED_MIN) points.index = new Map(points.series.map((number, i) => [number, i]));
    } else {
      const later = compareSplit(high, low, points.times[at * 2], points.times[at * 2 + 1]);
      this.#lastAt = at;
      if (!this.#isBetter(value, points.values[at], later)) return;
    }
    this.#lastAt = at;
    points.values[at] = value;
    points.times[at * 2] = high;
    points.times[at * 2 + 1] = low;
    for (let c = 0; c < this.#carriedCount; c++) points.carried[at * this.#carriedCount + c] = read(c);
  }

  #isBetter(value: NonNullable<Value>, there: NonNullable<Value>, later: number): boolean {
    switch (this.#name) {
      case 'first':
        return later < 0;
      case 'last':
        return later > 0;
      case 'min':
        return value < there || (value === there && later < 0);
      default:
        return value > there || (value === there && later < 0);
    }
  }
}

// private functions

function none(): null {
  return null;
}
