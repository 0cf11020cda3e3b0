/**
 * One measurement of one retention policy in the head: its series, its fields' types and its rows by partition. Decides which rows of
 * a batch are late, and which values do not fit the type that the field has.
 */
import {
  type Batch,
  type Block,
  type Column,
  compareText,
  type FieldType,
  type MeasurementSchema,
} from '../../model/index.ts';
import { LastTimes } from './last-times.ts';
import { type IncomingRows, PARTITION_BITS, Partition } from './partition.ts';
import { HeadSeries } from './series.ts';
import type { Applied, Conflict, HeadScan } from './types.ts';

export class Measurement {
  readonly name: string;
  readonly series = new HeadSeries();
  /** Distinct (series, time). */
  points = 0;
  lateRows = 0;
  overwrittenRows = 0;
  readonly #fields = new Map<string, FieldType>();
  readonly #lastTimes = new LastTimes();
  readonly #partitions = new Map<bigint, Partition>();

  constructor(name: string) {
    this.name = name;
  }

  get bytes(): number {
    let total = this.series.bytes + this.#lastTimes.bytes;
    for (const partition of this.#partitions.values()) total += partition.bytes;
    return total;
  }

  schema(): MeasurementSchema {
    return { name: this.name, fields: new Map(this.#fields), tagKeys: this.series.tagKeys().sort(compareText) };
  }

  apply(batch: Batch): Applied {
    const { rows, base, offsets } = batch;
    const known = this.#fields.size + this.series.tagKeyCount;
    const { columns, conflicts } = this.#accept(batch);
    const kept = conflicts.length === 0 ? null : rowsWithValues(columns, rows);
    const series = rowSeries(batch, this.series.number(batch.seriesKeys));
    this.#lastTimes.reserve(this.series.size);
    const late = this.#lastTimes.advance(series, base, offsets, rows, kept);
    this.#store(batch, columns, series, kept, late);
    return {
      block: { rows, series, base, offsets, columns, selection: kept },
      late,
      schemaChanged: this.#fields.size + this.series.tagKeyCount !== known,
      conflicts,
    };
  }

  /** The rows of a batch that was applied before, as `apply` gave them but for what had been overwritten since. */
  view(batch: Batch): Block {
    const { rows, base, offsets } = batch;
    const { columns, conflicts } = this.#accept(batch);
    const selection = conflicts.length === 0 ? null : rowsWithValues(columns, rows);
    return { rows, series: rowSeries(batch, this.series.number(batch.seriesKeys)), base, offsets, columns, selection };
  }

  *scan(request: HeadScan): Generator<Block> {
    for (const partition of this.#partitions.values()) {
      yield* partition.scan(request.minTime, request.maxTime, request.series, request.fields);
    }
  }

  // private functions

  /** The columns whose type fits; new fields get theirs here. */
  #accept(batch: Batch): { columns: ReadonlyMap<string, Column>; conflicts: Conflict[] } {
    const conflicts: Conflict[] = [];
    for (const [field, column] of batch.columns) {
      const expected = this.#fields.get(field);
      if (expected === undefined) this.#fields.set(field, column.type);
      else if (expected !== column.type) {
        conflicts.push({ field, expected, found: column.type, rows: countPresent(column, batch.rows) });
      }
    }
    if (conflicts.length === 0) return { columns: batch.columns, conflicts };
    const columns = new Map(batch.columns);
    for (const { field } of conflicts) columns.delete(field);
    return { columns, conflicts };
  }

  #store(
    batch: Batch,
    columns: ReadonlyMap<string, Column>,
    series: Uint32Array,
    kept: Uint32Array | null,
    late: Uint32Array | null,
  ): void {
    const { rows, base, offsets } = batch;
    if (rows === 0) return;
    const { least, greatest } = extremes(offsets, rows);
    const first = (base + BigInt(least)) >> PARTITION_BITS;
    const last = (base + BigInt(greatest)) >> PARTITION_BITS;
    const isPlain = first === last && kept === null;
    if (isPlain && late === null) {
      const partition = this.#partition(first);
      partition.append(incoming(partition, batch, columns, series), rows);
      this.points += rows;
      return;
    }
    const isLate = new Uint8Array(rows);
    if (late !== null) for (const row of late) isLate[row] = 1;
    const candidates = kept ?? Uint32Array.from({ length: rows }, (_, row) => row);
    const groups = isPlain ? new Map([[first, candidates]]) : byPartition(base, offsets, candidates);
    for (const [number, list] of groups) {
      const partition = this.#partition(number);
      const place = incoming(partition, batch, columns, series);
      const ordered = list.filter((row) => isLate[row] === 0);
      const behind = list.filter((row) => isLate[row] === 1);
      partition.gather(place, ordered);
      const added = partition.merge(place, behind);
      this.points += ordered.length + added;
      this.lateRows += behind.length;
      this.overwrittenRows += behind.length - added;
    }
  }

  #partition(number: bigint): Partition {
    let partition = this.#partitions.get(number);
    if (partition === undefined) {
      partition = new Partition(number << PARTITION_BITS);
      this.#partitions.set(number, partition);
    }
    return partition;
  }
}

// private functions

function countPresent(column: Column, rows: number): number {
  if (column.present === null) return rows;
  let count = 0;
  for (let row = 0; row < rows; row++) count += column.present[row];
  return count;
}

/** null = all of them. */
function rowsWithValues(columns: ReadonlyMap<string, Column>, rows: number): Uint32Array | null {
  const has = new Uint8Array(rows);
  for (const { present } of columns.values()) {
    if (present === null) return null;
    for (let row = 0; row < rows; row++) has[row] |= present[row];
  }
  const list = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (has[row] === 1) list[count++] = row;
  return count === rows ? null : list.slice(0, count);
}

function rowSeries(batch: Batch, numbers: Uint32Array): Uint32Array {
  const { rows, series } = batch;
  const result = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) result[row] = numbers[series[row]];
  return result;
}

/** Of the rows themselves: the batch's own bounds are for whoever does not look at rows. */
function extremes(offsets: Float64Array, rows: number): { least: number; greatest: number } {
  let least = offsets[0];
  let greatest = least;
  for (let row = 1; row < rows; row++) {
    const offset = offsets[row];
    if (offset < least) least = offset;
    if (offset > greatest) greatest = offset;
  }
  return { least, greatest };
}

function incoming(
  partition: Partition,
  batch: Batch,
  columns: ReadonlyMap<string, Column>,
  series: Uint32Array,
): IncomingRows {
  return { series, offsets: batch.offsets, shift: Number(batch.base - partition.base), columns };
}

/** Rare: a batch that lies across the border of partitions, or lost rows. */
function byPartition(base: bigint, offsets: Float64Array, rows: Uint32Array): Map<bigint, Uint32Array> {
  const lists = new Map<bigint, number[]>();
  for (const row of rows) {
    const number = (base + BigInt(offsets[row])) >> PARTITION_BITS;
    const list = lists.get(number);
    if (list === undefined) lists.set(number, [row]);
    else list.push(row);
  }
  return new Map([...lists].map(([number, list]) => [number, Uint32Array.from(list)]));
}
