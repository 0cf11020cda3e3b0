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
 * What is deleted is gone from reads at once: in memory rows are marked (chunk.ts), of buckets they are hidden by tombstones
 * (tombstones.ts), and a bucket without a row left leaves the map; its file goes when the record that says so is durable. Tombstones
 * are recorded with the next sealing; to a store that crashed before it the entries in the stream, behind `sealed`, say the same.
 *
 * Each sealing adds buckets; the cleaner (cleaner.ts) merges them. What it made stands in the map at once and is recorded like a removal.
 * Buckets may lie in object storage (mover.ts). A long file: sealing and dropping cross each other, and are safe only together.
 */
import {
  type Batch,
  type Block,
  type DocumentChange,
  type Documents,
  listOf,
  type MeasurementSchema,
  ORIGIN,
  type SeriesTable,
  TIME_MAX,
  TIME_MIN,
} from '../../model/index.ts';
import { OpenBuckets } from '../buckets/open-buckets.ts';
import { isNoSpace, StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { Head } from '../head/head.ts';
import type { Measurement } from '../head/measurement.ts';
import type { PinnedRows } from '../head/row-layer.ts';
import type { Applied, DropScope, HeadScan, RowsDeletion } from '../head/types.ts';
import type { Tier } from '../tiers/tier.ts';
import { Advice, type AdviceScope, type BucketShape } from './advice.ts';
import { bucketTotals } from './bucket-totals.ts';
import { Changes, type ChangesHost } from './changes.ts';
import { Cleaner, type CleanerHost, type Merge } from './cleaner.ts';
import { DocumentNews } from './document-news.ts';
import { holds, isDatabase } from './drop-scope.ts';
import { type FrozenHead, type FrozenMeasurement, freezeHead } from './frozen.ts';
import type { Manifest } from './manifest.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { Mover, type MoverHost, openTier } from './mover.ts';
import { sealedMap } from './partition-map.ts';
import type { Removal, Removals } from './removals.ts';
import { restoreState } from './restore.ts';
import { bucketId, bucketPath, sealRows } from './seal-rows.ts';
import { SealedBucket } from './sealed-bucket.ts';
import { settingsOf } from './settings.ts';
import { type SnapshotRequest, type StoreSnapshot, takeSnapshot } from './snapshot.ts';
import { findStrays } from './strays.ts';
import { manifestTombstones, TombstoneNews } from './tombstone-news.ts';
import { buriesAll, type Tombstone, withTombstone } from './tombstones.ts';
import type { StoreOptions, StoreParts, StoreSettings, StoreStats } from './types.ts';

/** The head is weighed when this part of `headBytes` may have been added. */
const WEIGH_PARTS = 64;
/** Memory of a shard's rows is bounded by one head that is sealed and so many more. */
const OVERFULL_HEADS = 1.5;
/** Thrown and caught here: the store is being closed. */
const GIVEN_UP = new Error('the store is being closed');

export class ShardStore {
  /** Grows whenever `describe` may answer something new. */
  schemaVersion = 0;
  readonly #files: Files;
  readonly #directory: string;
  readonly #options: StoreSettings;
  readonly #head: Head;
  readonly #documents: DocumentNews;
  readonly #open: OpenBuckets;
  readonly #manifest: Manifest;
  readonly #tier: Tier | null;
  readonly #mover: Mover | null;
  #sealed: number;
  #applied: number;
  #nextBucket: number;
  readonly #removals: Removals;
  /** Names of files that the manifest does not know. */
  readonly #strays: string[];
  /** Bytes of batches applied since the head was weighed. */
  #unweighed = 0;
  #frozen: FrozenHead | null = null;
  #sealing: Promise<void> | null = null;
  #sealings = 0;
  readonly #advice = new Advice();
  readonly #cleaner: Cleaner;
  readonly #tombstoneNews = new TombstoneNews();
  readonly #changes: Changes;
  #closing = false;

  private constructor(parts: StoreParts) {
    this.#files = parts.files;
    this.#directory = parts.directory;
    this.#options = parts.options;
    this.#head = parts.head;
    this.#documents = new DocumentNews(parts.documents);
    this.#open = parts.open;
    this.#manifest = parts.manifest;
    this.#tier = parts.tier;
    this.#mover =
      parts.tier === null ? null : new Mover(parts.files, parts.tier, parts.options.tier!, this.#moverHost());
    this.#sealed = parts.sealed;
    this.#applied = parts.sealed;
    this.#nextBucket = parts.nextBucket;
    this.#removals = parts.removals;
    this.#strays = parts.strays;
    this.#changes = new Changes(this.#changesHost());
    this.#cleaner = new Cleaner(this.#cleanerHost());
  }

  /** Reads the manifest only. Throws StorageError: `corrupt` with file and offset where it is not what was written, or a bucket is missing. */
  static async open(files: Files, directory: string, options: StoreOptions): Promise<ShardStore> {
    await files.makeDirectory(`${directory}/buckets`);
    const { buckets, tombstones, ...restored } = await restoreState(files, directory, options.tagListener ?? null, {
      shard: options.shard,
      fullBytesMin: options.manifestFullBytesMin,
    });
    const strays = await findStrays(files, `${directory}/buckets`, buckets, restored.manifest.cut);
    const settings = settingsOf(options);
    const open = new OpenBuckets(files, settings.openFilesMax, settings.footerBytesMax);
    const store = new ShardStore({
      files,
      directory,
      options: settings,
      open,
      tier: await openTier(files, directory, settings, open, buckets),
      ...restored,
      nextBucket: Math.max(restored.nextBucket, ...strays.map((name) => bucketId(name) + 1)),
      strays,
    });
    for (const [measurement, list] of Map.groupBy(buckets, (bucket) => restored.head.measurement(bucket))) {
      const sealed = list.map((one) => store.#sealedBucket(one, measurement, tombstones.get(one.id) ?? []));
      measurement.sealed = sealedMap(measurement.sealed).with(sealed);
    }
    return store;
  }

  /**
   * The stream goes on where the store ends, so the manifest is whole: what it does not name is removed. Not before: were its end
   * damaged, these files would be the only ones to hold their rows.
   */
  async joined(): Promise<void> {
    this.#mover?.soon();
    this.#cleaner.opened();
    const strays = this.#strays.splice(0).map((name) => `${this.#directory}/buckets/${name}`);
    for (const path of strays) await this.#files.remove(path).catch(ignore);
  }

  /** For whoever finds that the stream does not go on where the store ends; '' = the manifest ended cleanly. */
  get manifestCut(): string {
    return this.#manifest.cut;
  }

  /** Everything up to this sequence is in buckets; 0 = nothing is. */
  get sealed(): number {
    return this.#sealed;
  }

  /** While a head is sealed more has come than memory should hold: who writes waits for `seal`. */
  get overfull(): boolean {
    return this.#sealing !== null && this.#unweighed > OVERFULL_HEADS * this.#options.headBytes;
  }

  /** Throws nothing: what does not fit is in the answer. */
  apply(batch: Batch): Applied {
    this.#unweighed += 8 * batch.rows * (2 + batch.columns.size);
    const applied = this.#head.apply(batch);
    if (applied.schemaChanged) this.schemaVersion++;
    return applied;
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

  /** What the stream has said of the catalogue. A document's database is there with it. */
  changeDocuments(change: DocumentChange): void {
    for (const { database } of change.put) if (database !== '') this.#head.createDatabase(database);
    this.#documents.change(change);
  }

  /** Read only. */
  get documents(): Documents {
    return this.#documents.documents;
  }

  /** Gone from reads at once; files follow. True: it was there. */
  dropDatabase(database: string): boolean {
    return this.#drop({ database, retentionPolicy: null, measurement: null });
  }

  /** What was written to the policy; as dropDatabase. Its document is not touched. */
  dropPolicy(database: string, retentionPolicy: string): boolean {
    return this.#drop({ database, retentionPolicy, measurement: null });
  }

  /** With the types of its fields; as dropDatabase. */
  dropMeasurement(database: string, retentionPolicy: string | null, measurement: string): boolean {
    return this.#drop({ database, retentionPolicy, measurement });
  }

  /**
   * Rows of these times and series are gone from reads at once; what pins hold stays theirs. Series that have no rows left are gone
   * too, and a measurement without series is dropped. Files become smaller when their buckets are written anew. One message deletes
   * the same of all policies. It is remembered even where nothing met it: what comes later shall not be taken for what it left.
   */
  deleteRows({ minTime: min, maxTime: max, series: mask, condition = null, ...name }: RowsDeletion): void {
    const measurement = this.#head.find(name.database, name.retentionPolicy, name.measurement);
    if (measurement === null || min > max) return;
    const series = mask === null ? null : listOf(mask);
    this.#removals.note({
      sequence: this.#applied + 1,
      database: name.database,
      measurement: name.measurement,
      condition,
      minTime: min,
      maxTime: max,
      isWhole: series === null || condition !== null,
    });
    if (series?.length === 0) return;
    this.#hide(measurement, { min, max, series }, mask);
    measurement.findGone(mask, min <= TIME_MIN && max >= TIME_MAX, (error) => error instanceof StorageError);
    if (measurement.isEmptyAt(this.#applied + 1)) this.#drop(name, false);
  }

  /**
   * How buckets of these measurements shall be cut from now on; those that are there follow. In place of what was advised for the same
   * scope before, null takes it back. Not kept: to be told again after a start.
   */
  advise(scope: AdviceScope, shape: Partial<BucketShape> | null): void {
    this.#advice.set(scope, shape);
    if (this.#sealings > 0) this.#cleaner.wake();
  }

  /** Merges what is worth it and what is not, all that is sealed: for tests and operators, as it happens by itself where it pays. */
  async clean(): Promise<void> {
    await this.#cleaner.clean();
    await this.#changes.recorded();
  }

  /**
   * Everything that a policy has of times before this one is gone, as deleteRows, but that nothing is read: a series has no rows left
   * where its last time is before, and buckets that end before go as they are. Gives what it took, by measurement.
   */
  expire(database: string, retentionPolicy: string, before: bigint): readonly RowsDeletion[] {
    const range = { minTime: TIME_MIN, maxTime: before - 1n };
    const found: RowsDeletion[] = [];
    for (const [name, measurement] of [...this.#head.measurements(database)]) {
      if (name.retentionPolicy !== retentionPolicy || !measurement.beginsBefore(before)) continue;
      this.#hide(measurement, { min: range.minTime, max: range.maxTime, series: null }, null);
      measurement.findExpired(before);
      if (measurement.isEmptyAt(this.#applied + 1)) this.#drop(name, false);
      found.push({ ...name, ...range, series: null });
    }
    return found;
  }

  /**
   * Seals what has been applied, or waits for the sealing under way. Resolves when it is done or has been given up by `close`; what
   * goes wrong is told to `failed`, but for a full disk: then it is tried again.
   */
  seal(): Promise<void> {
    this.#sealing ??= this.#seal().finally(() => (this.#sealing = null));
    return this.#sealing;
  }

  /** All of what was removed went from this store behind the sequence: of its older rows it has none of it. */
  hasRemoved(removal: Removal, since: number): boolean {
    return this.#removals.has(removal, since);
  }

  /** Everything applied until now, and maybe more, as buckets that stay until it is released. Throws StorageError `closed`. */
  snapshot(request: SnapshotRequest): Promise<StoreSnapshot> {
    const now = () => {
      const [head, applied, sealed, removals] = [this.#head, this.#applied, this.#sealed, this.#removals];
      return { head, applied, sealed, removals, isClosing: this.#closing };
    };
    return takeSnapshot(request, now, () => this.seal());
  }

  databases(): string[] {
    return this.#head.databases();
  }

  /** Of a database: those that have measurements. */
  policies(database: string): string[] {
    return this.#head.policies(database);
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

  /** As Head.bringNear: to begin with what lies in object storage, for a `scan` of the same. */
  bringNear(request: HeadScan): Promise<void> {
    return this.#head.bringNear(request, this.#tier?.nearBytesMax ?? 0);
  }

  /** What is there now, for reading in several turns; null where there is no such measurement. Whoever pins releases. */
  pin(request: HeadScan): PinnedRows | null {
    return this.#head.pin(request);
  }

  /** Walks all chunks and buckets: for a status page, not for a hot path. */
  stats(): StoreStats {
    const { files: openFiles, footerBytes, blocks } = this.#open;
    return {
      ...this.#head.stats(),
      ...bucketTotals([...this.#head.measurements()].map(([, { sealed }]) => sealedMap(sealed))),
      tier: this.#mover?.stats() ?? null,
      openFiles,
      footerBytes,
      blocksRead: blocks.blocksRead,
      blockBytesRead: blocks.blockBytesRead,
      sealings: this.#sealings,
      merges: this.#cleaner.stats,
      isSettled: this.#cleaner.isSettled,
      isBusy:
        this.#sealing !== null || this.#cleaner.isAtWork || this.#mover?.isBusy() === true || this.#changes.isPending,
    };
  }

  /** Moves what is old enough to object storage now. Resolves when it is done, or has failed for this time. */
  async move(): Promise<void> {
    await this.#mover?.round();
  }

  /** Gives a sealing up: the stream holds what it would have sealed. May be called twice. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#cleaner.close();
    await this.#sealing;
    await this.#mover?.close();
    await this.#changes.settled();
    await this.#manifest.close();
    const all = [...this.#head.measurements()].flatMap(([, { sealed }]) => [...sealedMap(sealed).all()]);
    for (const bucket of all) await bucket.retire();
  }

  // private functions

  /** Not to be told: all that was in it went by deletes that are, or by its policy. */
  #drop(scope: DropScope, isTold = true): boolean {
    const gone = [...this.#head.measurements(scope.database)].filter(([name]) => holds(scope, name));
    const buckets = gone.flatMap(([, { sealed }]) => [...sealedMap(sealed).all()]);
    const found = this.#head.drop(scope);
    if (found) {
      if (isTold) this.#removals.noteDrop(this.#applied + 1, scope, gone);
      else this.#removals.lastAt = this.#applied + 1;
      this.schemaVersion++;
      if (isDatabase(scope)) this.#documents.dropDatabase(scope.database);
      this.#changes.add({ scope, buckets, added: [] });
    }
    return found;
  }

  /** From all layers; `mask` says the same series as the tombstone. */
  #hide(measurement: Measurement, tombstone: Tombstone, mask: Uint8Array | null): void {
    measurement.deleteRows(tombstone, mask);
    this.schemaVersion++;
    for (const part of this.#frozen?.measurements ?? []) {
      if (part.measurement === measurement) part.tombstones = withTombstone(part.tombstones, tombstone);
    }
    this.#remove(measurement, this.#buried([...sealedMap(measurement.sealed).all()], tombstone));
    this.#cleaner.wake();
  }

  #buried(buckets: readonly SealedBucket[], tombstone: Tombstone): SealedBucket[] {
    const gone: SealedBucket[] = [];
    for (const bucket of buckets) {
      if (tombstone.min > bucket.maxTime || tombstone.max < bucket.minTime) continue;
      if (buriesAll(tombstone, bucket)) gone.push(bucket);
      else if (bucket.bury(tombstone)) this.#tombstoneNews.note(bucket.id);
    }
    return gone;
  }

  /** Buckets without rows leave the map. */
  #remove(measurement: Measurement, gone: readonly SealedBucket[]): void {
    if (gone.length === 0) return;
    measurement.sealed = sealedMap(measurement.sealed).without(new Set(gone));
    this.#changes.add({ scope: null, buckets: gone, added: [] });
  }

  async #seal(): Promise<void> {
    while (!this.#closing) {
      try {
        this.#frozen ??= freezeHead(this.#head, this.#documents, this.#applied, this.#manifest.grown);
        await this.#write(this.#frozen);
        return;
      } catch (error) {
        if (error === GIVEN_UP) return;
        if (!isNoSpace(error)) {
          this.#closing = true;
          void this.#cleaner.close();
          this.#options.failed(error as Error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, this.#options.retryMs));
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
          spanNs: this.#advice.of(part.name).spanNs,
          nextId: () => this.#nextBucket++,
          pause: () => this.#breathe(),
        });
        written.set(part, buckets);
      }
      await this.#files.syncDirectory(directory);
      for (const [part, buckets] of written) {
        opened.set(
          part,
          buckets.map((bucket) => this.#sealedBucket(bucket, part.measurement, [])),
        );
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

  /** What was dropped since the freeze is left out: its entry in the stream lies behind the freeze. */
  async #record(frozen: FrozenHead, written: ReadonlyMap<FrozenMeasurement, ManifestBucket[]>): Promise<void> {
    const alive = frozen.measurements.filter((part) => this.#isAlive(part));
    const taken = this.#changes.take();
    const buckets = alive.flatMap((part) => written.get(part) ?? []);
    const sealed = alive.flatMap((part) => [...sealedMap(part.measurement.sealed).all()]);
    const listed = frozen.full ? sealed : taken.added;
    const news = this.#tombstoneNews.take();
    const hiding = [
      ...taken.added,
      ...sealed.filter((bucket) => frozen.full || news.has(bucket.id)),
      ...alive.flatMap((part) => (written.get(part) ?? []).map(({ id }) => ({ id, tombstones: part.tombstones }))),
    ];
    const record = {
      full: frozen.full,
      sealed: frozen.sequence,
      nextBucket: this.#nextBucket,
      dropped: taken.dropped,
      removed: taken.removed,
      ...this.#removals.record(),
      databases: frozen.databases,
      documents: frozen.documents,
      measurements: alive.filter((part) => part.hasNews).map((part) => part.manifest()),
      buckets: [...listed.map((bucket) => bucket.listed), ...buckets],
      ...manifestTombstones(hiding),
    };
    await this.#changes.append(taken, record).catch((error) => {
      this.#tombstoneNews.giveBack(news);
      throw error;
    });
    for (const part of alive) part.recorded();
  }

  /** In one turn: buckets stand for the frozen rows. */
  #publish(frozen: FrozenHead, opened: ReadonlyMap<FrozenMeasurement, readonly SealedBucket[]>): void {
    for (const part of frozen.measurements) {
      const buckets = opened.get(part) ?? [];
      if (this.#isAlive(part)) {
        const gone = part.tombstones.flatMap((tombstone) => this.#buried(buckets, tombstone));
        part.measurement.release(sealedMap(part.measurement.sealed).with(buckets));
        this.#remove(part.measurement, [...new Set(gone)]);
      } else this.#changes.removeDropped(part.name, buckets);
    }
    this.#sealed = frozen.sequence;
    this.#frozen = null;
    this.#sealings++;
    this.#mover?.soon();
    this.#options.sealed(frozen.sequence);
    this.#cleaner.sealed(this.#nextBucket);
  }

  #isAlive({ name, measurement }: Pick<FrozenMeasurement, 'name' | 'measurement'>): boolean {
    return this.#head.find(name.database, name.retentionPolicy, name.measurement) === measurement;
  }

  #changesHost(): ChangesHost {
    return {
      append: (record) => this.#manifest.append(record),
      position: () => ({ nextBucket: this.#nextBucket, ...this.#removals.record() }),
      isIn: (added) => this.#isAlive(added) && sealedMap(added.measurement.sealed).has(added.bucket),
      removeFile: (bucket) => this.#removeFile(bucket),
      isClosing: () => this.#closing,
      isPassing: isNoSpace,
      failed: this.#options.failed,
    };
  }

  #cleanerHost(): CleanerHost {
    return {
      ...this.#options,
      files: this.#files,
      directory: `${this.#directory}/buckets`,
      measurements: () => this.#head.measurements(),
      isAlive: (name, measurement) => this.#isAlive({ name, measurement }),
      shapeOf: (name) => this.#advice.of(name),
      nextId: () => this.#nextBucket++,
      pause: () => this.#breathe(this.#options.cleanerPause),
      replace: (merge) => this.#replace(merge),
      failed: this.#options.warn,
    };
  }

  #replace({ name, measurement, inputs, outputs, tombstones }: Merge): boolean {
    const map = sealedMap(measurement.sealed);
    if (!this.#isAlive({ name, measurement }) || !inputs.every((bucket) => map.has(bucket))) return false;
    const buckets = outputs.map((listed) => this.#sealedBucket(listed, measurement, []));
    const since = new Set(inputs.flatMap((bucket) => bucket.tombstones.filter((one) => !tombstones.has(one))));
    const gone = new Set([...since].flatMap((tombstone) => this.#buried(buckets, tombstone)));
    measurement.sealed = map.without(new Set(inputs)).with(buckets);
    const added = buckets.map((bucket) => ({ name, measurement, bucket }));
    this.#changes.add({ scope: null, buckets: inputs, added });
    this.#remove(measurement, [...gone]);
    this.#mover?.soon();
    return true;
  }

  /** Of a bucket that nobody reads; where it cannot be removed, the next start does it. */
  async #removeFile({ listed: { id, far } }: SealedBucket): Promise<void> {
    if (far !== undefined) await this.#tier!.remove(id, far);
    else await this.#files.remove(bucketPath(`${this.#directory}/buckets`, id)).catch(ignore);
  }

  #moverHost(): MoverHost {
    return {
      measurements: () => this.#head.measurements(),
      isAlive: (name, measurement) => this.#isAlive({ name, measurement }),
      twin: (bucket, far, measurement) => this.#sealedBucket({ ...bucket.listed, far }, measurement, bucket.tombstones),
      record: (listed) => this.#changes.record([listed]),
      remove: (bucket) => this.#changes.remove([bucket]),
      pathOf: ({ id }) => bucketPath(`${this.#directory}/buckets`, id),
      failed: this.#options.failed,
    };
  }

  /** The measurement may be of a database that was dropped meanwhile: it is not looked for by name. */
  #sealedBucket(listed: ManifestBucket, { series }: Measurement, tombstones: readonly Tombstone[]): SealedBucket {
    const { id, bytes } = listed;
    const far = listed.far === undefined ? null : this.#tier!.source(id, listed.far);
    const source = far ?? this.#open.inFile(bucketPath(`${this.#directory}/buckets`, id), bytes);
    return new SealedBucket({ listed, source, far, tombstones, series, open: this.#open });
  }

  async #breathe(pause = this.#options.pause): Promise<void> {
    await pause();
    if (this.#closing) throw GIVEN_UP;
  }
}

// private functions

function ignore(): void {}
