/**
 * min, max, first and last: each chooses one point of a slot, whose time and other columns can be asked for. Ties are broken by
 * content, never by order of arrival: min and max prefer the earlier time, first and last the larger value (first of booleans: false,
 * as in InfluxDB), and points alike in both the carried values whose text is smaller.
 *
 * Values are doubles while all of them fit (floats, safe integers, booleans as 0 and 1); the first 64-bit integer column, or
 * strings, switch to a list of values.
 */
import type { Column, FieldType, Value } from '../../model/index.ts';
import type { AggregateState, RowSlice, RunSlice, StateData } from './aggregate.ts';
import { grown, picked } from './growing.ts';
import { highOf, joinTime, lowOf, splitTime } from './slot-time.ts';

type DoubleValues = Float64Array | Uint8Array;

export type SelectorName = 'min' | 'max' | 'first' | 'last';

export class SelectorState implements AggregateState {
  readonly #name: SelectorName;
  readonly #type: FieldType;
  #filled = new Uint8Array(0);
  #high = new Float64Array(0);
  #low = new Float64Array(0);
  #doubles = new Float64Array(0);
  /** Used instead of #doubles once not null. */
  #list: Value[] | null = null;
  readonly #carried: Value[][] = [];
  /** 1 where first and last take the larger of two values of one time, else -1. */
  readonly #larger: number;

  constructor(name: SelectorName, type: FieldType, carried: number) {
    this.#name = name;
    this.#type = type;
    this.#larger = name === 'first' && type === 'boolean' ? -1 : 1;
    if (type === 'string') this.#list = [];
    for (let i = 0; i < carried; i++) this.#carried.push([]);
  }

