/**
 * median(x) of floats: all values of a slot, those of rows one by one and those that another state brings as the array in which they
 * came, so that what shards say is added up by copying bytes. The one in the middle is looked for when a result is asked for, or in steps
 * before (`settle`), and remembered until more values come. Integers, which may be too large for a double, are `KeptState`'s.
 */
import { QueryError } from '../language/errors.ts';
import type { AggregateState, RowSlice, StateData } from './aggregate.ts';
import { KEPT_VALUES_MAX } from './kept-points.ts';
import { selectNumber } from './rank-select.ts';
import { columnValue } from './selector.ts';

/** So many that come together stay an array of their own; fewer are cheaper one by one. */
const PART_MIN = 64;

/** In no order. */
interface Numbers {
  readonly single: number[];
  readonly parts: Float64Array[];
  count: number;
  median: number | null;
}

export class MedianState implements AggregateState {
  readonly #slots: (Numbers | undefined)[] = [];
  #count = 0;

  grow(_slots: number): void {}

  update({ count, rows, slots, column }: RowSlice): void {
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      this.#more(slots[k], 1).single.push(Number(columnValue(column, row)));
    }
    this.#check();
  }

  take(slots: Int32Array): StateData {
    const counts = Uint32Array.from(slots, (slot) => this.weight(slot));
    const values = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    let at = 0;
    for (const slot of slots) at = copy(this.#slots[slot], values, at);
    return { counts, values };
  }

  weight(slot: number): number {
    return this.#slots[slot]?.count ?? 0;
  }

  *takeParts(slot: number, valuesMax: number): Generator<StateData> {
    const values = this.#valuesOf(slot);
    for (let from = 0; from < values.length; from += valuesMax) {
      const part = values.slice(from, from + valuesMax);
      yield { counts: Uint32Array.of(part.length), values: part };
    }
  }

  merge(data: StateData, slots: Int32Array): void {
    const counts = data.counts as Uint32Array;
    const values = data.values as Float64Array;
    let at = 0;
    for (let i = 0; i < slots.length; i++) {
      const end = at + counts[i];
      if (slots[i] >= 0 && end > at) {
        const { single, parts } = this.#more(slots[i], counts[i]);
        if (counts[i] >= PART_MIN) parts.push(values.slice(at, end));
        else for (let k = at; k < end; k++) single.push(values[k]);
      }
      at = end;
    }
    this.#check();
  }

  reset(slot: number): void {
    this.#count -= this.#slots[slot]?.count ?? 0;
    this.#slots[slot] = undefined;
  }

  empty(slot: number): boolean {
    return this.#slots[slot] === undefined;
  }

  *settle(slot: number): Generator<null> {
    const held = this.#slots[slot];
    if (held !== undefined && held.median === null) held.median = yield* medianOf(this.#valuesOf(slot));
  }

  result(slot: number): number | null {
    for (const _ of this.settle(slot));
    return this.#slots[slot]?.median ?? null;
  }

  // private functions

  /** Where so many more values of a slot go, which are counted. */
  #more(slot: number, count: number): Numbers {
    const held = (this.#slots[slot] ??= { single: [], parts: [], count: 0, median: null });
    held.median = null;
    held.count += count;
    this.#count += count;
    return held;
  }

  #valuesOf(slot: number): Float64Array {
    const values = new Float64Array(this.weight(slot));
    copy(this.#slots[slot], values, 0);
    return values;
  }

  #check(): void {
    if (this.#count <= KEPT_VALUES_MAX) return;
    throw new QueryError('invalid', `median() over more than ${KEPT_VALUES_MAX} values: narrow the time range`);
  }
}

/** Puts the numbers in another order. */
export function* medianOf(numbers: Float64Array): Generator<null, number> {
  const middle = numbers.length >> 1;
  yield* selectNumber(numbers, middle);
  const high = numbers[middle];
  if (numbers.length % 2 === 1) return high;
  let low = numbers[0];
  for (let i = 1; i < middle; i++) if (numbers[i] > low) low = numbers[i];
  return low + (high - low) / 2;
}

// private functions

/** Gives where the next goes. */
function copy(held: Numbers | undefined, values: Float64Array, at: number): number {
  let next = at;
  for (const part of held?.parts ?? []) {
    values.set(part, next);
    next += part.length;
  }
  for (const value of held?.single ?? []) values[next++] = value;
  return next;
}
