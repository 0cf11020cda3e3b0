/**
 * A chunk: up to CHUNK_ROWS rows of one measurement as growing columns, in no promised order, free of duplicates (the partition sees
 * to it). Rows are appended and overwritten in place; blocks made of a chunk are views and hold only until the next change, those made
 * of what `pin` gives for as long as somebody wants them.
 */
import type { Block, Column, SeriesChoice } from '../../model/index.ts';
import { ChunkColumn } from './chunk-column.ts';
import { SeriesRows } from './series-rows.ts';

/** Large enough that the cost of a block does not count, small enough that a time range leaves whole chunks unread. */
export const CHUNK_ROWS = 65_536;
/** CHUNK_ROWS as a shift. */
export const CHUNK_BITS = 16;
/** A chunk is full when one of its string columns holds this much text: offsets into it are 32 bits. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;
const CAPACITY_MIN = 64;

/** What a reader needs of a chunk to make blocks of it. */
export interface ChunkRows {
  readonly rows: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly series: Uint32Array;
  readonly offsets: Float64Array;
  readonly bySeries: SeriesRows;
  /** 1 at rows that were deleted; those behind its end are not. null = none was. */
  readonly dead: Uint8Array | null;
}

export interface PinnedChunk extends ChunkRows {
  readonly columns: ReadonlyMap<string, Column>;
}

export class Chunk implements ChunkRows {
  rows = 0;
  /** Valid where there are rows. Offsets are from the partition's base. */
  minOffset = Infinity;
  maxOffset = -Infinity;
  minSeries = Infinity;
  maxSeries = -Infinity;
  series: Uint32Array;
  offsets: Float64Array;
  readonly bySeries = new SeriesRows();
  /** Replaced, never changed: readers may hold it. */
  dead: Uint8Array | null = null;
  /** How many. */
  deadRows = 0;
  readonly #columns = new Map<string, ChunkColumn>();

  constructor(capacity: number) {
    this.series = new Uint32Array(capacity);
    this.offsets = new Float64Array(capacity);
  }

  /** Memory held. */
  get bytes(): number {
    let total = this.series.byteLength + this.offsets.byteLength + this.bySeries.bytes;
    for (const column of this.#columns.values()) total += column.bytes;
    return total;
  }

  /** Rows that may still be appended. */
  get room(): number {
    for (const column of this.#columns.values()) if (column.textBytes > TEXT_BYTES_MAX) return 0;
    return CHUNK_ROWS - this.rows;
  }

  /** Appends series and time of `count` rows that stand one after the other; their fields follow with `appendFields`. */
  appendKeys(series: Uint32Array, offsets: Float64Array, shift: number, from: number, count: number): void {
    this.#reserve(this.rows + count);
    const at = this.rows;
    for (let i = 0; i < count; i++) this.#setKey(at + i, series[from + i], offsets[from + i] + shift);
    this.rows += count;
  }

  appendKey(series: number, offset: number): void {
    this.#reserve(this.rows + 1);
    this.#setKey(this.rows++, series, offset);
  }

  /** Gives the last `count` rows their fields: rows from .. from + count of the columns. */
  appendFields(columns: ReadonlyMap<string, Column>, from: number, count: number): void {
    for (const [name, column] of columns) {
      this.#column(name, column).append(column, from, count, this.rows - count, this.series.length);
    }
  }

  /** Gives the last rows their fields: the listed rows of the columns. */
  gatherFields(columns: ReadonlyMap<string, Column>, rows: Uint32Array): void {
    for (const [name, column] of columns) {
      this.#column(name, column).gather(column, rows, this.rows - rows.length, this.series.length);
    }
  }

  /** Row to[i] takes over the fields that row from[i] of the columns has, one after the other. */
  overwrite(columns: ReadonlyMap<string, Column>, from: readonly number[], to: readonly number[]): void {
    for (const [name, column] of columns) {
      if (from.some((row) => column.present?.[row] !== 0)) {
        this.#column(name, column).overwrite(column, from, to, this.rows);
      }
    }
  }

  /** The rows with low ≤ offset ≤ high of the series given, null = all, are no more. Returns how many there were. */
  delete(low: number, high: number, series: Uint8Array | null): number {
    if (this.maxOffset < low || this.minOffset > high) return 0;
    let dead: Uint8Array | null = null;
    let count = 0;
    for (let row = 0; row < this.rows; row++) {
      if (this.offsets[row] < low || this.offsets[row] > high) continue;
      if (series !== null && series[this.series[row]] !== 1) continue;
      if (this.dead?.[row] === 1) continue;
      dead ??= new Uint8Array(this.rows);
      dead[row] = 1;
      count++;
    }
    if (dead === null) return 0;
    if (this.dead !== null) for (let row = 0; row < this.dead.length; row++) dead[row] |= this.dead[row];
    this.dead = dead;
    this.deadRows += count;
    return count;
  }

  /** The rows with low ≤ offset ≤ high of the series wanted; null where there are none. */
  block(base: bigint, low: number, high: number, wanted: SeriesChoice, fields: readonly string[] | null): Block | null {
    if (this.maxOffset < low || this.minOffset > high) return null;
    return blockOf(this, this.#views(fields), fields, base, { low, high, wanted });
  }

  /** The fields of the rows there are, as they are now, whatever is appended or overwritten later. */
  pin(fields: readonly string[] | null): PinnedChunk {
    const columns = new Map<string, Column>();
    for (const name of fields ?? this.#columns.keys()) {
      const column = this.#columns.get(name);
      if (column !== undefined) columns.set(name, column.pin(this.rows));
    }
    const { rows, minOffset, maxOffset, series, offsets, bySeries, dead } = this;
    return { rows, minOffset, maxOffset, series, offsets, bySeries, dead, columns };
  }

  // private functions

  #setKey(at: number, series: number, offset: number): void {
    this.series[at] = series;
    this.offsets[at] = offset;
    if (offset < this.minOffset) this.minOffset = offset;
    if (offset > this.maxOffset) this.maxOffset = offset;
    if (series < this.minSeries) this.minSeries = series;
    if (series > this.maxSeries) this.maxSeries = series;
  }

  #reserve(rows: number): void {
    if (rows <= this.series.length) return;
    const capacity = Math.min(CHUNK_ROWS, Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(rows))));
    const series = new Uint32Array(capacity);
    const offsets = new Float64Array(capacity);
    series.set(this.series);
    offsets.set(this.offsets);
    this.series = series;
    this.offsets = offsets;
  }

  #column(name: string, like: Column): ChunkColumn {
    let column = this.#columns.get(name);
    if (column === undefined) {
      column = new ChunkColumn(like.type);
      this.#columns.set(name, column);
    }
    return column;
  }

  #views(fields: readonly string[] | null): Map<string, Column> {
    const views = new Map<string, Column>();
    for (const name of fields ?? this.#columns.keys()) {
      const column = this.#columns.get(name);
      if (column !== undefined) views.set(name, column.view(this.rows));
    }
    return views;
  }
}

