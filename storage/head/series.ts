/**
 * The series of one measurement: canonical key → dense number, and an index from tag values to series. A tag key costs 8 bytes a
 * series, a value its text and 4 bytes; the series of a value hang together as a chain in one array, newest first.
 */
import { compareText, parseSeriesKey, type SeriesTable, type TextDictionary } from '../../model/index.ts';
import { ByteTable } from './byte-table.ts';
import type { TagPredicate } from './types.ts';

const NONE = 0xffffffff;
const CAPACITY_MIN = 16;

export class HeadSeries implements SeriesTable {
  readonly #keys = new ByteTable();
  readonly #tags = new Map<string, TagIndex>();
  #sortedKeys: string[] | null = null;

  get size(): number {
    return this.#keys.size;
  }

  get tagKeyCount(): number {
    return this.#tags.size;
  }

  /** Memory held, roughly. */
  get bytes(): number {
    let total = this.#keys.bytes;
    for (const tag of this.#tags.values())
      total += tag.valueOf.byteLength + tag.next.byteLength + 96 * tag.values.length;
    return total;
  }

  /** Numbers of a batch's series, new ones added; index as in `keys`. */
  number(keys: TextDictionary): Uint32Array {
    const numbers = new Uint32Array(keys.size);
    let known = this.#keys.size;
    this.#keys.internAll(keys, numbers);
    for (let i = 0; known < this.#keys.size; i++) if (numbers[i] === known) this.#index(known++, keys.get(i));
    return numbers;
  }

  key(series: number): string {
    return this.#keys.dictionary().get(series);
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

  tag(series: number, key: string): string {
    const tag = this.#tags.get(key);
    if (tag === undefined || series >= tag.valueOf.length) return '';
    return tag.values[tag.valueOf[series]];
  }

  tagKeys(): string[] {
    this.#sortedKeys ??= [...this.#tags.keys()].sort(compareText);
    return this.#sortedKeys.slice();
  }

  /** 1 at the numbers of the series that meet all of the predicates. */
  matching(predicates: readonly TagPredicate[]): Uint8Array {
    const direct = predicates.find((p) => 'equals' in p && p.equals !== '');
    const mask = new Uint8Array(this.size);
    if (direct !== undefined && 'equals' in direct) this.#markChain(mask, direct.key, direct.equals);
    else mask.fill(1);
    for (const predicate of predicates) if (predicate !== direct) this.#keep(mask, predicate);
    return mask;
  }

  // private functions

  #index(series: number, key: string): void {
    for (const [name, value] of parseSeriesKey(key)) {
      let tag = this.#tags.get(name);
      if (tag === undefined) {
        tag = makeTagIndex();
        this.#tags.set(name, tag);
        this.#sortedKeys = null;
      }
      if (series >= tag.valueOf.length) {
        const capacity = Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(series + 1)));
        tag.valueOf = copied(tag.valueOf, capacity);
        tag.next = copied(tag.next, capacity);
      }
      let number = tag.numbers.get(value);
      if (number === undefined) {
        number = tag.values.length;
        tag.numbers.set(value, number);
        tag.values.push(value);
        tag.newest.push(NONE);
      }
      tag.valueOf[series] = number;
      tag.next[series] = tag.newest[number];
      tag.newest[number] = series;
    }
  }

  #markChain(mask: Uint8Array, key: string, value: string): void {
    const tag = this.#tags.get(key);
    const number = tag?.numbers.get(value);
    if (tag === undefined || number === undefined) return;
    for (let series = tag.newest[number]; series !== NONE; series = tag.next[series]) mask[series] = 1;
  }

  #keep(mask: Uint8Array, predicate: TagPredicate): void {
    const tag = this.#tags.get(predicate.key) ?? makeTagIndex();
    const passes = Uint8Array.from(tag.values, (value) => {
      return ('equals' in predicate ? value === predicate.equals : predicate.test(value)) ? 1 : 0;
    });
    const indexed = Math.min(mask.length, tag.valueOf.length);
    for (let series = 0; series < indexed; series++) mask[series] &= passes[tag.valueOf[series]];
    if (passes[0] === 0) mask.fill(0, indexed);
  }
}

// private functions

/** `values[0]` is '': what a series without the tag has. Arrays end where the last series with the tag stands, or later. */
type TagIndex = {
  readonly values: string[];
  readonly numbers: Map<string, number>;
  /** Per value the last series that has it. */
  readonly newest: number[];
  /** Per series the number of its value. */
  valueOf: Uint32Array;
  /** Per series the one before it with the same value. */
  next: Uint32Array;
};

function makeTagIndex(): TagIndex {
  return {
    values: [''],
    numbers: new Map(),
    newest: [NONE],
    valueOf: new Uint32Array(0),
    next: new Uint32Array(0),
  };
}

function copied(array: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(length);
  next.set(array);
  return next;
}
