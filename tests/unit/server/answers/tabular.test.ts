/**
 * Arrow and Parquet answers, read back by other readers: every type, nulls, integers beyond 2^53, tags, many batches; and what does not
 * fit.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Table, tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { OFFSET_MAX, TextDictionary } from '../../../../model/index.ts';
import type { ResultTable } from '../../../../query/index.ts';
import { type AnswerFormat, encodeAnswer, type StatementAnswer } from '../../../../server/queries/answers/index.ts';
import { encodeParquet } from '../../../../server/queries/answers/parquet.ts';

const BASE = 1_700_000_000_123_456_789n;

describe('answers as Arrow and Parquet', () => {
  const tables = [host('a', 0), host('', 3), host('ü', 6)];

  it('arrow: one schema, tags as dictionaries, exact integers, nulls', async () => {
    const table = tableFromIPC(await bytesOf('arrow', tables));
    expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).to.deep.equal([
      'name: Dictionary<Int32, Utf8>',
      'host: Dictionary<Int32, Utf8>',
      'time: Timestamp<NANOSECOND, UTC>',
      'f: Float64',
      'i: Int64',
      'u: Uint64',
      'b: Bool',
      's: Utf8',
      'host_1: Utf8',
    ]);
    expect(arrowRows(table)).to.deep.equal(expected());
  });

  it('parquet: the same, for hyparquet and for DuckDB', async () => {
    const bytes = await bytesOf('parquet', tables);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const parsers = { timestampFromNanoseconds: (ns: bigint) => ns } as never;
    const read = await parquetReadObjects({ file, parsers });
    expect(read.map((row) => Object.values(row))).to.deep.equal(expected());
    const types = await duck(bytes, (path) => `DESCRIBE SELECT * FROM '${path}'`);
    expect(types.map(([name, type]) => `${name}: ${type}`)).to.deep.equal([
      'name: VARCHAR',
      'host: VARCHAR',
      'time: TIMESTAMP WITH TIME ZONE',
      'f: DOUBLE',
      'i: BIGINT',
      'u: UBIGINT',
      'b: BOOLEAN',
      's: VARCHAR',
      'host_1: VARCHAR',
    ]);
    const sums = await duck(bytes, (path) => `SELECT count(*), count(host), max(i), max(u), count(f) FROM '${path}'`);
    expect(sums).to.deep.equal([[9n, 6n, 2n ** 63n - 1n, 2n ** 64n - 1n, 6n]]);
  });

  it('arrow: whole numbers, times and texts where words of the machine end', async () => {
    const wholes = [
      0,
      1,
      -1,
      2 ** 31,
      -(2 ** 31),
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 32),
      -(2 ** 32) - 1,
      2 ** 53 - 1,
      1 - 2 ** 53,
    ];
    const offsets = Float64Array.from(wholes, (value) => Math.sign(value) * Math.min(Math.abs(value), OFFSET_MAX));
    const texts = ['', 'a', 'abc', 'abcd', 'über', 'x'.repeat(64), 'y'.repeat(65), 'abcde', 'z'.repeat(63), 'end', ''];
    for (const base of [0n, -1n, 1_767_225_600_000_000_001n, -(2n ** 32n)]) {
      const table: ResultTable = {
        name: 'm',
        tags: null,
        columns: ['time', 'i', 's'],
        rows: wholes.length,
        data: [
          { type: 'time', base, offsets },
          { type: 'integer', values: Float64Array.from(wholes), present: null },
          {
            type: 'string',
            values: Uint32Array.from(texts, (_, i) => i),
            dictionary: TextDictionary.of(texts),
            present: null,
          },
        ],
      };
      const read = tableFromIPC(await bytesOf('arrow', [table]));
      expect([...read.getChild('i')!]).to.deep.equal(wholes.map(BigInt));
      expect([...read.getChild('s')!]).to.deep.equal(texts);
      const times = read.getChild('time')!.data.flatMap(({ values }) => [...(values as BigInt64Array)]);
      expect(times).to.deep.equal(Array.from(offsets, (offset) => base + BigInt(offset)));
    }
  });

  it('parquet: breaks off where a file would have more column chunks than its limit', async () => {
    async function* answers(): AsyncGenerator<StatementAnswer> {
      yield { statement: 0, tables: [plain('h0', 200_000)] };
    }
    const read = async (chunksMax: number): Promise<number> => {
      let pieces = 0;
      for await (const piece of encodeParquet(answers(), chunksMax)) pieces += piece.length > 0 ? 1 : 0;
      return pieces;
    };
    expect(await read(16)).to.be.greaterThan(1);
    const refused = await read(15).catch((error: Error) => error.message);
    expect(refused).to.equal('more than 15 column chunks in one Parquet file: ask for less time, or for fewer columns');
  });

  it('cuts long answers into batches and row groups of bounded length, and loses nothing at the cuts', async () => {
    const many = Array.from({ length: 7 }, (_, i) => plain(`h${i}`, 30_000));
    const arrow = tableFromIPC(await bytesOf('arrow', many));
    expect(arrow.batches.map(({ numRows }) => numRows)).to.deep.equal([65_536, 65_536, 65_536, 13_392]);
    const parquet = await bytesOf('parquet', many);
    const { row_groups } = parquetMetadata(parquet.buffer as ArrayBuffer);
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).to.deep.equal([65_536, 65_536, 65_536, 13_392]);
    const sums = await duck(parquet, (path) => `SELECT host, count(*), sum(v) FROM '${path}' GROUP BY 1 ORDER BY 1`);
    expect(sums).to.deep.equal(many.map((_, i) => [`h${i}`, 30_000n, (30_000 * 29_999) / 2]));
    const hosts = arrow.getChild('host')!;
    expect([hosts.get(0), hosts.get(29_999), hosts.get(30_000), hosts.get(209_999)]).to.deep.equal([
      'h0',
      'h0',
      'h1',
      'h6',
    ]);
  });

  it('an answer without rows is a table without rows', async () => {
    const table = tableFromIPC(await bytesOf('arrow', []));
    expect(table.schema.fields.map(({ name }) => name)).to.deep.equal(['name', 'time']);
    expect(table.numRows).to.equal(0);
    expect(await duck(await bytesOf('parquet', []), (path) => `SELECT count(*) FROM '${path}'`)).to.deep.equal([[0n]]);
  });

  for (const format of ['arrow', 'parquet'] as const) {
    it(`${format}: refuses a second statement, an error, and tables that do not fit`, async () => {
      const first: StatementAnswer = { statement: 0, tables: [plain('a', 1)] };
      expect(await failure(format, [first, { statement: 1, tables: [] }])).to.contain('takes one statement');
      expect(await failure(format, [{ statement: 0, error: 'not so' }])).to.equal('not so');
      const other: ResultTable = { ...plain('a', 1), name: 'mem', columns: ['time', 'w'] };
      expect(await failure(format, [{ statement: 0, tables: [plain('a', 1), other] }])).to.contain(
        '"mem" does not fit into one table: its columns are host, time, w, the first ones were host, time, v',
      );
      const [time] = other.data;
      const typed: ResultTable = {
        ...plain('a', 1),
        data: [time, { type: 'integer', values: Float64Array.of(1), present: null }],
      };
      expect(await failure(format, [{ statement: 0, tables: [plain('a', 1), typed] }])).to.contain(
        'v is integer, it was float before',
      );
    });
  }
});

// private functions

/** Three rows: everything there, with the greatest numbers; half; only the time. */
function host(value: string, second: number): ResultTable {
  const present = Uint8Array.of(1, 1, 0);
  return {
    name: 'cpu',
    tags: [['host', value]],
    columns: ['time', 'f', 'i', 'u', 'b', 's', 'host'],
    rows: 3,
    data: [
      { type: 'time', base: BASE, offsets: Float64Array.of(second * 1e9, second * 1e9 + 1, second * 1e9 + 2) },
      { type: 'float', values: Float64Array.of(1.5, -0, 9), present },
      { type: 'integer', values: BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 0n), present },
      { type: 'unsigned', values: BigUint64Array.of(2n ** 64n - 1n, 0n, 0n), present },
      { type: 'boolean', values: Uint8Array.of(1, 0, 1), present },
      { type: 'string', values: Uint32Array.of(1, 0, 0), dictionary: TextDictionary.of(['', 'é\n"']), present },
      { type: 'string', values: Uint32Array.of(0, 0, 0), dictionary: TextDictionary.of(['x']), present: null },
    ],
  };
}

