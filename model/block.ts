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
  /** False: all of its rows have been deleted. Not there = all series have rows. */
  has?(series: number): boolean;
  /** Canonical key text (`series-key.ts`). */
  key(series: number): string;
  /** A tag's value, '' where the series lacks it (as InfluxQL sees it). */
  tag(series: number, key: string): string;
  tagKeys(): string[];
  /** Numbers of the series that meet all of the predicates, ascending. Where it is not there each series has to be looked at. */
  matching?(predicates: readonly TagPredicate[]): Uint32Array;
}

/**
 * Which series of a table: a mask has 1 at the numbers wanted and is at least as long as the table; a list has the numbers, ascending, and is for few;
 * null = all.
 */
export type SeriesChoice = Uint8Array | Uint32Array | null;

/** A condition on the value of one tag; a series that lacks it has ''. `test` is asked at most once for each distinct value. */
export type TagPredicate =
  | { readonly key: string; readonly equals: string }
  | { readonly key: string; readonly test: (value: string) => boolean };

/** What is known of a measurement: enough to plan a query. Plain data: goes between threads. */
export interface MeasurementSchema {
  readonly name: string;
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Sorted. */
  readonly tagKeys: readonly string[];
}

/** How many of a table's series are chosen. */
export function countChosen(choice: SeriesChoice, size: number): number {
  if (choice === null) return size;
  if (choice instanceof Uint32Array) return choice.length;
  let count = 0;
  for (let series = 0; series < size; series++) count += choice[series];
  return count;
}
