/**
 * A field compared with a number, as an interval of doubles: one loop over a column finds the rows whose values lie in it, whatever the
 * comparison was. Only of columns whose numbers are doubles.
 */
import type { Column } from '../../../model/index.ts';
import type { BinaryOperator } from '../../language/ast.ts';
import type { Bound } from '../../planner/plan.ts';

/** Doubles from `low` to `high`, both included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The same comparison with its sides changed. */
export const FLIPPED: Readonly<Partial<Record<BinaryOperator, BinaryOperator>>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** Of a field compared with a number; null: it is something else, or no interval. */
export function intervalOf(bound: Bound): { readonly field: string; readonly interval: Interval } | null {
  if (bound.kind !== 'binary' || bound.type === null) return null;
  const isFlipped = bound.left.kind === 'literal';
  const [field, literal] = isFlipped ? [bound.right, bound.left] : [bound.left, bound.right];
  const operator = isFlipped ? FLIPPED[bound.operator] : bound.operator;
  if (field.kind !== 'field' || literal.kind !== 'literal' || typeof literal.value !== 'number') return null;
  const interval = operator === undefined ? null : passing(operator, literal.value);
  return interval && { field: field.name, interval };
}

/** The numbers that pass a comparison with one; null: they are no interval. */
export function passing(operator: BinaryOperator, value: number): Interval | null {
  switch (operator) {
    case '=':
      return { low: value, high: value };
    case '<':
      return { low: Number.NEGATIVE_INFINITY, high: -nextAbove(-value) };
    case '<=':
      return { low: Number.NEGATIVE_INFINITY, high: value };
    case '>':
      return { low: nextAbove(value), high: Number.POSITIVE_INFINITY };
    case '>=':
      return { low: value, high: Number.POSITIVE_INFINITY };
    default:
      return null;
  }
}

export function isOfDoubles(column: Column | undefined): column is Column & { values: Float64Array } {
  return column !== undefined && column.type !== 'string' && column.values instanceof Float64Array;
}

/** The rows of stretches (Block.runs) whose values lie in it, present or not; returns how many. */
export function rowsWithin(
  values: Float64Array,
  { low, high }: Interval,
  stretches: Uint32Array,
  rows: Uint32Array,
): number {
  let count = 0;
  for (let i = 0; i < stretches.length; i += 2) {
    const end = stretches[i + 1];
    for (let row = stretches[i]; row < end; row++) {
      const value = values[row];
      if (value >= low && value <= high) rows[count++] = row;
    }
  }
  return count;
}

/** Narrows rows[0 … count) in the same way, in place. */
export function narrowed(values: Float64Array, { low, high }: Interval, rows: Uint32Array, count: number): number {
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const row = rows[k];
    const value = values[row];
    if (value >= low && value <= high) rows[kept++] = row;
  }
  return kept;
}

// private functions

/** The least double that is greater; NaN, which nothing equals, where there is none. */
function nextAbove(value: number): number {
  if (!(value < Number.POSITIVE_INFINITY)) return Number.NaN;
  if (value === 0) return Number.MIN_VALUE;
  const [double, bits] = [new Float64Array([value]), new BigInt64Array(1)];
  bits[0] = new BigInt64Array(double.buffer)[0] + (value > 0 ? 1n : -1n);
  return new Float64Array(bits.buffer)[0];
}
