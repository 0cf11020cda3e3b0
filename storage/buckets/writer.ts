/** Writes a bucket. (Insides follow; the signatures stand.) */
import type { Position, TextDictionary } from '../../model/index.ts';
import type { Files } from '../files/files.ts';
import type { BucketContent, BucketRows, BucketSummary } from './types.ts';

export interface BucketOpening {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly position: Position;
  readonly seriesKeys: TextDictionary;
  readonly base: bigint;
}

/** For content that is not in memory at once (merges): parts in order, each ending before the next begins. Parts want ≥ 64 Ki rows. */
export class BucketWriter {
  static async create(_files: Files, _path: string, _opening: BucketOpening): Promise<BucketWriter> {
    throw new Error('to come');
  }

  async write(_rows: BucketRows): Promise<void> {
    throw new Error('to come');
  }

  /** Footer, datasync, close. The directory's sync is the caller's. */
  async finish(): Promise<BucketSummary> {
    throw new Error('to come');
  }

  /** Closes and removes the unfinished file. May be called after an error of `write` or `finish`. */
  async abandon(): Promise<void> {
    throw new Error('to come');
  }
}

/** The file must not exist. On an error it is removed where that is possible. */
export async function writeBucket(files: Files, path: string, content: BucketContent): Promise<BucketSummary> {
  const writer = await BucketWriter.create(files, path, content);
  await writer.write(content);
  return writer.finish();
}
