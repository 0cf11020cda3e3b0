/**
 * Changes of what is sealed that the manifest does not know yet: things dropped, buckets that left the map, buckets that came in for
 * others. In memory they have happened. The next record says them, or one of their own, whichever comes first; what fails to be
 * recorded waits for the next. Files of buckets that left are removed when a record says so and their last reader has gone.
 */
import type { Measurement } from '../head/measurement.ts';
import type { DropScope, MeasurementName } from '../head/types.ts';
import { holds } from './drop-scope.ts';
import { type ManifestBucket, type ManifestRecord, NO_NEWS } from './manifest-record.ts';
import type { SealedBucket } from './sealed-bucket.ts';
import { manifestTombstones } from './tombstone-news.ts';

export interface Change {
  /** What was dropped; null = it is about the buckets only. */
  readonly scope: DropScope | null;
  /** They left the map. */
  readonly buckets: readonly SealedBucket[];
  /** They came in. */
  readonly added: readonly AddedBucket[];
}

export interface AddedBucket {
  readonly name: MeasurementName;
  readonly measurement: Measurement;
  readonly bucket: SealedBucket;
}

/** Changes that go into one record. */
export interface TakenChanges {
  readonly changes: readonly Change[];
  readonly dropped: readonly DropScope[];
  readonly removed: readonly number[];
  readonly added: readonly SealedBucket[];
}

export interface ChangesHost {
  append(record: ManifestRecord): Promise<void>;
  /** What every record says. */
  position(): Pick<ManifestRecord, 'nextBucket' | 'removedAt' | 'removals' | 'untoldAt'>;
  /** False: it has left the map again, and is somebody else's. */
  isIn(added: AddedBucket): boolean;
  /** Of a bucket that nobody reads. */
  removeFile(bucket: SealedBucket): Promise<void>;
  isClosing(): boolean;
  /** True: it may work later. */
  isPassing(error: unknown): boolean;
  failed(error: Error): void;
}

export class Changes {
  readonly #host: ChangesHost;
  #waiting: Change[] = [];
  #recording: Promise<void> | null = null;
  readonly #removals = new Set<Promise<void>>();

  constructor(host: ChangesHost) {
    this.#host = host;
  }

  add(change: Change): void {
    this.#waiting.push(change);
    this.#recording ??= this.#record();
  }

  /** For a record that is appended in this turn. */
  take(): TakenChanges {
    const changes = this.#waiting;
    this.#waiting = [];
    const added = changes.flatMap((change) => change.added).filter((one) => this.#host.isIn(one));
    return {
      changes,
      dropped: changes.map(({ scope }) => scope).filter((scope) => scope !== null),
      removed: changes.filter(({ scope }) => scope === null).flatMap(({ buckets }) => buckets.map(({ id }) => id)),
      added: added.map(({ bucket }) => bucket),
    };
  }

  /** The record says what was taken. */
  async append({ changes }: TakenChanges, record: ManifestRecord): Promise<void> {
    try {
      await this.#host.append(record);
    } catch (error) {
      this.#waiting = [...changes, ...this.#waiting];
      throw error;
    }
    for (const { buckets } of changes) this.#later(this.#remove(buckets));
  }

  /** Appends a record of what waits, and of these buckets. */
  record(buckets: readonly ManifestBucket[]): Promise<void> {
    const taken = this.take();
    const { dropped, removed, added } = taken;
    return this.append(taken, {
      ...NO_NEWS,
      ...this.#host.position(),
      dropped,
      removed,
      buckets: [...added.map(({ listed }) => listed), ...buckets],
      ...manifestTombstones(added),
    });
  }

  /** Their files go when their readers have gone; the manifest does not name them. */
  remove(buckets: readonly SealedBucket[]): void {
    this.#later(this.#remove(buckets));
  }

  /** Of what was dropped while they were written: not before the manifest says so, as it may name them. */
  removeDropped(name: MeasurementName, buckets: readonly SealedBucket[]): void {
    this.#later(this.#removeDropped(name, buckets));
  }

  /** The manifest does not know all of it. */
  get isPending(): boolean {
    return this.#recording !== null || this.#waiting.length > 0;
  }

  /** Resolves when everything is recorded, as far as it could be. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  /** And removed: when the last readers have gone. */
  async settled(): Promise<void> {
    await this.#recording;
    await Promise.all(this.#removals);
  }

  // private functions

  async #record(): Promise<void> {
    await null; // several changes of one message come to one record
    while (this.#waiting.length > 0 && !this.#host.isClosing()) {
      try {
        await this.record([]);
      } catch (error) {
        // with a full disk they wait for the next record; their files do too
        if (!this.#host.isPassing(error)) this.#host.failed(error as Error);
        break;
      }
    }
    this.#recording = null;
  }

  async #removeDropped(name: MeasurementName, buckets: readonly SealedBucket[]): Promise<void> {
    await this.#recording;
    const waiting = this.#waiting.some(({ scope }) => scope !== null && holds(scope, name));
    if (waiting) this.#waiting.push({ scope: null, buckets, added: [] });
    else await this.#remove(buckets);
  }

  async #remove(buckets: readonly SealedBucket[]): Promise<void> {
    for (const bucket of buckets) {
      await bucket.retire();
      await this.#host.removeFile(bucket);
    }
  }

  #later(work: Promise<void>): void {
    const removal = work.finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}
