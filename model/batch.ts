/**
 * A batch: points of one measurement for one shard as columns. It is made once by a decoder, encoded once, and its bytes travel
 * unopened until somebody needs columns. It names its database, policy, measurement and every series by text, so it can be
 * understood from any place of the stream without what came before. Numbers are as narrow as the batch's content allows: what is
 * hashed, sent, written and fsynced is a fifth of what doubles would be; whoever decodes gets doubles again (`narrow.ts`).
 *
 * Byte layout, little endian, every part padded with zeros to a multiple of 8:
 *
 *      0  u32  length of the batch in bytes, padding included
 *      4  u32  rows
 *      8  i64  base time, ns
 *     16  u32  series: how many distinct ones
 *     20  u32  fields: how many columns
 *     24  u32  bytes of the database's name     28  u32  of the retention policy's
 *     32  u32  of the measurement's             36  u32  of all series keys
 *     40  i64  least time, ns                   48  i64  greatest time, ns
 *     56  f64  unit of times, ns                64  f64  origin of times, as an offset from base, ns
 *     72  u8   width of series numbers          73  u8   width of times
 *     76  u32  bytes that the series keys are packed in, 0 = they are not packed
 *     80       the three names, end to end
 *              u32[series + 1]  offsets of the series keys, then their bytes (canonical, series-key.ts);
 *              or the same list packed (kept-texts.ts)
 *              u8, u16, u32[rows]       series of each row, an index into the keys
 *              u8, u16, u32, f64[rows]  time of each row: units from the origin, or (f64) an offset from base, ns
 *     then for each field
 *      0  u8   type: index in FIELD_TYPES
 *      1  u8   width of the values
 *      2  u8   1 = a presence map follows
 *      4  u32  bytes of the field's name
 *      8  u32  strings: distinct texts          12  u32  strings: bytes of all texts
 *     16       the name;  u8[rows] presence, if any;
 *              values: i8, i16, i32, f64[rows] (all numbers), i64, u64[rows] (integer and unsigned only), u8[rows] (boolean) or
 *              u8, u16, u32[rows] (string: index of the text)
 *              strings: u32[texts + 1] offsets, then the bytes
 *
 * A width is the bytes of an element: 1, 2, 4, 8; 9 = 64-bit integers, where 8 are doubles.
 *
 * The file is long: what writes a layout and what reads it stand together.
 */
import { type Column, type Presence, TextDictionary } from './column.ts';
import type { Compression } from './compression.ts';
import { type KeptLists, KeptTexts, paddedBytes as pad, type TextsSize } from './kept-texts.ts';
import {
  type BatchScratch,
  indexWidth,
  numberWidth,
  readIndexes,
  readNumbers,
  readTimes,
  type TimeForm,
  timeForm,
  type Width,
  writeIndexes,
  writeNumbers,
  writeTimes,
} from './narrow.ts';
import { FIELD_TYPES } from './values.ts';

export interface Batch {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly rows: number;
  /** Canonical keys of the distinct series. */
  readonly seriesKeys: TextDictionary;
  /** The same, where they are a list that comes again and again; then asking for `seriesKeys` unpacks it. */
  readonly keptKeys?: KeptTexts;
  /** Per row an index into `seriesKeys`. Arrays may be longer than `rows`; the rest means nothing. */
  readonly series: Uint32Array;
  readonly base: bigint;
  readonly offsets: Float64Array;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly columns: ReadonlyMap<string, Column>;
}

const forms = new WeakMap<Batch, BatchForm>();
const HEADER_BYTES = 80;
const FIELD_HEADER_BYTES = 16;
/** In the place of a width. */
const WIDE = 9;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a reader of batches brings. */
export interface BatchReading {
  /** Without it what is packed is refused. */
  readonly compression?: Compression;
  /** With it batches hold only until it is used for the next envelope. */
  readonly scratch?: BatchScratch;
  /** With it a list of series that was met before is the same object again. */
  readonly lists?: KeptLists;
}

