/** Points as plain objects, for tests of the head: made into batches whose bytes are real, and read back out of blocks. */
import {
  type Batch,
  type Block,
  batchBytes,
  type Column,
  type FieldType,
  KeptLists,
  KeptTexts,
  readBatch,
  TextDictionary,
  type Value,
  writeBatch,
} from '../../../model/index.ts';
import { MemoryFiles } from '../../../storage/index.ts';

const { compression } = new MemoryFiles();
const lists = new KeptLists();
let batchesMade = 0;

export type TestValue = { type: FieldType; value: number | bigint | boolean | string };
export type TestPoint = { key: string; time: bigint; fields: Record<string, TestValue> };

/** A field has one type in a batch: the caller sees to it. Also returns the bytes under the batch. */
export function batchOf(
  points: readonly TestPoint[],
  measurement = 'm',
  database = 'db',
): { batch: Batch; bytes: Uint8Array } {
  const keys = [...new Set(points.map((p) => p.key))];
  const names = [...new Set(points.flatMap((p) => Object.keys(p.fields)))];
  const times = points.map((p) => p.time).sort((a, b) => (a < b ? -1 : 1));
  const minTime = times[0];
  const maxTime = times[times.length - 1];
  const made: Batch = {
    database,
    retentionPolicy: 'autogen',
    measurement,
    rows: points.length,
    seriesKeys: TextDictionary.of(keys),
    series: Uint32Array.from(points, (p) => keys.indexOf(p.key)),
    base: minTime,
    offsets: Float64Array.from(points, (p) => Number(p.time - minTime)),
    minTime,
    maxTime,
    columns: new Map(names.map((name) => [name, columnOf(points.map((p) => p.fields[name]))])),
  };
  // every second one as a list that comes again and again
  const sent = batchesMade++ % 2 === 0 ? made : { ...made, keptKeys: KeptTexts.pack(made.seriesKeys, compression) };
  const bytes = new Uint8Array(batchBytes(sent));
  writeBatch(sent, bytes, 0);
  return { batch: readBatch(bytes, 0, { compression, lists }).batch, bytes };
}

/** Rows that count as `key time` → `field` → text of type and value, added to `result`. A block is read before the next is asked for. */
export function rowsOf(
  blocks: Iterable<Block>,
  keyOf: (series: number) => string,
  result = new Map<string, Record<string, string>>(),
): Map<string, Record<string, string>> {
  for (const block of blocks) {
    const rows = block.selection ?? Uint32Array.from({ length: block.rows }, (_, i) => i);
    for (const row of rows) {
      const name = `${keyOf(block.series[row])} ${block.base + BigInt(block.offsets[row])}`;
      if (result.has(name)) throw new Error(`${name} comes twice`);
      result.set(name, fieldsOf(block.columns, row));
    }
  }
  return result;
}

export function textOf(type: FieldType, value: Value): string {
  return `${type} ${String(value)}`;
}

// private functions

function columnOf(cells: (TestValue | undefined)[]): Column {
  const type = cells.find((c) => c !== undefined)!.type;
  const present = cells.every((c) => c !== undefined) ? null : Uint8Array.from(cells, (c) => (c === undefined ? 0 : 1));
  const isWide = cells.some((c) => typeof c?.value === 'bigint');
  switch (type) {
    case 'float':
      return { type, values: Float64Array.from(cells, (c) => Number(c?.value ?? Number.NaN)), present };
    case 'integer':
      if (isWide) return { type, values: BigInt64Array.from(cells, (c) => BigInt(c?.value ?? 0)), present };
      return { type, values: Float64Array.from(cells, (c) => Number(c?.value ?? Number.NaN)), present };
    case 'unsigned':
      if (isWide) return { type, values: BigUint64Array.from(cells, (c) => BigInt(c?.value ?? 0)), present };
      return { type, values: Float64Array.from(cells, (c) => Number(c?.value ?? Number.NaN)), present };
    case 'boolean':
      return { type, values: Uint8Array.from(cells, (c) => (c?.value ? 1 : 0)), present };
    case 'string': {
      const texts = [...new Set(cells.flatMap((c) => (c === undefined ? [] : [String(c.value)])))];
      const values = Uint32Array.from(cells, (c) => (c === undefined ? 0xffff : texts.indexOf(String(c.value))));
      return { type, values, dictionary: TextDictionary.of(texts), present };
    }
  }
}

function fieldsOf(columns: ReadonlyMap<string, Column>, row: number): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, column] of columns) {
    if (column.present !== null && column.present[row] === 0) continue;
    let value: Value = column.values[row];
    if (column.type === 'string') value = column.dictionary.get(column.values[row]);
    else if (column.type === 'boolean') value = column.values[row] === 1;
    fields[name] = textOf(column.type, value);
  }
  return fields;
}