function expected(): unknown[][] {
  return ['a', null, 'ü'].flatMap((tag, i) => {
    const at = BASE + BigInt(3 * i) * 1_000_000_000n;
    return [
      ['cpu', tag, at, 1.5, 2n ** 63n - 1n, 2n ** 64n - 1n, true, 'é\n"', 'x'],
      ['cpu', tag, at + 1n, -0, -(2n ** 63n), 0n, false, '', 'x'],
      ['cpu', tag, at + 2n, null, null, null, null, null, 'x'],
    ];
  });
}

function plain(tag: string, rows: number): ResultTable {
  return {
    name: 'cpu',
    tags: [['host', tag]],
    columns: ['time', 'v'],
    rows,
    data: [
      { type: 'time', base: BASE, offsets: Float64Array.from({ length: rows }, (_, i) => i) },
      { type: 'float', values: Float64Array.from({ length: rows }, (_, i) => i), present: null },
    ],
  };
}

async function encoded(format: AnswerFormat, answers: readonly StatementAnswer[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const options = { format, epoch: null, pretty: false, chunkRows: 0 };
  // what is handed on is moved to another thread: nobody may need it any more
  for await (const piece of encodeAnswer(answers, options)) {
    pieces.push(structuredClone(piece, { transfer: [piece.buffer as ArrayBuffer] }));
  }
  return new Uint8Array(Buffer.concat(pieces));
}

function bytesOf(format: AnswerFormat, tables: readonly ResultTable[]): Promise<Uint8Array> {
  return encoded(format, [{ statement: 0, tables }]);
}

async function failure(format: AnswerFormat, answers: readonly StatementAnswer[]): Promise<string> {
  try {
    await encoded(format, answers);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

/** Times as the 64 bits in the column: the library's own getter gives milliseconds. */
function arrowRows(table: Table): unknown[][] {
  return table.batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, row) =>
      batch.schema.fields.map(({ name }, c) =>
        name === 'time' ? (batch.data.children[c].values as BigInt64Array)[row] : batch.getChildAt(c)!.get(row),
      ),
    ),
  );
}

async function duck(bytes: Uint8Array, q: (path: string) => string): Promise<unknown[][]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const path = join(directory, 'a.parquet');
    await writeFile(path, bytes);
    return (await (await connection.runAndReadAll(q(path))).getRows()) as unknown[][];
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(directory, { recursive: true });
  }
}