/** Bytes that `writeBatch` will write. */
export function batchBytes(batch: Batch): number {
  const { rows, keptKeys } = batch;
  const names = utf8Length(batch.database) + utf8Length(batch.retentionPolicy) + utf8Length(batch.measurement);
  const { times, widths } = formOf(batch);
  let total = HEADER_BYTES + pad(names);
  total += keptKeys?.packed.length ?? dictionaryBytes(batch.seriesKeys);
  total += pad(indexWidth(seriesCount(batch)) * rows) + pad(times.width * rows);
  let c = 0;
  for (const [name, column] of batch.columns) {
    total += FIELD_HEADER_BYTES + pad(utf8Length(name)) + pad(Math.min(8, widths[c++]) * rows);
    if (column.present !== null) total += pad(rows);
    if (column.type === 'string') total += dictionaryBytes(column.dictionary);
  }
  return total;
}

/** Writes a batch at `at` (a multiple of 8) into `target`, whose own offset is a multiple of 8 too; returns the end. */
export function writeBatch(batch: Batch, target: Uint8Array, at: number): number {
  const view = new DataView(target.buffer, target.byteOffset);
  const { rows, keptKeys } = batch;
  let end = at + HEADER_BYTES;
  for (const [slot, name] of [batch.database, batch.retentionPolicy, batch.measurement].entries()) {
    const { written } = encoder.encodeInto(name, target.subarray(end));
    view.setUint32(at + 24 + 4 * slot, written, true);
    end += written;
  }
  end = at + pad(end - at);
  if (keptKeys === undefined) end = writeDictionary(batch.seriesKeys, target, end);
  else end = writeArray(keptKeys.packed, keptKeys.packed.length, target, end);
  const series = seriesCount(batch);
  const seriesWidth = indexWidth(series);
  writeIndexes(batch.series, rows, seriesWidth, target.buffer, target.byteOffset + end);
  end += pad(seriesWidth * rows);
  const { times, widths } = formOf(batch);
  writeTimes(batch.offsets, rows, times, target.buffer, target.byteOffset + end);
  end += pad(times.width * rows);
  let c = 0;
  for (const [name, column] of batch.columns) {
    end = writeColumn({ name, column, width: widths[c++] }, rows, target, view, end);
  }
  view.setUint32(at, end - at, true);
  view.setUint32(at + 4, rows, true);
  view.setBigInt64(at + 8, batch.base, true);
  view.setUint32(at + 16, series, true);
  view.setUint32(at + 20, batch.columns.size, true);
  view.setUint32(at + 36, keptKeys?.bytes ?? batch.seriesKeys.offsets[series], true);
  view.setBigInt64(at + 40, batch.minTime, true);
  view.setBigInt64(at + 48, batch.maxTime, true);
  view.setFloat64(at + 56, times.unit, true);
  view.setFloat64(at + 64, times.origin, true);
  view.setUint8(at + 72, seriesWidth);
  view.setUint8(at + 73, times.width);
  view.setUint32(at + 76, keptKeys?.packedBytes ?? 0, true);
  return end;
}

/**
 * A batch of `source` at `at`; both `at` and the source's own offset are multiples of 8. What is not narrow is a view on the source,
 * the rest is in the scratch. Throws RangeError on nonsense, and what the compression throws.
 */
export function readBatch(source: Uint8Array, at: number, reading: BatchReading): { batch: Batch; end: number } {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const end = at + view.getUint32(at, true);
  if (end > source.byteLength || end < at + HEADER_BYTES) throw new RangeError('batch: length leaves the message');
  const rows = view.getUint32(at + 4, true);
  const seriesCount = view.getUint32(at + 16, true);
  const fields = view.getUint32(at + 20, true);
  let p = at + HEADER_BYTES;
  const names: string[] = [];
  for (let slot = 0; slot < 3; slot++) {
    const bytes = view.getUint32(at + 24 + 4 * slot, true);
    names.push(decoder.decode(source.subarray(p, p + bytes)));
    p += bytes;
  }
  p = at + pad(p - at);
  const cursor = { source, at: p, scratch: reading.scratch ?? null };
  const keys = { size: seriesCount, bytes: view.getUint32(at + 36, true) };
  const packedBytes = view.getUint32(at + 76, true);
  const keptKeys = packedBytes === 0 ? undefined : takeKept(cursor, packedBytes, keys, reading);
  const plainKeys = packedBytes === 0 ? takeDictionary(cursor, keys.size, keys.bytes) : null;
  const series = takeIndexes(cursor, widthAt(view, at + 72), rows);
  const width = widthAt(view, at + 73);
  const offsets = takeTimes(cursor, width, view.getFloat64(at + 56, true), view.getFloat64(at + 64, true), rows);
  const columns = new Map<string, Column>();
  for (let f = 0; f < fields; f++) takeColumn(cursor, view, rows, columns);
  if (cursor.at !== end) throw new RangeError('batch: its parts do not add up to its length');
  const batch: Batch = {
    database: names[0],
    retentionPolicy: names[1],
    measurement: names[2],
    rows,
    get seriesKeys() {
      return plainKeys ?? keptKeys!.texts();
    },
    keptKeys,
    series,
    base: view.getBigInt64(at + 8, true),
    offsets,
    minTime: view.getBigInt64(at + 40, true),
    maxTime: view.getBigInt64(at + 48, true),
    columns,
  };
  return { batch, end };
}

