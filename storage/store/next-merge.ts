/**
 * What the cleaner does next to the buckets of a measurement: cut one that lies across the borders of spans, write one without its
 * deleted rows, or merge neighbours of a span (merge-plan.ts). Reads footers and keys only.
 *
 * Buckets in object storage count as any other where rows are deleted or readers would have to merge; what comes out lies here and moves
 * there like anything else of its age. They are not cut to another width, and nothing is merged there before four of like size stand
 * beside each other, because every byte has to be fetched and put again.
 */
import { SMALL_SERIES_ROWS } from '../buckets/chunking.ts';
import type { Measurement } from '../head/measurement.ts';
import type { MeasurementName } from '../head/types.ts';
import type { BucketShape } from './advice.ts';
import { chooseMerge } from './merge-plan.ts';
import { PartitionMap } from './partition-map.ts';
import type { SealedBucket } from './sealed-bucket.ts';

/** Of one merge: with ten fields, blocks of 64 KiB a column make 10 MiB. */
const INPUTS_MAX = 16;
const INPUTS_MIN = 4;
/** Blocks of all inputs together, if all columns were doubles. */
const BLOCKS_BYTES_MAX = 64 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** A bucket is written anew when about this part of its rows is deleted, */
const DEAD_SHARE = 0.1;
/** or readers have more tombstones than this to look at, or it has had some for long (reclaiming.ts). */
const TOMBSTONES_MAX = 16;

export interface NextMergeHost {
  /** False: the bucket is left alone for now. */
  isFree(bucket: SealedBucket): boolean;
  /** Its deleted rows have waited for long. */
  isOverdue(bucket: SealedBucket): boolean;
  /** Layers below this one get no more neighbours. */
  settledBefore(): number;
  /** Everything that can be merged shall be. */
  isWhole(): boolean;
  /** A bucket cannot be opened. */
  giveUp(name: MeasurementName, bucket: SealedBucket, error: unknown): void;
}

export class NextMerge {
  readonly #host: NextMergeHost;
  /** Whether buckets hold thin series, once known. */
  readonly #thin = new WeakMap<SealedBucket, boolean>();

  constructor(host: NextMergeHost) {
    this.#host = host;
  }

  /** Oldest layer first; null = there is nothing to do. */
  of(name: MeasurementName, measurement: Measurement, shape: BucketShape): readonly SealedBucket[] | null {
    if (!(measurement.sealed instanceof PartitionMap)) return null;
    const { isFree } = this.#host;
    const map = measurement.sealed.spanned(shape.spanNs);
    measurement.sealed = map;
    const wide = map.wide.find((bucket) => !isFar(bucket) && isFree(bucket));
    if (wide !== undefined) return [wide];
    const blocks = Math.floor(BLOCKS_BYTES_MAX / (BLOCK_BYTES * (measurement.fields.size + 2)));
    const rules = {
      isFree,
      inputsMax: Math.min(INPUTS_MAX, Math.max(INPUTS_MIN, blocks)),
      bucketBytes: shape.bucketBytes,
      isThin: (bucket: SealedBucket): boolean => this.#isThin(name, bucket),
      isWhole: this.#host.isWhole(),
    };
    for (const span of map.spans()) {
      const wasteful = span.find(
        (bucket) => bucket.tombstones.length > 0 && isFree(bucket) && this.#isWasteful(name, bucket),
      );
      if (wasteful !== undefined) return [wasteful];
      if (span.length === 1) continue;
      const isQuiet = span[span.length - 1].layer < this.#host.settledBefore() && !span.some(isFar);
      const chosen = chooseMerge(span, { ...rules, isQuiet });
      if (chosen !== null) return chosen;
    }
    return null;
  }

  // private functions

  #isWasteful(name: MeasurementName, bucket: SealedBucket): boolean {
    let hidden = 0;
    try {
      hidden = bucket.weighTombstones();
    } catch (error) {
      this.#host.giveUp(name, bucket, error);
    }
    if (hidden === 0) return false;
    if (this.#host.isWhole() || bucket.tombstones.length > TOMBSTONES_MAX) return true;
    return this.#host.isOverdue(bucket) || hidden >= DEAD_SHARE * bucket.listed.rows;
  }

  #isThin(name: MeasurementName, bucket: SealedBucket): boolean {
    const known = this.#thin.get(bucket);
    if (known !== undefined) return known;
    try {
      const { rows, series } = bucket.reader;
      this.#thin.set(bucket, rows < SMALL_SERIES_ROWS * series);
    } catch (error) {
      this.#host.giveUp(name, bucket, error);
      this.#thin.set(bucket, false);
    }
    return this.#thin.get(bucket)!;
  }
}

// private functions

function isFar(bucket: SealedBucket): boolean {
  return bucket.listed.far !== undefined;
}
