/**
 * median(x) and percentile(x, N): functions that need all values of a slot. They are kept in lists; the one in question is looked for
 * when a result is asked for, or in steps before (`settle`), and remembered until more values come. percentile is a selector (nearest rank): it keeps time and carried columns too, and of equal values takes the earlier.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { selectRank } from './rank-select.ts';
import { columnValue } from './selector.ts';
import { highOf, joinTime, lowOf, splitTime } from './slot-time.ts';

/** 10 M doubles are 80 MB: what one query may hold on one thread. */
const KEPT_VALUES_MAX = 10_000_000;

interface Kept {
  readonly values: (number | bigint | boolean | string)[];
  /** high, low per value; percentile only. */
  readonly times: number[];
  /** As many per value as the plan carries; percentile only. */
  readonly carried: Value[];
}

export class KeptState implements AggregateState {
  readonly #percentile: number | null;
  readonly #carriedCount: number;
  readonly #slots: (Kept | undefined)[] = [];
  /** By slot: the median, or the index of the percentile's point, −1 where its rank leaves the list. */
  readonly #settled = new Map<number, number>();
  #kept = 0;

  /** `percentile` null = median. */
  constructor(percentile: number | null, carried: number) {
    this.#percentile = percentile;
    this.#carriedCount = carried;
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    const { count, rows, slots, offsets, carried, column } = slice;
    this.#settled.clear();
    const base = splitTime(slice.base);
    const timed = this.#percentile !== null;
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const kept = this.#at(slots[k]);
      kept.values.push(columnValue(column, row));
      this.#kept++;
      if (!timed) continue;
      const sum = base.low + offsets[row];
      kept.times.push(highOf(base.high, sum), lowOf(sum));
      for (let c = 0; c < this.#carriedCount; c++) kept.carried.push(carried[c](row));
    }
    this.#check();
  }

  take(slots: Int32Array): StateData {
    const counts = new Uint32Array(slots.length);
    let total = 0;
    let numbers = true;
    for (let i = 0; i < slots.length; i++) {
      const kept = this.#slots[slots[i]];
      if (kept === undefined) continue;
      counts[i] = kept.values.length;
      total += counts[i];
      numbers &&= kept.values.every((value) => typeof value === 'number');
    }
    const values = numbers ? new Float64Array(total) : new Array<Value>(total);
    const times = new Float64Array(this.#percentile === null ? 0 : 2 * total);
    const carried: Value[] = [];
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      const kept = this.#slots[slots[i]];
      if (kept === undefined) continue;
      if (this.#percentile !== null) times.set(kept.times, 2 * at);
      for (let k = 0; k < counts[i]; k++) values[at++] = kept.values[k];
      for (const value of kept.carried) carried.push(value);
    }
    return { counts, values, times, carried };
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as ArrayLike<NonNullable<Value>>;
    const times = data.times as Float64Array;
    const carried = data.carried as readonly Value[];
    const c = this.#carriedCount;
    let at = 0;
    this.#settled.clear();
    for (let i = 0; i < slots.length; i++) {
      const end = at + counts[i];
      if (slots[i] >= 0 && end > at) {
        const kept = this.#at(slots[i]);
        for (let k = at; k < end; k++) kept.values.push(values[k]);
        if (this.#percentile !== null) {
          for (let k = at * 2; k < end * 2; k++) kept.times.push(times[k]);
          for (let k = at * c; k < end * c; k++) kept.carried.push(carried[k]);
        }
        this.#kept += counts[i];
      }
      at = end;
    }
    this.#check();
  }

  reset(slot: number): void {
    this.#kept -= this.#slots[slot]?.values.length ?? 0;
    this.#slots[slot] = undefined;
    this.#settled.delete(slot);
  }

  *settle(slot: number): Generator<null> {
    const kept = this.#slots[slot];
    if (kept === undefined || this.#settled.has(slot)) return;
    const found = this.#percentile === null ? yield* medianOf(kept.values) : yield* this.#choose(kept);
    this.#settled.set(slot, found);
  }

  empty(slot: number): boolean {
    return this.#slots[slot] === undefined;
  }

  result(slot: number): Value {
    const kept = this.#slots[slot];
    if (kept === undefined) return null;
    const found = this.#found(slot);
    if (this.#percentile === null) return found;
    return found < 0 ? null : kept.values[found];
  }

  time(slot: number): bigint {
    const { times } = this.#slots[slot]!;
    const chosen = Math.max(0, this.#found(slot));
    return joinTime(times[chosen * 2], times[chosen * 2 + 1]);
  }

  carried(slot: number, index: number): Value {
    const chosen = this.#slots[slot] === undefined ? -1 : this.#found(slot);
    return chosen < 0 ? null : this.#slots[slot]!.carried[chosen * this.#carriedCount + index];
  }

  // private functions

  #at(slot: number): Kept {
    return (this.#slots[slot] ??= { values: [], times: [], carried: [] });
  }

  #check(): void {
    if (this.#kept <= KEPT_VALUES_MAX) return;
    const name = this.#percentile === null ? 'median' : 'percentile';
    throw new QueryError('invalid', `${name}() over more than ${KEPT_VALUES_MAX} values: narrow the time range`);
  }

  #found(slot: number): number {
    for (const _ of this.settle(slot));
    return this.#settled.get(slot)!;
  }

  /** Index of the percentile's point, −1 where the rank leaves the list. */
  *#choose({ values, times, carried }: Kept): Generator<null, number> {
    const rank = Math.floor((values.length * this.#percentile!) / 100 + 0.5) - 1;
    if (rank < 0 || rank >= values.length) return -1;
    const c = this.#carriedCount;
    const items = yield* selectRank(values.length, rank, (a, b) => {
      if (values[a] !== values[b]) return values[a] < values[b] ? -1 : 1;
      const later = times[a * 2] - times[b * 2] || times[a * 2 + 1] - times[b * 2 + 1];
      if (later !== 0 || c === 0) return later;
      const [x, y] = [a, b].map((i) => carried.slice(i * c, i * c + c).join('\n'));
      return x < y ? -1 : x > y ? 1 : 0;
    });
    return items[rank];
  }
}

// private functions

function* medianOf(values: Kept['values']): Generator<null, number> {
  const numbers = values as readonly (number | bigint)[];
  const middle = numbers.length >> 1;
  const compare = (a: number, b: number): number => (numbers[a] < numbers[b] ? -1 : numbers[a] > numbers[b] ? 1 : 0);
  const items = yield* selectRank(numbers.length, middle, compare);
  const high = numbers[items[middle]];
  if (numbers.length % 2 === 1) return Number(high);
  let before = items[0];
  for (let i = 1; i < middle; i++) if (compare(items[i], before) > 0) before = items[i];
  const low = numbers[before];
  return Number(low) + Number(toDifference(high, low)) / 2;
}

function toDifference(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === 'number' && typeof b === 'number' ? a - b : BigInt(a) - BigInt(b);
}
