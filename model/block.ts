/**
 * A block: rows of one measurement in one shard as the query operators read them, from the head, from a bucket or straight from
 * the stream. Storage and stream produce blocks, operators consume them, nobody changes one.
 *
 * Rows of a scan are free of duplicates: for a (series, time) at most one row, already merged field by field. They come in no
 * promised order; whoever needs one sorts. Series are named by numbers that mean something only within (shard, measurement).
 */
import type { Column } from './column.ts';
import type { FieldType } from './values.ts';

export interface Block {
  readonly rows: number;
  /** Series number of each row. */
  readonly series: Uint32Array;
  /** Time of row i = base + offsets[i] ns; |offset| ≤ OFFSET_MAX. */
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** Fields by name; a field that no row has may be missing. Every array holds at least `rows` entries. */
  readonly columns: ReadonlyMap<string, Column>;
  /** Row numbers that count, ascending; null = all. Others have been overwritten or lie outside what was asked. */
  readonly selection: Uint32Array | null;
}

/** The tags of the series of one measurement in one shard. Numbers are dense from 0 and never reused. */
export interface SeriesTable {
  readonly size: number;
  /** Canonical key text (`series-key.ts`). */
  key(series: number): string;
  /** A tag's value, '' where the series lacks it (as InfluxQL sees it). */
  tag(series: number, key: string): string;
  tagKeys(): string[];
}

/** What is known of a measurement: enough to plan a query. Plain data: goes between threads. */
export interface MeasurementSchema {
  readonly name: string;
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Sorted. */
  readonly tagKeys: readonly string[];
}
