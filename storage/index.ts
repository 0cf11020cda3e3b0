/** What keeps: the append log, the head and the port to the disk. */
export { BLOCK_CACHE_BYTES, BlockCache } from './buckets/cache.ts';
export { BucketReader } from './buckets/reader.ts';
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
export type { Compression, DirectoryLock, Files, OpenMode, StoredFile } from './files/files.ts';
export { MemoryFiles } from './files/memory.ts';
export { NodeFiles } from './files/node.ts';
export { Head } from './head/head.ts';
export type { Applied, Conflict, HeadScan, HeadStats, TagPredicate } from './head/types.ts';
export { LOG_KEEP_BYTES, ShardLog } from './log/log.ts';
export type { LogCut, LogOptions, LogRecord } from './log/types.ts';
export { HEAD_BYTES, ShardStore, type StoreOptions, type StoreStats } from './store/store.ts';
