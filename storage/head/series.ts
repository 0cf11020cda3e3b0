/**
 * The series of one measurement: canonical key → dense number, and for each tag an index from its values to series (tag-index.ts).
 * Nothing in it is an object per series or value, and nothing is ever copied as a whole when it grows: a million users are as good a tag
 * as two regions.
 */
import {
  compareText,
  type KeptTexts,
  parseSeriesKey,
  type SeriesTable,
  type TagPredicate,
  type TextDictionary,
} from '../../model/index.ts';
import { GoneSeries } from './gone-series.ts';
import { KeyTable } from './key-table.ts';
import { ABSENT, TagIndex } from './tag-index.ts';
import type { ValueListener } from './types.ts';

const COMMA = 44;
const EQUALS = 61;
const BACKSLASH = 92;

/** Found series are sorted where they are at most one of so many; else every series is looked at. */
const SORTED_SHARE = 16;

/** Values, or series, that are looked at in one step: each may be a text to be made and tested. */
const STEP_ITEMS = 4_096;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class HeadSeries implements SeriesTable {
  readonly gone = new GoneSeries();
  readonly #keys = new KeyTable();
  readonly #tags = new Map<string, TagIndex>();
  /** The same, in order of their first series: a key's tags mostly follow each other as in the key before. */
  readonly #order: TagIndex[] = [];
  #sortedKeys: string[] | null = null;
  /** Numbers are never given to other series. */
  readonly #kept = new WeakMap<KeptTexts, Uint32Array>();
  readonly #listener: ((tag: string) => ValueListener) | null;

  /** `listener`: gives who hears of the values that a tag has. */
  constructor(listener: ((tag: string) => ValueListener) | null = null) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#keys.size;
  }

  get tagKeyCount(): number {
    return this.#tags.size;
  }

  /** Memory held. */
  get bytes(): number {
    return this.#order.reduce((total, { bytes }) => total + bytes, this.#keys.bytes);
  }

  /** Numbers of a batch's series, new ones added; index as in `keys`. */
  number(keys: TextDictionary): Uint32Array {
    const numbers = new Uint32Array(keys.size);
    let known = this.#keys.size;
    this.#keys.internAll(keys, numbers);
    if (this.#keys.size === known) return numbers;
    const { bytes, offsets } = keys;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; known < this.#keys.size; i++) {
      if (numbers[i] === known) this.#index(known++, bytes, view, offsets[i], offsets[i + 1]);
    }
    return numbers;
  }

  /** The same of a list that comes again and again: found out once. */
  numberKept(keys: KeptTexts): Uint32Array {
    let numbers = this.#kept.get(keys);
    if (numbers === undefined) this.#kept.set(keys, (numbers = this.number(keys.texts())));
    return numbers;
  }

  /** −1 = not known. */
  find(key: Uint8Array): number {
    return this.#keys.find(key);
  }

  key(series: number): string {
    return decoder.decode(this.#keys.view(series));
  }

  /** The bytes of a key, where they are. */
  keyBytes(series: number): Uint8Array {
    return this.#keys.view(series);
  }

  /** Keys of the series [from, to). */
  keys(from: number, to: number): TextDictionary {
    return this.#keys.slice(from, to);
  }

  /** Order of two series by their keys. */
  compare(a: number, b: number): number {
    return this.#keys.compare(a, b);
  }

  /** Keys of the series listed. */
  keysOf(series: Uint32Array): TextDictionary {
    return this.#keys.pick(series);
  }

  has(series: number): boolean {
    return !this.gone.has(series);
  }

  tag(series: number, key: string): string {
    const tag = this.#tags.get(key);
    return tag === undefined ? '' : tag.text(tag.valueOf(series));
  }

  tagKeys(): string[] {
    this.#sortedKeys ??= [...this.#tags.keys()].sort(compareText);
    return this.#sortedKeys.slice();
  }

  /** Begins with the predicate that leaves least, and asks the others about what is left. */
  *matching(predicates: readonly TagPredicate[]): Generator<null, Uint32Array> {
    const { size } = this;
    const conditions = predicates.map((predicate) => new Condition(predicate, this.#tags.get(predicate.key) ?? null));
    conditions.sort((a, b) => a.cost - b.cost);
    let found = conditions.length === 0 ? all(size) : yield* conditions.shift()!.series(size);
    for (const condition of conditions) found = yield* filtered(found, (series) => condition.passes(series));
    return found;
  }

  // private functions

  /** The tags of a canonical key, which needs no string as long as the tags are known. */
  #index(series: number, bytes: Uint8Array, view: DataView, from: number, to: number): void {
    for (let at = from, expected = 0; at < to; at++) {
      const nameFrom = at;
      while (bytes[at] !== EQUALS) at += bytes[at] === BACKSLASH ? 2 : 1;
      const tag = this.#tagSpelled(bytes, nameFrom, at, expected);
      expected = this.#order.indexOf(tag) + 1;
      const valueFrom = ++at;
      let escaped = false;
      for (; at < to && bytes[at] !== COMMA; at++) {
        if (bytes[at] !== BACKSLASH) continue;
        escaped = true;
        at++;
      }
      if (!escaped) tag.add(series, bytes, view, valueFrom, at);
      else {
        const value = unescaped(bytes.subarray(valueFrom, at));
        tag.add(series, value, new DataView(value.buffer), 0, value.length);
      }
    }
  }

  #tagSpelled(bytes: Uint8Array, from: number, to: number, expected: number): TagIndex {
    const guess = this.#order[expected];
    if (guess !== undefined && isSpelled(guess.spelling, bytes, from, to)) return guess;
    const known = this.#order.find(({ spelling }) => isSpelled(spelling, bytes, from, to));
    if (known !== undefined) return known;
    const spelling = bytes.slice(from, to);
    const name = decoder.decode(unescaped(spelling));
    const tag = new TagIndex(spelling, this.#listener?.(name));
    this.#tags.set(name, tag);
    this.#order.push(tag);
    this.#sortedKeys = null;
    return tag;
  }
}

// private functions

/** A predicate over the values of a tag. A test is asked once for each value it is needed for. */
class Condition {
  readonly #tag: TagIndex | null;
  readonly #test: (value: string) => boolean;
  /** The only value that passes; −1 = no series has it; null = `test` says. */
  readonly #only: number | null;
  /** By value: 0 = not asked yet, 1 = no, 2 = yes. */
  readonly #known: Uint8Array;

  constructor(predicate: TagPredicate, tag: TagIndex | null) {
    this.#tag = tag;
    const equals = 'equals' in predicate ? predicate.equals : null;
    this.#test = 'equals' in predicate ? (value) => value === predicate.equals : predicate.test;
    this.#only = equals === null || equals === '' || tag === null ? null : tag.valueNamed(equals);
    this.#known = new Uint8Array(this.#only === null ? (tag?.values ?? 1) : 0);
  }

  /** About how much work `series` is, and how much it gives. */
  get cost(): number {
    if (this.#only === null) return Number.MAX_SAFE_INTEGER / 2 + (this.#tag?.values ?? 0);
    return this.#only < 0 ? 0 : this.#tag!.count(this.#only);
  }

  passes(series: number): boolean {
    const value = this.#tag === null ? ABSENT : this.#tag.valueOf(series);
    return this.#only === null ? this.#passesValue(value) : value === this.#only;
  }

  /** All that pass of the series below `size`, ascending. */
  *series(size: number): Generator<null, Uint32Array> {
    const tag = this.#tag;
    if (tag === null) return this.#passesValue(ABSENT) ? all(size) : all(0);
    if (this.#only !== null) return listed(tag, this.#only < 0 ? [] : [this.#only]);
    const values: number[] = [];
    let count = 0;
    for (let value = 1; value < this.#known.length; value++) {
      if (value % STEP_ITEMS === 0) yield null;
      if (!this.#passesValue(value)) continue;
      values.push(value);
      count += tag.count(value);
    }
    if (!this.#passesValue(ABSENT) && count * SORTED_SHARE <= size) return listed(tag, values).sort();
    return yield* filtered(all(size), (series) => this.#known[tag.valueOf(series)] === 2);
  }

  // private functions

  #passesValue(value: number): boolean {
    if (this.#known[value] === 0) this.#known[value] = this.#test(this.#tag?.text(value) ?? '') ? 2 : 1;
    return this.#known[value] === 2;
  }
}

function* filtered(series: Uint32Array, passes: (series: number) => boolean): Generator<null, Uint32Array> {
  let count = 0;
  for (let i = 0; i < series.length; i++) {
    if (passes(series[i])) series[count++] = series[i];
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield null;
  }
  return series.slice(0, count);
}

function listed(tag: TagIndex, values: readonly number[]): Uint32Array {
  const series = new Uint32Array(values.reduce((sum, value) => sum + tag.count(value), 0));
  let end = 0;
  for (const value of values) end = tag.list(value, series, end);
  return series;
}

function all(size: number): Uint32Array {
  const series = new Uint32Array(size);
  for (let i = 0; i < size; i++) series[i] = i;
  return series;
}

function isSpelled(spelling: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (spelling.length !== to - from) return false;
  for (let i = 0; i < spelling.length; i++) if (spelling[i] !== bytes[from + i]) return false;
  return true;
}

/** Of a key, or a value: what its backslashes escape. */
function unescaped(spelling: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!spelling.includes(BACKSLASH)) return spelling.slice();
  const [[, text]] = parseSeriesKey(`k=${decoder.decode(spelling)}`);
  return encoder.encode(text);
}
