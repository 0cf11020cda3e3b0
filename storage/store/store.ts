/**
 * The store of one shard: everything the shard keeps, in layers. Batches are applied to the head; when that has grown to `headBytes`
 * it is sealed to buckets while writes and reads go on; one record of the manifest makes them stand for what was frozen.
 *
 *     apply ─▶ active head ──headBytes──▶ frozen head ──sorted, written, fsynced──▶ manifest record ──▶ buckets, frozen head is gone
 *                   reads see buckets (oldest first), then the frozen head, then the active one; the later wins, field by field
 *
 * On disk, in the directory given: `manifest/` (manifest.ts) and `buckets/`. After a crash: the manifest says which buckets there are
 * and `sealed`, the sequence up to which they reach; files it does not name are removed; the caller applies the stream from
 * `sealed` + 1 on. So anything between two records happens anew or not at all.
 *
 * A dropped database is gone from reads at once; its files go when the record that says so is durable. The entry in the stream says
 * the same to a store that crashed in between: it lies behind `sealed` as long as no sealing has been recorded that knows of it.
 *
 * A long file: sealing and dropping cross each other, and are safe only together.
 *
 * It applies what it is told and knows nothing of envelopes; it does no cleaning: each sealing adds buckets, none merges them.
 */
import { type Batch, type Block, type MeasurementSchema, ORIGIN, type SeriesTable } from '../../model/index.ts';
import { BlockCache } from '../buckets/cache.ts';
import { BucketReader } from '../buckets/reader.ts';
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { Head } from '../head/head.ts';
import type { Applied, HeadScan, HeadStats, TagPredicate } from '../head/types.ts';
import { type FrozenHead, type FrozenMeasurement, freezeHead } from './frozen.ts';
import type { Manifest } from './manifest.ts';
import type { ManifestBucket, ManifestRecord } from './manifest-record.ts';
import { PartitionMap, SealedBucket } from './partition-map.ts';
import { restoreState } from './restore.ts';
import { bucketName, bucketPath, sealRows } from './seal-rows.ts';
import type { Pause } from './sorted-rows.ts';

/** Memory of rows in a shard's head before it is sealed: fewer and larger buckets against memory and time to start. */
export const HEAD_BYTES = 256 * 1024 * 1024;
/** The head is weighed when this part of `headBytes` may have been added. */
const WEIGH_PARTS = 64;
/** After a sealing failed for lack of space. */
const RETRY_MS = 1_000;

export interface StoreOptions {
  readonly shard: number;
  readonly headBytes?: number;
  /** As ManifestOptions.fullBytesMin. */
  readonly manifestFullBytesMin?: number;
  /** Called in the turn in which buckets stand for everything up to `sequence`: the stream before it is not needed any more. */
  readonly sealed?: (sequence: number) => void;
  /** Called once, for what the store cannot go on from. */
  readonly failed?: (error: Error) => void;
  /** Lets others run while the store works; called at least every few milliseconds of work. */
  readonly pause?: Pause;
}

export interface StoreStats extends HeadStats {
  readonly buckets: number;
  readonly bucketBytes: number;
  readonly bucketRows: number;
  /** Since the store was opened. */
  readonly sealings: number;
}

export class ShardStore {
  readonly #files: Files;
  readonly #directory: string;
  readonly #options: Required<Omit<StoreOptions, 'manifestFullBytesMin'>>;
  readonly #head: Head;
  readonly #cache: BlockCache;
  /** The cache's number for maps of series. */
  readonly #maps: number;
  readonly #manifest: Manifest;
  #sealed: number;
  #applied: number;
  #nextBucket: number;
  /** Bytes of batches applied since the head was weighed. */
  #unweighed = 0;
  #frozen: FrozenHead | null = null;
  #sealing: Promise<void> | null = null;
  #sealings = 0;
  /** Dropped, and not in the manifest yet; with the buckets to be removed then. */
  #drops: Drop[] = [];
  #dropping: Promise<void> | null = null;
  /** Removals under way. */
  readonly #removals = new Set<Promise<void>>();
  #closing = false;

