/**
 * Rows as texts: where an answer shows raw rows as they are, who encodes it may write each row where its shard is, on that shard's
 * thread, and no value is copied from there on: stage 2 only puts the texts in order. What is written, and how, only the writer knows.
 */
import type { Column } from '../../../model/index.ts';
import { TEXT_BUFFER_BYTES } from '../raw/text-buffers.ts';

/** Of texts that stand together, about: rows of long texts are not many at a time. With the row behind it, it mostly fits a text buffer. */
export const TEXTS_BYTES_MAX = TEXT_BUFFER_BYTES - 8 * 1024;

/** Row i is bytes [ends[i − 1], ends[i]), from 0; each ends with what stands between two rows, one byte. */
export interface RowTexts {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/** The i-th row, of `count`, is row rows[i] of the columns, of series series[i], at base + offsets[i]. */
export interface RowsToWrite {
  readonly count: number;
  readonly base: bigint;
  readonly offsets: Float64Array;
  readonly rows: Uint32Array;
  /** Numbers mean the same in all rows that one writer is given. */
  readonly series: Uint32Array;
  /** By the plan's columns; null for a tag. */
  readonly columns: readonly (Column | null)[];
  /** By the plan's columns, then by series; empty for a field. */
  readonly tags: readonly (readonly (string | null)[])[];
}

/** Writes rows one behind the other, for one query on one thread. */
export interface RowTextWriter {
  /** Of what was written and not taken. */
  readonly length: number;
  /** Writes rows [from, to), until there are TEXTS_BYTES_MAX; gives the number of the row behind the last. */
  write(rows: RowsToWrite, from: number, to: number): number;
  /** What was written, which is the caller's. */
  take(): RowTexts;
}
