/**
 * A shard's part of a backup, as a stream to the worker that writes the archive: first what there is, then the bytes of its buckets,
 * one after the other. The snapshot is held from the first item to the end of the stream, however it ends.
 */
import { conditionRows, QueryError } from '../../query/index.ts';
import type { Removal, ReplacedRows, ShardStore, SnapshotBucket } from '../../storage/index.ts';

export interface ShardSnapshotCall {
  readonly shard: number;
  /** 0 = everything. */
  readonly since: number;
  readonly databases: readonly string[] | null;
  /** All rows of these that are still there, too. */
  readonly replaced: readonly Removal[];
}

/** Plain data. */
export interface ShardSnapshotHead {
  readonly sequence: number;
  /** What went behind `since`. */
  readonly removals: readonly Removal[];
  readonly buckets: readonly SnapshotBucket[];
}

/** Plain data. */
export type ShardSnapshotItem = ShardSnapshotHead | { readonly piece: Uint8Array<ArrayBuffer> };

/** Rejects with QueryError where `since` is not a place from which a later state can be told. */
export async function* shardSnapshot(
  store: ShardStore,
  { shard, since, databases, replaced }: ShardSnapshotCall,
  pause: () => Promise<void>,
): AsyncGenerator<ShardSnapshotItem> {
  const asked: ReplacedRows[] = [];
  for (const removal of replaced) {
    if (store.hasRemoved(removal, since)) continue;
    asked.push(...rowsOf(removal, store));
    await pause();
  }
  const snapshot = await store.snapshot({ since, databases, replaced: asked });
  try {
    const { sequence, removals, buckets } = snapshot;
    if (since > sequence) {
      throw new QueryError('invalid', `since: shard ${shard} has not come so far: that position is of another server`);
    }
    if (since > 0 && removals === null) {
      const text = 'since: more was dropped behind that position than can be told';
      throw new QueryError('invalid', `${text}: a full backup is needed`);
    }
    yield { sequence, removals: since > 0 ? removals! : [], buckets };
    for (const index of buckets.keys()) for await (const piece of snapshot.pieces(index)) yield { piece };
  } finally {
    snapshot.release();
  }
}

// private functions

/** What was removed, as this shard has it. */
function rowsOf({ database, measurement, condition, minTime, maxTime }: Removal, store: ShardStore): ReplacedRows[] {
  if (measurement === null || condition === null) {
    return [{ database, retentionPolicy: null, measurement, minTime, maxTime, series: null }];
  }
  return conditionRows(condition, measurement, database, store).map((rows) => ({ ...rows, minTime, maxTime }));
}
