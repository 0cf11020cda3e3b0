/**
 * One measurement of one retention policy: its series, its fields' types and its rows in layers (layers.ts). Decides which rows of a
 * batch are late, and which values do not fit the type that the field has.
 *
 *     sealed (buckets, oldest first) ─▶ frozen (being written as buckets; nothing is added) ─▶ active (the batches' rows)
 *
 * Series, types and the last time of each series outlive the rows: numbers stay what they are, and a row that is not newer than one
 * which was sealed long ago is late all the same.
 */
import type { Batch, Block, Column, FieldType, MeasurementSchema, TextDictionary } from '../../model/index.ts';
import { dropSurvivors } from './gone-series.ts';
import { LastTimes, splitTime } from './last-times.ts';
import { layerSteps, scanLayers } from './layers.ts';
import type { PinnedRows, SealedRows, TimeRange } from './row-layer.ts';
import { HeadRows } from './rows.ts';
import { HeadSeries } from './series.ts';
import type { Applied, Conflict, HeadScan, ValueListener } from './types.ts';

export class Measurement {
  readonly name: string;
  readonly series: HeadSeries;
  readonly lastTimes = new LastTimes();
  sealed: SealedRows = NOTHING_SEALED;
  /** How many series and fields, and which version of those gone, are known to whoever restores it. */
  recordedGone = 0;
  recordedSeries = 0;
  recordedFields = 0;
  /**
   * Whoever restored it knows that it was there at this sequence. What is hidden of its buckets then is hidden from the start, so that it
   * may look empty while the messages up to there are applied again.
   */
  aliveUntil = 0;
  readonly #fields = new Map<string, FieldType>();
  /** Of the series that have rows, and what they were found at. */
  #tagKeys: { readonly keys: string[]; readonly version: number; readonly size: number } | null = null;
  #active = new HeadRows();
  #frozen: HeadRows | null = null;

  constructor(name: string, listener: ((tag: string) => ValueListener) | null) {
    this.name = name;
    this.series = new HeadSeries(listener);
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
    return { name: this.name, fields: new Map(this.#fields), tagKeys: this.#livingTagKeys() };
  }

  apply(batch: Batch): Applied {
    const { rows, base, offsets } = batch;
    const known = this.#fields.size + this.series.tagKeyCount;
    const { columns, conflicts } = this.#accept(batch);
    const kept = conflicts.length === 0 ? null : rowsWithValues(columns, rows);
    const numbers = this.#numbers(batch);
    const { version } = this.series.gone;
    this.series.gone.revive(numbers);
    const series = rowSeries(batch, numbers);
    this.lastTimes.reserve(this.series.size);
    const late = this.lastTimes.advance(series, base, offsets, rows, kept);
    this.#active.store(batch, columns, series, kept, late);
    return {
      block: { rows, series, base, offsets, columns, selection: kept },
      late,
      schemaChanged: this.#fields.size + this.series.tagKeyCount !== known || this.series.gone.version !== version,
      conflicts,
    };
  }

  /** The rows of a batch that was applied before, as `apply` gave them but for what had been overwritten since. */
  view(batch: Batch): Block {
    const { rows, base, offsets } = batch;
    const { columns, conflicts } = this.#accept(batch);
    const selection = conflicts.length === 0 ? null : rowsWithValues(columns, rows);
    return { rows, series: rowSeries(batch, this.#numbers(batch)), base, offsets, columns, selection };
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

  /**
   * What is there in this turn, for reading in several. Buckets and frozen rows do not change, and stay readable while they are held;
   * of the active rows the arrays are pinned: what is appended lies behind them, what is overwritten is overwritten in copies. So
   * whatever is applied, frozen or sealed meanwhile, each row that was there is read once, as it was, and no other.
   */
  pin(request: HeadScan): PinnedRows {
    const { fields } = request;
    const { layers: sealed, release } = this.sealed.hold({ min: request.minTime, max: request.maxTime }, true);
    if (request.byTime !== true) this.#sortOne(request);
    const head = [...(this.#frozen?.partitions ?? []), ...this.#active.partitions];
    const layers = [...sealed, ...head.map((partition) => partition.pin(fields))];
    return {
      scan: (range, wanted, take) => layerSteps(layers, range, wanted, fields, take),
      extents: (range, wanted, each) => {
        for (const layer of layers) layer.extents(range, wanted, each);
      },
      release,
    };
  }

  /** All of its series are gone, and were when the message at this sequence was applied for the first time. */
  isEmptyAt(sequence: number): boolean {
    return sequence > this.aliveUntil && this.series.gone.count === this.series.size;
  }

  /** Rows in memory of these times, of the series given or all, are no more; buckets are the store's. */
  deleteRows(range: TimeRange, series: Uint8Array | null): void {
    this.#active.delete(range, series);
    this.#frozen?.delete(range, series);
  }

  /** After rows of these series, null = of all, were deleted everywhere: finds those that have none left. */
  findGone(series: Uint8Array | null, everything: boolean, unreadable: (error: unknown) => boolean): void {
    const { gone, size } = this.series;
    const candidates = new Uint8Array(size);
    for (let s = 0; s < size; s++) candidates[s] = (series === null || series[s] === 1) && !gone.has(s) ? 1 : 0;
    if (!everything) {
      const { layers, release } = this.sealed.hold(ALL_TIMES);
      try {
        const all = [...layers, ...(this.#frozen?.partitions ?? []), ...this.#active.partitions];
        dropSurvivors(candidates, all, this.#fields.keys(), unreadable);
      } finally {
        release();
      }
    }
    for (let s = 0; s < size; s++) if (candidates[s] === 1) gone.add(s);
  }

  /** After all rows before a time were deleted: series whose last time is before it have none left. */
  findExpired(before: bigint): void {
    const { gone, size } = this.series;
    const first = splitTime(before);
    for (let s = 0; s < size; s++) if (!gone.has(s) && this.lastTimes.isBefore(s, first)) gone.add(s);
  }

  /** Some of its rows may be from before this time. */
  beginsBefore(time: bigint): boolean {
    const { layers, release } = this.sealed.hold({ min: ALL_TIMES.min, max: time - 1n });
    release();
    if (layers.length > 0) return true;
    for (const rows of [this.#frozen, this.#active]) {
      for (const { minTime } of rows?.partitions ?? []) if (minTime < time) return true;
    }
    return false;
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

  #sortOne({ minTime, maxTime }: HeadScan): void {
    for (const partition of this.#active.partitions) if (partition.sortOne(minTime, maxTime)) return;
  }

  #numbers(batch: Batch): Uint32Array {
    return batch.keptKeys === undefined ? this.series.number(batch.seriesKeys) : this.series.numberKept(batch.keptKeys);
  }

  #livingTagKeys(): string[] {
    const { gone, size } = this.series;
    const keys = this.series.tagKeys();
    if (gone.count === 0) return keys;
    if (this.#tagKeys?.version !== gone.version || this.#tagKeys.size !== size) {
      const living = keys.filter((key) => {
        for (let s = 0; s < size; s++) if (!gone.has(s) && this.series.tag(s, key) !== '') return true;
        return false;
      });
      this.#tagKeys = { keys: living, version: gone.version, size };
    }
    return this.#tagKeys.keys.slice();
  }

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

const ALL_TIMES: TimeRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const NOTHING_SEALED: SealedRows = { hold: () => ({ layers: [], release: () => {} }), bringNear: async () => {} };

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