  grow(slots: number): void {
    this.#filled = grown(this.#filled, slots);
    this.#high = grown(this.#high, slots);
    this.#low = grown(this.#low, slots);
    if (this.#list === null) this.#doubles = grown(this.#doubles, slots);
  }

  update(slice: RowSlice): void {
    const { values } = slice.column;
    if (this.#list === null && !(values instanceof Float64Array || values instanceof Uint8Array)) this.#widen();
    if (this.#list === null && this.#carried.length === 0) this.#updateNeighbours(slice, values as DoubleValues);
    else this.#updateOneByOne(slice);
  }

  updateRuns({ count, from, to, slots, base, offsets, column: { values, present } }: RunSlice): boolean {
    if (this.#list !== null || this.#carried.length > 0) return false;
    if (!(values instanceof Float64Array || values instanceof Uint8Array)) return false;
    const { high, low } = splitTime(base);
    for (let i = 0; i < count; i++) {
      const row = this.#bestOf(values, present, from[i], to[i]);
      if (row < 0) continue;
      this.#offer(values[row], highOf(high, low + offsets[row]), lowOf(low + offsets[row]), slots[i]);
    }
    return true;
  }

  take(slots: Int32Array): StateData {
    const filled = new Uint8Array(slots.length);
    for (let i = 0; i < slots.length; i++) filled[i] = this.#filled[slots[i]];
    const data: Record<string, Float64Array | Uint8Array | readonly Value[]> = {
      filled,
      high: picked(this.#high, slots),
      low: picked(this.#low, slots),
      values: this.#list === null ? picked(this.#doubles, slots) : pickedValues(this.#list, slots),
    };
    for (const [i, values] of this.#carried.entries()) data[`carried${i}`] = pickedValues(values, slots);
    return data;
  }

  merge(data: StateData, slots: Int32Array): void {
    const filled = data.filled as Uint8Array;
    const { high, low } = data as Record<string, Float64Array>;
    const values = data.values as Float64Array | readonly Value[];
    if (this.#list === null && !(values instanceof Float64Array)) this.#widen();
    if (this.#list === null && this.#carried.length === 0) {
      const doubles = values as Float64Array;
      for (let i = 0; i < slots.length; i++) {
        if (slots[i] >= 0 && filled[i] === 1) this.#offer(doubles[i], high[i], low[i], slots[i]);
      }
      return;
    }
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      if (slot < 0 || filled[i] === 0) continue;
      const carried = (index: number): Value => (data[`carried${index}`] as readonly Value[])[i];
      const value = values instanceof Float64Array ? this.#own(values[i]) : values[i];
      const order = this.#compare(value!, high[i], low[i], slot);
      if (order > 0 || (order === 0 && this.#carriedBefore(carried, slot)))
        this.#choose(value!, high[i], low[i], slot, carried);
    }
  }

  reset(slot: number): void {
    this.#filled[slot] = 0;
  }

  empty(slot: number): boolean {
    return this.#filled[slot] === 0;
  }

  result(slot: number): Value {
    return this.#filled[slot] === 0 ? null : this.#value(slot);
  }

  time(slot: number): bigint {
    return joinTime(this.#high[slot], this.#low[slot]);
  }

  carried(slot: number, index: number): Value {
    return this.#filled[slot] === 0 ? null : this.#carried[index][slot];
  }

  // private functions

  /** Of rows that ascend in time; −1 where none has a value. */
  #bestOf(values: DoubleValues, present: Uint8Array | null, from: number, to: number): number {
    const isLast = this.#name === 'last';
    let best = isLast ? to - 1 : from;
    if (present !== null) while (best >= from && best < to && present[best] === 0) best += isLast ? -1 : 1;
    if (best < from || best >= to) return -1;
    if (this.#name === 'max') {
      for (let row = best + 1; row < to; row++) {
        if (values[row] > values[best] && (present === null || present[row] === 1)) best = row;
      }
    } else if (this.#name === 'min') {
      for (let row = best + 1; row < to; row++) {
        if (values[row] < values[best] && (present === null || present[row] === 1)) best = row;
      }
    }
    return best;
  }

  /** Of rows of one slot that follow one another the best is found first. */
  #updateNeighbours({ count, rows, slots, base, offsets, column: { present } }: RowSlice, values: DoubleValues): void {
    const { high, low } = splitTime(base);
    const byTime = this.#name === 'first' || this.#name === 'last';
    const sign = this.#name === 'max' || this.#name === 'last' ? 1 : -1;
    for (let k = 0; k < count; ) {
      const slot = slots[k];
      let any = false;
      let best = 0;
      let at = 0;
      do {
        const row = rows === null ? k : rows[k];
        if (present !== null && present[row] === 0) continue;
        const value = values[row];
        const offset = offsets[row];
        if (any) {
          const order = byTime
            ? (offset - at) * sign || (value - best) * this.#larger
            : (value - best) * sign || at - offset;
          if (!(order > 0)) continue;
        }
        any = true;
        best = value;
        at = offset;
      } while (++k < count && slots[k] === slot);
      if (any) this.#offer(best, highOf(high, low + at), lowOf(low + at), slot);
    }
  }

  #offer(value: number, high: number, low: number, slot: number): void {
    if (this.#filled[slot] === 1) {
      const there = this.#doubles[slot];
      const later = high !== this.#high[slot] ? high - this.#high[slot] : low - this.#low[slot];
      const byTime = this.#name === 'first' || this.#name === 'last';
      const sign = this.#name === 'max' || this.#name === 'last' ? 1 : -1;
      const order = byTime ? later * sign || (value - there) * this.#larger : (value - there) * sign || -later;
      if (!(order > 0)) return;
    }
    this.#filled[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#doubles[slot] = value;
  }

  #updateOneByOne(slice: RowSlice): void {
    const { count, rows, slots, offsets, carried, column } = slice;
    const base = splitTime(slice.base);
    for (let k = 0; k < count; k++) {
      const row = rows === null ? k : rows[k];
      if (column.present !== null && column.present[row] === 0) continue;
      const value = columnValue(column, row);
      const sum = base.low + offsets[row];
      const high = highOf(base.high, sum);
      const low = lowOf(sum);
      const read = (index: number): Value => carried[index](row);
      const order = this.#compare(value, high, low, slots[k]);
      if (order > 0 || (order === 0 && this.#carriedBefore(read, slots[k]))) {
        this.#choose(value, high, low, slots[k], read);
      }
    }
  }

  /** Positive where the point takes the slot; 0 where it is like the one there. */
  #compare(value: NonNullable<Value>, high: number, low: number, slot: number): number {
    if (this.#filled[slot] === 0) return 1;
    const there = this.#value(slot)!;
    const larger = value > there ? 1 : value < there ? -1 : 0;
    const later = high !== this.#high[slot] ? high - this.#high[slot] : low - this.#low[slot];
    switch (this.#name) {
      case 'min':
        return -larger || -later;
      case 'max':
        return larger || -later;
      case 'first':
        return -later || larger * this.#larger;
      default:
        return later || larger;
    }
  }

  #carriedBefore(read: (index: number) => Value, slot: number): boolean {
    for (let i = 0; i < this.#carried.length; i++) {
      const a = String(read(i));
      const b = String(this.#carried[i][slot]);
      if (a !== b) return a < b;
    }
    return false;
  }

  #choose(value: NonNullable<Value>, high: number, low: number, slot: number, read: (index: number) => Value): void {
    this.#filled[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    if (this.#list === null) this.#doubles[slot] = Number(value);
    else this.#list[slot] = value;
    for (let i = 0; i < this.#carried.length; i++) this.#carried[i][slot] = read(i);
  }

  #value(slot: number): Value {
    return this.#list === null ? this.#own(this.#doubles[slot]) : this.#list[slot];
  }

  #own(double: number): number | boolean {
    return this.#type === 'boolean' ? double === 1 : double;
  }

  #widen(): void {
    const list: Value[] = [];
    for (let i = 0; i < this.#doubles.length; i++) list.push(this.#own(this.#doubles[i]));
    this.#list = list;
  }
}

/** The value of a row that has one; integers are bigint only beyond the safe ones. */
export function columnValue(column: Column, row: number): NonNullable<Value> {
  const value = column.values[row];
  if (typeof value === 'bigint') {
    const near = Number(value);
    return Number.isSafeInteger(near) ? near : value;
  }
  if (column.type === 'string') return column.dictionary.get(value);
  return column.type === 'boolean' ? value === 1 : value;
}

// private functions

function pickedValues(values: readonly Value[], slots: Int32Array): Value[] {
  const copy: Value[] = [];
  for (let i = 0; i < slots.length; i++) copy.push(values[slots[i]] ?? null);
  return copy;
}
