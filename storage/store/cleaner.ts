/**
 * The cleaner of one shard: writes buckets anew so that reads find few of them, each where it ought to be. One merge at a time, in this
 * order for each measurement: buckets that lie across the borders of spans (the width was changed) are cut; buckets with many deleted
 * rows, or with few for long, are written without them; neighbours of a span are merged (next-merge.ts says which).
 *
 * It works on the shard's own thread, in slices; how much of the disk and of the thread it takes is `pace`'s business. What it has in
 * memory is a block of each input and a part of the output (merge-rows.ts). Readers go on with the buckets they hold. Inputs that lie in
 * object storage are fetched a piece at a time; while the tier does not answer they are left as they are.
 *
 *     inputs held ─▶ new files written, fsynced ─▶ one turn: they stand in the map for the inputs ─▶ manifest record ─▶ old files removed
 *
 * A crash before the record leaves files that no record names, a crash behind it files that no record names any more: the next start
 * removes them. What was deleted of the inputs while they were merged hides the same rows of what came out.
 */
import type { Position } from '../../model/index.ts';
import { isNoSpace, StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { Measurement } from '../head/measurement.ts';
import type { RowLayer } from '../head/row-layer.ts';
import type { MeasurementName } from '../head/types.ts';
import type { BucketShape } from './advice.ts';
import { Away } from './away.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { lateRange } from './merge-plan.ts';
import { NextMerge } from './next-merge.ts';
import type { PartitionMap } from './partition-map.ts';
import { Reclaiming } from './reclaiming.ts';
import { type RewriteInput, type Rewritten, rewrite } from './rewrite.ts';
import { bucketPath } from './seal-rows.ts';
import type { SealedBucket } from './sealed-bucket.ts';
import { Settling } from './settling.ts';
import type { Pause } from './sorted-rows.ts';

/** Measurements looked at in one go. */
const LOOKED_AT = 64;
/** After a merge failed for lack of space. */
const RETRY_MS = 10_000;

export interface CleanerHost {
  readonly files: Files;
  /** Of buckets. */
  readonly directory: string;
  measurements(): Iterable<[MeasurementName, Measurement]>;
  /** False: it was dropped. */
  isAlive(name: MeasurementName, measurement: Measurement): boolean;
  shapeOf(name: MeasurementName): BucketShape;
  /** As SETTLED_MS. */
  readonly settledMs: number;
  /** As RECLAIM_MS. */
  readonly reclaimMs: number;
  nextId(): number;
  /** Throws when the store is being closed. */
  readonly pause: Pause;
  /** Told how many bytes were written; resolves when more may be. */
  readonly pace: (bytes: number) => Promise<void>;
  /** In one turn: the outputs stand for the inputs. False: an input is not there any more, nothing was done. */
  replace(merge: Merge): boolean;
  /** A merge was given up; the store goes on without it. */
  failed(text: string, error: Error): void;
}

/** Since the store was opened. */
export interface CleanerStats {
  /** Merges. */
  readonly done: number;
  /** Of the buckets that came out. */
  readonly bytes: number;
  /** Merges given up for an error. */
  readonly failed: number;
}

export interface Merge {
  readonly name: MeasurementName;
  readonly measurement: Measurement;
  /** Oldest layer first. */
  readonly inputs: readonly SealedBucket[];
  readonly outputs: readonly ManifestBucket[];
  /** Of the inputs, as they were when the merge began. */
  readonly tombstones: ReadonlySet<unknown>;
}

export class Cleaner {
  readonly #host: CleanerHost;
  /** Could not be merged; tried again after a start. */
  readonly #stuck = new WeakSet<SealedBucket>();
  readonly #away = new Away(() => this.wake());
  #retry: ReturnType<typeof setTimeout> | null = null;
  readonly #next: NextMerge;
  /** Rejects when the cleaner is closed. */
  readonly #ended: Promise<never>;
  #end: (error: Error) => void = ignore;
  readonly #settling: Settling;
  readonly #reclaiming: Reclaiming;
  #isDue = false;
  /** Calls of `clean` under way. */
  #cleanings = 0;
  #run: Promise<void> | null = null;
  #isClosed = false;
  #merges = 0;
  #bytes = 0;
  #failures = 0;

  constructor(host: CleanerHost) {
    this.#host = host;
    this.#settling = new Settling(host.settledMs, () => this.wake());
    this.#reclaiming = new Reclaiming(host.reclaimMs, () => this.wake());
    this.#next = new NextMerge({
      isFree: (bucket) => !this.#stuck.has(bucket) && !this.#away.has(bucket),
      isOverdue: (bucket) => this.#reclaiming.isOverdue(bucket),
      settledBefore: () => this.#settling.before,
      isWhole: () => this.#cleanings > 0,
      giveUp: (name, bucket, error) => void this.#giveUp(name, [bucket], error),
    });
    this.#ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.#ended.catch(ignore);
  }

  /** The store has joined its stream. */
  opened(): void {
    if (!this.#isClosed) this.#settling.opened();
  }

  /** Buckets sealed from now on have layers from this one on. */
  sealed(nextLayer: number): void {
    if (this.#isClosed) return;
    this.#settling.sealed(nextLayer);
    this.wake();
  }

  /** Something has changed: there may be work. */
  wake(): void {
    this.#isDue = true;
    if (this.#isClosed) return;
    this.#run ??= this.#work().finally(() => {
      this.#run = null;
      // woken between its last look and here
      if (this.#isDue) this.wake();
    });
  }

  /** Merges all that readers would have to merge and all that is small, now; resolves when nothing is left to do or `close` was called. */
  async clean(): Promise<void> {
    this.#cleanings++;
    this.#away.clear();
    this.wake();
    while (this.#run !== null) await this.#run;
    this.#cleanings--;
  }

  /** Gives the merge under way up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#settling.close();
    this.#reclaiming.close();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#away.close();
    this.#end(new StorageError('closed', 'the store has been closed'));
    await this.#run;
  }

  /** Nothing is being merged, and nothing waits for neighbours that may come. */
  get isSettled(): boolean {
    return this.#settling.isAtRest && !this.isAtWork;
  }

  /** Buckets are being merged, or looked at. */
  get isAtWork(): boolean {
    return this.#run !== null;
  }

  get stats(): CleanerStats {
    return { done: this.#merges, bytes: this.#bytes, failed: this.#failures };
  }

  // private functions

  async #work(): Promise<void> {
    try {
      while (this.#isDue && !this.#isClosed) {
        this.#isDue = false;
        for (const [i, [name, measurement]] of [...this.#host.measurements()].entries()) {
          if (i % LOOKED_AT === 0) await this.#host.pause();
          while (this.#host.isAlive(name, measurement)) {
            const inputs = this.#next.of(name, measurement, this.#host.shapeOf(name));
            if (inputs === null || this.#isClosed) break;
            if (!(await this.#merge(name, measurement, inputs))) return;
          }
        }
      }
    } catch (error) {
      if (!this.#isClosed) throw error;
    }
  }

  /** False: there is no room for anything now. */
  async #merge(name: MeasurementName, measurement: Measurement, inputs: readonly SealedBucket[]): Promise<boolean> {
    const { files, directory, pause, pace } = this.#host;
    const shape = this.#host.shapeOf(name);
    for (const bucket of inputs) bucket.hold();
    let unused: readonly Rewritten[] = [];
    try {
      const tombstones = new Set(inputs.flatMap((bucket) => bucket.tombstones));
      const rows: RewriteInput[] = [];
      for (const bucket of inputs) {
        const series = await bucket.series(pause);
        rows.push({ rows: until(this.#ended, bucket.lasting(series)), series });
      }
      unused = await rewrite(name, measurement.series, rows, {
        ...shape,
        files,
        directory,
        position: latest(inputs),
        nextId: () => this.#host.nextId(),
        pause,
        pace: this.#cleanings > 0 ? atOnce : pace,
      });
      if (inputs.some(isFar)) this.#away.answered();
      await files.syncDirectory(directory);
      await pause();
      const outputs = placed(unused, inputs, measurement);
      if (!this.#host.replace({ name, measurement, inputs, outputs, tombstones })) return true;
      unused = [];
      this.#merges++;
      this.#bytes += outputs.reduce((sum, { bytes }) => sum + bytes, 0);
      return true;
    } catch (error) {
      if (this.#isClosed) throw error;
      return this.#giveUp(name, inputs, error);
    } finally {
      for (const bucket of inputs) bucket.letGo();
      // where one cannot be removed, the next start does it
      for (const { id } of unused) await files.remove(bucketPath(directory, id)).catch(ignore);
    }
  }

  /** False: there is no room for anything now, it is tried again later. */
  #giveUp({ measurement }: MeasurementName, inputs: readonly SealedBucket[], error: unknown): boolean {
    this.#failures++;
    this.#host.failed(`buckets of "${measurement}" could not be merged`, error as Error);
    if (isNoSpace(error)) {
      this.#retry = setTimeout(() => this.wake(), RETRY_MS);
      return false;
    }
    const far = inputs.filter(isFar);
    const isAway = far.length > 0 && !(error instanceof StorageError && error.code === 'corrupt');
    if (isAway) this.#away.add(far);
    else for (const bucket of inputs) this.#stuck.add(bucket);
    return true;
  }
}

// private functions

function isFar({ listed }: SealedBucket): boolean {
  return listed.far !== undefined;
}

/** The outputs take the place of the youngest input. */
function placed(
  written: readonly Rewritten[],
  inputs: readonly SealedBucket[],
  { sealed }: Measurement,
): ManifestBucket[] {
  const layer = Math.max(...inputs.map((bucket) => bucket.layer));
  const others = [...(sealed as PartitionMap).all()].filter((bucket) => !inputs.includes(bucket));
  const late = lateRange(inputs, others);
  return written.map((bucket) => ({ ...bucket, layer, late }));
}

function latest(inputs: readonly SealedBucket[]): Position {
  const positions = inputs.map(({ reader }) => reader.position);
  return positions.reduce((last, position) => (position.sequence > last.sequence ? position : last));
}

/** The same rows; who waits for some of them to be fetched waits no longer than `ended` does. */
function until(ended: Promise<never>, rows: RowLayer): RowLayer {
  const { minTime, maxTime, late } = rows;
  return {
    minTime,
    maxTime,
    late,
    extents: (range, wanted, each) => rows.extents(range, wanted, each),
    *scan(min, max, wanted, fields) {
      for (const step of rows.scan(min, max, wanted, fields)) {
        yield step instanceof Promise ? Promise.race([step, ended]) : step;
      }
    },
  };
}

function ignore(): void {}

function atOnce(): Promise<void> {
  return Promise.resolve();
}
