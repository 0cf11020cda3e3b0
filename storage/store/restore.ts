/** What the manifest says, applied record by record to an empty head. Called by the store when it opens. */
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import { Head } from '../head/head.ts';
import { Manifest, type ManifestOptions } from './manifest.ts';
import type { ManifestBucket, ManifestRecord } from './manifest-record.ts';

export interface Restored {
  readonly manifest: Manifest;
  /** Without rows, and without the buckets that are still to be opened. */
  readonly head: Head;
  /** In order of their sealing. */
  readonly buckets: readonly ManifestBucket[];
  readonly sealed: number;
  readonly nextBucket: number;
}

export async function restoreState(files: Files, directory: string, options: ManifestOptions): Promise<Restored> {
  let state = emptyState();
  const manifest = await Manifest.open(files, `${directory}/manifest`, options, (record) => {
    if (record.full) state = emptyState();
    applyRecord(state, record, directory);
  });
  return { ...state, buckets: [...state.buckets.values()], manifest };
}

// private functions

type State = { readonly head: Head; readonly buckets: Map<number, ManifestBucket>; sealed: number; nextBucket: number };

function emptyState(): State {
  return { head: new Head(), buckets: new Map(), sealed: 0, nextBucket: 1 };
}

function applyRecord(state: State, record: ManifestRecord, directory: string): void {
  const { head } = state;
  for (const database of record.dropped) {
    head.dropDatabase(database);
    for (const [id, bucket] of state.buckets) if (bucket.database === database) state.buckets.delete(id);
  }
  for (const database of record.databases ?? []) head.createDatabase(database);
  for (const { fields, firstSeries, keys, lastHigh, lastLow, ...name } of record.measurements) {
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
    measurement.recordedSeries = measurement.series.size;
    measurement.recordedFields = measurement.fields.size;
  }
  for (const bucket of record.buckets) {
    const { base, lastSeries, lastOffsets } = bucket;
    head.measurement(bucket).lastTimes.advance(lastSeries, base, lastOffsets, lastSeries.length, null);
    state.buckets.set(bucket.id, { ...bucket, lastSeries: new Uint32Array(0), lastOffsets: new Float64Array(0) });
  }
  if (record.sealed !== null) state.sealed = record.sealed;
  state.nextBucket = record.nextBucket;
}
