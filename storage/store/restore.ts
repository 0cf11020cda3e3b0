/** What the manifest says, applied record by record to an empty head. Called by the store when it opens. */
import { Documents } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import { Head } from '../head/head.ts';
import type { DropScope, TagListener } from '../head/types.ts';
import { holds, isDatabase } from './drop-scope.ts';
import { Manifest, type ManifestOptions } from './manifest.ts';
import type { ManifestBucket, ManifestRecord } from './manifest-record.ts';
import { Removals } from './removals.ts';
import type { Tombstone } from './tombstones.ts';

export interface Restored {
  readonly manifest: Manifest;
  /** Without rows, and without the buckets that are still to be opened. */
  readonly head: Head;
  readonly documents: Documents;
  /** In order of their sealing. */
  readonly buckets: readonly ManifestBucket[];
  /** By bucket. */
  readonly tombstones: ReadonlyMap<number, readonly Tombstone[]>;
  readonly sealed: number;
  readonly nextBucket: number;
  readonly removals: Removals;
}

/** `listener` hears of the values of tags, then and later. */
export async function restoreState(
  files: Files,
  directory: string,
  listener: TagListener | null,
  options: ManifestOptions,
): Promise<Restored> {
  let state = emptyState(listener);
  const manifest = await Manifest.open(files, `${directory}/manifest`, options, (record) => {
    if (record.full) state = emptyState(listener);
    applyRecord(state, record, directory);
  });
  for (const [, measurement] of state.head.measurements()) measurement.aliveUntil = state.removals.lastAt;
  return { ...state, buckets: [...state.buckets.values()], manifest };
}

// private functions

type State = {
  readonly head: Head;
  readonly documents: Documents;
  readonly buckets: Map<number, ManifestBucket>;
  readonly tombstones: Map<number, readonly Tombstone[]>;
  sealed: number;
  nextBucket: number;
  removals: Removals;
};

function emptyState(listener: TagListener | null): State {
  return {
    head: new Head(listener),
    documents: new Documents(),
    buckets: new Map(),
    tombstones: new Map(),
    sealed: 0,
    nextBucket: 1,
    removals: new Removals(),
  };
}

function applyRecord(state: State, record: ManifestRecord, directory: string): void {
  const { head } = state;
  for (const scope of record.dropped) drop(state, scope);
  for (const id of record.removed) removeBucket(state, id);
  if (record.databases !== null) {
    // one whose drop was recorded before a sealing that still knew it
    for (const database of head.databases()) if (!record.databases.includes(database)) drop(state, scopeOf(database));
    for (const database of record.databases) head.createDatabase(database);
  }
  if (record.documents) state.documents.change(record.documents);
  for (const { fields, firstSeries, keys, lastHigh, lastLow, gone, ...name } of record.measurements) {
    const measurement = head.measurement(name);
    if (measurement.series.size !== firstSeries) {
      const where = `${directory}/manifest: series of "${name.measurement}"`;
      throw new StorageError(
        'corrupt',
        `${where}: expected ${firstSeries} known ones, found ${measurement.series.size}`,
      );
    }
    measurement.restore(fields, keys);
    measurement.lastTimes.restore({ high: lastHigh, low: lastLow });
    measurement.series.gone.restore(gone);
    measurement.recordedGone = measurement.series.gone.version;
    measurement.recordedSeries = measurement.series.size;
    measurement.recordedFields = measurement.fields.size;
  }
  for (const bucket of record.buckets) {
    const { base, lastSeries, lastOffsets } = bucket;
    head.measurement(bucket).lastTimes.advance(lastSeries, base, lastOffsets, lastSeries.length, null);
    state.buckets.set(bucket.id, { ...bucket, lastSeries: new Uint32Array(0), lastOffsets: new Float64Array(0) });
  }
  for (const [bucket, numbers] of record.hidden) {
    if (state.buckets.has(bucket))
      state.tombstones.set(
        bucket,
        numbers.map((number) => record.tombstones[number]),
      );
  }
  if (record.sealed !== null) state.sealed = record.sealed;
  state.nextBucket = record.nextBucket;
  const removedAt = Math.max(state.removals.lastAt, record.removedAt ?? 0);
  const { removals = [], untoldAt = removedAt } = record;
  state.removals = new Removals({ removedAt, removals, untoldAt });
}

function drop(state: State, scope: DropScope): void {
  const { head, documents, buckets } = state;
  const { database } = scope;
  head.drop(scope);
  if (isDatabase(scope)) for (const document of documents.ofDatabase(database)) documents.remove(document);
  for (const [id, bucket] of buckets) if (holds(scope, bucket)) removeBucket(state, id);
}

function removeBucket({ buckets, tombstones }: State, id: number): void {
  buckets.delete(id);
  tombstones.delete(id);
}

function scopeOf(database: string): DropScope {
  return { database, retentionPolicy: null, measurement: null };
}
