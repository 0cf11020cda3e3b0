/**
 * Query text → statements; the entry of the language for the server's doors. Guards the grammar's matcher, which recurses and
 * keeps a memory of every position, with limits that are checked before it sees the text. Keeps no state between calls.
 */
import type { MatchResult } from 'ohm-js';
import type { Expression, Statement } from './ast.ts';
import { bindText, type Parameters, parameterError } from './bound.ts';
import { parseError, QueryError } from './errors.ts';
import { syntaxError } from './expected.ts';
import { GRAMMAR_OF_INFLUXQL } from './grammar.ts';
import { checkFields, toStatements } from './statements.ts';
import { describePosition, findExcess } from './tokens.ts';
import { children } from './walk.ts';

/** In UTF-16 units. The matcher needs some kilobytes of memory per character. */
export const QUERY_LENGTH_MAX = 64 * 1024;
/**
 * Of parentheses. Each level may be a hundred frames of the matcher's stack; twice as many overflow that of a thread that has just
 * started.
 */
export const NESTING_MAX = 50;
/** The matcher takes some twenty microseconds a token; what is long in practice is one regex or string, which is one token. */
export const TOKENS_MAX = 8_000;
/** Of the tree of one statement. Whoever walks expressions may recurse. `a OR b OR c …` is as deep as it is long. */
export const EXPRESSION_DEPTH_MAX = 2_000;

/** Parameters and durations, past texts, names, words and fractions. */
const MINDED =
  /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\$(?<name>[A-Za-z_]\w*)|[A-Za-z_]\w*|\d*\.\d+|(?<duration>\d+[A-Za-zµμ][\wµμ]*)/g;
const DURATION = /^(?:\d+(?:ns|ms|[uµμsmhdwyq]|mo))+$/;

interface FailedMatch {
  getRightmostFailures(): readonly object[];
  getRightmostFailurePosition(): number;
}

/** Throws QueryError. Empty statements between semicolons are nothing; an empty text is an error. */
export function parse(text: string, params: Parameters = {}): Statement[] {
  if (text.trim() === '') throw new QueryError('parse', 'missing required parameter "q"', 0);
  if (text.length > QUERY_LENGTH_MAX) {
    throw parseError(`query is longer than ${QUERY_LENGTH_MAX} characters`, QUERY_LENGTH_MAX);
  }
  if (!text.includes('$')) return parseTokens(text, params);
  const bound = bindText(text, params);
  try {
    return parseTokens(bound.text, params);
  } catch (error) {
    throw error instanceof QueryError ? bound.placed(error) : error;
  }
}

// private functions

/** `text` as the grammar takes it: with values in the place of parameters. */
function parseTokens(text: string, params: Parameters): Statement[] {
  if (text.length > QUERY_LENGTH_MAX) {
    throw parseError(`query is longer than ${QUERY_LENGTH_MAX} characters with what is bound`, QUERY_LENGTH_MAX);
  }
  const excess = findExcess(text, NESTING_MAX, TOKENS_MAX);
  if (excess) {
    const problem =
      excess.of === 'depth'
        ? `parentheses nested deeper than ${NESTING_MAX}`
        : `query has more than ${TOKENS_MAX} tokens`;
    throw parseError(problem + describePosition(text, excess.at), excess.at);
  }
  const statements = toStatements(matchText(text, params), params);
  if (statements.some((statement) => depthOf(statement) > EXPRESSION_DEPTH_MAX)) {
    throw parseError(`an expression chains more than ${EXPRESSION_DEPTH_MAX} operators`, 0);
  }
  return statements;
}

/** `shown`: the text that errors speak of. */
function matchText(text: string, params: Parameters, shown = text): MatchResult {
  const match = GRAMMAR_OF_INFLUXQL.match(text);
  if (match.succeeded()) return match;
  // missing from Ohm's types, though documented there
  const failed = match as unknown as FailedMatch;
  const failures = failed.getRightmostFailures().map((failure) => failure.toString());
  const at = failed.getRightmostFailurePosition();
  if (/[^.]\.$/.test(text.slice(0, at)) && /\d/.test(text[at] ?? ''))
    return matchText(withNumberAlone(text, at), params, text);
  refuseTokens(text.slice(0, at), params);
  refuseFields(text.slice(0, at), params);
  throw syntaxError(shown, failures, at);
}

/** A point that digits follow begins a number for InfluxDB, never a name: what could have stood there is found without it. */
function withNumberAlone(text: string, at: number): string {
  return `${text.slice(0, at - 1)}\u0001${text.slice(at)}`;
}

/** What InfluxDB minds as it reads a token, before it comes to where the text makes no sense. */
function refuseTokens(before: string, params: Parameters): void {
  for (const { groups, index } of before.matchAll(MINDED)) {
    const { name, duration } = groups!;
    if (name !== undefined) throw parameterError(`$${name}`, params, index);
    if (duration !== undefined && !DURATION.test(duration)) throw parseError('invalid duration', index);
  }
}

/** InfluxDB looks at the operators of a field before it looks at what follows. */
function refuseFields(before: string, params: Parameters): void {
  const [head] = /^.*\bselect\b/is.exec(before) ?? [''];
  const fields = before.slice(head.length).replace(/(?:,|\bas)\s*$/i, '');
  if (head === '' || /\bfrom\b/i.test(fields)) return;
  const match = GRAMMAR_OF_INFLUXQL.match(head.replace(/[^\n]/gu, ' ') + fields, 'Fields');
  if (match.succeeded()) checkFields(match, params);
}

/** Without recursion, since what it guards against is recursion. */
function depthOf(statement: Statement): number {
  const roots: Expression[] = [];
  const selects = statement.kind === 'select' ? [statement] : 'select' in statement ? [statement.select] : [];
  for (const { fields, sources, condition } of selects) {
    roots.push(...fields.map(({ expression }) => expression), ...(condition ? [condition] : []));
    for (const source of sources) if ('subquery' in source) selects.push(source.subquery);
  }
  if (statement.kind !== 'select' && 'condition' in statement && statement.condition) roots.push(statement.condition);
  if ('from' in statement) roots.push(statement.from, statement.to);
  if ('levels' in statement) {
    for (const { condition, until } of statement.levels) roots.push(condition, ...(until ? [until] : []));
  }
  let depth = 0;
  for (let level = roots; level.length > 0; depth++) level = level.flatMap(children);
  return depth;
}
