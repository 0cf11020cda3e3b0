/**
 * A batch: points of one measurement for one shard as columns. It is made once by a decoder, encoded once, and its bytes travel
 * unopened until somebody needs columns; decoding makes views on the bytes and copies nothing. It names its database, policy,
 * measurement and every series by text, so it can be understood from any place of the stream without what came before.
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
 *     56       the three names, end to end
 *              u32[series + 1]  offsets of the series keys, then their bytes (canonical, series-key.ts)
 *              u32[rows]        series of each row, an index into the keys
 *              f64[rows]        time of each row as an offset from base, ns
 *     then for each field
 *      0  u8   type: index in FIELD_TYPES
 *      1  u8   1 = values are 64-bit integers (integer and unsigned only), 0 = doubles
 *      2  u8   1 = a presence map follows
 *      4  u32  bytes of the field's name
 *      8  u32  strings: distinct texts          12  u32  strings: bytes of all texts
 *     16       the name;  u8[rows] presence, if any;
 *              values: f64[rows], i64[rows], u64[rows], u8[rows] (boolean) or u32[rows] (string: index of the text)
 *              strings: u32[texts + 1] offsets, then the bytes
 */
import { type Column, type Presence, TextDictionary } from './column.ts';
import { FIELD_TYPES } from './values.ts';

export interface Batch {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly rows: number;
  /** Canonical keys of the distinct series. */
  readonly seriesKeys: TextDictionary;
  /** Per row an index into `seriesKeys`. Arrays may be longer than `rows`; the rest means nothing. */
  readonly series: Uint32Array;
  readonly base: bigint;
  readonly offsets: Float64Array;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly columns: ReadonlyMap<string, Column>;
}

const HEADER_BYTES = 56;
const FIELD_HEADER_BYTES = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes that `writeBatch` will write. */
export function batchBytes(batch: Batch): number {
  const { rows, seriesKeys } = batch;
  const names = utf8Length(batch.database) + utf8Length(batch.retentionPolicy) + utf8Length(batch.measurement);
  let total = HEADER_BYTES + pad(names) + dictionaryBytes(seriesKeys) + pad(4 * rows) + 8 * rows;
  for (const [name, column] of batch.columns) {
    total += FIELD_HEADER_BYTES + pad(utf8Length(name)) + pad(column.values.BYTES_PER_ELEMENT * rows);
    if (column.present !== null) total += pad(rows);
    if (column.type === 'string') total += dictionaryBytes(column.dictionary);
  }
  return total;
}

/** Writes a batch at `at` (a multiple of 8) into `target`, whose own offset is a multiple of 8 too; returns the end. */
export function writeBatch(batch: Batch, target: Uint8Array, at: number): number {
  const view = new DataView(target.buffer, target.byteOffset);
  const { rows, seriesKeys } = batch;
  let end = at + HEADER_BYTES;
  for (const [slot, name] of [batch.database, batch.retentionPolicy, batch.measurement].entries()) {
    const { written } = encoder.encodeInto(name, target.subarray(end));
    view.setUint32(at + 24 + 4 * slot, written, true);
    end += written;
  }
  end = at + pad(end - at);
  end = writeDictionary(seriesKeys, target, end);
  end = writeArray(batch.series, rows, target, end);
  end = writeArray(batch.offsets, rows, target, end);
  for (const [name, column] of batch.columns) end = writeColumn(name, column, rows, target, view, end);
  view.setUint32(at, end - at, true);
  view.setUint32(at + 4, rows, true);
  view.setBigInt64(at + 8, batch.base, true);
  view.setUint32(at + 16, seriesKeys.size, true);
  view.setUint32(at + 20, batch.columns.size, true);
  view.setUint32(at + 36, seriesKeys.offsets[seriesKeys.size], true);
  view.setBigInt64(at + 40, batch.minTime, true);
  view.setBigInt64(at + 48, batch.maxTime, true);
  return end;
}