  private constructor(parts: StoreParts) {
    this.#files = parts.files;
    this.#directory = parts.directory;
    this.#options = parts.options;
    this.#head = parts.head;
    this.#cache = parts.cache;
    this.#maps = parts.maps;
    this.#manifest = parts.manifest;
    this.#sealed = parts.sealed;
    this.#applied = parts.sealed;
    this.#nextBucket = parts.nextBucket;
  }

  /** Throws StorageError: `corrupt` with file and offset where manifest or buckets are not what was written. */
  static async open(files: Files, directory: string, options: StoreOptions): Promise<ShardStore> {
    await files.makeDirectory(`${directory}/buckets`);
    const cache = new BlockCache();
    const maps = cache.register();
    const { manifest, head, buckets, sealed, nextBucket } = await restoreState(files, directory, {
      shard: options.shard,
      fullBytesMin: options.manifestFullBytesMin,
    });
    await removeStrays(files, `${directory}/buckets`, buckets);
    const store = new ShardStore({
      files,
      directory,
      options: { headBytes: HEAD_BYTES, sealed: ignore, failed: ignore, pause: nextTurn, ...options },
      head,
      cache,
      maps,
      manifest,
      sealed,
      nextBucket,
    });
    for (const bucket of buckets) {
      const measurement = head.measurement(bucket);
      const opened = await store.#openBucket(bucket);
      measurement.sealed = sealedMap(measurement.sealed).with([opened]);
    }
    return store;
  }

  /** Everything up to this sequence is in buckets; 0 = nothing is. */
  get sealed(): number {
    return this.#sealed;
  }

  /** Throws nothing: what does not fit is in the answer. */
  apply(batch: Batch): Applied {
    this.#unweighed += 8 * batch.rows * (2 + batch.columns.size);
    return this.#head.apply(batch);
  }

