/**
 * What a body of lines has become: batches for every shard, and what is wrong with the lines that are in none of them. The
 * texts are InfluxDB's, so that its clients understand them.
 */
import type { Batch, Compression, Precision } from '../../model/index.ts';
import type { FieldTypes, NewField } from './field-types.ts';
import type { IngestLimits } from './limits.ts';

export interface LineDecoderOptions {
  readonly shards: number;
  readonly limits?: Partial<IngestLimits>;
  /** With it the keys of series that are written again and again together are packed once. */
  readonly compression?: Compression;
}

export interface DecodeRequest {
  readonly database: string;
  /** A policy's name; whoever calls has put the default's name in for ''. */
  readonly retentionPolicy: string;
  readonly precision: Precision;
  /** Time of points without one, ns; it is cut to the precision as InfluxDB does. */
  readonly now: bigint;
  readonly fieldTypes: FieldTypes;
  /** Once a field is new, read at most so much further: it must be declared, and all be decoded again. Absent = to the end. */
  readonly bytesBehindNewField?: number;
}

/**
 * `unparsed`: not line protocol. `refused`: a well-formed point that cannot be kept (type conflict, a tag named `time`, a limit);
 * InfluxDB counts these, and only these, as `dropped`.
 */
export interface LineError {
  /** Line of the body where the point starts, from 1. */
  readonly line: number;
  readonly kind: 'unparsed' | 'refused';
  readonly message: string;
}

export interface Decoded {
  /** Index = shard. They lean on the decoder's buffers: encode them before its next `decode`. */
  readonly batches: readonly (readonly Batch[])[];
  readonly rows: number;
  /** Lines with a point, good or bad; no comments, no blank lines. */
  readonly lines: number;
  /** In line order; at most `errorsListedMax`. */
  readonly errors: readonly LineError[];
  readonly unparsed: number;
  readonly refused: number;
  /** Fields that `fieldTypes` did not know, with the type of their first use here. To be declared before the batches are published. */
  readonly newFields: readonly NewField[];
}

/** Are there lines that are in no batch? */
export function hasErrors(decoded: Decoded): boolean {
  return decoded.unparsed + decoded.refused > 0;
}

/**
 * The error text for the client; '' where all is well. `partial write: …` with line numbers and ` dropped=N` at its end; without that
 * frame where no line could be read at all. A body of one line gets InfluxDB's text to the letter, without a number.
 */
export function describeErrors(decoded: Decoded): string {
  if (!hasErrors(decoded)) return '';
  const numbered = decoded.lines > 1;
  const texts = decoded.errors.map((e) => (numbered ? `line ${e.line}: ${e.message}` : e.message));
  const more = decoded.unparsed + decoded.refused - decoded.errors.length;
  if (more > 0) texts.push(`… and ${more} more bad lines`);
  const text = texts.join('\n');
  return decoded.unparsed === decoded.lines ? text : `partial write: ${text} dropped=${decoded.refused}`;
}