/** A batch as views on `source` at `at`; both `at` and the source's own offset are multiples of 8. Throws RangeError on nonsense. */
export function readBatch(source: Uint8Array, at: number): { batch: Batch; end: number } {
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
  const cursor = { source, at: p };
  const seriesKeys = takeDictionary(cursor, seriesCount, view.getUint32(at + 36, true));
  const series = takeArray(cursor, Uint32Array, rows);
  const offsets = takeArray(cursor, Float64Array, rows);
  const columns = new Map<string, Column>();
  for (let f = 0; f < fields; f++) takeColumn(cursor, view, rows, columns);
  if (cursor.at !== end) throw new RangeError('batch: its parts do not add up to its length');
  const batch: Batch = {
    database: names[0],
    retentionPolicy: names[1],
    measurement: names[2],
    rows,
    seriesKeys,
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

type Cursor = { readonly source: Uint8Array; at: number };
type TypedArray = Uint8Array | Uint32Array | Float64Array | BigInt64Array | BigUint64Array;

function pad(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function utf8Length(text: string): number {
  return encoder.encode(text).length;
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
  name: string,
  column: Column,
  rows: number,
  target: Uint8Array,
  view: DataView,
  at: number,
): number {
  const { written } = encoder.encodeInto(name, target.subarray(at + FIELD_HEADER_BYTES));
  target[at] = FIELD_TYPES.indexOf(column.type);
  target[at + 1] = column.values instanceof BigInt64Array || column.values instanceof BigUint64Array ? 1 : 0;
  target[at + 2] = column.present === null ? 0 : 1;
  view.setUint32(at + 4, written, true);
  let end = at + FIELD_HEADER_BYTES + pad(written);
  if (column.present !== null) end = writeArray(column.present, rows, target, end);
  end = writeArray(column.values, rows, target, end);
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
  const { source, at } = cursor;
  const bytes = length * kind.BYTES_PER_ELEMENT;
  if (at + bytes > source.byteLength) throw new RangeError('batch: a column leaves the message');
  cursor.at = at + pad(bytes);
  return new kind(source.buffer, source.byteOffset + at, length);
}

function takeDictionary(cursor: Cursor, size: number, bytes: number): TextDictionary {
  const offsets = takeArray(cursor, Uint32Array, size + 1);
  if (offsets[size] !== bytes) throw new RangeError('batch: a dictionary disagrees with its size');
  return new TextDictionary(takeArray(cursor, Uint8Array, bytes), offsets, size);
}

function takeColumn(cursor: Cursor, view: DataView, rows: number, columns: Map<string, Column>): void {
  const at = cursor.at;
  const type = FIELD_TYPES[view.getUint8(at)];
  const wide = view.getUint8(at + 1) === 1;
  cursor.at += FIELD_HEADER_BYTES;
  const name = decoder.decode(takeArray(cursor, Uint8Array, view.getUint32(at + 4, true)));
  const present: Presence = view.getUint8(at + 2) === 1 ? takeArray(cursor, Uint8Array, rows) : null;
  switch (type) {
    case 'float':
      columns.set(name, { type, values: takeArray(cursor, Float64Array, rows), present });
      return;
    case 'integer':
      columns.set(name, {
        type,
        values: wide ? takeArray(cursor, BigInt64Array, rows) : takeArray(cursor, Float64Array, rows),
        present,
      });
      return;
    case 'unsigned':
      columns.set(name, {
        type,
        values: wide ? takeArray(cursor, BigUint64Array, rows) : takeArray(cursor, Float64Array, rows),
        present,
      });
      return;
    case 'boolean':
      columns.set(name, { type, values: takeArray(cursor, Uint8Array, rows), present });
      return;
    case 'string': {
      const values = takeArray(cursor, Uint32Array, rows);
      const dictionary = takeDictionary(cursor, view.getUint32(at + 8, true), view.getUint32(at + 12, true));
      columns.set(name, { type, values, dictionary, present });
      return;
    }
    default:
      throw new RangeError(`batch: unknown field type ${view.getUint8(at)}`);
  }
}