/** As Chunk.block. */
export function pinnedBlock(
  chunk: PinnedChunk,
  base: bigint,
  low: number,
  high: number,
  wanted: SeriesChoice,
  fields: readonly string[] | null,
): Block | null {
  if (chunk.maxOffset < low || chunk.minOffset > high) return null;
  return blockOf(chunk, chunk.columns, fields, base, { low, high, wanted });
}

// private functions

interface Wanted {
  readonly low: number;
  readonly high: number;
  readonly wanted: SeriesChoice;
}

function blockOf(
  chunk: ChunkRows,
  columns: ReadonlyMap<string, Column>,
  fields: readonly string[] | null,
  base: bigint,
  { low, high, wanted }: Wanted,
): Block | null {
  if (fields !== null && columns.size === 0) return null;
  const { rows, series, offsets, dead } = chunk;
  const isInside = chunk.minOffset >= low && chunk.maxOffset <= high;
  let selection: Uint32Array | null = null;
  if (!isInside || wanted !== null || dead !== null) {
    selection = wanted === null ? selectTimes(chunk, low, high) : selectSeries(chunk, low, high, wanted);
    if (dead !== null) selection = selection.filter((row) => dead[row] !== 1);
    if (selection.length === 0) return null;
    if (selection.length === rows) selection = null;
  }
  return { rows, series, base, offsets, columns, selection };
}

function selectTimes(chunk: ChunkRows, low: number, high: number): Uint32Array {
  const { rows, offsets } = chunk;
  const selection = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (offsets[row] >= low && offsets[row] <= high) selection[count++] = row;
  }
  return selection.subarray(0, count);
}

function selectSeries(chunk: ChunkRows, low: number, high: number, wanted: Uint8Array | Uint32Array): Uint32Array {
  if (wanted instanceof Uint32Array) return chunk.bySeries.select(chunk, wanted, low, high);
  const { rows, series, offsets } = chunk;
  const selection = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (wanted[series[row]] === 1 && offsets[row] >= low && offsets[row] <= high) selection[count++] = row;
  }
  return selection.subarray(0, count);
}
