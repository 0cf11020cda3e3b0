/**
 * Bound values are tokens: each `$name` of a text becomes the literal, name or regex that it stands for, before the text is parsed, so
 * a value may stand wherever its token may, and nowhere else. Values are quoted here; none can end its token. What is not there, or
 * cannot be a token, stays a parameter, of which the grammar knows that it fits nowhere. Called by parse.ts.
 */
import { parseError, QueryError } from './errors.ts';
import { readDuration, readQuoted } from './literals.ts';
import { printDuration, printNumber, printQuoted, printRegex, printString } from './print-expression.ts';
import { compileRegex } from './regex.ts';
import { describePosition, eachToken } from './tokens.ts';

/** Values of `$name`: string, number, bigint, boolean, or `{regex | identifier | duration | string | integer | float: value}`. */
export type Parameters = Readonly<Record<string, unknown>>;

/** What stands in the place of a parameter, and how errors quote it; or why nothing does. */
type Token = { readonly source: string; readonly shown: string } | { readonly error: string; readonly shown: string };

interface Place {
  /** In the text as it was asked, and as it is parsed. */
  readonly asked: readonly [start: number, end: number];
  readonly start: number;
  readonly end: number;
  readonly shown: string;
}

export interface BoundText {
  readonly text: string;
  /** An error of the text with its tokens, as one of the text with its parameters. */
  placed(error: QueryError): QueryError;
}

const INT64_MAX = 2n ** 63n - 1n;
const POSITION = / at line (\d+), char (\d+)$/;

export function bindText(text: string, params: Parameters): BoundText {
  const places: Place[] = [];
  let bound = '';
  let taken = 0;
  eachToken(text, (at, length) => {
    if (text[at] !== '$' || length < 2) return true;
    const name = nameOf(text.slice(at, at + length));
    const token = tokenOf(name, params);
    const before = bound + text.slice(taken, at);
    const source = 'source' in token ? written(token.source, before) : text.slice(at, at + length);
    bound = before + source;
    places.push({ asked: [at, at + length], start: before.length, end: bound.length, shown: token.shown });
    taken = at + length;
    return true;
  });
  bound += text.slice(taken);
  return { text: bound, placed: (error) => placed(error, places, bound, text) };
}

/** What is wrong with a parameter that stands where a value is read. */
export function parameterError(source: string, params: Parameters, at: number): QueryError {
  const token = tokenOf(nameOf(source), params);
  return parseError('error' in token ? token.error : `found ${token.shown}`, at);
}

// private functions

function nameOf(source: string): string {
  return source[1] === '"' ? readQuoted(source.slice(1)) : source.slice(1);
}

function tokenOf(name: string, params: Parameters): Token {
  if (!Object.hasOwn(params, name)) return { error: `missing parameter: ${name}`, shown: `$${name}` };
  const value = params[name];
  switch (typeof value) {
    case 'string':
      return { source: printString(value), shown: value || 'STRING' };
    case 'boolean':
      return { source: String(value), shown: String(value).toUpperCase() };
    case 'bigint':
      return integer(value);
    case 'number':
      return Number.isSafeInteger(value) ? integer(BigInt(value)) : float(value);
    case 'object':
      if (value !== null) return typedToken(value);
  }
  return unbound(`unable to bind parameter with type ${value === null ? '<nil>' : typeof value}`);
}

function typedToken(value: object): Token {
  if (Array.isArray(value)) return unbound('unable to bind parameter with type []interface {}');
  const entries = Object.entries(value);
  if (entries.length !== 1) return unbound('bound object parameter value must have exactly one entry');
  const [type, inner] = entries[0]! as [string, unknown];
  const isWhole = typeof inner === 'bigint' || Number.isSafeInteger(inner);
  switch (type) {
    case 'ident':
    case 'identifier':
      if (typeof inner !== 'string') return unbound('identifier must be a string value');
      return { source: printQuoted(inner), shown: inner || 'IDENT' };
    case 'regex':
      if (typeof inner !== 'string') return unbound('regex literal must be a string value');
      return { source: boundRegex(inner), shown: inner || 'REGEX' };
    case 'string':
      if (typeof inner !== 'string') return unbound('string literal must be a string value');
      return { source: printString(inner), shown: inner || 'STRING' };
    case 'int':
    case 'integer':
      return isWhole ? integer(BigInt(inner as number)) : unbound('integer literal must be an integer value');
    case 'float':
    case 'number':
      if (isWhole || typeof inner === 'number') return float(Number(inner));
      return unbound('number literal must be a float value');
    case 'duration':
      if (isWhole) return duration(BigInt(inner as number));
      if (typeof inner !== 'string') return unbound('duration literal must be a string or integer value');
      return durationOf(inner);
    default:
      return unbound(`unknown bind object type: ${type}`);
  }
}

/** In InfluxDB's words, which take a value that cannot be bound for one that is not there. */
function unbound(problem: string): Token {
  return { error: `missing parameter: ${problem}`, shown: problem };
}

function integer(value: bigint): Token {
  if (value < -INT64_MAX - 1n || value > INT64_MAX)
    return unbound(`unable to bind parameter: ${value} is beyond 64 bits`);
  return { source: String(value), shown: String(value) };
}

function float(value: number): Token {
  if (!Number.isFinite(value)) return unbound(`unable to bind parameter: ${value} is not finite`);
  return { source: printNumber(value), shown: String(value) };
}

function duration(ns: bigint): Token {
  return { source: `${ns}ns`, shown: printDuration(ns) };
}

function durationOf(text: string): Token {
  const size = text.replace(/^-/, '');
  try {
    if (size === '') throw parseError('invalid duration');
    return { ...duration((size === text ? 1n : -1n) * readDuration(size, 0)), shown: text };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { error: error.message.replace('error parsing query: ', ''), shown: text || 'DURATIONVAL' };
  }
}

/** A backslash at the end escapes nothing, and would the slash: the pattern is refused. */
function boundRegex(pattern: string): string {
  if (/^(?:[^\\]|\\[\s\S])*\\$/.test(pattern)) compileRegex(pattern);
  return printRegex(pattern);
}

/** So that it is one token with nothing before it. */
function written(source: string, before: string): string {
  if (source.startsWith('-')) return /[-+]\s*$/.test(before) ? `(${source})` : ` ${source}`;
  if (before.endsWith('::')) return source.replace(/^"(\w+)"$/, '$1');
  return /\w$/.test(before) || /\/$/.test(before) ? ` ${source}` : source;
}

function placed(error: QueryError, places: readonly Place[], bound: string, asked: string): QueryError {
  const position = POSITION.exec(error.message);
  if (position === null) return error;
  const [, line, character] = position.map(Number);
  const lines = bound.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const at = start + [...(lines[line - 1] ?? '')].slice(0, character - 1).join('').length;
  // errors name the character before a string
  const place = places.find((one) => at >= one.start - 1 && at < one.end);
  const last = places.findLast((one) => one.end <= at);
  const back = place?.asked[0] ?? at + (last === undefined ? 0 : last.asked[1] - last.end);
  const message = error.message.slice(0, position.index);
  const found =
    place === undefined ? message : message.replace(/found .*?, expected/s, () => `found ${place.shown}, expected`);
  return new QueryError(error.code, found + describePosition(asked, back), back);
}
