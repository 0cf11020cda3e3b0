/**
 * Writes a bucket (`layout.ts`), chunk by chunk: what is held besides the caller's rows is one chunk's blocks, the write buffer and the
 * chunk table. The file is on disk when `finish` resolves; its name is durable when the caller has synced the directory.
 */
import { type Column, type FieldType, OFFSET_MAX, type Position, TextDictionary } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';
import { chunkEnd, runsOf } from './chunking.ts';
import { encodeColumn, encodeRuns, encodeTimes } from './column-block.ts';
import {
  chunkBytes,
  encodeFooter,
  encodeHeader,
  encodeTrailer,
  fieldAt,
  type KeySection,
  type Place,
  RUNS_AT,
  statisticsAt,
  TIMES_AT,
  TRAILER_BYTES,
  writePlace,
} from './layout.ts';
import { encodeKeys, SECTION_SERIES_MAX } from './series-section.ts';
import { writeStatistics } from './statistics.ts';
import type { BucketContent, BucketRows, BucketSummary } from './types.ts';

/** Less makes the disk busy, more only takes memory. */
const WRITE_BYTES = 256 * 1024;

/** Distinct blocks of times remembered while writing, for they may come again with the next series. */
const SHARED_TIMES_MAX = 64;

export interface BucketOpening {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly position: Position;
  readonly base: bigint;
}

/**
 * For content that is not in memory at once (merges): parts in order, the last row of each before the first of the next. Chunks do not
 * cross parts, so parts want tens of thousands of rows. After an error of any call only `abandon` makes sense.
 */
export class BucketWriter {
  readonly #files: Files;
  readonly #path: string;
  readonly #opening: BucketOpening;
  readonly #file: StoredFile;
  readonly #buffer = new Uint8Array(WRITE_BYTES);
  #buffered = 0;
  #written = 0;
  readonly #fields = new Map<string, { readonly number: number; readonly type: FieldType }>();
  readonly #chunks: DataView[] = [];
  readonly #times = new Map<string, { readonly bytes: Uint8Array; readonly place: Place }>();
  #rows = 0;
  #minOffset = Infinity;
  #maxOffset = -Infinity;
  #lastSeries = -1;
  #lastOffset = -Infinity;

  private constructor(files: Files, path: string, opening: BucketOpening, file: StoredFile) {
    this.#files = files;
    this.#path = path;
    this.#opening = opening;
    this.#file = file;
  }

