/** Random bucket contents for the tests of the buckets, and plain rows to compare with. */
import { type Block, type Column, type FieldType, TextDictionary } from '../../../../model/index.ts';
import { BlockCache, type BucketContent, BucketReader, type Files } from '../../../../storage/index.ts';
import type { Random } from '../../../support/random.ts';

export type PlainRow = {
  readonly series: number;
  readonly time: bigint;
  readonly fields: Record<string, number | bigint | boolean | string>;
};

const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
export const BASE = 1_700_000_000_000_000_000n;

/** Series with random lengths (one large now and then), fields of all types with many habits. */
export function randomContent(random: Random, rowsMax: number, seriesMax: number): BucketContent {
  const seriesCount = random.between(1, seriesMax);
  const series: number[] = [];
  const offsets: number[] = [];
  const step = random.pick([1, 1_000_000, 10_000_000_000]);
  for (let s = 0; s < seriesCount && series.length < rowsMax; s++) {
    if (random.next() < 0.1) continue;
    const length = random.next() < 0.2 ? random.between(1, rowsMax) : random.between(1, 60);
    let offset = random.between(-1000, 1000) * step;
    for (let i = 0; i < length && series.length < rowsMax; i++) {
      series.push(s);
      offsets.push(offset);
      offset += step * (random.next() < 0.9 ? 1 : random.between(1, 50));
    }
  }
  const rows = series.length;
  const columns = new Map<string, Column>();
  const fields = random.between(1, 8);
  for (let f = 0; f < fields; f++) columns.set(`field ${f}`, randomColumn(random, rows));
  return {
    database: 'db',
    retentionPolicy: 'autogen',
    measurement: 'mé,asure',
    position: { generation: 3, sequence: 2 ** 40 },
    seriesKeys: TextDictionary.of(Array.from({ length: seriesCount }, (_, s) => `host=h${s},region=r${s % 3}`).sort()),
    base: BASE,
    rows,
    series: Uint32Array.from(series),
    offsets: Float64Array.from(offsets),
    columns,
  };
}

/** A bucket in a file, read through a cache of its own where none is given. */
export async function openBucket(files: Files, path: string, cache = new BlockCache()): Promise<BucketReader> {
  const file = await files.open(path, 'read');
  const source = {
    path,
    bytes: await file.size(),
    readSync: (target: Uint8Array, at: number) => file.readSync(target, at),
    close: () => file.close(),
  };
  return BucketReader.open(source, files, cache, cache.register());
}

/** The rows that have at least one of the fields. */
export function plainRows(content: Pick<Block, 'rows' | 'series' | 'base' | 'offsets' | 'columns'>): PlainRow[] {
  return Array.from({ length: content.rows }, (_, row) => plainRow(content, row)).filter(
    (row) => Object.keys(row.fields).length > 0,
  );
}

export function plainBlocks(blocks: Iterable<Block>): PlainRow[] {
  const found: PlainRow[] = [];
  for (const block of blocks) {
    const rows = block.selection ?? Array.from({ length: block.rows }, (_, i) => i);
    for (const row of rows) {
      const plain = plainRow(block, row);
      if (Object.keys(plain.fields).length > 0) found.push(plain);
    }
  }
  return found;
}

// private functions

function plainRow(content: Pick<Block, 'series' | 'base' | 'offsets' | 'columns'>, row: number): PlainRow {
  const fields: PlainRow['fields'] = {};
  for (const [name, column] of [...content.columns].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (column.present !== null && column.present[row] === 0) continue;
    if (column.type === 'string') fields[name] = column.dictionary.get(column.values[row]);
    else if (column.type === 'boolean') fields[name] = column.values[row] === 1;
    else fields[name] = column.type === 'float' ? column.values[row] : BigInt(column.values[row]);
  }
  return { series: content.series[row], time: content.base + BigInt(content.offsets[row]), fields };
}

function randomColumn(random: Random, rows: number): Column {
  const type = random.pick(TYPES);
  const present = random.next() < 0.5 ? null : randomPresence(random, rows);
  const fill = <T extends { [i: number]: number | bigint }>(array: T, value: (i: number) => T[number]): T => {
    for (let i = 0; i < rows; i++) array[i] = value(i);
    return array;
  };
  if (type === 'boolean') return { type, values: fill(new Uint8Array(rows), () => random.between(0, 1)), present };
  if (type === 'string') {
    const texts = random.pick([1, 5, 1000]);
    const dictionary = TextDictionary.of(
      Array.from({ length: texts }, (_, i) => (i === 0 ? '' : `text ${i} é`.repeat(i % 7))),
    );
    return { type, values: fill(new Uint32Array(rows), () => random.between(0, texts - 1)), dictionary, present };
  }
  if (type === 'float') return { type, values: fill(new Float64Array(rows), floatHabit(random)), present };
  if (random.next() < 0.3) {
    const wide = type === 'integer' ? new BigInt64Array(rows) : new BigUint64Array(rows);
    const low = type === 'integer' ? -(2n ** 63n) : 0n;
    const some = [low, low + 2n ** 64n - 1n, low + 1n, 2n ** 53n, 2n ** 53n + 1n, 7n];
    const isSmall = random.next() < 0.3;
    for (let i = 0; i < rows; i++) wide[i] = isSmall ? BigInt(i) : random.pick(some);
    return { type, values: wide, present } as Column;
  }
  const habit = wholeHabit(random);
  return {
    type,
    values: fill(new Float64Array(rows), type === 'integer' ? habit : (i) => Math.abs(habit(i))),
    present,
  };
}

function randomPresence(random: Random, rows: number): Uint8Array {
  const share = random.pick([0, 0.02, 0.5, 0.98]);
  const isLong = random.next() < 0.5;
  let bit = 0;
  return Uint8Array.from({ length: rows }, (_, i) => {
    if (!isLong || i % 97 === 0) bit = random.next() < share ? 1 : 0;
    return bit;
  });
}

function wholeHabit(random: Random): (i: number) => number {
  const max = Number.MAX_SAFE_INTEGER;
  let walk = random.between(-1000, 1000);
  return random.pick([
    () => 42,
    () => (walk += random.between(-2, 2)),
    () => (random.next() < 0.01 ? random.pick([max, -max, 2 ** 40]) : (walk += 1)),
    () => random.between(-max, max),
    () => random.between(0, 2 ** random.between(0, 53) - 1),
    (i: number) => Math.floor(i / 100),
    (i: number) => 1000 * i,
  ]);
}

function floatHabit(random: Random): (i: number) => number {
  let walk = 20;
  const strange = [-0, 0, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, -1e-310, 0.1, 1e15, 2 ** 53, 1 / 3];
  return random.pick([
    () => random.next() * 100,
    () => Math.round(random.next() * 10_000) / 100,
    () => (walk += random.between(-3, 3) / 10),
    () => random.pick(strange),
    () => (random.next() < 0.01 ? random.pick(strange) : random.between(0, 1000) / 8),
    () => 1 / 3,
    (i: number) => Math.sin(i / 100),
  ]);
}
