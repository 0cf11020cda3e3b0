/**
 * What fill() puts where a series has no point at all for an aggregate, and where the chosen point lacks a column: as in InfluxDB, which
 * has a number there whatever the type, and the values of the row before with fill(previous). Live queries leave those out that hang on
 * other windows of the series.
 */
import type { Value } from '../../../model/index.ts';
import { FUNCTIONS } from '../../functions/create.ts';
import type { Aggregate, Plan } from '../../planner/plan.ts';
import { fillValue, isNumeric } from '../source/columns.ts';

/** Of an aggregate that no point of a series has a value for; for booleans and texts see `insteadOf`. */
export function ofNoPoint(plan: Plan, aggregate: Aggregate): Value {
  const { fill, live } = plan;
  if (fill.kind !== 'value') return null;
  const { result } = aggregate;
  return live || (isNumeric(result) && isTyped(plan, aggregate)) ? fillValue(fill.value, result) : null;
}

/** By output: the number that stands for what is not there, where the column is not one of numbers (`FieldColumn.instead`). */
export function insteadOf(plan: Plan): (number | bigint | null)[] {
  const { kind, fill, live, aggregates, outputs } = plan;
  if (kind === 'raw' || fill.kind !== 'value' || live) return [];
  return outputs.map(({ expression, type }) => {
    if (expression.kind !== 'column' || isNumeric(type)) return null;
    const aggregate = aggregates[expression.index];
    return aggregate === undefined || isTyped(plan, aggregate) ? fill.value : null;
  });
}

/** By the plan's aggregates and columns: what stands for a value that is not there. */
export function ofNothing({ kind, fill, aggregates, columns }: Plan): Value[] {
  if (kind === 'raw' || fill.kind !== 'value') return [];
  const carried = columns.map(({ type }) => (isNumeric(type) ? fillValue(fill.value, type) : null));
  return [...aggregates.map(() => null), ...carried];
}

/** Whether a row has what it lacks from the one before. */
export function takesPrevious({ kind, fill, window, live, columns, transforms }: Plan): boolean {
  const shows = columns.length + transforms.length > 0;
  return kind === 'aggregate' && fill.kind === 'previous' && window !== null && !live && shows;
}

/** Whether an aggregate is of some type: the least value of a field that nobody has is of none, and has no number of fill(). */
export function isTyped({ sources, derived = [] }: Plan, { name, field }: Aggregate): boolean {
  if (FUNCTIONS.get(name)?.result !== 'same') return true;
  return sources.some(({ fields }) => fields.has(field)) || derived.some((one) => one.name === field);
}
