/**
 * A sealed bucket of the shard: its file or object, what of its rows was deleted, and who reads it. It stays readable until its last
 * reader has let go of it, whether or not it is in the partition map still. A long file: all that can be asked of a bucket.
 */
import { listOf, maskOf, type SeriesChoice } from '../../model/index.ts';
import { corrupt } from '../buckets/ends.ts';
import type { OpenBuckets } from '../buckets/open-buckets.ts';
import type { BucketReader } from '../buckets/reader.ts';
import type { BucketSource, FetchBlocks } from '../buckets/source.ts';
import type { BucketScan } from '../buckets/types.ts';
import { StorageError } from '../error.ts';
import type { EachExtent, RowLayer, ScanStep, TakeTotals, TimeRange } from '../head/row-layer.ts';
import type { HeadSeries } from '../head/series.ts';
import type { FarSource } from '../tiers/far-source.ts';
import { BucketSeries } from './bucket-series.ts';
import type { ManifestBucket } from './manifest-record.ts';
import type { Pause } from './sorted-rows.ts';
import { MaskedRows, type Tombstone, withTombstone } from './tombstones.ts';

/** Series listed are looked up in a bucket so many at a time, each costing at most one section of keys. */
const FOUND_SERIES = 32;
/** Whoever copies it reads so much of its file at a time; of its object more, in several requests beside each other. */
const PIECE_BYTES = 256 * 1024;
const FAR_PIECE_BYTES = 8 * 1024 * 1024;

export interface SealedBucketParts {
  /** As in the manifest. */
  readonly listed: ManifestBucket;
  readonly source: BucketSource;
  readonly tombstones: readonly Tombstone[];
  /** Of its measurement. */
  readonly series: HeadSeries;
  /** Of its shard. */
  readonly open: OpenBuckets;
  /** The source, where it lies in object storage. */
  readonly far: FarSource | null;
}

export class SealedBucket implements RowLayer {
  readonly listed: ManifestBucket;
  readonly #parts: SealedBucketParts;
  #tombstones: readonly Tombstone[];
  /** What the caches know it by. */
  readonly #number: number;
  readonly #series: BucketSeries;
  #readers = 0;
  #left: (() => void) | null = null;

  constructor(parts: SealedBucketParts) {
    // who was last in it is of use when the manifest is read, never again
    this.listed = { ...parts.listed, lastSeries: new Uint32Array(0), lastOffsets: new Float64Array(0) };
    this.#parts = parts;
    this.#tombstones = parts.tombstones;
    this.#number = parts.open.blocks.register();
    this.#series = new BucketSeries(parts.open, this.#number, parts.series);
  }

  get id(): number {
    return this.listed.id;
  }

  /** Of two that hold the same point the one of the later layer wins. Those of one layer have no point in common. */
  get layer(): number {
    return this.listed.layer;
  }

  get bytes(): number {
    return this.listed.bytes;
  }

