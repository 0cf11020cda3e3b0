/**
 * Answers as an Arrow IPC stream (`application/vnd.apache.arrow.stream`), a record batch at a time: tags and the measurement's name
 * as dictionaries that each batch brings anew, times as UTC nanoseconds, integers in 64 bits, what is not there as null. The only
 * file that knows the library; our columns become its buffers, no value becomes an object.
 */
import {
  AsyncByteQueue,
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampNanosecond,
  Uint64,
  Utf8,
  Vector,
} from 'apache-arrow';
import type { StatementAnswers } from './answer.ts';
import { type RecordColumn, type RecordRows, type RecordType, recordRows } from './record-rows.ts';

const SHORT_TEXT_MAX = 64;
/** Bytes. */
const WORD = 4;
const encoder = new TextEncoder();

/** Rejects with QueryError where there is an answer that has no place in a stream of one schema. */
export async function* encodeArrow(answers: StatementAnswers): AsyncGenerator<Uint8Array> {
  const pieces = new Pieces();
  const writer = new RecordBatchStreamWriter();
  let schema: Schema | null = null;
  for await (const batch of recordRows(answers)) {
    if (schema === null) {
      schema = schemaOf(batch);
      writer.reset(pieces, schema);
    }
    if (batch.rows > 0) writer.write(new RecordBatch(schema, dataOf(schema, batch)));
    yield pieces.joined();
  }
  writer.finish();
  const rest = pieces.joined();
  if (rest.length > 0) yield rest;
}

// private functions

/** What the library writes, kept until it is taken: it has no other way to be asked for what is there so far. */
class Pieces extends AsyncByteQueue {
  #held: Uint8Array[] = [];

  override write(bytes: Uint8Array): void {
    this.#held.push(bytes);
  }

  joined(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#held.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const bytes of this.#held) {
      all.set(bytes, at);
      at += bytes.length;
    }
    this.#held = [];
    return all;
  }
}

function schemaOf({ columns }: RecordRows): Schema {
  return new Schema(columns.map(({ name, type }, i) => Field.new(name, arrowType(type, i), type !== 'time')));
}

/** `id`: a dictionary's number in the stream. */
function arrowType(type: RecordType, id: number): DataType {
  switch (type) {
    case 'tag':
      return new Dictionary(new Utf8(), new Int32(), id);
    case 'time':
      return new TimestampNanosecond('UTC');
    case 'integer':
      return new Int64();
    case 'unsigned':
      return new Uint64();
    case 'float':
      return new Float64();
    case 'boolean':
      return new Bool();
    case 'string':
      return new Utf8();
  }
}

function dataOf(schema: Schema, { rows, columns }: RecordRows): Data<Struct> {
  const children = columns.map((column, i) => columnData(schema.fields[i].type, column, rows));
  return makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
}

/** The buffers are copied by `Pieces.joined` before the columns are filled again. */
function columnData(type: DataType, column: RecordColumn, rows: number): Data {
  const nullCount = absent(column.present, rows);
  const validity = nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bits(column.present, rows) };
  switch (column.type) {
    case 'tag': {
      const dictionary = new Vector([textData(column.texts)]);
      const data = column.values.subarray(0, rows);
      return makeData({ type: type as Dictionary<Utf8, Int32>, length: rows, ...validity, data, dictionary });
    }
    case 'string':
      return makeData({ type: type as Utf8, length: rows, ...validity, ...rowTexts(column, rows) });
    case 'boolean':
      return makeData({ type: type as Bool, length: rows, ...validity, data: bits(column.values, rows) });
    case 'float':
      return makeData({ type: type as Float64, length: rows, ...validity, data: column.values.subarray(0, rows) });
    case 'unsigned':
      return makeData({ type: type as Uint64, length: rows, ...validity, data: column.values.subarray(0, rows) });
    case 'integer':
    case 'time':
      return makeData({ type: type as Int64, length: rows, ...validity, data: column.values.subarray(0, rows) });
  }
}

function textData(texts: readonly string[]): Data<Utf8> {
  const data = encoder.encode(texts.join(''));
  const valueOffsets = new Int32Array(texts.length + 1);
  for (let i = 0; i < texts.length; i++) valueOffsets[i + 1] = valueOffsets[i] + Buffer.byteLength(texts[i]);
  return makeData({ type: new Utf8(), length: texts.length, nullCount: 0, valueOffsets, data });
}

/** A text per row: offsets and bytes, each distinct text encoded once. */
function rowTexts(
  { values, present, texts }: Extract<RecordColumn, { type: 'tag' | 'string' }>,
  rows: number,
): { valueOffsets: Int32Array; data: Uint8Array } {
  const encoded = texts.map((text) => encoder.encode(text));
  const valueOffsets = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    valueOffsets[row + 1] = valueOffsets[row] + (present[row] === 0 ? 0 : encoded[values[row]].length);
  }
  const room = new Uint8Array(valueOffsets[rows] + WORD);
  const target = new DataView(room.buffer);
  const words = encoded.map(paddedText);
  for (let row = 0; row < rows; row++) {
    if (present[row] === 0) continue;
    const at = valueOffsets[row];
    const length = valueOffsets[row + 1] - at;
    if (length > SHORT_TEXT_MAX) room.set(encoded[values[row]], at);
    else {
      // what is written behind the end of a text is where the next one goes
      const text = words[values[row]];
      for (let i = 0; i < length; i += WORD) target.setUint32(at + i, text.getUint32(i));
    }
  }
  return { valueOffsets, data: room.subarray(0, valueOffsets[rows]) };
}

/** A short text to be read by words; a call to copy it would cost as much as some dozens of bytes. */
function paddedText(text: Uint8Array): DataView {
  const padded = new Uint8Array(text.length > SHORT_TEXT_MAX ? 0 : text.length + WORD);
  if (padded.length > 0) padded.set(text);
  return new DataView(padded.buffer);
}

function absent(present: Uint8Array, rows: number): number {
  let count = rows;
  for (let row = 0; row < rows; row++) count -= present[row];
  return count;
}

/** Bytes of 0 and 1 to bits, the least significant first. */
function bits(bytes: Uint8Array, rows: number): Uint8Array {
  const packed = new Uint8Array(Math.ceil(rows / 8));
  for (let row = 0; row < rows; row++) packed[row >> 3] |= (bytes[row] & 1) << (row & 7);
  return packed;
}
