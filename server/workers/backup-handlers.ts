/** What a worker does for backups: its shards' snapshots, archives that it puts together, buckets that it restores. */
import type { Batch } from '../../model/index.ts';
import type { BucketCodec, ShardStore } from '../../storage/index.ts';
import { restoreBucket, type ShardSnapshotItem, shardSnapshot, writeArchive } from '../backup/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import type { FieldVerdict } from '../ingest/index.ts';
import type { Mesh } from './mesh.ts';
import type { BackupCall, DeclareCall, RestoreCall, RestoreResult, ShardSnapshotCall } from './messages.ts';
import { makePause } from './pause.ts';
import { handOver } from './peer.ts';

export interface BackupParts {
  readonly mesh: () => Mesh;
  readonly catalogue: CatalogueView;
  readonly store: (shard: number) => ShardStore;
  readonly codec: BucketCodec;
  readonly declare: (call: DeclareCall) => Promise<FieldVerdict>;
  readonly publish: (shard: number, batches: readonly Batch[]) => Promise<void>;
}

export function backupStreams({ mesh, catalogue, store }: BackupParts) {
  return {
    backup(call: BackupCall, signal: AbortSignal): AsyncIterable<Uint8Array> {
      const source = {
        shards: mesh().shards,
        catalogue,
        open: (part: ShardSnapshotCall) => mesh().stream<ShardSnapshotItem>(part.shard, 'snapshot', part, signal),
      };
      return writeArchive(call, source);
    },
    async *snapshot(call: ShardSnapshotCall): AsyncGenerator<ShardSnapshotItem> {
      for await (const item of shardSnapshot(store(call.shard), call, makePause())) {
        yield 'piece' in item ? handOver(item, [item.piece.buffer]) : item;
      }
    },
  };
}

export function restoreCall({ mesh, codec, declare, publish }: BackupParts) {
  return async ({ database, name, choice, body }: RestoreCall): Promise<RestoreResult> => {
    const rows = await restoreBucket(body, {
      database,
      name,
      choice,
      shards: mesh().shards,
      codec,
      declare: (_, retentionPolicy, fields) => declare({ database, retentionPolicy, fields }),
      publish,
      pause: makePause(),
    });
    return { rows };
  };
}
