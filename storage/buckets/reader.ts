/**
 * Reads a bucket (`layout.ts`). Opening reads header, footer and trailer; everything else is read when a scan needs it, synchronously, and checked
 * against its checksum before it is decoded. Chunks that cannot hold rows of the request (by time, by series) are not read at all, and of the others only
 * the blocks of the wanted fields. Decoded blocks of small scans are kept in the cache that the readers of a shard share.
 */
import type { Block, Column, FieldType, Position, TextDictionary } from '../../model/index.ts';
import type { Files, StoredFile } from '../files/files.ts';
import type { BlockCache } from './cache.ts';
import { ChunkTable } from './chunk-table.ts';
import { decodeColumn, decodeRuns, decodeTimes } from './column-block.ts';
import { corrupt, type Opened, readEnds } from './ends.ts';
import { type Footer, fieldAt, type Place, RUNS_AT, TIMES_AT } from './layout.ts';
import { columnBytes, FIELDS, ONE_START, Pieces, RUNS, TIMES } from './pieces.ts';
import { mergedRanges, selectedBlock } from './selection.ts';
import { concatenated, decodeKeys } from './series-section.ts';
import { spansOf } from './spans.ts';
import type { BucketScan, ChunkStatistics } from './types.ts';

/** A scan of more chunks than this would only push out what smaller ones keep using. */
const CACHED_CHUNKS_MAX = 64;
/** Decoded times that a scan keeps for the chunks that share them. */
const SHARED_TIMES_MAX = 64;
export class BucketReader {
  readonly path: string;
  readonly bytes: number;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly position: Position;
  readonly base: bigint;
  readonly rows: number;
  /** How many; their keys by `seriesKeys()`. */
  readonly series: number;
  readonly chunks: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly fields: ReadonlyMap<string, FieldType>;
  /** crc32c of the footer, as the summary has it. */
  readonly footerChecksum: number;
  /** Blocks read from the file so far. */
  blocksRead = 0;
  readonly #files: Files;
  readonly #file: StoredFile;
  readonly #cache: BlockCache;
  readonly #id: number;
  readonly #footer: Footer;
  readonly #table: ChunkTable;

  private constructor(files: Files, path: string, file: StoredFile, cache: BlockCache, opened: Opened) {
    const { footer } = opened;
    this.path = path;
    this.bytes = opened.bytes;
    this.footerChecksum = opened.checksum;
    this.database = footer.database;
    this.retentionPolicy = footer.retentionPolicy;
    this.measurement = footer.measurement;
    this.position = footer.position;
    this.base = footer.base;
    this.rows = footer.rows;
    this.series = footer.series;
    this.chunks = footer.chunks;
    this.minTime = footer.base + BigInt(footer.minOffset);
    this.maxTime = footer.base + BigInt(footer.maxOffset);
    this.fields = new Map(footer.fields.map(({ name, type }) => [name, type]));
    this.#files = files;
    this.#file = file;
    this.#cache = cache;
    this.#id = cache.register();
    this.#footer = footer;
    this.#table = new ChunkTable(footer);
  }

