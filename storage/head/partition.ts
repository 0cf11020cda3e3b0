/**
 * The rows of one measurement within one span of 2^51 ns (26 days), whose start is the base of their offsets. Rows that are newer than
 * all of their series go to ordered chunks, unseen: they cannot repeat a (series, time). Late rows are looked up: one that repeats
 * a point overwrites it in place, field by field, whichever chunk holds it; others go to late chunks of their own, so that the ordered ones
 * keep narrow time ranges. So every chunk is free of duplicates at any time and a scan never merges.
 */
import { type Block, type Column, countChosen, type SeriesChoice } from '../../model/index.ts';
import { CHUNK_ROWS, Chunk, type ChunkRows, listedRows, type PinnedChunk, pinnedBlock } from './chunk.ts';
import { RowIndex } from './row-index.ts';
import type { EachExtent, RowLayer, TimeRange } from './row-layer.ts';

export const PARTITION_BITS = 51n;
const CAPACITY_MIN = 64;

/** Rows of a batch as they stand in it, with the shard's series numbers and their offsets' distance from the partition's base. */
export interface IncomingRows {
  readonly series: Uint32Array;
  readonly offsets: Float64Array;
  readonly shift: number;
  readonly columns: ReadonlyMap<string, Column>;
}

export class Partition implements RowLayer {
  readonly base: bigint;
  readonly #ordered: Chunk[] = [];
  /** For ordered chunks that late rows had to be looked up in. */
  readonly #orderedIndexes = new Map<Chunk, RowIndex>();
  readonly #late: Chunk[] = [];
  #lateIndex = new RowIndex(this.#late);
  /** Where `#find` found a row in its chunk. */
  #at = 0;

  constructor(base: bigint) {
    this.base = base;
  }

