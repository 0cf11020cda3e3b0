/** What keeps: the append log, the head and the port to the disk. */
export { BLOCK_CACHE_BYTES, BlockCache } from './buckets/cache.ts';
export { FOOTER_BYTES_MAX, OPEN_FILES_MAX, OpenBuckets } from './buckets/open-buckets.ts';
export { type BucketCodec, BucketReader } from './buckets/reader.ts';
export { type BucketSource, bytesAsSource } from './buckets/source.ts';
export type {
  BucketContent,
  BucketIdentity,
  BucketRows,
  BucketScan,
  BucketSummary,
  ChunkStatistics,
  FieldStatistics,
} from './buckets/types.ts';
export { type BucketOpening, BucketWriter, writeBucket } from './buckets/writer.ts';
export { StorageError, type StorageErrorCode } from './error.ts';
export { type FaultPlan, FaultyFiles } from './files/faulty.ts';
export type { DirectoryLock, Files, OpenMode, StoredFile } from './files/files.ts';
export { MemoryFiles } from './files/memory.ts';
export { NodeFiles } from './files/node.ts';
export { Head } from './head/head.ts';
export type { Applied, Conflict, HeadScan, HeadStats, RowsDeletion, TagListener } from './head/types.ts';
export { LOG_KEEP_BYTES, ShardLog } from './log/log.ts';
export type { LogCut, LogOptions, LogRecord } from './log/types.ts';
export type { MoveOptions } from './store/mover.ts';
export { covers, distinct, type Removal } from './store/removals.ts';
export { HEAD_BYTES } from './store/settings.ts';
export type { ReplacedRows, SnapshotBucket, SnapshotRequest, StoreSnapshot } from './store/snapshot.ts';
export { ShardStore } from './store/store.ts';
export type { StoreOptions, StoreStats } from './store/types.ts';
export { DirectoryObjects } from './tiers/directory-objects.ts';
export { MemoryObjects } from './tiers/memory-objects.ts';
export type { ObjectInfo, ObjectSource, ObjectStore } from './tiers/object-store.ts';
export { TIER_CACHE_BYTES } from './tiers/tier.ts';
