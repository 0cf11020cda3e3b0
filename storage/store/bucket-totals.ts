/** Sums over buckets, for a status page. */
import { contestedIn } from './merge-plan.ts';
import type { PartitionMap } from './partition-map.ts';

export interface BucketTotals {
  readonly buckets: number;
  /** On disk here. */
  readonly bucketBytes: number;
  readonly bucketRows: number;
  /** In object storage. */
  readonly farBuckets: number;
  readonly farBytes: number;
  /** Tombstones of buckets: each costs every reader of its bucket a little, until the bucket is written anew. */
  readonly tombstones: number;
  /** With late rows that may repeat points of others: who reads both merges. */
  readonly contestedBuckets: number;
  /** Of the bucket that has most tombstones. */
  readonly tombstonesPerBucket: number;
}

export function bucketTotals(maps: readonly PartitionMap[]): BucketTotals {
  const totals = {
    buckets: 0,
    bucketBytes: 0,
    bucketRows: 0,
    farBuckets: 0,
    farBytes: 0,
    tombstones: 0,
    contestedBuckets: 0,
    tombstonesPerBucket: 0,
  };
  for (const map of maps) for (const span of map.spans()) totals.contestedBuckets += contestedIn(span);
  for (const { listed, tombstones } of maps.flatMap((map) => [...map.all()])) {
    totals.buckets++;
    if (listed.far === undefined) totals.bucketBytes += listed.bytes;
    else {
      totals.farBuckets++;
      totals.farBytes += listed.bytes;
    }
    totals.bucketRows += listed.rows;
    totals.tombstones += tombstones.length;
    totals.tombstonesPerBucket = Math.max(totals.tombstonesPerBucket, tombstones.length);
  }
  return totals;
}
