/**
 * What the two stages of a live query say to each other, as plain data that goes between threads: `LiveInput` comes in from the
 * stream, `LiveUpdate` goes from a shard to the query's home, `Emission` leaves for the clients.
 */
import type { Block } from '../../../model/index.ts';
import { QueryError } from '../../language/errors.ts';
import type { CellsPartial, Group, RowsPartial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import type { TimeRange } from '../source/source.ts';
import type { SeriesReadings } from './series-news.ts';
import type { ClockReading } from './watermark.ts';

/** Rows that were just applied to a shard; series numbers are those of `source.series` of that measurement. */
export interface LiveInput {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly block: Block;
  /** Ascending numbers of rows that are not newer than everything their series had before: perhaps overwrites. null = none. */
  readonly late: Uint32Array | null;
}

/** How many rows fell into a window; entry i of both arrays belongs together. */
export interface WindowCounts {
  readonly windows: Float64Array;
  readonly rows: Float64Array;
}

/** Counts since the update before. */
export interface ShardCounts {
  /** Rows of the plan's measurements inside its bounds. */
  readonly accepted: number;
  /** Of those: later than now + AHEAD. */
  readonly ahead: number;
  /** Of those: not newer than everything their series had. */
  readonly disordered: number;
  /** Windows computed again from the source. */
  readonly recomputed: number;
  /** Rows of windows that can no longer change: not in `accepted`. */
  readonly dropped: number;
}

export interface LiveUpdate {
  /** `changes`: what happened since the last. `history`: windows read from the source for a snapshot or a resume; nothing happened. */
  readonly kind: 'changes' | 'history';
  readonly reading: ClockReading | null;
  /** Whole states of this shard's changed cells, emptied ones included: they take the place of what it sent before. */
  readonly cells: CellsPartial | null;
  /** Points of a tail: runs that are in the order of an answer each, but not one after the other. */
  readonly runs: readonly (readonly RowsPartial[])[];
  /** Windows into which rows came, for judging how late those were. Of a resume: the windows that the missed rows touched. */
  readonly touched: WindowCounts;
  readonly counts: ShardCounts;
  /** All that was accepted is in this update and those before; false = a window waits to be read again. */
  readonly complete: boolean;
  /**
   * The shard tells all windows, or panes, from this one on, as it did with this update; of those before only what changes. Not there =
   * as it was.
   */
  readonly wholeFrom?: number;
  /** Of a query that recomputes: cells of windows that can no longer change by themselves, into which rows came. */
  readonly old?: CellsPartial | null;
  /** Of a query that keeps late points: those that came too late, and the window below which no more are taken. */
  readonly late?: readonly ResultTable[];
  readonly floor?: number;
  /**
   * Of a query over held rows, by run: of these times it has all rows of the shard, in place of those that it sent before. null = it adds
   * rows.
   */
  readonly spans?: readonly (TimeRange | null)[];
  /** Of a query over held rows: what was read is read from this time on. */
  readonly from?: bigint;
  /** Of a query with a watermark for each series: those that points came of, or were read. */
  readonly bySeries?: SeriesReadings | null;
  /** Of a query with SLIMIT, where series have come: those of the shard that its choice may need. */
  readonly series?: readonly Group[];
  /** Of a query over held rows: by leaf of its plan; then cells, runs and spans are in these. */
  readonly leaves?: readonly LiveUpdate[];
  /** How much later it comes than the query's EMIT asks for, because the shard had no time; not there = it was not asked by its turn. */
  readonly waitedMs?: number;
  /** Of the first update: the name of the stream that it shares; not there = none. */
  readonly shares?: string;
}

/** Rows of one revision. One frame is made of it. */
export interface Emission {
  /** No later row of these windows comes, but for revisions. Points of a tail are final. */
  readonly final: boolean;
  /** 0, and one more each time the final row of a (series, window) is sent with another value. */
  readonly rev: number;
  readonly phase: 'snapshot' | 'live';
  readonly tables: readonly ResultTable[];
  /**
   * Its rows are no more: series and time say which. They had been sent. `from`: all rows from this time on are no more, of whatever
   * series; those that are still there follow.
   */
  readonly gone?: { readonly from: bigint | null };
  /** No rows of the answer, but points that came too late for it, as they were written. */
  readonly late?: true;
}

export const NO_COUNTS: ShardCounts = { accepted: 0, ahead: 0, disordered: 0, recomputed: 0, dropped: 0 };
export const NO_WINDOWS: WindowCounts = { windows: new Float64Array(0), rows: new Float64Array(0) };

/** An update of history without anything in it. */
export function history(): LiveUpdate {
  return {
    kind: 'history',
    reading: null,
    cells: null,
    runs: [],
    touched: NO_WINDOWS,
    counts: NO_COUNTS,
    complete: true,
  };
}

export function tooMany(what: string, limit: number): QueryError {
  return new QueryError(
    'invalid',
    `live query: more than ${limit} ${what} on one shard; ask for fewer groups or a shorter time`,
  );
}