// private functions

type Cursor = { readonly source: Uint8Array; at: number; readonly scratch: BatchScratch | null };
/** How its numbers are written: times, and the width of each column. */
type BatchForm = { readonly times: TimeForm; readonly widths: readonly (Width | typeof WIDE)[] };
type TypedArray = Uint8Array | Uint32Array | Float64Array | BigInt64Array | BigUint64Array;

function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

function seriesCount(batch: Batch): number {
  return batch.keptKeys?.size ?? batch.seriesKeys.size;
}

/** Found out once: a batch does not change while it is measured, split and written. */
function formOf(batch: Batch): BatchForm {
  let form = forms.get(batch);
  if (form === undefined) {
    const { offsets, rows, columns } = batch;
    form = { times: timeForm(offsets, rows), widths: Array.from(columns.values(), (column) => widthOf(column, rows)) };
    forms.set(batch, form);
  }
  return form;
}

/** WIDE where the values are 64-bit integers. */
function widthOf(column: Column, rows: number): Width | typeof WIDE {
  switch (column.type) {
    case 'boolean':
      return 1;
    case 'string':
      return indexWidth(column.dictionary.size);
    default:
      return column.values instanceof Float64Array ? numberWidth(column.values, rows, column.present) : WIDE;
  }
}

function dictionaryBytes(dictionary: TextDictionary): number {
  return pad(4 * (dictionary.size + 1)) + pad(dictionary.offsets[dictionary.size]);
}

function writeDictionary(dictionary: TextDictionary, target: Uint8Array, at: number): number {
  const bytes = dictionary.offsets[dictionary.size];
  const end = writeArray(dictionary.offsets, dictionary.size + 1, target, at);
  return writeArray(dictionary.bytes, bytes, target, end);
}

function writeArray(array: TypedArray, length: number, target: Uint8Array, at: number): number {
  const bytes = length * array.BYTES_PER_ELEMENT;
  target.set(new Uint8Array(array.buffer, array.byteOffset, bytes), at);
  return at + pad(bytes);
}

function writeColumn(
  { name, column, width }: { readonly name: string; readonly column: Column; readonly width: Width | typeof WIDE },
  rows: number,
  target: Uint8Array,
  view: DataView,
  at: number,
): number {
  const { written } = encoder.encodeInto(name, target.subarray(at + FIELD_HEADER_BYTES));
  target[at] = FIELD_TYPES.indexOf(column.type);
  target[at + 1] = width;
  target[at + 2] = column.present === null ? 0 : 1;
  view.setUint32(at + 4, written, true);
  let end = at + FIELD_HEADER_BYTES + pad(written);
  if (column.present !== null) end = writeArray(column.present, rows, target, end);
  const place = target.byteOffset + end;
  if (width === WIDE || column.type === 'boolean') writeArray(column.values, rows, target, end);
  else if (column.type === 'string') writeIndexes(column.values, rows, width, target.buffer, place);
  else writeNumbers(column.values as Float64Array, rows, column.present, width, target.buffer, place);
  end += pad(Math.min(8, width) * rows);
  if (column.type === 'string') {
    view.setUint32(at + 8, column.dictionary.size, true);
    view.setUint32(at + 12, column.dictionary.offsets[column.dictionary.size], true);
    end = writeDictionary(column.dictionary, target, end);
  }
  return end;
}

function takeArray<T extends TypedArray>(
  cursor: Cursor,
  kind: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  const at = takeBytes(cursor, length * kind.BYTES_PER_ELEMENT);
  return new kind(cursor.source.buffer, at, length);
}