  /** Times of the first and the last row; valid where there are rows. */
  get minTime(): bigint {
    return this.base + BigInt(least([...this.#ordered, ...this.#late]));
  }

  get maxTime(): bigint {
    return this.base + BigInt(greatest([...this.#ordered, ...this.#late]));
  }

  /** Between these times lie all rows that may repeat one of an earlier layer: those that came late and were not known here. */
  get late(): TimeRange | null {
    if (this.#late.length === 0) return null;
    return { min: this.base + BigInt(least(this.#late)), max: this.base + BigInt(greatest(this.#late)) };
  }

  /** Rows of each series stand in order of time within the ordered chunks, in no order within the late ones. */
  get chunks(): { readonly ordered: readonly Chunk[]; readonly late: readonly Chunk[] } {
    return { ordered: this.#ordered, late: this.#late };
  }

  get bytes(): number {
    let total = this.#lateIndex.bytes;
    for (const chunk of this.#ordered) total += chunk.bytes;
    for (const chunk of this.#late) total += chunk.bytes;
    for (const index of this.#orderedIndexes.values()) total += index.bytes;
    return total;
  }

  /** Rows 0 .. count of the batch, none of them late. */
  append(rows: IncomingRows, count: number): void {
    for (let from = 0; from < count; ) {
      const chunk = roomy(this.#ordered);
      const part = Math.min(chunk.room, count - from);
      chunk.appendKeys(rows.series, rows.offsets, rows.shift, from, part);
      chunk.appendFields(rows.columns, from, part);
      from += part;
    }
  }

  /** The listed rows of the batch, none of them late. */
  gather(rows: IncomingRows, list: Uint32Array): void {
    for (let from = 0; from < list.length; ) {
      const chunk = roomy(this.#ordered);
      const part = list.subarray(from, from + chunk.room);
      for (const row of part) chunk.appendKey(rows.series[row], rows.offsets[row] + rows.shift);
      chunk.gatherFields(rows.columns, part);
      from += part.length;
    }
  }

  /** The listed rows of the batch, all of them late, in order. Returns how many of them were new points. */
  merge(rows: IncomingRows, list: Uint32Array): number {
    /** New rows whose keys are in `target` already, and whose fields are not. */
    const pending: number[] = [];
    const overwrites = new Map<Chunk, Overwrites>();
    let target: Chunk | null = null;
    let added = 0;
    for (const row of list) {
      const series = rows.series[row];
      const offset = rows.offsets[row] + rows.shift;
      const chunk = this.#find(series, offset);
      if (chunk !== null) {
        const known = overwrites.get(chunk);
        if (known === undefined) overwrites.set(chunk, { from: [row], to: [this.#at] });
        else {
          known.from.push(row);
          known.to.push(this.#at);
        }
        continue;
      }
      if (target === null || target.room === 0) {
        if (target !== null) flush(target, rows.columns, pending);
        target = roomy(this.#late);
      }
      target.appendKey(series, offset);
      pending.push(row);
      added++;
    }
    if (target !== null) flush(target, rows.columns, pending);
    for (const [chunk, { from, to }] of overwrites) chunk.overwrite(rows.columns, from, to);
    return added;
  }

  /** Rows of these times, of the series given or all, are no more. Returns how many there were. */
  delete({ min, max }: TimeRange, series: Uint8Array | null): number {
    const within = offsetsWithin(this.base, min, max);
    if (within === null) return 0;
    let total = 0;
    for (const chunks of [this.#ordered, this.#late]) {
      for (let i = chunks.length - 1; i >= 0; i--) {
        const chunk = chunks[i];
        const count = chunk.delete(within.low, within.high, series);
        if (count === 0) continue;
        total += count;
        this.#orderedIndexes.delete(chunk);
        if (chunk.deadRows === chunk.rows) chunks.splice(i, 1);
      }
    }
    if (total > 0) this.#lateIndex = new RowIndex(this.#late);
    return total;
  }

  get isEmpty(): boolean {
    return this.#ordered.length === 0 && this.#late.length === 0;
  }

  *scan(minTime: bigint, maxTime: bigint, wanted: SeriesChoice, fields: readonly string[] | null): Generator<Block> {
    const within = offsetsWithin(this.base, minTime, maxTime);
    if (within === null) return;
    const { low, high } = within;
    for (const chunks of [this.#ordered, this.#late]) {
      for (const chunk of chunks) {
        const block = chunk.block(this.base, low, high, wanted, fields);
        if (block !== null) yield block;
      }
    }
  }

  extents(range: TimeRange, wanted: SeriesChoice, each: EachExtent): void {
    chunkExtents(this.base, [...this.#ordered, ...this.#late], range, wanted, each);
  }

  /**
   * Puts the rows of one full chunk with rows of these times in order of series, so that reading them again costs less; true: there was
   * one. One at a time, as it takes some milliseconds. Not while the rows of a frozen partition are sealed, which goes by row numbers:
   * before.
   */
  sortOne(minTime: bigint, maxTime: bigint): boolean {
    const within = offsetsWithin(this.base, minTime, maxTime);
    if (within === null) return false;
    for (const chunk of this.#ordered) {
      if (chunk.maxOffset < within.low || chunk.minOffset > within.high || !chunk.sort()) continue;
      this.#orderedIndexes.delete(chunk);
      return true;
    }
    return false;
  }

  /** The rows there are, as they are now. */
  pin(fields: readonly string[] | null): RowLayer {
    const pinned = (chunks: readonly Chunk[]): PinnedChunk[] =>
      chunks.filter(({ rows }) => rows > 0).map((chunk) => chunk.pin(fields));
    return new PinnedPartition(this, pinned(this.#ordered), pinned(this.#late), fields);
  }

  // private functions

  /** The chunk that has the row, at `#at`; null = none. */
  #find(series: number, offset: number): Chunk | null {
    const id = this.#lateIndex.find(series, offset);
    if (id >= 0) {
      this.#at = id % CHUNK_ROWS;
      return this.#late[Math.floor(id / CHUNK_ROWS)];
    }
    for (let i = this.#ordered.length - 1; i >= 0; i--) {
      const chunk = this.#ordered[i];
      if (offset < chunk.minOffset || offset > chunk.maxOffset) continue;
      if (series < chunk.minSeries || series > chunk.maxSeries) continue;
      let index = this.#orderedIndexes.get(chunk);
      if (index === undefined) {
        index = new RowIndex([chunk]);
        this.#orderedIndexes.set(chunk, index);
      }
      this.#at = index.find(series, offset);
      if (this.#at >= 0) return chunk;
    }
    return null;
  }
}

/** A partition as it was. */
class PinnedPartition implements RowLayer {
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly late: TimeRange | null;
  readonly #base: bigint;
  readonly #chunks: readonly PinnedChunk[];
  readonly #fields: readonly string[] | null;

  constructor(
    { base, late }: { readonly base: bigint; readonly late: TimeRange | null },
    orderedChunks: readonly PinnedChunk[],
    lateChunks: readonly PinnedChunk[],
    fields: readonly string[] | null,
  ) {
    this.#base = base;
    this.#chunks = [...orderedChunks, ...lateChunks];
    this.#fields = fields;
    this.minTime = base + BigInt(this.#chunks.length === 0 ? 0 : least(this.#chunks));
    this.maxTime = base + BigInt(this.#chunks.length === 0 ? 0 : greatest(this.#chunks));
    this.late = late;
  }

  *scan(minTime: bigint, maxTime: bigint, wanted: SeriesChoice): Generator<Block> {
    const within = offsetsWithin(this.#base, minTime, maxTime);
    if (within === null) return;
    for (const chunk of this.#chunks) {
      const block = pinnedBlock(chunk, this.#base, within.low, within.high, wanted, this.#fields);
      if (block !== null) yield block;
    }
  }

  extents(range: TimeRange, wanted: SeriesChoice, each: EachExtent): void {
    chunkExtents(this.#base, this.#chunks, range, wanted, each);
  }
}

// private functions

/** Times as offsets in a partition, null where it has none of them. */
function offsetsWithin(base: bigint, minTime: bigint, maxTime: bigint): { low: number; high: number } | null {
  const span = 1n << PARTITION_BITS;
  if (maxTime < base || minTime >= base + span) return null;
  return {
    low: minTime <= base ? 0 : Number(minTime - base),
    high: maxTime >= base + span ? Number(span) : Number(maxTime - base),
  };
}

function chunkExtents(
  base: bigint,
  chunks: readonly ChunkRows[],
  { min, max }: TimeRange,
  wanted: SeriesChoice,
  each: EachExtent,
): void {
  const within = offsetsWithin(base, min, max);
  if (within === null) return;
  const share = wanted instanceof Uint8Array ? countChosen(wanted, wanted.length) / Math.max(1, wanted.length) : 1;
  for (const chunk of chunks) {
    const { rows, minOffset, maxOffset } = chunk;
    if (rows === 0 || maxOffset < within.low || minOffset > within.high) continue;
    const some = wanted instanceof Uint32Array ? listedRows(chunk, within.low, within.high, wanted) : null;
    if (some === 0) continue;
    each(base + BigInt(minOffset), base + BigInt(maxOffset), some ?? Math.ceil(rows * share));
  }
}

/** Row from[i] of the batch overwrites row to[i] of a chunk, in this order. */
type Overwrites = { readonly from: number[]; readonly to: number[] };

function least(chunks: readonly ChunkRows[]): number {
  return chunks.reduce((min, { minOffset }) => Math.min(min, minOffset), Infinity);
}

function greatest(chunks: readonly ChunkRows[]): number {
  return chunks.reduce((max, { maxOffset }) => Math.max(max, maxOffset), -Infinity);
}

/** The last chunk, or a new one where it is full. A chunk after a full one will be full too. */
function roomy(chunks: Chunk[]): Chunk {
  const last = chunks.at(-1);
  if (last !== undefined && last.room > 0) return last;
  const chunk = new Chunk(last === undefined ? CAPACITY_MIN : CHUNK_ROWS);
  chunks.push(chunk);
  return chunk;
}

function flush(target: Chunk, columns: ReadonlyMap<string, Column>, pending: number[]): void {
  if (pending.length === 0) return;
  target.gatherFields(columns, Uint32Array.from(pending));
  pending.length = 0;
}
