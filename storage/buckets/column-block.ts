/**
 * One block of a chunk: the values of one field, the times, or which rows belong to which series. All are made of words (`words.ts`).
 *
 *      field   word 0   type (index in FIELD_TYPES) | 1 << 8 where some rows lack the field | 1 << 16 where the integers are 64-bit
 *              INTEGERS 0 or 1 per row and u32 present rows, where some rows lack it; then the values of the rows that have one:
 *              floats FLOATS, integers INTEGERS or WIDE, booleans INTEGERS 0 or 1, strings STRINGS
 *      times   INTEGERS offsets from the bucket's base
 *      runs    u32 k; INTEGERS of k series numbers, INTEGERS of k row counts
 *
 * Upper case: `integers.ts`, `wide-integers.ts`, `floats.ts`, `texts.ts`.
 */
import { type Column, type Compression, FIELD_TYPES, type FieldType } from '../../model/index.ts';
import { decimalScale, decodeFloats, encodeFloats } from './floats.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import type { PackedColumn } from './packed-column.ts';
import { decodeStrings, encodeStrings } from './texts.ts';
import { decodeWide, encodeWide } from './wide-integers.ts';
import { takeWord, type WordReader, WordWriter } from './words.ts';

const HAS_ABSENT = 1 << 8;
const IS_WIDE = 1 << 16;

/** Rows of a chunk by series: run i is series[i], rows starts[i] .. starts[i + 1] (or the chunk's end). */
export interface Runs {
  readonly series: Uint32Array;
  readonly starts: Uint32Array;
}

/** Gives room for so many doubles, whatever stands there. */
export type DoublesTarget = (n: number) => Float64Array<ArrayBuffer>;

/** Block of rows [from, to) of a column; null where none has a value. `starts` are of the chunk. */
export function encodeColumn(
  column: Column,
  from: number,
  to: number,
  starts: Uint32Array,
  zstd: Compression,
): Uint8Array | null {
  const n = to - from;
  const present = column.present?.subarray(from, to) ?? null;
  let count = n;
  if (present !== null) {
    count = 0;
    for (let i = 0; i < n; i++) count += present[i];
  }
  if (count === 0) return null;
  const into = new WordWriter();
  const rows = count === n ? null : rowsPresent(present!, count);
  const runStarts = rows === null ? starts : presentStarts(present!, starts);
  const wide = isWide(column) ? narrowed(column, from, to, rows) : null;
  const values = wide === null ? gathered(column, from, to, rows) : null;
  into.push(FIELD_TYPES.indexOf(column.type) | (rows === null ? 0 : HAS_ABSENT) | (wide?.exact ? IS_WIDE : 0));
  if (rows !== null) {
    encodeIntegers(Float64Array.from(present!), n, into);
    into.push(count);
  }
  if (wide !== null) {
    if (wide.exact) encodeWide(wide.values as BigInt64Array, count, into);
    else encodeIntegers(wide.values as Float64Array, count, into, runStarts);
  } else if (column.type === 'float') {
    encodeFloats(values as Float64Array, count, into, runStarts, zstd);
  } else if (column.type === 'string') {
    encodeStrings(values as Uint32Array, count, column.dictionary, into, zstd);
  } else if (column.type === 'boolean') {
    encodeIntegers(Float64Array.from(values as Uint8Array), count, into);
  } else {
    encodeIntegers(values as Float64Array, count, into, runStarts);
  }
  return into.bytes();
}

/** Arrays of exactly `n` rows. They belong to nobody else, but for doubles where a `target` is given to put them in. */
export function decodeColumn(
  words: Uint32Array,
  n: number,
  starts: Uint32Array,
  zstd: Compression,
  target: DoublesTarget = ownDoubles,
): Column {
  const from = { words, at: 0 };
  const word = takeWord(from);
  const type = FIELD_TYPES[word & 0xff];
  const present = (word & HAS_ABSENT) === 0 ? null : decodeBits(from, n);
  const count = present === null ? n : takeWord(from);
  const runStarts = present === null ? starts : presentStarts(present, starts);
  return decodeValues(from, type, (word & IS_WIDE) !== 0, n, count, present, runStarts, zstd, target);
}

/** Loads a block of numbers that are better left packed; `decode` is asked for them if they are wanted. False: it is for `decodeColumn`. */
export function loadPacked(
  words: Uint32Array,
  n: number,
  starts: Uint32Array,
  into: PackedColumn,
  decode: () => Column,
): boolean {
  const type = FIELD_TYPES[words[0] & 0xff];
  if (words[0] >>> 8 !== 0) return false;
  const unpack = (): Column['values'] => decode().values;
  if (type === 'integer' || type === 'unsigned') return into.load(type, words, 1, n, starts, null, unpack);
  const scale = type === 'float' ? decimalScale(words[1]) : null;
  return scale !== null && into.load(type, words, 2, n, starts, scale, unpack);
}

export function encodeTimes(offsets: Float64Array, starts: Uint32Array): Uint8Array {
  const into = new WordWriter();
  encodeIntegers(offsets, offsets.length, into, starts);
  return into.bytes();
}

