/** Reads a bucket. (Insides follow; the signatures stand.) */
import type { Block, FieldType, Position, TextDictionary } from '../../model/index.ts';
import type { Files } from '../files/files.ts';
import type { BlockCache } from './cache.ts';
import type { BucketScan, ChunkStatistics } from './types.ts';

export class BucketReader {
  declare readonly path: string;
  declare readonly bytes: number;
  declare readonly database: string;
  declare readonly retentionPolicy: string;
  declare readonly measurement: string;
  declare readonly position: Position;
  declare readonly base: bigint;
  declare readonly rows: number;
  /** Number of series; their keys by `seriesKeys()`. */
  declare readonly series: number;
  declare readonly chunks: number;
  declare readonly minTime: bigint;
  declare readonly maxTime: bigint;
  declare readonly fields: ReadonlyMap<string, FieldType>;
  /** Blocks read from the file so far. */
  declare readonly blocksRead: number;

  /** Reads header and footer only. StorageError `corrupt` with path and offset where they are not as written. */
  static async open(_files: Files, _path: string, _cache: BlockCache): Promise<BucketReader> {
    throw new Error('to come');
  }

  /** All keys, index = bucket series number; decoded anew at each call, not kept. Waits for the disk. */
  seriesKeys(): TextDictionary {
    throw new Error('to come');
  }

  /** Synchronous; blocks come by series, then time. Throws StorageError `corrupt` when it meets damage. */
  scan(_request: BucketScan): Iterable<Block> {
    throw new Error('to come');
  }

  /** Of the chunks that may hold rows of the request. */
  statistics(_request: BucketScan): Iterable<ChunkStatistics> {
    throw new Error('to come');
  }

  /** May be called twice. */
  async close(): Promise<void> {}
}
