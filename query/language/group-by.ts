/**
 * What GROUP BY and fill() may hold, read from the expressions the grammar lets through there, and refused in InfluxDB's words.
 * Called by statements.ts. What GROUP BY may not hold, and several time dimensions, are let through: the planner says no to them.
 */
import type { Dimension, Expression, Fill, Window } from './ast.ts';
import { scaledDuration } from './durations.ts';
import { parseError } from './errors.ts';

/** Months of a calendar unit. */
const MONTHS: Readonly<Record<string, number>> = { mo: 1, q: 3, y: 12 };
/** More months than a plan could number. */
const MONTHS_MAX = 120_000;
/** What each window beyond time() is written like. */
const WINDOW_FORMS: Readonly<Record<Window['of'], string>> = {
  hop: 'hop(size, every [, offset])',
  sliding: 'sliding(size)',
  session: 'session(gap [, longest] [, start condition, end condition])',
  cumulate: 'cumulate(size, step [, offset])',
  rows: 'rows(count [, every])',
  state: 'state(field)',
  event: 'event(start condition, end condition)',
  windows: 'windows(time(interval), …)',
};

export function toDimension(expression: Expression): Dimension {
  while (expression.kind === 'parenthesis') expression = expression.inner;
  switch (expression.kind) {
    case 'reference':
      if (expression.name.toLowerCase() === 'time') {
        return refused('time() is a function and expects at least one argument', expression);
      }
      return { kind: 'tag', name: expression.name };
    case 'wildcard':
      return { kind: 'wildcard' };
    case 'regex':
      return { kind: 'regex', pattern: expression.pattern };
    case 'call':
      return toTimeDimension(expression);
    default:
      return refused('only time and tag dimensions allowed', expression);
  }
}

/** `time(1mo)`, with `text` the calendar unit and how many of it. */
export function toCalendar(text: string, offset: Expression | null, at: number): Dimension {
  const [, count, unit] = /^(\d+)(\w+)$/.exec(text)!;
  const months = Number(count) * MONTHS[unit!]!;
  if (months === 0 || months > MONTHS_MAX) throw parseError('invalid duration', at);
  return { kind: 'time', interval: 0n, offset, months };
}

/** The argument of tz(): a zone that the engine knows; '' is UTC, and `Local` the server's own. */
export function toTimeZone(args: readonly Expression[], at: number): string {
  const [name] = args;
  if (name === undefined || args.length > 1) throw parseError('tz requires exactly one argument', at);
  if (name.kind !== 'string') throw parseError('expected string argument in tz()', at);
  try {
    const timeZone = name.value === 'Local' ? undefined : name.value || 'UTC';
    const format = new Intl.DateTimeFormat('en-US', { timeZone });
    if (timeZone !== name.value) return format.resolvedOptions().timeZone;
  } catch {
    throw parseError(`unable to find time zone ${name.value}`, at);
  }
  return name.value;
}

export function toFill(args: readonly Expression[], at: number): Fill {
  const [value] = args;
  if (value === undefined || args.length > 1) {
    throw parseError('fill requires an argument, e.g.: 0, null, none, previous, linear', at);
  }
  if (value.kind === 'integer' || value.kind === 'number') return { kind: 'value', value: value.value };
  if (value.kind === 'reference' && value.cast === null) {
    const { name } = value;
    if (name === 'null' || name === 'none' || name === 'previous' || name === 'linear') return { kind: name };
  }
  throw parseError('expected number argument in fill()', at);
}

// private functions

function toTimeDimension(call: Expression & { kind: 'call' }): Dimension {
  const { name, args } = call;
  if (Object.hasOwn(WINDOW_FORMS, name)) return toWindow(name as Window['of'], call);
  if (name === 'fingerprint') {
    const [field] = args;
    if (field?.kind === 'reference' && args.length === 1) return { kind: 'fingerprint', field: field.name };
    return refused('fingerprint() is written fingerprint(field)', call);
  }
  if (name !== 'time') return refused('only time() calls allowed in dimensions', call);
  if (args.length === 0 || args.length > 2) return refused('time dimension expected 1 or 2 arguments', call);
  const [interval, offset] = args.map((arg) => foldDuration(arg));
  if (interval?.kind !== 'duration') {
    return refused('time dimension must have duration argument', call);
  }
  if (offset && offset.kind !== 'duration' && !isNow(offset) && !isDate(offset)) {
    return refused('time dimension offset must be duration or now()', call);
  }
  return { kind: 'time', interval: interval.ns, offset: offset ?? null };
}