export function decodeTimes(
  words: Uint32Array,
  n: number,
  starts: Uint32Array,
  target: DoublesTarget = ownDoubles,
): Float64Array {
  const out = target(n);
  decodeIntegers({ words, at: 0 }, n, out, starts);
  return out;
}

export function encodeRuns(runs: Runs, rows: number): Uint8Array {
  const into = new WordWriter();
  const count = runs.series.length;
  const lengths = Float64Array.from(runs.starts, (start, i) => (runs.starts[i + 1] ?? rows) - start);
  into.push(count);
  encodeIntegers(Float64Array.from(runs.series), count, into);
  encodeIntegers(lengths, count, into);
  return into.bytes();
}

export function decodeRuns(words: Uint32Array): Runs {
  const from = { words, at: 0 };
  const count = takeWord(from);
  const numbers = new Float64Array(count);
  const series = new Uint32Array(count);
  const starts = new Uint32Array(count);
  decodeIntegers(from, count, numbers);
  // one by one: for a few, and of another type, that is quicker than `set`
  for (let i = 0; i < count; i++) series[i] = numbers[i];
  decodeIntegers(from, count, numbers);
  for (let i = 1; i < count; i++) starts[i] = starts[i - 1] + numbers[i - 1];
  return { series, starts };
}

// private functions

function ownDoubles(n: number): Float64Array<ArrayBuffer> {
  return new Float64Array(n);
}

function isWide(column: Column): boolean {
  return column.values instanceof BigInt64Array || column.values instanceof BigUint64Array;
}

function rowsPresent(present: Uint8Array, count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let i = 0, at = 0; i < present.length; i++) if (present[i] !== 0) rows[at++] = i;
  return rows;
}

/** Where runs begin among the rows that are present; runs without any are gone. Run 0 begins at 0. */
function presentStarts(present: Uint8Array, starts: Uint32Array): Uint32Array {
  const mapped: number[] = [];
  let count = 0;
  for (let run = 0, i = 0; run < starts.length; run++) {
    const end = starts[run + 1] ?? present.length;
    const first = count;
    for (; i < end; i++) count += present[i];
    if (count > first) mapped.push(first);
  }
  return Uint32Array.from(mapped);
}

/** The values of the rows that have one, as an array of their own where rows are left out. */
function gathered(column: Column, from: number, to: number, rows: Uint32Array | null) {
  const values = column.values.subarray(from, to) as Float64Array | Uint32Array | Uint8Array;
  if (rows === null) return values;
  const kept = values.slice(0, rows.length);
  for (let i = 0; i < rows.length; i++) kept[i] = values[rows[i]];
  return kept;
}

/** 64-bit values as doubles where none would be rounded. */
function narrowed(column: Column, from: number, to: number, rows: Uint32Array | null) {
  const values = (column.values as BigInt64Array).subarray(from, to);
  const n = rows === null ? values.length : rows.length;
  const kept = values.slice(0, n);
  const doubles = new Float64Array(n);
  let exact = false;
  for (let i = 0; i < n; i++) {
    const value = values[rows === null ? i : rows[i]];
    kept[i] = value;
    doubles[i] = Number(value);
    if (!Number.isSafeInteger(doubles[i])) exact = true;
  }
  return { exact, values: exact ? kept : doubles };
}

function decodeBits(from: WordReader, n: number): Uint8Array {
  const bits = new Float64Array(n);
  decodeIntegers(from, n, bits);
  return Uint8Array.from(bits);
}

function decodeValues(
  from: WordReader,
  type: FieldType,
  wide: boolean,
  n: number,
  count: number,
  present: Uint8Array | null,
  starts: Uint32Array,
  zstd: Compression,
  target: DoublesTarget,
): Column {
  switch (type) {
    case 'float': {
      const values = target(n);
      decodeFloats(from, count, values, starts, zstd);
      return { type, values: spread(values, count, present), present };
    }
    case 'integer':
    case 'unsigned': {
      if (wide) {
        const values = type === 'integer' ? new BigInt64Array(n) : new BigUint64Array(n);
        decodeWide(from, count, values);
        return { type, values: spread(values, count, present), present } as Column;
      }
      const values = target(n);
      decodeIntegers(from, count, values, starts);
      return { type, values: spread(values, count, present), present };
    }
    case 'boolean': {
      const bits = decodeBits(from, count);
      const values = present === null ? bits : new Uint8Array(n);
      if (present !== null) values.set(bits);
      return { type, values: spread(values, count, present), present };
    }
    case 'string': {
      const { values: dense, dictionary } = decodeStrings(from, count, zstd);
      const values = present === null ? dense : new Uint32Array(n);
      if (present !== null) values.set(dense);
      return { type, values: spread(values, count, present), dictionary, present };
    }
  }
}

/** Moves the first `count` values, in place, to the rows that are present. The others are 0: the array may have been used before. */
function spread<T extends Float64Array | BigInt64Array | BigUint64Array | Uint8Array | Uint32Array>(
  values: T,
  count: number,
  present: Uint8Array | null,
): T {
  if (present === null) return values;
  const absent = values instanceof BigInt64Array || values instanceof BigUint64Array ? 0n : 0;
  for (let i = values.length - 1, at = count; i >= 0 && at <= i; i--)
    values[i] = present[i] !== 0 ? values[--at] : absent;
  return values;
}
