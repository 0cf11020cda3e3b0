/**
 * Answers as a Parquet file (`application/vnd.apache.parquet`), a row group at a time: tags and texts as UTF-8, times as UTC
 * nanoseconds, integers in 64 bits with their sign, what is not there as null; pages are compressed with Snappy, which every reader
 * knows. What is held is one row group and the footer, which grows by some hundred bytes a column and row group, up to a limit. The
 * only file that knows the library.
 *
 * Columns without nulls are handed over as they are; the library wants the others, and texts, as arrays of values.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { QueryError } from '../../../query/index.ts';
import type { StatementAnswers } from './answer.ts';
import { type RecordColumn, type RecordRows, type RecordType, recordRows } from './record-rows.ts';

/** Of columns times row groups, which the footer lists: some 200 MB of memory; with ten columns 1.7 thousand million rows. */
const CHUNKS_MAX = 262_144;

type Values = Float64Array | BigInt64Array | BigUint64Array | (number | bigint | string | boolean | null)[];

/** Rejects with QueryError where there is an answer that has no place in one table. */
export async function* encodeParquet(answers: StatementAnswers, chunksMax = CHUNKS_MAX): AsyncGenerator<Uint8Array> {
  const bytes = new Pieces();
  let chunks = 0;
  let writer: ParquetWriter | null = null;
  for await (const batch of recordRows(answers)) {
    writer ??= new ParquetWriter({ writer: bytes, schema: schemaOf(batch), createdBy: 'millrace' });
    if (batch.rows === 0) break;
    chunks += batch.columns.length;
    if (chunks > chunksMax) {
      const text = `more than ${chunksMax} column chunks in one Parquet file: ask for less time, or for fewer columns`;
      throw new QueryError('invalid', text);
    }
    const columnData = batch.columns.map((column) => ({ name: column.name, data: valuesOf(column, batch.rows) }));
    writer.write({ columnData, rowGroupSize: batch.rows });
    yield bytes.taken();
  }
  writer?.finish();
  yield bytes.taken();
}

// private functions

/** The library's buffer, emptied while places in the file go on. */
class Pieces extends ByteWriter {
  taken(): Uint8Array<ArrayBuffer> {
    const piece = new Uint8Array(this.getBytes());
    this.index = 0;
    return piece;
  }
}

function schemaOf({ columns }: RecordRows): SchemaElement[] {
  return [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type }): SchemaElement => {
      return { name, repetition_type: type === 'time' ? 'REQUIRED' : 'OPTIONAL', ...elementOf(type) };
    }),
  ];
}

function elementOf(type: RecordType): Partial<SchemaElement> {
  switch (type) {
    case 'tag':
    case 'string':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
    case 'time':
      return { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } };
    case 'integer':
      return { type: 'INT64' };
    case 'unsigned':
      return { type: 'INT64', converted_type: 'UINT_64' };
    case 'float':
      return { type: 'DOUBLE' };
    case 'boolean':
      return { type: 'BOOLEAN' };
  }
}

function valuesOf(column: RecordColumn, rows: number): Values {
  const { present } = column;
  switch (column.type) {
    case 'tag':
    case 'string':
      return Array.from({ length: rows }, (_, i) => (present[i] === 0 ? null : column.texts[column.values[i]]));
    case 'boolean':
      return Array.from({ length: rows }, (_, i) => (present[i] === 0 ? null : column.values[i] === 1));
    default: {
      const values = column.values.subarray(0, rows);
      if (present.subarray(0, rows).indexOf(0) < 0) return values;
      return Array.from({ length: rows }, (_, i) => (present[i] === 0 ? null : values[i]));
    }
  }
}
