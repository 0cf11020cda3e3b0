/**
 * A layer of one measurement's rows, as `layers.ts` reads it: a sealed bucket, or a partition of the head. Free of duplicates in itself.
 */
import type { Block, SeriesChoice } from '../../model/index.ts';
import type { FieldStatistics } from '../buckets/types.ts';

export interface TimeRange {
  /** Both included. */
  readonly min: bigint;
  readonly max: bigint;
}

/** What is known of rows of one series that lie together, without reading them; the same shape as the query side's. */
export interface RowTotals {
  readonly series: number;
  readonly rows: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Offsets of first and last values are from it. */
  readonly base: bigint;
  readonly fields: ReadonlyMap<string, FieldStatistics>;
}

/** A layer may ask it about rows that are all wanted: true = they are taken, and not read. */
export type TakeTotals = (totals: RowTotals) => boolean;

export interface RowLayer {
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Between these times lie all of its rows that may repeat one of an earlier layer; null = there are none. */
  readonly late: TimeRange | null;
  /**
   * The rows with minTime ≤ time ≤ maxTime of the series wanted. Blocks may be views that the next call changes. Only a layer that
   * lies elsewhere gives promises, or one that was asked for by who may wait.
   */
  scan(
    minTime: bigint,
    maxTime: bigint,
    wanted: SeriesChoice,
    fields: readonly string[] | null,
    take?: TakeTotals,
  ): Iterable<ScanStep>;
  /** Tells of its rows without reading them, by parts that may hold some of these; `rows` may be more than there are. */
  extents(range: TimeRange, wanted: SeriesChoice, each: EachExtent): void;
}

export type EachExtent = (minTime: bigint, maxTime: bigint, rows: number) => void;

/** A block; or a promise, which has to be kept before the next step is asked for. */
export type ScanStep = Block | Promise<void>;

/** The rows of a measurement at one position of the shard, for as long as they are not released. */
export interface PinnedRows {
  /** A block stays valid until the next step is asked for. May be asked for several times, within the times and fields that were pinned. */
  scan(range: TimeRange, wanted: SeriesChoice, take?: TakeTotals): Iterable<ScanStep>;
  extents(range: TimeRange, wanted: SeriesChoice, each: EachExtent): void;
  /** Once, when no scan goes on. */
  release(): void;
}

/** The buckets of a measurement; they are replaced as a whole. */
export interface SealedRows {
  /**
   * Those that may hold rows of these times, oldest first. They stay readable until released, whatever becomes of them. `mayWait`: whoever
   * reads them keeps promises, and is better served by them.
   */
  hold(range: TimeRange, mayWait?: boolean): { readonly layers: readonly RowLayer[]; readonly release: () => void };
  /**
   * Has what lies elsewhere at hand for a scan that cannot wait, when it resolves, until other reads push it out. Rejects with
   * StorageError: `away` where that is more than `bytesMax`.
   */
  bringNear(range: TimeRange, wanted: SeriesChoice, fields: readonly string[] | null, bytesMax: number): Promise<void>;
}