  /** The file must not exist. */
  static async create(files: Files, path: string, opening: BucketOpening): Promise<BucketWriter> {
    const writer = new BucketWriter(files, path, opening, await files.open(path, 'create'));
    try {
      await writer.#append(encodeHeader(files.checksum));
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return writer;
  }

  /** Of the file so far. */
  get bytes(): number {
    return this.#written + this.#buffered;
  }

  /** Calls `pause` between chunks. RangeError where rows are out of order or leave ±OFFSET_MAX, or a field changes its type. */
  async write(part: BucketRows, pause?: () => Promise<void>): Promise<void> {
    this.#check(part);
    this.#register(part.columns);
    for (let from = 0; from < part.rows; ) {
      const to = chunkEnd(part, from);
      await this.#writeChunk(part, from, to);
      from = to;
      if (pause !== undefined && from < part.rows) await pause();
    }
  }

  /**
   * Series keys (index = number of the series), footer, datasync, close. RangeError where a series has none, or they are not in order.
   * `pause` as in `write`.
   */
  async finish(seriesKeys: TextDictionary, pause?: () => Promise<void>): Promise<BucketSummary> {
    const { base, position } = this.#opening;
    if (this.#lastSeries >= seriesKeys.size) throw new RangeError('bucket: a series has no key');
    const { sections, firstKeys } = await this.#writeKeys(seriesKeys, pause);
    const footer = encodeFooter({
      ...this.#opening,
      minOffset: this.#rows === 0 ? 0 : this.#minOffset,
      maxOffset: this.#rows === 0 ? 0 : this.#maxOffset,
      rows: this.#rows,
      series: seriesKeys.size,
      fields: [...this.#fields].map(([name, { type }]) => ({ name, type })),
      sections,
      firstKeys,
      chunks: this.#chunks.length,
      chunkTable: this.#chunkTable(),
    });
    const place = await this.#append(footer);
    await this.#append(encodeTrailer(place, this.#files.checksum));
    await this.#flush();
    await this.#file.datasync();
    await this.#file.close();
    return {
      path: this.#path,
      bytes: place.at + place.length + TRAILER_BYTES,
      rows: this.#rows,
      series: seriesKeys.size,
      chunks: this.#chunks.length,
      minTime: base + BigInt(this.#rows === 0 ? 0 : this.#minOffset),
      maxTime: base + BigInt(this.#rows === 0 ? 0 : this.#maxOffset),
      fields: new Map([...this.#fields].map(([name, { type }]) => [name, type])),
      footerChecksum: place.checksum,
      position,
    };
  }

  /** Closes and removes the unfinished file. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(ignored);
    await this.#files.remove(this.#path).catch(ignored);
  }

  // private functions

  #check(part: BucketRows): void {
    const { series, offsets, rows } = part;
    for (let i = 0; i < rows; i++) {
      const isOrdered = series[i] === this.#lastSeries ? offsets[i] > this.#lastOffset : series[i] > this.#lastSeries;
      if (!isOrdered) throw new RangeError(`bucket: row ${this.#rows + i} is not behind the one before it`);
      if (!(Math.abs(offsets[i]) <= OFFSET_MAX)) throw new RangeError('bucket: a time is too far from the base');
      this.#lastSeries = series[i];
      this.#lastOffset = offsets[i];
    }
  }

  #register(columns: ReadonlyMap<string, Column>): void {
    for (const [name, { type }] of columns) {
      const known = this.#fields.get(name);
      if (known === undefined) this.#fields.set(name, { number: this.#fields.size, type });
      else if (known.type !== type) throw new RangeError(`bucket: field "${name}" is ${known.type}, then ${type}`);
    }
  }

  async #writeChunk(part: BucketRows, from: number, to: number): Promise<void> {
    const runs = runsOf(part.series, from, to);
    const offsets = part.offsets.slice(from, to);
    const record = new DataView(new ArrayBuffer(chunkBytes(this.#fields.size)));
    const isSingle = runs.series.length === 1;
    let min = offsets[0];
    let max = offsets[0];
    for (const offset of offsets) {
      if (offset < min) min = offset;
      if (offset > max) max = offset;
    }
    record.setUint32(0, to - from, true);
    record.setUint32(4, runs.series[0], true);
    record.setUint32(8, runs.series[runs.series.length - 1], true);
    record.setFloat64(16, min, true);
    record.setFloat64(24, max, true);
    if (!isSingle) writePlace(record, RUNS_AT, await this.#append(encodeRuns(runs, to - from)));
    const times = encodeTimes(offsets, runs.starts);
    writePlace(record, TIMES_AT, isSingle ? await this.#appendTimes(times, to - from) : await this.#append(times));
    for (const [name, column] of part.columns) {
      const block = encodeColumn(column, from, to, runs.starts, this.#files.compression);
      if (block === null) continue;
      const { number } = this.#fields.get(name)!;
      writePlace(record, fieldAt(number), await this.#append(block));
      writeStatistics(record, statisticsAt(number), column, from, to, part.offsets, isSingle);
    }
    this.#chunks.push(record);
    this.#rows += to - from;
    this.#minOffset = Math.min(this.#minOffset, min);
    this.#maxOffset = Math.max(this.#maxOffset, max);
  }

  async #writeKeys(
    seriesKeys: TextDictionary,
    pause?: () => Promise<void>,
  ): Promise<{ sections: KeySection[]; firstKeys: Place }> {
    const sections: KeySection[] = [];
    const firsts: Uint8Array[] = [];
    for (let from = 0; from < seriesKeys.size; from += SECTION_SERIES_MAX) {
      const to = Math.min(from + SECTION_SERIES_MAX, seriesKeys.size);
      checkKeys(seriesKeys, from, to);
      const place = await this.#append(encodeKeys(seriesKeys, from, to, this.#files.compression));
      sections.push({ ...place, series: to - from });
      firsts.push(seriesKeys.bytes.subarray(seriesKeys.offsets[from], seriesKeys.offsets[from + 1]));
      if (pause !== undefined) await pause();
    }
    if (firsts.length === 0) return { sections, firstKeys: { at: 0, length: 0, checksum: 0 } };
    const dictionary = TextDictionary.ofBytes(firsts);
    const firstKeys = await this.#append(encodeKeys(dictionary, 0, firsts.length, this.#files.compression));
    return { sections, firstKeys };
  }

  /** Records of chunks written before a field was known are shorter: they lack it. */
  #chunkTable(): Uint8Array {
    const stride = chunkBytes(this.#fields.size);
    const table = new Uint8Array(stride * this.#chunks.length);
    this.#chunks.forEach((record, i) => {
      table.set(new Uint8Array(record.buffer), i * stride);
    });
    return table;
  }

  /** Many series are measured at the same times: those of a chunk of one series are written once. */
  async #appendTimes(bytes: Uint8Array, rows: number): Promise<Place> {
    const key = `${rows} ${this.#files.checksum(bytes)}`;
    const known = this.#times.get(key);
    if (known !== undefined && sameBytes(known.bytes, bytes)) return known.place;
    const place = await this.#append(bytes);
    if (this.#times.size === SHARED_TIMES_MAX) this.#times.clear();
    this.#times.set(key, { bytes, place });
    return place;
  }

  async #append(bytes: Uint8Array): Promise<Place> {
    const place = { at: this.#written + this.#buffered, length: bytes.length, checksum: this.#files.checksum(bytes) };
    if (this.#buffered + bytes.length > WRITE_BYTES) await this.#flush();
    if (bytes.length > WRITE_BYTES) {
      await this.#file.write(bytes, this.#written);
      this.#written += bytes.length;
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
    return place;
  }

  async #flush(): Promise<void> {
    if (this.#buffered === 0) return;
    await this.#file.write(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }
}

/** The file must not exist; after an error there is none. */
export async function writeBucket(files: Files, path: string, content: BucketContent): Promise<BucketSummary> {
  const writer = await BucketWriter.create(files, path, content);
  try {
    await writer.write(content);
    return await writer.finish(content.seriesKeys);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

// private functions

/** Each of [from, to) is behind the one before it. */
function checkKeys({ bytes, offsets }: TextDictionary, from: number, to: number): void {
  for (let i = Math.max(1, from); i < to; i++) {
    let a = offsets[i - 1];
    let b = offsets[i];
    while (a < offsets[i] && b < offsets[i + 1] && bytes[a] === bytes[b]) {
      a++;
      b++;
    }
    const isAscending = b < offsets[i + 1] && (a === offsets[i] || bytes[a] < bytes[b]);
    if (!isAscending) throw new RangeError(`bucket: the key of series ${i} is not behind the one before it`);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function ignored(error: unknown): void {
  if (!(error instanceof StorageError)) throw error;
}
