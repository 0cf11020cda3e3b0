/**
 * Query text → statements; the entry of the language for the server's doors. Guards the grammar's matcher, which recurses and
 * keeps a memory of every position, with limits that are checked before it sees the text. Keeps no state between calls.
 */
import type { Expression, Statement } from './ast.ts';
import { parseError, QueryError } from './errors.ts';
import { syntaxError } from './expected.ts';
import { GRAMMAR_OF_INFLUXQL } from './grammar.ts';
import { toStatements } from './statements.ts';
import { describePosition, tooDeepAt } from './tokens.ts';
import { children } from './walk.ts';

/** In UTF-16 units. The matcher needs some kilobytes of memory per character. */
export const QUERY_LENGTH_MAX = 64 * 1024;
/** Of parentheses. Each level is some thirty frames of the matcher's stack. */
export const NESTING_MAX = 100;
/** Of the tree of one statement. Whoever walks expressions may recurse. `a OR b OR c …` is as deep as it is long. */
export const EXPRESSION_DEPTH_MAX = 2_000;

/** Values of `$name`: string, number, bigint, boolean, or `{regex | identifier | duration | string: text}`. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Throws QueryError. Empty statements between semicolons are nothing; an empty text is an error. */
export function parse(text: string, params: Parameters = {}): Statement[] {
  if (text.trim() === '') throw new QueryError('parse', 'missing required parameter "q"', 0);
  if (text.length > QUERY_LENGTH_MAX) {
    throw parseError(`query is longer than ${QUERY_LENGTH_MAX} characters`, QUERY_LENGTH_MAX);
  }
  const deepAt = tooDeepAt(text, NESTING_MAX);
  if (deepAt >= 0) {
    throw parseError(`parentheses nested deeper than ${NESTING_MAX}${describePosition(text, deepAt)}`, deepAt);
  }
  const match = GRAMMAR_OF_INFLUXQL.match(text);
  if (match.failed()) {
    // missing from Ohm's types, though documented there
    const { getRightmostFailures } = match as unknown as { getRightmostFailures(): readonly object[] };
    const failures = getRightmostFailures.call(match).map((failure) => failure.toString());
    throw syntaxError(text, failures, match.getRightmostFailurePosition());
  }
  const statements = toStatements(match, params);
  if (statements.some((statement) => depthOf(statement) > EXPRESSION_DEPTH_MAX)) {
    throw parseError(`an expression chains more than ${EXPRESSION_DEPTH_MAX} operators`, 0);
  }
  return statements;
}

// private functions

/** Without recursion, since what it guards against is recursion. */
function depthOf(statement: Statement): number {
  const roots: Expression[] = statement.kind === 'select' ? statement.fields.map((field) => field.expression) : [];
  if ('condition' in statement && statement.condition) roots.push(statement.condition);
  let depth = 0;
  for (let level = roots; level.length > 0; depth++) level = level.flatMap(children);
  return depth;
}