/** The place of so many bytes, which the cursor passes. */
function takeBytes(cursor: Cursor, bytes: number): number {
  const { source, at } = cursor;
  if (at + bytes > source.byteLength) throw new RangeError('batch: a column leaves the message');
  cursor.at = at + pad(bytes);
  return source.byteOffset + at;
}

function takeNumbers(cursor: Cursor, width: Width, rows: number): Float64Array {
  if (width === 8) return takeArray(cursor, Float64Array, rows);
  const at = takeBytes(cursor, width * rows);
  const values = cursor.scratch?.doubles(rows) ?? new Float64Array(rows);
  readNumbers(values, width, cursor.source.buffer, at);
  return values;
}

function takeTimes(cursor: Cursor, width: Width, unit: number, origin: number, rows: number): Float64Array {
  if (width === 8) return takeArray(cursor, Float64Array, rows);
  const at = takeBytes(cursor, width * rows);
  const offsets = cursor.scratch?.doubles(rows) ?? new Float64Array(rows);
  readTimes(offsets, { width, unit, origin }, cursor.source.buffer, at);
  return offsets;
}

function takeIndexes(cursor: Cursor, width: Width, rows: number): Uint32Array {
  if (width === 4) return takeArray(cursor, Uint32Array, rows);
  const at = takeBytes(cursor, width * rows);
  const values = cursor.scratch?.indexes(rows) ?? new Uint32Array(rows);
  readIndexes(values, width, cursor.source.buffer, at);
  return values;
}

function widthAt(view: DataView, at: number): Width {
  const width = view.getUint8(at);
  if (width !== 1 && width !== 2 && width !== 4 && width !== 8) throw new RangeError(`batch: unknown width ${width}`);
  return width;
}

function takeDictionary(cursor: Cursor, size: number, bytes: number): TextDictionary {
  const offsets = takeArray(cursor, Uint32Array, size + 1);
  if (offsets[size] !== bytes) throw new RangeError('batch: a dictionary disagrees with its size');
  return new TextDictionary(takeArray(cursor, Uint8Array, bytes), offsets, size);
}

function takeKept(
  cursor: Cursor,
  packedBytes: number,
  size: TextsSize,
  { compression, lists }: BatchReading,
): KeptTexts {
  if (compression === undefined)
    throw new RangeError('batch: its keys are packed, and there is nothing to unpack with');
  const padded = takeArray(cursor, Uint8Array, pad(packedBytes));
  if (lists !== undefined) return lists.find(padded, packedBytes, size, compression);
  return new KeptTexts(padded.subarray(0, packedBytes), size, compression);
}

function takeColumn(cursor: Cursor, view: DataView, rows: number, columns: Map<string, Column>): void {
  const at = cursor.at;
  const type = FIELD_TYPES[view.getUint8(at)];
  const wide = view.getUint8(at + 1) === WIDE;
  const width = wide ? 8 : widthAt(view, at + 1);
  cursor.at += FIELD_HEADER_BYTES;
  const name = decoder.decode(takeArray(cursor, Uint8Array, view.getUint32(at + 4, true)));
  const present: Presence = view.getUint8(at + 2) === 1 ? takeArray(cursor, Uint8Array, rows) : null;
  switch (type) {
    case 'float':
      columns.set(name, { type, values: takeNumbers(cursor, width, rows), present });
      return;
    case 'integer':
      columns.set(name, {
        type,
        values: wide ? takeArray(cursor, BigInt64Array, rows) : takeNumbers(cursor, width, rows),
        present,
      });
      return;
    case 'unsigned':
      columns.set(name, {
        type,
        values: wide ? takeArray(cursor, BigUint64Array, rows) : takeNumbers(cursor, width, rows),
        present,
      });
      return;
    case 'boolean':
      columns.set(name, { type, values: takeArray(cursor, Uint8Array, rows), present });
      return;
    case 'string': {
      const values = takeIndexes(cursor, width, rows);
      const dictionary = takeDictionary(cursor, view.getUint32(at + 8, true), view.getUint32(at + 12, true));
      columns.set(name, { type, values, dictionary, present });
      return;
    }
    default:
      throw new RangeError(`batch: unknown field type ${view.getUint8(at)}`);
  }
}
