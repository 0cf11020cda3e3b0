/**
 * Rows as texts: where an answer shows raw rows as they are, who encodes it may write each row where its shard is, on that shard's
 * thread, and no value is copied from there on: stage 2 only puts the texts in order. What is written, and how, only the writer knows.
 */
import type { Column } from '../../model/index.ts';

/** Row i is bytes [ends[i − 1], ends[i]), from 0; each ends with what stands between two rows, one byte. */
export interface RowTexts {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/** Rows in the order of the answer: the i-th is row rows[i] of the columns, of series series[i], at base + offsets[i]. */
export interface OrderedRows {
  readonly base: bigint;
  readonly offsets: Float64Array;
  readonly rows: Uint32Array;
  readonly series: Uint32Array;
  /** By the plan's columns; null for a tag. */
  readonly columns: readonly (Column | null)[];
  /** By the plan's columns, then by series; empty for a field. */
  readonly tags: readonly (readonly (string | null)[])[];
}

/** Writes the rows, or the first of them, at least one. What it gives is the caller's. */
export type WriteRows = (rows: OrderedRows) => RowTexts;
