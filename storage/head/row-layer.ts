/** A layer of one measurement's rows, as `layers.ts` reads it: a sealed bucket, or a partition of the head. Free of duplicates in itself. */
import type { Block } from '../../model/index.ts';

export interface TimeRange {
  /** Both included. */
  readonly min: bigint;
  readonly max: bigint;
}

export interface RowLayer {
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Between these times lie all of its rows that may repeat one of an earlier layer; null = there are none. */
  readonly late: TimeRange | null;
  /** The rows with minTime ≤ time ≤ maxTime of the series wanted. Blocks may be views that the next call changes. */
  scan(minTime: bigint, maxTime: bigint, wanted: Uint8Array | null, fields: readonly string[] | null): Iterable<Block>;
}

/** The buckets of a measurement; they are replaced as a whole. */
export interface SealedRows {
  /** Those that may hold rows of these times, oldest first. They stay readable until released, whatever becomes of them. */
  hold(range: TimeRange): { readonly layers: readonly RowLayer[]; readonly release: () => void };
}
