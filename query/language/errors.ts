/**
 * The one error of query/: a text that does not parse, or a statement that parses but cannot be asked.
 *
 * `parse`: the request as a whole is refused (HTTP 400), the message begins with `error parsing query: `.
 * `invalid`: the statement is refused, its neighbours are not (`results[n].error`), the message has no prefix.
 */

export type QueryErrorCode = 'parse' | 'invalid';

export class QueryError extends Error {
  readonly code: QueryErrorCode;
  /** Offset into the query text, in UTF-16 units, where that is known. */
  readonly at?: number;

  constructor(code: QueryErrorCode, message: string, at?: number) {
    super(message);
    this.name = 'QueryError';
    this.code = code;
    this.at = at;
  }
}

/** A parse error in the words of InfluxDB; `detail` is what follows the prefix. */
export function parseError(detail: string, at?: number): QueryError {
  return new QueryError('parse', 'error parsing query: ' + detail, at);
}
