/** Backups: the shards' snapshots as one archive, and the buckets of an archive as batches for the streams of a database. */
export { type ArchiveRequest, writeArchive } from './archive.ts';
export { restoreDocuments } from './documents.ts';
export { type RestoreTarget, restoreBucket } from './restore.ts';
export { type ShardSnapshotCall, type ShardSnapshotItem, shardSnapshot } from './shard-snapshot.ts';