  /** StorageError `corrupt` with path and offset where the file is not as it was written. */
  static async open(files: Files, path: string, cache: BlockCache): Promise<BucketReader> {
    const file = await files.open(path, 'read');
    try {
      return new BucketReader(files, path, file, cache, await readEnds(files, path, file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** All keys, index = bucket series number; read and decoded at each call, not kept. */
  seriesKeys(): TextDictionary {
    const parts = this.#footer.sections.map((section) => {
      const words = this.#read([section])[0];
      return this.#decoded(section, () => decodeKeys(words, section.series, this.#files.compression));
    });
    return concatenated(parts);
  }

  /** Blocks come by series, then time. Throws StorageError `corrupt` where it meets damage, after the blocks before it. */
  *scan(request: BucketScan): Generator<Block> {
    const chunks = this.#table.candidates(request);
    const isCached = chunks.length <= CACHED_CHUNKS_MAX;
    const fields = this.#table.fieldsNamed(request.fields);
    const shared = new Map<number, Float64Array>();
    for (const chunk of chunks) {
      const block = this.#scanChunk(chunk, request, fields, isCached, shared);
      if (block !== null) yield block;
    }
  }

  /** Of the chunks that may hold rows of the request, the wanted fields. Reads nothing. */
  *statistics(request: BucketScan): Generator<ChunkStatistics> {
    const fields = this.#table.fieldsNamed(request.fields);
    for (const chunk of this.#table.candidates(request)) yield this.#table.statistics(chunk, fields);
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#cache.drop(this.#id);
    await this.#file.close();
  }

  // private functions

  #scanChunk(
    chunk: number,
    request: BucketScan,
    wanted: readonly number[],
    isCached: boolean,
    shared: Map<number, Float64Array>,
  ): Block | null {
    const rows = this.#table.rows(chunk);
    const fields = wanted.filter((field) => this.#table.place(chunk, fieldAt(field)).length > 0);
    if (fields.length === 0) return null;
    const isSingle = this.#table.place(chunk, RUNS_AT).length === 0;
    const pieces = new Pieces(this.#cache, this.#id, chunk * (this.#footer.fields.length + FIELDS), isCached);
    const values = fields.map((field) => field + FIELDS);
    // With one series there is nothing to find out before the values are read: everything comes in one go.
    const timesAt = this.#table.place(chunk, TIMES_AT).at;
    const known = isSingle ? shared.get(timesAt) : undefined;
    if (known !== undefined) pieces.give(TIMES, known);
    this.#fetch(chunk, isSingle ? [TIMES, ...values] : [RUNS, TIMES], rows, pieces);
    if (isSingle && known === undefined) {
      if (shared.size === SHARED_TIMES_MAX) shared.clear();
      shared.set(timesAt, pieces.times);
    }
    const runs = isSingle ? { series: Uint32Array.of(this.#table.firstSeries(chunk)), starts: ONE_START } : pieces.runs;
    const { low, high } = this.#table.offsetsOf(request);
    const isInside = this.#table.minOffset(chunk) >= low && this.#table.maxOffset(chunk) <= high;
    const ranges = mergedRanges(runs, rows, request, isInside ? null : { times: pieces.times, low, high });
    if (ranges.length === 0) return null;
    if (!isSingle) this.#fetch(chunk, values, rows, pieces);
    const columns = new Map<string, Column>();
    for (const field of fields) columns.set(this.#footer.fields[field].name, pieces.get(field + FIELDS) as Column);
    return selectedBlock(this.base, rows, runs, request.map, pieces.times, columns, ranges);
  }

  /** Brings blocks of a chunk into `pieces`: from the cache, else from the file. Times and fields need the runs, which come first. */
  #fetch(chunk: number, blocks: readonly number[], rows: number, pieces: Pieces): void {
    const missing = blocks.filter((block) => !pieces.find(block));
    if (missing.length === 0) return;
    const places = missing.map((block) => this.#table.place(chunk, blockAt(block)));
    const read = this.#read(places);
    missing.forEach((block, i) => {
      const { compression } = this.#files;
      this.#decoded(places[i], () => {
        if (block === RUNS) pieces.add(block, decodeRuns(read[i]), 16 * rows);
        else if (block === TIMES) pieces.add(block, decodeTimes(read[i], rows, pieces.starts), 8 * rows);
        else {
          const column = decodeColumn(read[i], rows, pieces.starts, compression);
          pieces.add(block, column, columnBytes(column));
        }
      });
    });
  }

  /** The words of some blocks of ascending places, checked; valid until the next read of any reader that shares the cache. */
  #read(places: readonly Place[]): Uint32Array[] {
    const spans = spansOf(places);
    const bytes = this.#cache.scratch(spans.reduce((sum, { length }) => sum + length, 0));
    const words: Uint32Array[] = [];
    let start = 0;
    for (const { first, last, length } of spans) {
      const part = bytes.subarray(start, start + length);
      start += length;
      this.#readInto(part, places[first].at);
      for (let i = first; i <= last; i++) {
        const { at, length: blockBytes, checksum } = places[i];
        const block = part.subarray(at - places[first].at, at - places[first].at + blockBytes);
        this.blocksRead++;
        if (this.#files.checksum(block) !== checksum) throw corrupt(this.path, at, 'a block is damaged');
        words.push(new Uint32Array(block.buffer, block.byteOffset, blockBytes >>> 2));
      }
    }
    return words;
  }

  #readInto(target: Uint8Array, at: number): void {
    const n = this.#file.readSync(target, at);
    if (n < target.length) throw corrupt(this.path, at + n, 'the file ends inside a block');
  }

  /** Decoding what has passed its checksum fails only where writer and reader disagree. */
  #decoded<T>(place: Place, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      throw corrupt(this.path, place.at, (error as Error).message, error);
    }
  }
}

// private functions

function blockAt(block: number): number {
  if (block === RUNS) return RUNS_AT;
  return block === TIMES ? TIMES_AT : fieldAt(block - FIELDS);
}
