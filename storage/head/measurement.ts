/**
 * One measurement of one retention policy: its series, its fields' types and its rows in layers (layers.ts). Decides which rows of a
 * batch are late, and which values do not fit the type that the field has.
 *
 *     sealed (buckets, oldest first) ─▶ frozen (being written as buckets; nothing is added) ─▶ active (the batches' rows)
 *
 * Series, types and the last time of each series outlive the rows: numbers stay what they are, and a row that is not newer than one
 * which was sealed long ago is late all the same.
 */
import {
  type Batch,
  type Block,
  type Column,
  compareText,
  type FieldType,
  type MeasurementSchema,
  type TextDictionary,
} from '../../model/index.ts';
import { LastTimes } from './last-times.ts';
import { scanLayers } from './layers.ts';
import type { SealedRows } from './row-layer.ts';
import { HeadRows } from './rows.ts';
import { HeadSeries } from './series.ts';
import type { Applied, Conflict, HeadScan } from './types.ts';

export class Measurement {
  readonly name: string;
  readonly series = new HeadSeries();
  readonly lastTimes = new LastTimes();
  sealed: SealedRows = NOTHING_SEALED;
  /** How many series and fields are known to whoever restores it. */
  recordedSeries = 0;
  recordedFields = 0;
  readonly #fields = new Map<string, FieldType>();
  #active = new HeadRows();
  #frozen: HeadRows | null = null;

  constructor(name: string) {
    this.name = name;
  }

  get bytes(): number {
    return this.series.bytes + this.lastTimes.bytes + this.#active.bytes + (this.#frozen?.bytes ?? 0);
  }

  /** Of the rows that are not being sealed yet. */
  get activeBytes(): number {
    return this.#active.bytes;
  }

  get fields(): ReadonlyMap<string, FieldType> {
    return this.#fields;
  }

  /** Rows in memory. */
  get points(): number {
    return this.#active.points + (this.#frozen?.points ?? 0);
  }

  get lateRows(): number {
    return this.#active.lateRows + (this.#frozen?.lateRows ?? 0);
  }

  get overwrittenRows(): number {
    return this.#active.overwrittenRows + (this.#frozen?.overwrittenRows ?? 0);
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
    this.lastTimes.reserve(this.series.size);
    const late = this.lastTimes.advance(series, base, offsets, rows, kept);
    this.#active.store(batch, columns, series, kept, late);
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
    const range = { min: request.minTime, max: request.maxTime };
    const { layers, release } = this.sealed.hold(range);
    try {
      const all = [...layers, ...(this.#frozen?.partitions ?? []), ...this.#active.partitions];
      yield* scanLayers(all, range, request.series, request.fields);
    } finally {
      release();
    }
  }

  /** From here on nothing is added to the rows there are; they are given, to be sealed. */
  freeze(): HeadRows {
    if (this.#frozen !== null) throw new Error(`"${this.name}" is being sealed already`);
    this.#frozen = this.#active;
    this.#active = new HeadRows();
    return this.#frozen;
  }

  /** The frozen rows are readable as `sealed` now. */
  release(sealed: SealedRows): void {
    this.#frozen = null;
    this.sealed = sealed;
  }

  /** What was known when an earlier life of the shard was sealed. Types of fields stand once they are set. */
  restore(fields: Iterable<readonly [string, FieldType]>, keys: TextDictionary): void {
    for (const [field, type] of fields) this.#fields.set(field, type);
    this.series.number(keys);
    this.lastTimes.reserve(this.series.size);
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
}

// private functions

const NOTHING_SEALED: SealedRows = { hold: () => ({ layers: [], release: () => {} }) };

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
