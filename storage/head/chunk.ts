/**
 * A chunk: up to CHUNK_ROWS rows of one measurement as growing columns, in no promised order, free of duplicates (the partition sees
 * to it). Rows are appended and overwritten in place; blocks made of a chunk are views and hold only until the next change, those made
 * of what `pin` gives for as long as somebody wants them. The rows of a full one may be put in order of series (chunk-runs.ts).
 */
import { type Block, type Column, rowsOfRuns, type SeriesChoice } from '../../model/index.ts';
import { ChunkColumn } from './chunk-column.ts';
import { runStarts, runsWithin } from './chunk-runs.ts';
import { orderBySeries, SeriesRows } from './series-rows.ts';

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
  /** The rows stand in order of series, those of each begin here (runStarts). null = as they came. */
  readonly runs: Uint32Array | null;
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
  bySeries = new SeriesRows();
  runs: Uint32Array | null = null;
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
    total += this.runs?.byteLength ?? 0;
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

  /**
   * Puts the rows of a full chunk in order of series, those of each in the order in which they stand; true: rows have other numbers now.
   * Who has pinned it keeps what it has.
   */
  sort(): boolean {
    if (this.runs !== null || this.room > 0) return false;
    const order = orderBySeries(this.series, this.rows);
    const { series, offsets, dead } = this;
    this.series = new Uint32Array(order.length);
    this.offsets = new Float64Array(order.length);
    this.dead = dead === null ? null : new Uint8Array(order.length);
    for (let i = 0; i < order.length; i++) {
      this.series[i] = series[order[i]];
      this.offsets[i] = offsets[order[i]];
      if (dead !== null) this.dead![i] = dead[order[i]];
    }
    for (const column of this.#columns.values()) column.reorder(order);
    this.runs = runStarts(this.series, this.rows);
    this.bySeries = new SeriesRows();
    return true;
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
    const { rows, minOffset, maxOffset, series, offsets, bySeries, dead, runs } = this;
    return { rows, minOffset, maxOffset, series, offsets, bySeries, dead, runs, columns };
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

/** How many rows with low ≤ offset ≤ high there are of the series listed. */
export function listedRows(chunk: ChunkRows, low: number, high: number, list: Uint32Array): number {
  if (chunk.runs === null) return chunk.bySeries.select(chunk, list, low, high).length;
  const runs = runsWithin(chunk, chunk.runs, low, high, list);
  let rows = 0;
  for (let i = 0; i < runs.length; i += 2) rows += runs[i + 1] - runs[i];
  return rows;
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
  if (chunk.runs !== null && dead === null) {
    const runs = runsWithin(chunk, chunk.runs, low, high, wanted);
    if (runs.length === 0) return null;
    let selection: Uint32Array | null = null;
    const made = (): Uint32Array => (selection ??= rowsOfRuns(runs));
    return {
      ...{ rows, series, base, offsets, columns, runs },
      get selection() {
        return made();
      },
    };
  }
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