  /** All of the message at `sequence` has been applied. A sealing begins here if one is due. */
  applied(sequence: number): void {
    this.#applied = sequence;
    if (this.#unweighed * WEIGH_PARTS < this.#options.headBytes || this.#sealing !== null) return;
    this.#unweighed = 0;
    if (this.#head.activeBytes() >= this.#options.headBytes) void this.seal();
  }

  createDatabase(name: string): void {
    this.#head.createDatabase(name);
  }

  /** Gone from reads at once; files follow. True: it was there. */
  dropDatabase(name: string): boolean {
    const buckets: SealedBucket[] = [];
    for (const [, { sealed }] of this.#head.measurements(name)) buckets.push(...sealedMap(sealed).all());
    const found = this.#head.dropDatabase(name);
    if (found) {
      this.#drops.push({ name, buckets });
      this.#dropping ??= this.#recordDrops();
    }
    return found;
  }

  /**
   * Seals what has been applied, or waits for the sealing under way. Resolves when it is done or has been given up by `close`; what
   * goes wrong is told to `failed`, but for a full disk: then it is tried again.
   */
  seal(): Promise<void> {
    this.#sealing ??= this.#seal().finally(() => {
      this.#sealing = null;
    });
    return this.#sealing;
  }

  databases(): string[] {
    return this.#head.databases();
  }

  view(batch: Batch): Block | null {
    return this.#head.view(batch);
  }

  describe(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[] {
    return this.#head.describe(database, retentionPolicy, wanted);
  }

  series(database: string, retentionPolicy: string, measurement: string): SeriesTable | null {
    return this.#head.series(database, retentionPolicy, measurement);
  }

  /** As Head.scan, and so of everything. Throws StorageError `corrupt` where a bucket is damaged. */
  scan(request: HeadScan): Generator<Block> {
    return this.#head.scan(request);
  }

  seriesMatching(
    database: string,
    retentionPolicy: string,
    measurement: string,
    predicates: readonly TagPredicate[],
  ): Uint8Array {
    return this.#head.seriesMatching(database, retentionPolicy, measurement, predicates);
  }

  /** Walks all chunks and buckets: for a status page, not for a hot path. */
  stats(): StoreStats {
    let buckets = 0;
    let bucketBytes = 0;
    let bucketRows = 0;
    for (const [, { sealed }] of this.#head.measurements()) {
      for (const { reader } of sealedMap(sealed).all()) {
        buckets++;
        bucketBytes += reader.bytes;
        bucketRows += reader.rows;
      }
    }
    return { ...this.#head.stats(), buckets, bucketBytes, bucketRows, sealings: this.#sealings };
  }

  /** Gives a sealing up: the stream holds what it would have sealed. May be called twice. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#sealing;
    await this.#dropping;
    await Promise.all(this.#removals);
    await this.#manifest.close();
    for (const [, { sealed }] of this.#head.measurements()) {
      for (const bucket of sealedMap(sealed).all()) await bucket.retire();
    }
  }

  // private functions

  async #seal(): Promise<void> {
    while (!this.#closing) {
      try {
        this.#frozen ??= freezeHead(this.#head, this.#applied, this.#manifest.grown);
        await this.#write(this.#frozen);
        return;
      } catch (error) {
        if (error === GIVEN_UP) return;
        if (!isNoSpace(error)) {
          this.#closing = true;
          this.#options.failed(error as Error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Where it throws, the frozen head stands as before. */
  async #write(frozen: FrozenHead): Promise<void> {
    const directory = `${this.#directory}/buckets`;
    const written = new Map<FrozenMeasurement, ManifestBucket[]>();
    const opened = new Map<FrozenMeasurement, SealedBucket[]>();
    try {
      for (const part of frozen.measurements) {
        const buckets = await sealRows(part.name, part.measurement.series, part.rows, {
          files: this.#files,
          directory,
          position: { generation: ORIGIN.generation, sequence: frozen.sequence },
          nextId: () => this.#nextBucket++,
          pause: () => this.#breathe(),
        });
        written.set(part, buckets);
      }
      await this.#files.syncDirectory(directory);
      for (const [part, buckets] of written) {
        opened.set(part, await Promise.all(buckets.map((bucket) => this.#openBucket(bucket))));
      }
      await this.#record(frozen, written);
      this.#publish(frozen, opened);
    } catch (error) {
      // after any other error nobody knows whether the manifest names them: the next start does
      if (error === GIVEN_UP || isNoSpace(error)) {
        for (const bucket of [...opened.values()].flat()) await bucket.retire();
        for (const { id } of [...written.values()].flat()) {
          await this.#files.remove(bucketPath(directory, id)).catch(ignore);
        }
      }
      throw error;
    }
  }

  /** Databases that were dropped since the freeze are left out: their entry in the stream lies behind its sequence. */
  async #record(frozen: FrozenHead, written: ReadonlyMap<FrozenMeasurement, ManifestBucket[]>): Promise<void> {
    const alive = frozen.measurements.filter((part) => this.#isAlive(part));
    const drops = this.#takeDrops();
    const buckets = alive.flatMap((part) => written.get(part) ?? []);
    const older = frozen.full ? alive.flatMap((part) => [...sealedMap(part.measurement.sealed).all()]) : [];
    await this.#appendWith(drops, {
      full: frozen.full,
      sealed: frozen.sequence,
      nextBucket: this.#nextBucket,
      dropped: drops.map(({ name }) => name),
      databases: frozen.databases,
      measurements: alive.filter((part) => part.hasNews).map((part) => part.manifest()),
      buckets: [...older.map(({ listed }) => listed), ...buckets],
    });
    for (const part of alive) part.recorded();
  }

  /** In one turn: buckets stand for the frozen rows. */
  #publish(frozen: FrozenHead, opened: ReadonlyMap<FrozenMeasurement, readonly SealedBucket[]>): void {
    for (const part of frozen.measurements) {
      const buckets = opened.get(part) ?? [];
      if (this.#isAlive(part)) part.measurement.release(sealedMap(part.measurement.sealed).with(buckets));
      else this.#later(this.#removeDropped(part.name.database, buckets));
    }
    this.#sealed = frozen.sequence;
    this.#frozen = null;
    this.#sealings++;
    this.#options.sealed(frozen.sequence);
  }

  #isAlive({ name, measurement }: FrozenMeasurement): boolean {
    return this.#head.find(name.database, name.retentionPolicy, name.measurement) === measurement;
  }

  async #recordDrops(): Promise<void> {
    await null; // several databases dropped by one message come to one record
    while (this.#drops.length > 0 && !this.#closing) {
      const drops = this.#takeDrops();
      try {
        await this.#appendWith(drops, {
          full: false,
          sealed: null,
          nextBucket: this.#nextBucket,
          dropped: drops.map(({ name }) => name),
          databases: null,
          measurements: [],
          buckets: [],
        });
      } catch (error) {
        // with a full disk they wait for the next record; their files do too
        if (!isNoSpace(error)) this.#options.failed(error as Error);
        break;
      }
    }
    this.#dropping = null;
  }

  #takeDrops(): Drop[] {
    const drops = this.#drops;
    this.#drops = [];
    return drops;
  }

  /** What fails to be recorded has to be recorded later. */
  async #appendWith(drops: readonly Drop[], record: ManifestRecord): Promise<void> {
    try {
      await this.#manifest.append(record);
    } catch (error) {
      this.#drops = [...drops, ...this.#drops];
      throw error;
    }
    for (const { buckets } of drops) this.#later(this.#remove(buckets));
  }

  #later(work: Promise<void>): void {
    const removal = work.finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Of a database that was dropped while they were written: not before the manifest says so, as it may name them. */
  async #removeDropped(database: string, buckets: readonly SealedBucket[]): Promise<void> {
    await this.#dropping;
    const waiting = this.#drops.find(({ name }) => name === database);
    if (waiting === undefined) await this.#remove(buckets);
    else waiting.buckets.push(...buckets);
  }

  /** Where a file cannot be removed, the next start does it. */
  async #remove(buckets: readonly SealedBucket[]): Promise<void> {
    for (const bucket of buckets) {
      await bucket.retire();
      await this.#files.remove(bucketPath(`${this.#directory}/buckets`, bucket.id)).catch(ignore);
    }
  }

  async #openBucket(listed: ManifestBucket): Promise<SealedBucket> {
    const path = bucketPath(`${this.#directory}/buckets`, listed.id);
    const reader = await BucketReader.open(this.#files, path, this.#cache);
    if (reader.rows !== listed.rows || reader.bytes !== listed.bytes) {
      const found = `found ${reader.rows} in ${reader.bytes}`;
      throw new StorageError('corrupt', `${path}: expected ${listed.rows} rows in ${listed.bytes} bytes, ${found}`);
    }
    const { series } = this.#head.measurement(listed);
    return new SealedBucket({ listed, reader, series, cache: this.#cache, maps: this.#maps });
  }

  async #breathe(): Promise<void> {
    await this.#options.pause();
    if (this.#closing) throw GIVEN_UP;
  }
}

// private functions

type Drop = { readonly name: string; readonly buckets: SealedBucket[] };
type StoreParts = {
  readonly files: Files;
  readonly directory: string;
  readonly options: Required<Omit<StoreOptions, 'manifestFullBytesMin'>>;
  readonly head: Head;
  readonly cache: BlockCache;
  readonly maps: number;
  readonly manifest: Manifest;
  readonly sealed: number;
  readonly nextBucket: number;
};

/** Thrown and caught here: the store is being closed. */
const GIVEN_UP = new Error('the store is being closed');

/** Files that no record names: of a sealing that was cut short, or of a database that was dropped. */
async function removeStrays(files: Files, directory: string, buckets: readonly ManifestBucket[]): Promise<void> {
  const listed = new Set(buckets.map(({ id }) => bucketName(id)));
  for (const name of await files.list(directory)) if (!listed.has(name)) await files.remove(`${directory}/${name}`);
}

function sealedMap(sealed: unknown): PartitionMap {
  return sealed instanceof PartitionMap ? sealed : NO_BUCKETS;
}

const NO_BUCKETS = new PartitionMap();

function isNoSpace(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'no space';
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function ignore(): void {}
