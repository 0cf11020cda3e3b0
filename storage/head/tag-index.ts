/**
 * One tag of a measurement: its values, which of them each series has, and the series of each value (its posting list). A series costs 8
 * bytes, a value its text and some 22. The series of a value hang together as a chain in one array, newest first: numbers only grow, so
 * that is descending order.
 */
import { GrowingWords } from './growing-words.ts';
import { KeyTable } from './key-table.ts';
import type { ValueListener } from './types.ts';

/** Value 0 is '': what a series without the tag has. Its series are not listed. */
export const ABSENT = 0;

export class TagIndex {
  /** As canonical keys spell it. */
  readonly spelling: Uint8Array;
  readonly #values = new KeyTable();
  /** By series: number of its value. */
  readonly #valueOf = new GrowingWords();
  /** By series: the series before it with the same value, + 1; 0 = none. */
  readonly #before = new GrowingWords();
  /** By value: its newest series + 1, and how many it has. */
  readonly #newest = new GrowingWords();
  readonly #counts = new GrowingWords();
  readonly #met: ValueListener | null;

  constructor(spelling: Uint8Array, met: ValueListener | null = null) {
    this.spelling = spelling;
    this.#met = met;
    this.#values.intern(EMPTY, EMPTY_VIEW, 0, 0);
  }

  get bytes(): number {
    const { bytes } = this.#values;
    return bytes + this.#valueOf.bytes + this.#before.bytes + this.#newest.bytes + this.#counts.bytes;
  }

  /** Distinct values, that of series without the tag included. */
  get values(): number {
    return this.#values.size;
  }

  /** The series, newer than all given before, has the value bytes[from, to), which is not empty. */
  add(series: number, bytes: Uint8Array, view: DataView, from: number, to: number): void {
    const known = this.#values.size;
    const value = this.#values.intern(bytes, view, from, to);
    if (value === known) this.#met?.(bytes, from, to);
    this.#valueOf.reserve(series + 1);
    this.#before.reserve(series + 1);
    this.#newest.reserve(value + 1);
    this.#counts.reserve(value + 1);
    this.#valueOf.set(series, value);
    this.#before.set(series, this.#newest.get(value));
    this.#newest.set(value, series + 1);
    this.#counts.set(value, this.#counts.get(value) + 1);
  }

  valueOf(series: number): number {
    return series < this.#valueOf.length ? this.#valueOf.get(series) : ABSENT;
  }

  text(value: number): string {
    return this.#values.text(value);
  }

  /** −1 = no series has it. */
  valueNamed(text: string): number {
    return this.#values.find(encoder.encode(text));
  }

  /** How many series have a value; not for ABSENT. */
  count(value: number): number {
    return this.#counts.get(value);
  }

  /** Puts the series of a value, other than ABSENT, at the end of `target`, ascending. Returns the new end. */
  list(value: number, target: Uint32Array, end: number): number {
    const count = this.#counts.get(value);
    let entry = this.#newest.get(value);
    for (let i = end + count - 1; i >= end; i--) {
      target[i] = entry - 1;
      entry = this.#before.get(entry - 1);
    }
    return end + count;
  }
}

// private functions

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
const encoder = new TextEncoder();
