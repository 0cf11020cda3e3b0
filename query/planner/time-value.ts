/**
 * The time that a constant expression means, by InfluxDB's own arithmetic of times, durations and numbers: a text is a time where one is
 * looked for, a whole number beside a duration is nanoseconds since 1970. What makes no sense stays an operation, and is no time.
 */
import { parseTime, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { BinaryOperator, Expression } from '../language/ast.ts';
import { scaledDuration } from '../language/durations.ts';
import { QueryError } from '../language/errors.ts';
import { unwrap } from '../language/walk.ts';
import { foldConstants } from './fold.ts';
import { toUtc, type ZoneShift } from './time-zone.ts';

type Zone = readonly ZoneShift[] | null;

/** `other` carries InfluxDB's name for what it is. */
type Constant =
  | { readonly of: 'time' | 'duration' | 'integer'; readonly ns: bigint; readonly fromNow: boolean }
  | { readonly of: 'number'; readonly value: number }
  | { readonly of: 'string'; readonly text: string }
  | { readonly of: 'other'; readonly name: string };

const DATE = /^\d{4}-\d{2}-\d{2}(?:$|.)/s;
/** Local time behind a space, or RFC 3339. */
const WRITTEN = /^(\d{4}-\d\d-\d\d)(?:([ T])([01]?\d|2[0-3])(:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/;
const INT64_MAX = 2n ** 63n - 1n;
const OPERATION: Constant = { of: 'other', name: 'BinaryExpr' };
const NAMES: Readonly<Partial<Record<Expression['kind'], string>>> = {
  reference: 'VarRef',
  boolean: 'BooleanLiteral',
  regex: 'RegexLiteral',
  call: 'Call',
};

/** Nanoseconds since 1970, and whether they hang on now(). Throws QueryError. */
export function timeValue(expression: Expression, now: bigint, zone: Zone = null): { ns: bigint; fromNow: boolean } {
  const e = expression;
  if (e.kind === 'string' && DATE.test(e.value)) {
    const ns = writtenTime(e.value, zone);
    if (ns === null) throw new QueryError('invalid', 'invalid timestamp string');
    return { ns: within(ns), fromNow: false };
  }
  const value = reduce(e, now, zone);
  switch (value.of) {
    case 'time':
      return { ns: within(value.ns), fromNow: value.fromNow };
    case 'duration':
    case 'integer':
      return value;
    case 'number':
      return { ns: BigInt(Math.trunc(value.value)), fromNow: false };
    default: {
      const name = value.of === 'string' ? 'StringLiteral' : value.name;
      throw new QueryError('invalid', `invalid operation: time and *influxql.${name} are not compatible`);
    }
  }
}

// private functions

function reduce(expression: Expression, now: bigint, zone: Zone): Constant {
  const e = unwrap(expression);
  switch (e.kind) {
    case 'integer':
      if (e.value > INT64_MAX) return { of: 'other', name: 'UnsignedLiteral' };
      return { of: 'integer', ns: e.value, fromNow: false };
    case 'duration':
      return { of: 'duration', ns: e.ns, fromNow: false };
    case 'number':
      return { of: 'number', value: e.value };
    case 'string':
      return { of: 'string', text: e.value };
    case 'binary': {
      const sides = [e.left, e.right].map((side) => reduce(side, now, zone));
      return operate(e.operator, sides[0]!, sides[1]!, zone);
    }
    case 'call':
      if (e.name.toLowerCase() === 'now' && e.args.length === 0) return { of: 'time', ns: now, fromNow: true };
  }
  return { of: 'other', name: NAMES[e.kind] ?? 'Wildcard' };
}

function operate(operator: BinaryOperator, left: Constant, right: Constant, zone: Zone): Constant {
  const a = asTime(left, right, operator === '-', zone);
  const b = asTime(right, left, operator === '-', zone);
  if (a.of === 'other' || b.of === 'other') return OPERATION;
  if (a.of === 'string' || b.of === 'string') {
    return operator === '+' && a.of === 'string' && b.of === 'string'
      ? { of: 'string', text: a.text + b.text }
      : OPERATION;
  }
  if (a.of === 'duration' && (b.of === 'number' || b.of === 'integer')) {
    const ns = scaledDuration(operator, a.ns, b.of === 'number' ? b.value : b.ns);
    return ns === null ? OPERATION : { of: 'duration', ns, fromNow: false };
  }
  if (a.of === 'number' || b.of === 'number' || (a.of === 'integer' && b.of === 'integer')) {
    return a.of === 'time' || a.of === 'duration' || b.of === 'time' || b.of === 'duration'
      ? OPERATION
      : numbers(operator, a, b);
  }
  const fromNow = a.fromNow || b.fromNow;
  if (operator === '+' && !(a.of === 'time' && b.of === 'time')) {
    return { of: a.of === 'duration' && b.of === 'duration' ? 'duration' : 'time', ns: a.ns + b.ns, fromNow };
  }
  if (operator !== '-' || (b.of === 'time' && a.of !== 'time')) return OPERATION;
  return { of: a.of === 'duration' || b.of === 'time' ? 'duration' : 'time', ns: a.ns - b.ns, fromNow };
}

/** A text beside what moves a time, or less a text. */
function asTime(value: Constant, other: Constant, isDifference: boolean, zone: Zone): Constant {
  const beside = ['duration', 'integer', 'time', ...(isDifference ? ['string'] : [])];
  if (value.of !== 'string' || !beside.includes(other.of)) return value;
  const ns = DATE.test(value.text) ? writtenTime(value.text, zone) : null;
  return ns === null ? value : { of: 'time', ns, fromNow: false };
}

function numbers(operator: BinaryOperator, a: Constant, b: Constant): Constant {
  const literal = (value: Constant): Expression =>
    value.of === 'number'
      ? { kind: 'number', value: value.value }
      : { kind: 'integer', value: (value as { ns: bigint }).ns };
  const folded = foldConstants({ kind: 'binary', operator, left: literal(a), right: literal(b) });
  if (folded.kind === 'number') return { of: 'number', value: folded.value };
  return folded.kind === 'integer' ? { of: 'integer', ns: folded.value, fromNow: false } : OPERATION;
}

/** A text without an offset of its own is local time: behind a space there is none, behind a T there must be. */
function writtenTime(text: string, zone: Zone): bigint | null {
  const [, day, mark, hour, rest, fraction = '0', offset] = WRITTEN.exec(text) ?? [];
  if (day === undefined || (mark === 'T') !== (offset !== undefined)) return null;
  const time = parseTime(
    mark === undefined ? day : `${day}T${hour.padStart(2, '0')}${rest}.${fraction}${offset ?? 'Z'}`,
  );
  return time === null || zone === null || offset !== undefined ? time : toUtc(zone, time);
}

function within(ns: bigint): bigint {
  if (ns >= TIME_MIN && ns <= TIME_MAX) return ns;
  const iso = new Date(Number(ns / 1_000_000n)).toISOString();
  const seconds = iso
    .replace(/\.\d+Z$/, 'Z')
    .replace(/^([-+])00/, '$1')
    .replace(/^\+/, '');
  throw new QueryError('invalid', `time ${seconds} ${ns < TIME_MIN ? 'under' : 'over'}flows time literal`);
}
