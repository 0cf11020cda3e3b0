/**
 * How the parts of an answer follow one another, as on InfluxDB: what comes in chunks of rows, and what an answer says behind a
 * statement that failed. A whole answer as InfluxDB's (JSON, msgpack) ends with that statement; where others stood behind it, it says "not
 * executed" instead of its error. In chunks it says its error, and then "not executed" once for each of those. The other formats, which
 * are ours, say the error and then "not executed" of each statement behind it.
 */
import type { Epoch } from '../../client/protocol/index.ts';
import { QueryError, type ResultTable, type ShowStatement, type Statement } from '../../query/index.ts';
import type { AnswerFormat, StatementAnswer } from './answers/index.ts';
import type { TextFormat } from './plan-over-shards.ts';

interface Asked {
  readonly format: AnswerFormat;
  readonly chunkRows: number;
}

/** What a SHOW met while it looked: it is told, and the next statement is executed. */
export class ShowError extends QueryError {}

/** Of these InfluxDB says so; where the others fail, it ends. */
const GOING_ON: ReadonlySet<ShowStatement['kind']> = new Set(['show measurements', 'show tag keys', 'show tag values']);

const NOT_EXECUTED = 'not executed';

/** What InfluxDB answers by a SELECT comes in chunks of so many rows; the rest is a chunk a series. */
const SELECTS: ReadonlySet<Statement['kind']> = new Set([
  'select',
  'show field keys',
  'show series',
  'show cardinality',
]);

export function isBySeries({ kind }: Statement): boolean {
  return !SELECTS.has(kind);
}

export function whileShowing({ kind }: ShowStatement, error: unknown): unknown {
  if (!(error instanceof QueryError) || !GOING_ON.has(kind)) return error;
  return new ShowError(error.code, error.message, error.at);
}

/** From the statement that failed on. */
export function* endedBy(error: string, number: number, statements: number, asked: Asked): Generator<StatementAnswer> {
  const isToldAgain = number < statements - 1 && isAsInfluxDB(asked);
  if (!isToldAgain || asked.chunkRows > 0) yield { statement: number, error };
  if (isToldAgain && asked.chunkRows === 0) yield { statement: number, error: NOT_EXECUTED };
  else yield* notExecuted(number, statements, asked);
}

/** Behind a statement that failed and said so. */
export function* notExecuted(number: number, statements: number, asked: Asked): Generator<StatementAnswer> {
  if (isAsInfluxDB(asked)) {
    if (asked.chunkRows === 0) return;
    for (let i = number + 1; i < statements; i++) yield { statement: number, error: NOT_EXECUTED };
  } else for (let i = number + 1; i < statements; i++) yield { statement: i, error: NOT_EXECUTED };
}

/** The same tables; `failed` is called where they end with an error. */
export async function* watched(
  tables: Iterable<ResultTable> | AsyncIterable<ResultTable>,
  failed: () => void,
): AsyncGenerator<ResultTable> {
  try {
    yield* tables;
  } catch (error) {
    failed();
    throw error;
  }
}

/** Rows may come as JSON texts where the answer is one. */
export function textsOf({
  format,
  chunkRows,
  epoch,
}: Asked & { readonly epoch: Epoch | null }): TextFormat | undefined {
  return format === 'json' && chunkRows === 0 ? { epoch } : undefined;
}

export function notSupported({ kind }: Statement): QueryError {
  if (kind === 'create subscription') {
    return new QueryError(
      'invalid',
      'nothing is forwarded to destinations: watch a live query at /live, or let one write',
    );
  }
  return new QueryError('invalid', `${kind.toUpperCase()} is not supported by this server yet`);
}

// private functions

function isAsInfluxDB({ format }: Asked): boolean {
  return format === 'json' || format === 'msgpack';
}
