/**
 * Reads a bucket (`layout.ts`). Opening reads header, footer and trailer; everything else is read when a scan needs it, synchronously, and checked
 * against its checksum before it is decoded. Chunks that cannot hold rows of the request (by time, by series) are not read at all, and of the others only
 * the blocks of the wanted fields. Decoded blocks of small scans are kept in the cache that the readers of a shard share.
 */
import type { Block, Column, FieldType, Position, TextDictionary } from '../../model/index.ts';
import type { Files, StoredFile } from '../files/files.ts';
import type { BlockCache } from './cache.ts';
import { decodeColumn, decodeRuns, decodeTimes } from './column-block.ts';
import { corrupt, type Opened, readEnds } from './ends.ts';
import { chunkBytes, type Footer, fieldAt, type Place, RUNS_AT, readPlace, statisticsAt, TIMES_AT } from './layout.ts';
import { columnBytes, FIELDS, ONE_START, Pieces, RUNS, TIMES } from './pieces.ts';
import { mergedRanges, selectedBlock } from './selection.ts';
import { concatenated, decodeKeys } from './series-section.ts';
import { readStatistics } from './statistics.ts';
import type { BucketScan, ChunkStatistics, FieldStatistics } from './types.ts';

/** A scan of more chunks than this would only push out what smaller ones keep using. */
const CACHED_CHUNKS_MAX = 64;
/** Blocks with less than this between them are read in one go. */
const GAP_BYTES_MAX = 16 * 1024;
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
  readonly #table: DataView;
  readonly #stride: number;

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
    this.#table = new DataView(footer.chunkTable.buffer, footer.chunkTable.byteOffset, footer.chunkTable.byteLength);
    this.#stride = chunkBytes(footer.fields.length);
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

  /** Memory held, besides the cache. */
  get memoryBytes(): number {
    return this.#footer.chunkTable.byteLength;
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
    const chunks = this.#candidates(request);
    const isCached = chunks.length <= CACHED_CHUNKS_MAX;
    const fields = this.#wantedFields(request.fields);
    for (const chunk of chunks) {
      const block = this.#scanChunk(chunk, request, fields, isCached);
      if (block !== null) yield block;
    }
  }

  /** Of the chunks that may hold rows of the request; fields as wanted. Reads nothing. */
  *statistics(request: BucketScan): Generator<ChunkStatistics> {
    const wanted = this.#wantedFields(request.fields);
    for (const chunk of this.#candidates(request)) {
      const record = chunk * this.#stride;
      const fields = new Map<string, FieldStatistics>();
      for (const field of wanted) {
        if (this.#place(chunk, fieldAt(field)).length === 0) continue;
        const { name, type } = this.#footer.fields[field];
        fields.set(name, readStatistics(this.#table, record + statisticsAt(field), type));
      }
      yield {
        chunk,
        rows: this.#table.getUint32(record, true),
        firstSeries: this.#firstSeries(chunk),
        lastSeries: this.#lastSeries(chunk),
        minTime: this.base + BigInt(this.#table.getFloat64(record + 16, true)),
        maxTime: this.base + BigInt(this.#table.getFloat64(record + 24, true)),
        fields,
      };
    }
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#cache.drop(this.#id);
    await this.#file.close();
  }

  // private functions

  #firstSeries(chunk: number): number {
    return this.#table.getUint32(chunk * this.#stride + 4, true);
  }

  #lastSeries(chunk: number): number {
    return this.#table.getUint32(chunk * this.#stride + 8, true);
  }

  #place(chunk: number, at: number): Place {
    return readPlace(this.#table, chunk * this.#stride + at);
  }

  /** Numbers of the fields asked for that the bucket has. */
  #wantedFields(names: readonly string[] | null): number[] {
    const wanted = names === null ? null : new Set(names);
    return this.#footer.fields.flatMap(({ name }, i) => (wanted === null || wanted.has(name) ? [i] : []));
  }

  /** Chunks whose times and series numbers overlap the request, ascending. */
  #candidates(request: BucketScan): number[] {
    const found: number[] = [];
    const { low, high } = this.#offsets(request);
    if (low > high) return found;
    const list = request.series instanceof Uint32Array ? request.series : null;
    let at = 0;
    let chunk = list === null ? 0 : this.#chunkOf(list[0]);
    while (chunk < this.chunks) {
      if (list !== null) {
        while (at < list.length && list[at] < this.#firstSeries(chunk)) at++;
        if (at === list.length) break;
        if (list[at] > this.#lastSeries(chunk)) {
          chunk = Math.max(chunk + 1, this.#chunkOf(list[at]));
          continue;
        }
      }
      const record = chunk * this.#stride;
      const isInTime =
        this.#table.getFloat64(record + 16, true) <= high && this.#table.getFloat64(record + 24, true) >= low;
      if (isInTime && (list !== null || this.#mayHold(chunk, request))) found.push(chunk);
      chunk++;
    }
    return found;
  }

  /** The first chunk whose last series is not below this one. */
  #chunkOf(series: number): number {
    let low = 0;
    let high = this.chunks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lastSeries(middle) < series) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #mayHold(chunk: number, { series: mask, map }: BucketScan): boolean {
    if (mask === null) return true;
    const last = this.#lastSeries(chunk);
    for (let s = this.#firstSeries(chunk); s <= last; s++) if (mask[map === null ? s : map[s]] === 1) return true;
    return false;
  }

  /** The request's times as offsets, cut to what the bucket has. */
  #offsets({ minTime, maxTime }: BucketScan): { low: number; high: number } {
    const { minOffset, maxOffset } = this.#footer;
    if (this.rows === 0 || maxTime < this.minTime || minTime > this.maxTime) return { low: 1, high: 0 };
    return {
      low: minTime <= this.minTime ? minOffset : Number(minTime - this.base),
      high: maxTime >= this.maxTime ? maxOffset : Number(maxTime - this.base),
    };
  }

  #scanChunk(chunk: number, request: BucketScan, wanted: readonly number[], isCached: boolean): Block | null {
    const record = chunk * this.#stride;
    const rows = this.#table.getUint32(record, true);
    const fields = wanted.filter((field) => this.#place(chunk, fieldAt(field)).length > 0);
    if (fields.length === 0) return null;
    const isSingle = this.#place(chunk, RUNS_AT).length === 0;
    const pieces = new Pieces(this.#cache, this.#id, chunk * (this.#footer.fields.length + FIELDS), isCached);
    const values = fields.map((field) => field + FIELDS);
    // With one series there is nothing to find out before the values are read: everything comes in one go.
    this.#fetch(chunk, isSingle ? [TIMES, ...values] : [RUNS, TIMES], rows, pieces);
    const runs = isSingle ? { series: Uint32Array.of(this.#firstSeries(chunk)), starts: ONE_START } : pieces.runs;
    const { low, high } = this.#offsets(request);
    const isInside =
      this.#table.getFloat64(record + 16, true) >= low && this.#table.getFloat64(record + 24, true) <= high;
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
    const places = missing.map((block) => this.#place(chunk, blockAt(block)));
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
    const total = places.reduce((sum, place) => sum + place.length, 0);
    const start = places[0].at;
    const last = places[places.length - 1];
    const span = last.at + last.length - start;
    const isDense = span - total <= GAP_BYTES_MAX;
    const bytes = this.#cache.scratch(isDense ? span : total);
    if (isDense) this.#readInto(bytes, start);
    let at = 0;
    return places.map((place) => {
      const from = isDense ? place.at - start : at;
      at += place.length;
      const part = bytes.subarray(from, from + place.length);
      if (!isDense) this.#readInto(part, place.at);
      this.blocksRead++;
      if (this.#files.checksum(part) !== place.checksum) throw corrupt(this.path, place.at, 'a block is damaged');
      return new Uint32Array(part.buffer, part.byteOffset, place.length >>> 2);
    });
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
