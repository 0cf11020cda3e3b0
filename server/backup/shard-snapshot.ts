/**
 * A shard's part of a backup, as a stream to the worker that writes the archive: first what there is, then the bytes of its buckets,
 * one after the other. The snapshot is held from the first item to the end of the stream, however it ends.
 */
import { QueryError } from '../../query/index.ts';
import type { ShardStore, SnapshotBucket } from '../../storage/index.ts';

export interface ShardSnapshotCall {
  readonly shard: number;
  /** 0 = everything. */
  readonly since: number;
  readonly databases: readonly string[] | null;
}

/** Plain data. */
export type ShardSnapshotItem =
  | { readonly sequence: number; readonly buckets: readonly SnapshotBucket[] }
  | { readonly piece: Uint8Array<ArrayBuffer> };

/** Rejects with QueryError where `since` is not a place from which a later state can be told. */
export async function* shardSnapshot(
  store: ShardStore,
  { shard, since, databases }: ShardSnapshotCall,
): AsyncGenerator<ShardSnapshotItem> {
  const snapshot = await store.snapshot({ since, databases });
  try {
    const { sequence, removed, buckets } = snapshot;
    if (since > sequence) {
      throw new QueryError('invalid', `since: shard ${shard} has not come so far: that position is of another server`);
    }
    if (since > 0 && removed > since) {
      const text = 'since: something was deleted or dropped behind that position, which later points cannot tell';
      throw new QueryError('invalid', `${text}: a full backup is needed`);
    }
    yield { sequence, buckets };
    for (const index of buckets.keys()) for await (const piece of snapshot.pieces(index)) yield { piece };
  } finally {
    snapshot.release();
  }
}