/** `1m + 30s`, `2m / 4`: a duration, as every other sum of constants is one number. */
function foldDuration(e: Expression): Expression {
  if (e.kind === 'parenthesis') return foldDuration(e.inner);
  if (e.kind !== 'binary') return e;
  const [left, right] = [foldDuration(e.left), foldDuration(e.right)];
  if (left.kind !== 'duration') return e;
  if (right.kind === 'duration' && e.operator === '+') return { kind: 'duration', ns: left.ns + right.ns };
  if (right.kind === 'duration' && e.operator === '-') return { kind: 'duration', ns: left.ns - right.ns };
  if (right.kind !== 'integer' && right.kind !== 'number') return e;
  const ns = scaledDuration(e.operator, left.ns, right.value);
  return ns === null ? e : { kind: 'duration', ns };
}

function toWindow(of: Window['of'], call: Expression & { kind: 'call' }): Dimension {
  const { args } = call;
  const window = readWindow(of, args);
  if (window !== null) return { kind: 'window', window };
  return refused(`${of}() is written ${WINDOW_FORMS[of]}`, call);
}

/** null where the arguments are not what the window takes. */
function readWindow(of: Window['of'], args: readonly Expression[]): Window | null {
  const [first, second, third = null] = args;
  const offset = third;
  const isShift = offset === null || offset.kind === 'duration';
  switch (of) {
    case 'hop':
      if (args.length > 3 || first?.kind !== 'duration' || second?.kind !== 'duration' || !isShift) return null;
      return { of, size: first.ns, every: second.ns, offset };
    case 'cumulate':
      if (args.length > 3 || first?.kind !== 'duration' || second?.kind !== 'duration' || !isShift) return null;
      return { of, size: first.ns, step: second.ns, offset };
    case 'sliding':
      return args.length === 1 && first?.kind === 'duration' ? { of, size: first.ns } : null;
    case 'session':
      if (first?.kind !== 'duration') return null;
      return readSession(first.ns, second?.kind === 'duration' ? second.ns : null, args);
    case 'rows':
      if (args.length > 2 || first?.kind !== 'integer') return null;
      if (second !== undefined && second.kind !== 'integer') return null;
      return { of, size: first.value, every: second?.value ?? null };
    case 'state':
      return args.length === 1 && first?.kind === 'reference' ? { of, field: first.name } : null;
    case 'event':
      if (args.length !== 2 || first?.kind !== 'binary' || second?.kind !== 'binary') return null;
      return { of, start: first, end: second };
    case 'windows': {
      const intervals = args.map((one) => (one.kind === 'call' ? toTimeDimension(one) : null));
      if (intervals.length === 0) return null;
      const plain = intervals.flatMap((one) => (one?.kind === 'time' && one.offset === null ? [one.interval] : []));
      return plain.length === args.length ? { of, intervals: plain } : null;
    }
  }
}

function refused(message: string, expression: Expression): Dimension {
  return { kind: 'refused', message, expression };
}

function isNow(expression: Expression): boolean {
  return expression.kind === 'call' && expression.name === 'now' && expression.args.length === 0;
}

function isDate(expression: Expression): boolean {
  return expression.kind === 'string' && /^\d{4}-\d{2}-\d{2}/.test(expression.value);
}

function readSession(gap: bigint, longest: bigint | null, args: readonly Expression[]): Window | null {
  const [start = null, end = null, ...rest] = args.slice(longest === null ? 1 : 2);
  const isPlain = start === null && end === null;
  if (rest.length > 0 || (!isPlain && (start?.kind !== 'binary' || end?.kind !== 'binary'))) return null;
  return { of: 'session', gap, longest, start, end };
}