  /** Opened where it is not. Whoever keeps it over turns keeps its footer in memory too. Throws StorageError `corrupt`. */
  get reader(): BucketReader {
    const { open, source, listed } = this.#parts;
    const reader = open.reader(this.#number, source);
    if (reader.rows === listed.rows) return reader;
    throw new StorageError('corrupt', `${source.path}: expected ${listed.rows} rows, found ${reader.rows}`);
  }

  get minTime(): bigint {
    return this.listed.minTime;
  }

  get maxTime(): bigint {
    return this.listed.maxTime;
  }

  get late(): TimeRange | null {
    return this.listed.late;
  }

  scan(
    minTime: bigint,
    maxTime: bigint,
    wanted: SeriesChoice,
    fields: readonly string[] | null,
    take?: TakeTotals,
  ): Generator<ScanStep> {
    return this.#scan({ minTime, maxTime, fields }, wanted, take);
  }

  extents({ min, max }: TimeRange, wanted: SeriesChoice, each: EachExtent): void {
    const { reader } = this;
    const request = { minTime: min, maxTime: max, fields: null };
    if (!(wanted instanceof Uint32Array)) {
      reader.extents({ ...request, series: wanted, map: wanted === null ? null : this.#series.nameOf(reader) }, each);
    } else if (wanted.length <= FOUND_SERIES) {
      const { numbers, nameOf } = this.#series.find(reader, wanted);
      if (numbers.length > 0) reader.extents({ ...request, series: numbers, map: nameOf }, each);
    } else {
      const share = Math.min(1, wanted.length / Math.max(1, reader.series));
      each(this.minTime, this.maxTime, Math.ceil(reader.rows * share));
    }
  }

  /** Blocks that a scan would have to read from object storage, as bytes. */
  awayBytes({ min, max }: TimeRange, wanted: SeriesChoice, fields: readonly string[] | null): number {
    if (this.#parts.far === null) return 0;
    let bytes = 0;
    for (const request of this.#requests({ minTime: min, maxTime: max, fields }, wanted)) {
      for (const places of this.reader.places(request)) bytes += places.reduce((sum, { length }) => sum + length, 0);
    }
    return bytes;
  }

  /** Has these in the cache of pages when it resolves. It is held meanwhile by whoever asks. Rejects with StorageError. */
  async bringNear({ min, max }: TimeRange, wanted: SeriesChoice, fields: readonly string[] | null): Promise<void> {
    const { far } = this.#parts;
    if (far === null) return;
    for (const request of this.#requests({ minTime: min, maxTime: max, fields }, wanted)) {
      for (const places of this.reader.places(request)) await far.bringNear(places);
    }
  }

  /** What was deleted of it; whoever merges buckets leaves these rows out, and their tombstones with them. */
  get tombstones(): readonly Tombstone[] {
    return this.#tombstones;
  }

  /** Hides rows from those who read from now on. True: its list is another now. */
  bury(tombstone: Tombstone): boolean {
    const list = withTombstone(this.#tombstones, tombstone);
    if (list === this.#tombstones) return false;
    this.#tombstones = list;
    return true;
  }

  /** About how many of its rows were deleted, and not fewer. Tombstones that hide none of them are let go of. Throws StorageError. */
  weighTombstones(): number {
    const hidden = this.#tombstones.map(({ min, max, series }) => {
      let count = 0;
      const mask = series === null ? null : maskOf(series, this.#parts.series.size);
      this.extents({ min, max }, mask, (_min, _max, rows) => {
        count += rows;
      });
      return count;
    });
    this.#tombstones = this.#tombstones.filter((_, i) => hidden[i] > 0);
    return hidden.reduce((sum, count) => sum + count, 0);
  }

  /** What was deleted of it, its series by the bucket's own numbers, for who copies the file. Throws StorageError `corrupt`. */
  hidden(): Tombstone[] {
    const hidden = this.#tombstones.map(({ min, max, series }) => {
      if (series === null) return { min, max, series };
      return { min, max, series: this.#series.find(this.reader, this.#series.inOrder(series)).numbers };
    });
    return hidden.filter(({ series }) => series?.length !== 0);
  }

  /** Its living rows of these times and series, these by the bucket's own numbers; null = it has none. Throws StorageError `corrupt`. */
  chosen({ min, max }: TimeRange, wanted: Uint8Array | null): Tombstone | null {
    if (min > this.maxTime || max < this.minTime) return null;
    if (wanted === null && this.#tombstones.length === 0) return { min, max, series: null };
    const mask = wanted === null ? null : filledUp(wanted, this.#parts.series.size);
    let rows = 0;
    this.living.extents({ min, max }, mask, (_first, _last, count) => {
      rows += count;
    });
    if (rows === 0) return null;
    if (wanted === null) return { min, max, series: null };
    const { numbers } = this.#series.find(this.reader, this.#series.inOrder(listOf(wanted)));
    return numbers.length === 0 ? null : { min, max, series: numbers };
  }

  /** Its rows but for those deleted so far. */
  get living(): RowLayer {
    return this.#masked(this);
  }

  /** The same, read ahead, for who can wait. */
  get ahead(): RowLayer {
    return this.#readBy((minTime, maxTime, wanted, fields, take) =>
      this.#scan({ minTime, maxTime, fields, isAhead: true }, wanted, take),
    );
  }

  /** All of the same in blocks that stay valid, for who merges them; `series` is what `series()` gave. */
  lasting(series: Uint32Array): RowLayer {
    const map = (number: number): number => series[number];
    return this.#readBy((minTime, maxTime, wanted, fields) => {
      if (wanted instanceof Uint32Array) throw new Error('a merge reads all series, or those of a mask');
      return this.#steps({ minTime, maxTime, series: wanted, map, fields, lasting: true });
    });
  }

  /**
   * Its bytes as they are, wherever they lie, checked on their way. Throws StorageError; after `corrupt`, one who asks again may fare
   * better.
   */
  async *pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { source, far } = this.#parts;
    const check = this.reader.check();
    const pieceBytes = far === null ? PIECE_BYTES : FAR_PIECE_BYTES;
    for (let at = 0; at < this.bytes; at += pieceBytes) {
      const length = Math.min(pieceBytes, this.bytes - at);
      const bytes = new Uint8Array(length);
      const held = far === null ? source : await far.fetchOnce({ at, length });
      const n = held.readSync(bytes, at);
      if (n < length) throw corrupt(source.path, at + n, 'the file ends early');
      try {
        check.passed(bytes);
      } catch (error) {
        forgetDamaged(far, error);
        throw error;
      }
      yield bytes;
    }
  }

  /** The shard's numbers of its series, index = the bucket's. Throws StorageError. */
  series(pause: Pause): Promise<Uint32Array> {
    return this.#series.all(this.reader, pause);
  }

  hold(): void {
    this.#readers++;
  }

  letGo(): void {
    if (--this.#readers === 0) this.#left?.();
  }

  /** Closes it when its last reader has gone. It must have left the map. */
  async retire(): Promise<void> {
    if (this.#readers > 0) {
      await new Promise<void>((resolve) => {
        this.#left = resolve;
      });
    }
    await this.#parts.open.forget(this.#number, this.#parts.source);
  }

  // private functions

  #masked(rows: RowLayer): RowLayer {
    if (this.#tombstones.length === 0) return rows;
    return new MaskedRows(rows, this.#tombstones, this.#parts.series.size);
  }

  /** Its living rows, read in another manner. */
  #readBy(scan: RowLayer['scan']): RowLayer {
    const { minTime, maxTime, late } = this;
    return this.#masked({
      minTime,
      maxTime,
      late,
      scan,
      extents: (range, wanted, each) => this.extents(range, wanted, each),
    });
  }

  *#scan(request: Asked & ReadAhead, wanted: SeriesChoice, take?: TakeTotals): Generator<ScanStep> {
    for (const part of this.#requests(request, wanted)) yield* this.#steps({ ...part, isAhead: request.isAhead }, take);
  }

  /** The same for the bucket's reader, with series by its numbers: listed ones some at a time. */
  *#requests(request: Asked, wanted: SeriesChoice): Generator<BucketScan> {
    const { reader } = this;
    if (!(wanted instanceof Uint32Array)) {
      yield { ...request, series: wanted, map: this.#series.nameOf(reader) };
      return;
    }
    const ordered = this.#series.inOrder(wanted);
    for (let from = 0; from < ordered.length; from += FOUND_SERIES) {
      const { numbers, nameOf } = this.#series.find(reader, ordered.subarray(from, from + FOUND_SERIES));
      if (numbers.length > 0) yield { ...request, series: numbers, map: nameOf };
    }
  }

  #steps(request: BucketScan & ReadAhead, take?: TakeTotals): Generator<ScanStep> {
    const { reader } = this;
    const { far } = this.#parts;
    if (far === null) return request.isAhead === true ? reader.scanAhead(request, take) : reader.scan(request, take);
    const mayWait = request.isAhead === true || request.lasting === true;
    const fetch: FetchBlocks = (places) => far.fetch(places);
    return forgetful(far, mayWait ? reader.scanFar(request, fetch, take) : reader.scan(request, take));
  }
}

// private functions

/** Of a bucket, whichever the series. */
type Asked = Omit<BucketScan, 'series' | 'map'>;
type ReadAhead = { readonly isAhead?: true };

function* forgetful(far: FarSource, steps: Generator<ScanStep>): Generator<ScanStep> {
  try {
    yield* steps;
  } catch (error) {
    forgetDamaged(far, error);
    throw error;
  }
}

/** Damage may be of what was fetched and kept here, which is then forgotten: the next who asks has it from the tier again. */
function forgetDamaged(far: FarSource | null, error: unknown): void {
  if (error instanceof StorageError && error.code === 'corrupt') far?.forget();
}

/** Series that came after it was made are not wanted. */
function filledUp(mask: Uint8Array, size: number): Uint8Array {
  if (mask.length >= size) return mask;
  const filled = new Uint8Array(size);
  filled.set(mask);
  return filled;
}
