/**
 * distinct(x) and count(distinct(x)): each distinct value of a slot with how often, when first and when last it was seen. distinct
 * gives values by the time of their first point, then by value. mode.ts counts by it.
 */
import type { Value } from '../../model/index.ts';
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { ordered } from './ordered.ts';
import { columnValue } from './selector.ts';
import { compareSplit, highOf, lowOf, splitTime } from './slot-time.ts';

/** Distinct values that one query may hold on one thread: some 200 MB. */
const TALLIED_VALUES_MAX = 2_000_000;

type Tallied = NonNullable<Value>;

export interface Tally {
  readonly value: Tallied;
  count: number;
  firstHigh: number;
  firstLow: number;
  lastHigh: number;
  lastLow: number;
}

export class TallyState implements AggregateState {
  readonly #name: 'mode' | 'distinct' | 'count distinct';
  readonly #slots: (Map<Tallied, Tally> | undefined)[] = [];
  /** Of distinct, by slot: its values in order, until more come. */
  readonly #settled = new Map<number, Value[]>();
  #tallied = 0;

  constructor(name: 'mode' | 'distinct' | 'count distinct') {
    this.#name = name;
  }

  grow(_slots: number): void {}

  update(slice: RowSlice): void {
    const { count, rows, slots, offsets, column } = slice;
    const base = splitTime(slice.base);
    this.#settled.clear();
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const sum = base.low + offsets[row];
      const high = highOf(base.high, sum);
      const low = lowOf(sum);
      this.#add(slots[k], columnValue(column, row), 1, high, low, high, low);
    }
  }

  take(slots: Int32Array): StateData {
    const counts = Uint32Array.from(slots, (slot) => this.weight(slot));
    return tallied(
      counts,
      Array.from(slots, (slot) => [...(this.#slots[slot]?.values() ?? [])]),
    );
  }

  weight(slot: number): number {
    return this.#slots[slot]?.size ?? 0;
  }

  *takeParts(slot: number, valuesMax: number): Generator<StateData> {
    let part: Tally[] = [];
    for (const tally of this.#slots[slot]?.values() ?? []) {
      if (part.push(tally) < valuesMax) continue;
      yield tallied(Uint32Array.of(part.length), [part]);
      part = [];
    }
    if (part.length > 0) yield tallied(Uint32Array.of(part.length), [part]);
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as readonly Tallied[];
    const n = data.numbers as Float64Array;
    this.#settled.clear();
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      for (let k = 0; k < counts[i]; k++, at++) {
        const j = at * 5;
        if (slots[i] >= 0) this.#add(slots[i], values[at], n[j], n[j + 1], n[j + 2], n[j + 3], n[j + 4]);
      }
    }
  }

  reset(slot: number): void {
    this.#tallied -= this.#slots[slot]?.size ?? 0;
    this.#slots[slot] = undefined;
    this.#settled.delete(slot);
  }

  empty(slot: number): boolean {
    return this.#slots[slot] === undefined;
  }

  result(slot: number): Value {
    const tallies = this.#slots[slot];
    if (tallies === undefined) return null;
    return this.#name === 'distinct' ? this.results(slot)[0] : tallies.size;
  }

  /** Of the values of a slot those that are most frequent, in ascending order. */
  mostFrequent(slot: number): Tally[] {
    const tallies = [...(this.#slots[slot]?.values() ?? [])];
    let most = 0;
    for (const { count } of tallies) if (count > most) most = count;
    return tallies.filter(({ count }) => count === most).sort(byValue);
  }

  *settle(slot: number): Generator<null> {
    const found = this.#slots[slot];
    if (this.#name !== 'distinct' || found === undefined || this.#settled.has(slot)) return;
    const tallies = [...found.values()];
    const compare = (a: Tally, b: Tally): number => byFirst(a, b) || byValue(a, b);
    const order = yield* ordered(tallies.length, (a, b) => compare(tallies[a], tallies[b]));
    this.#settled.set(
      slot,
      Array.from(order, (i) => tallies[i].value),
    );
  }

  results(slot: number): Value[] {
    for (const _ of this.settle(slot));
    return this.#settled.get(slot) ?? [];
  }

  // private functions

  #add(slot: number, value: Tallied, count: number, fh: number, fl: number, lh: number, ll: number): void {
    const tallies = (this.#slots[slot] ??= new Map());
    const tally = tallies.get(value);
    if (tally === undefined) {
      tallies.set(value, { value, count, firstHigh: fh, firstLow: fl, lastHigh: lh, lastLow: ll });
      if (++this.#tallied > TALLIED_VALUES_MAX) {
        throw new QueryError('invalid', `${this.#name}() over more than ${TALLIED_VALUES_MAX} distinct values`);
      }
      return;
    }
    tally.count += count;
    if (compareSplit(fh, fl, tally.firstHigh, tally.firstLow) < 0) {
      tally.firstHigh = fh;
      tally.firstLow = fl;
    }
    if (compareSplit(lh, ll, tally.lastHigh, tally.lastLow) > 0) {
      tally.lastHigh = lh;
      tally.lastLow = ll;
    }
  }
}

// private functions

/** As `take` gives them. */
function tallied(counts: Uint32Array, slots: readonly (readonly Tally[])[]): StateData {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const values: Value[] = [];
  const numbers = new Float64Array(5 * total);
  for (const tallies of slots) {
    for (const { value, count, firstHigh, firstLow, lastHigh, lastLow } of tallies) {
      numbers.set([count, firstHigh, firstLow, lastHigh, lastLow], 5 * values.length);
      values.push(value);
    }
  }
  return { counts, values, numbers };
}

function byFirst(a: Tally, b: Tally): number {
  return compareSplit(a.firstHigh, a.firstLow, b.firstHigh, b.firstLow);
}

function byValue(a: Tally, b: Tally): number {
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}
