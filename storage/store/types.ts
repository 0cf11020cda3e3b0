/** What callers of the store say and get, and what it is made of; the store itself is in store.ts. */
import type { Documents } from '../../model/index.ts';
import type { OpenBuckets } from '../buckets/open-buckets.ts';
import type { Files } from '../files/files.ts';
import type { Head } from '../head/head.ts';
import type { HeadStats, TagListener } from '../head/types.ts';
import type { Tier } from '../tiers/tier.ts';
import type { BucketTotals } from './bucket-totals.ts';
import type { CleanerStats } from './cleaner.ts';
import type { Manifest } from './manifest.ts';
import type { MoveOptions, MoverStats } from './mover.ts';
import type { Removals } from './removals.ts';
import type { Pause } from './sorted-rows.ts';

export interface StoreOptions {
  readonly shard: number;
  readonly headBytes?: number;
  /** As OPEN_FILES_MAX. */
  readonly openFilesMax?: number;
  /** As FOOTER_BYTES_MAX. */
  readonly footerBytesMax?: number;
  /** As ManifestOptions.fullBytesMin. */
  readonly manifestFullBytesMin?: number;
  /** Called in the turn in which buckets stand for everything up to `sequence`: the stream before it is not needed any more. */
  readonly sealed?: (sequence: number) => void;
  /** Called once, for what the store cannot go on from. */
  readonly failed?: (error: Error) => void;
  /** After a sealing failed for lack of space. */
  readonly retryMs?: number;
  /** As SETTLED_MS: after so long without a sealing buckets are merged as if none were to come. */
  readonly settledMs?: number;
  /** Lets others run while the store works; called at least every few milliseconds of work. */
  readonly pause?: Pause;
  /** The same of the cleaner, which nobody waits for; not said = as `pause`. */
  readonly cleanerPause?: Pause;
  /** Where old buckets go; null, or not said = they stay. */
  readonly tier?: MoveOptions | null;
  /** Told what merging has written; resolves when it may write more: its share of disk and thread. */
  readonly pace?: (bytes: number) => Promise<void>;
  /** As RECLAIM_MS. */
  readonly reclaimMs?: number;
  /** Listens for the values that tags have; of those in the manifest it hears while the store opens. */
  readonly tagListener?: TagListener | null;
  /** Something that the store goes on without did not work. */
  readonly warn?: (text: string, error: Error) => void;
}

export interface StoreStats extends HeadStats, BucketTotals {
  readonly tier: MoverStats | null;
  /** Of buckets. */
  readonly openFiles: number;
  /** Memory of the footers of buckets in use. */
  readonly footerBytes: number;
  /** Blocks of buckets read since the store was opened, and their bytes. */
  readonly blocksRead: number;
  readonly blockBytesRead: number;
  /** Since the store was opened. */
  readonly sealings: number;
  readonly merges: CleanerStats;
  /** Buckets stay as they are until something is sealed or deleted. */
  readonly isSettled: boolean;
  /** A head is being sealed, buckets are being merged, or some are to move to object storage. */
  readonly isBusy: boolean;
}

export type StoreSettings = Required<Omit<StoreOptions, 'manifestFullBytesMin' | 'tagListener'>>;

/** What a store is made of when it opens. */
export type StoreParts = {
  readonly files: Files;
  readonly directory: string;
  readonly options: StoreSettings;
  readonly head: Head;
  readonly documents: Documents;
  readonly manifest: Manifest;
  readonly open: OpenBuckets;
  readonly tier: Tier | null;
  readonly sealed: number;
  readonly nextBucket: number;
  readonly removals: Removals;
  readonly strays: string[];
};
