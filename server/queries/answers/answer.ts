/**
 * What the encoders of this folder take and give. The workers that run queries call `encodeAnswer` (encode.ts) with the results of
 * each statement as tables and hand the pieces on, unopened, to whoever writes them to a socket.
 *
 * Consecutive tables of the same name and tags are pieces of one series: the encoders join them. Nothing here reads a clock, a disk
 * or a socket, and no answer is held whole, except where a format needs lengths before contents (msgpack without chunks).
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { ResultTable } from '../../../query/index.ts';

/** The last three have one schema and no place for errors (record-rows.ts); `line` is line protocol. */
export type AnswerFormat = 'json' | 'csv' | 'ndjson' | 'msgpack' | 'arrow' | 'parquet' | 'line';

export interface AnswerOptions {
  readonly format: AnswerFormat;
  /** Unit of times; null = RFC3339 texts (JSON, NDJSON), ns (CSV) or the time extension (msgpack). The rest have ns only. */
  readonly epoch: Epoch | null;
  readonly pretty: boolean;
  /** Rows per chunk where the client asked for chunks, else 0. */
  readonly chunkRows: number;
}

export interface AnswerMessage {
  readonly level: string;
  readonly text: string;
}

/** A statement's part of the answer. A table stream that throws becomes an error behind the rows that were already given. */
export type StatementAnswer =
  | {
      readonly statement: number;
      readonly tables: Iterable<ResultTable> | AsyncIterable<ResultTable>;
      readonly messages?: readonly AnswerMessage[];
      /** In chunks each series is one chunk, and none says that more follow: so InfluxDB sends what it reads from no points. */
      readonly bySeries?: boolean;
    }
  | { readonly statement: number; readonly error: string };

export type StatementAnswers = Iterable<StatementAnswer> | AsyncIterable<StatementAnswer>;

/** Pieces leave at about this size: large enough for one write to a socket to pay, small enough to hold thousands of answers. */
export const PIECE_BYTES = 64 * 1024;

export function contentType(format: AnswerFormat): string {
  switch (format) {
    case 'json':
      return 'application/json';
    case 'csv':
      return 'text/csv';
    case 'ndjson':
      return 'application/x-ndjson';
    case 'msgpack':
      return 'application/x-msgpack';
    case 'arrow':
      return 'application/vnd.apache.arrow.stream';
    case 'parquet':
      return 'application/vnd.apache.parquet';
    case 'line':
      return 'application/x-line-protocol';
  }
}
