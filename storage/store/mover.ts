/**
 * The mover: brings buckets that have grown old to object storage, one after the other.
 *
 *     put ─▶ every byte read back ─▶ ends kept here ─▶ one record in the manifest ─▶ the file goes behind its last reader
 *
 * Killed before the record, it leaves an object that no manifest names, which is swept at the next start; killed behind it, a file
 * that no manifest names, which the opening store removes. A tier that does not answer is asked again after a second, then
 * ever more seldom; the buckets stay here until then.
 */
import type { OpenBuckets } from '../buckets/open-buckets.ts';
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { Measurement } from '../head/measurement.ts';
import type { MeasurementName } from '../head/types.ts';
import type { FarPlace } from '../tiers/far-source.ts';
import { Tier, type TierOptions, type TierStats } from '../tiers/tier.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { PartitionMap } from './partition-map.ts';
import { RetryPause } from './retry-pause.ts';
import type { SealedBucket } from './sealed-bucket.ts';

/** Between two rounds: a tenth of the age, within these; behind a sealing the lesser. */
const ROUND_MS_MIN = 500;
const ROUND_MS_MAX = 60_000;
/** After a record failed for lack of space. */
const RETRY_MS = 1_000;

export interface MoveOptions extends TierOptions {
  /** How old the newest row of a bucket must be, ns; null = its buckets stay. */
  readonly afterNs: (name: MeasurementName) => bigint | null;
  readonly nowNs: () => bigint;
  /** A bucket could not be moved, or strays not be removed, this time. */
  readonly warn: (text: string, error: Error) => void;
}

/** What the store does for the mover. */
export interface MoverHost {
  measurements(): Iterable<readonly [MeasurementName, Measurement]>;
  isAlive(name: MeasurementName, measurement: Measurement): boolean;
  /** The same bucket in the tier. */
  twin(bucket: SealedBucket, far: FarPlace, measurement: Measurement): SealedBucket;
  pathOf(bucket: SealedBucket): string;
  /** Lists a bucket again. Rejects with StorageError, as Manifest.append. */
  record(listed: ManifestBucket): Promise<void>;
  /** A bucket that has left the map, and what is kept of it, behind its last reader. */
  remove(bucket: SealedBucket): void;
  failed(error: Error): void;
}

export interface MoverStats extends TierStats {
  readonly moved: number;
  /** Attempts to move, or to sweep, that failed. */
  readonly failures: number;
  /** Objects that nobody named, and that were removed. */
  readonly strays: number;
}

/** The tier of a shard whose manifest names these; null where there is none to be. */
export async function openTier(
  files: Files,
  directory: string,
  { shard, tier: options }: { readonly shard: number; readonly tier: MoveOptions | null },
  open: OpenBuckets,
  buckets: readonly ManifestBucket[],
): Promise<Tier | null> {
  const away = buckets.flatMap(({ id, far }) => (far === undefined ? [] : [{ id, far }]));
  if (options === null) {
    if (away.length === 0) return null;
    throw new StorageError(
      'failed',
      `${directory}: ${away.length} buckets lie in object storage; say where, with --tier`,
    );
  }
  const tier = await Tier.open(files, directory, shard, open, options);
  await tier.expect(away);
  return tier;
}

export class Mover {
  #moved = 0;
  #failures = 0;
  #strays = 0;
  readonly #files: Files;
  readonly #tier: Tier;
  readonly #options: MoveOptions;
  readonly #host: MoverHost;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAtMs = 0;
  #round: Promise<void> | null = null;
  /** The last. */
  #swapping: Promise<void> | null = null;
  #isClosed = false;
  /** Something was sealed since the round began. */
  #isDue = false;
  readonly #pause = new RetryPause();

  constructor(files: Files, tier: Tier, options: MoveOptions, host: MoverHost) {
    this.#files = files;
    this.#tier = tier;
    this.#options = options;
    this.#host = host;
  }

