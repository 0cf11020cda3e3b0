/**
 * Splits a condition into its time range and the rest. Time ranges are intersected wherever they stand, also below OR, as InfluxDB
 * does: there is no OR of time ranges.
 */
import { TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { BinaryOperator, Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print-expression.ts';
import { unwrap } from '../language/walk.ts';
import type { TimeBounds } from './plan.ts';
import { timeValue } from './time-value.ts';
import type { ZoneShift } from './time-zone.ts';

type Zone = readonly ZoneShift[] | null;

export interface TimeRange {
  /** Both ends included; null = not stated. */
  readonly min: bigint | null;
  readonly max: bigint | null;
  readonly minFromNow: boolean;
  readonly maxFromNow: boolean;
}

const UNBOUNDED: TimeRange = { min: null, max: null, minFromNow: false, maxFromNow: false };

const REVERSED: Readonly<Partial<Record<BinaryOperator, BinaryOperator>>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

export function splitTime(
  condition: Expression | null,
  now: bigint,
  zone: Zone = null,
): { range: TimeRange; rest: Expression | null } {
  if (condition === null) return { range: UNBOUNDED, rest: null };
  const whole = unwrap(condition);
  if (whole.kind === 'boolean') return { range: UNBOUNDED, rest: whole };
  if (whole.kind !== 'binary')
    throw new QueryError('invalid', `invalid condition expression: ${printExpression(whole)}`);
  const { operator, left, right } = whole;
  if (operator === 'AND' || operator === 'OR') {
    const a = splitTime(left, now, zone);
    const b = splitTime(right, now, zone);
    const range = intersect(a.range, b.range);
    if (a.rest === null || b.rest === null) return { range, rest: a.rest ?? b.rest };
    return { range, rest: { ...whole, left: a.rest, right: b.rest } };
  }
  if (isTime(left)) return { range: rangeOf(operator, right, now, zone), rest: null };
  if (isTime(right)) return { range: rangeOf(REVERSED[operator] ?? operator, left, now, zone), rest: null };
  return { range: UNBOUNDED, rest: whole };
}

export function intersect(a: TimeRange, b: TimeRange): TimeRange {
  const lower = a.min === null || (b.min !== null && b.min > a.min) ? b : a;
  const upper = a.max === null || (b.max !== null && b.max < a.max) ? b : a;
  return { min: lower.min, max: upper.max, minFromNow: lower.minFromNow, maxFromNow: upper.maxFromNow };
}

/** What is asked for: windows end now where nothing else is said. */
export function boundsOf(range: TimeRange, windowed: boolean, now: bigint): TimeBounds {
  return {
    min: range.min ?? TIME_MIN,
    max: range.max ?? (windowed ? now : TIME_MAX),
    minStated: range.min !== null,
    maxStated: range.max !== null,
    minFromNow: range.minFromNow,
    maxFromNow: range.maxFromNow || (range.max === null && windowed),
  };
}

// private functions

function isTime(expression: Expression): boolean {
  const e = unwrap(expression);
  return e.kind === 'reference' && e.name.toLowerCase() === 'time';
}

function rangeOf(operator: BinaryOperator, value: Expression, now: bigint, zone: Zone): TimeRange {
  const { ns: exact, fromNow } = timeValue(value, now, zone);
  const ns = clamp(exact);
  switch (operator) {
    case '=':
      return { min: ns, max: ns, minFromNow: fromNow, maxFromNow: fromNow };
    case '>':
      return { ...UNBOUNDED, min: ns + 1n, minFromNow: fromNow };
    case '>=':
      return { ...UNBOUNDED, min: ns, minFromNow: fromNow };
    case '<':
      return { ...UNBOUNDED, max: ns - 1n, maxFromNow: fromNow };
    case '<=':
      return { ...UNBOUNDED, max: ns, maxFromNow: fromNow };
    default:
      throw new QueryError('invalid', `invalid time comparison operator: ${operator}`);
  }
}

function clamp(ns: bigint): bigint {
  if (ns < TIME_MIN) return TIME_MIN;
  if (ns > TIME_MAX) return TIME_MAX;
  return ns;
}
