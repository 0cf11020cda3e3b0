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
  /**
   * The same as stretches of rows, each of one series in order of time: from row runs[2i] up to, not including, row runs[2i + 1]. Whoever
   * selects otherwise leaves it out. Not there = the rows stand in no known order.
   */
  readonly runs?: Uint32Array | undefined;
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
  /**
   * Numbers of the series that meet all of the predicates, ascending, of those that there are when it begins; null between steps of some
   * milliseconds. Where it is not there each series has to be looked at.
   */
  matching?(predicates: readonly TagPredicate[]): Generator<null, Uint32Array>;
}

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

/** The rows of `Block.runs`, one by one. */
export function rowsOfRuns(runs: Uint32Array): Uint32Array {
  let count = 0;
  for (let i = 0; i < runs.length; i += 2) count += runs[i + 1] - runs[i];
  const rows = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    for (let row = runs[i]; row < runs[i + 1]; row++) rows[at++] = row;
  }
  return rows;
}

/** The first row of [from, to) whose offset is not below a bound, `to` where there is none; offsets ascend. */
export function firstRowFrom(offsets: Float64Array, from: number, to: number, bound: number): number {
  let step = 1;
  let low = from;
  // what is looked for is mostly near
  while (low + step < to && offsets[low + step] < bound) {
    low += step;
    step *= 2;
  }
  let high = Math.min(to, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle] < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