  /** Moves what is old enough now, or waits for the round under way. */
  round(): Promise<void> {
    const failuresBefore = this.#failures;
    this.#round ??= this.#move().then((nextMs) => {
      this.#round = null;
      const failed = this.#failures > failuresBefore;
      if (!failed) this.#pause.end();
      this.#later(failed ? this.#pause.take() : this.#isDue ? ROUND_MS_MIN : nextMs);
    });
    return this.#round;
  }

  /** There may be something to do: the store has joined its stream, or a head was sealed. */
  soon(): void {
    this.#isDue = true;
    if (this.#round === null) this.#later(ROUND_MS_MIN);
  }

  /** It looks for some to move, or there are some that are old enough. */
  isBusy(): boolean {
    if (this.#round !== null) return true;
    const nowNs = this.#options.nowNs();
    return [...this.#host.measurements()].some(([name, measurement]) => {
      const after = this.#options.afterNs(name);
      return after !== null && oldBuckets(measurement, nowNs - after).length > 0;
    });
  }

  stats(): MoverStats {
    return { ...this.#tier.stats(), moved: this.#moved, failures: this.#failures, strays: this.#strays };
  }

  /** An upload under way is given up, and not waited for. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#tier.close();
    await this.#swapping;
  }

  // private functions

  /** Gives when to look again, in ms. */
  async #move(): Promise<number> {
    this.#isDue = false;
    await this.#try('strays in object storage could not be removed', async () => {
      this.#strays += await this.#tier.sweep();
    });
    let least: bigint | null = null;
    for (const [name, measurement] of [...this.#host.measurements()]) {
      const after = this.#options.afterNs(name);
      if (after === null) continue;
      if (least === null || after < least) least = after;
      if (!(await this.#moveOld(name, measurement, this.#options.nowNs() - after))) break;
    }
    const tenthMs = least === null ? ROUND_MS_MAX : Number(least / 10_000_000n);
    return Math.min(ROUND_MS_MAX, Math.max(ROUND_MS_MIN, tenthMs));
  }

  /** False: one could not be moved, and the others would fare no better. */
  async #moveOld(name: MeasurementName, measurement: Measurement, before: bigint): Promise<boolean> {
    for (const bucket of oldBuckets(measurement, before)) {
      if (this.#isClosed) return false;
      const text = `a bucket of "${name.measurement}" could not be moved to object storage`;
      if (!(await this.#try(text, () => this.#moveOne(name, measurement, bucket)))) return false;
    }
    return true;
  }

  async #moveOne(name: MeasurementName, measurement: Measurement, bucket: SealedBucket): Promise<void> {
    const far = await this.#upload(bucket);
    if (this.#isClosed) return;
    this.#swapping = this.#swap(name, measurement, bucket, this.#host.twin(bucket, far, measurement));
    await this.#swapping;
    this.#moved++;
  }

  async #upload(bucket: SealedBucket): Promise<FarPlace> {
    bucket.hold();
    try {
      const file = await this.#files.open(this.#host.pathOf(bucket), 'read');
      return await this.#tier.upload(bucket.id, file, bucket.reader.endAt).finally(() => file.close());
    } finally {
      bucket.letGo();
    }
  }

  /** Readers and all later records see the twin from this turn on; the file goes when a record says so. */
  async #swap(
    name: MeasurementName,
    measurement: Measurement,
    bucket: SealedBucket,
    twin: SealedBucket,
  ): Promise<void> {
    const host = this.#host;
    const isListed = (one: SealedBucket): boolean =>
      host.isAlive(name, measurement) && (measurement.sealed as PartitionMap).has(one);
    if (!isListed(bucket)) {
      // dropped meanwhile
      host.remove(twin);
      return;
    }
    measurement.sealed = (measurement.sealed as PartitionMap).replaced(bucket, twin);
    while (isListed(twin)) {
      try {
        await host.record(twin.listed);
        break;
      } catch (error) {
        if (!(error instanceof StorageError && error.code === 'no space')) {
          host.failed(error as Error);
          return;
        }
        if (this.#isClosed) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    host.remove(bucket);
  }

  async #try(text: string, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      if (this.#isClosed) return false;
      this.#failures++;
      this.#options.warn(text, error as Error);
      return false;
    }
  }

  /** A round in so long, or sooner where one stands already: sealings that follow each other closely must not put it off. */
  #later(ms: number): void {
    const atMs = performance.now() + ms;
    if (this.#isClosed || (this.#timer !== null && this.#timerAtMs <= atMs)) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.round();
    }, ms);
  }
}

// private functions

/** Those that lie here. */
function oldBuckets({ sealed }: Measurement, before: bigint): SealedBucket[] {
  if (!(sealed instanceof PartitionMap)) return [];
  return [...sealed.all()].filter(({ listed, maxTime }) => listed.far === undefined && maxTime < before);
}
