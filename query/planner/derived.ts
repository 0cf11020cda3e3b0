/**
 * Fields that are made of others, row by row: `fingerprint(message)`. In the plan such a call is a field of its own, named by its
 * text, so that everything that takes a field takes it; GROUP BY makes it a tag. Wildcards do not stand for it.
 */
import type { FieldType } from '../../model/index.ts';
import type { Dimension, Expression, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print-expression.ts';
import { transform, unwrap } from '../language/walk.ts';
import type { Plan } from './plan.ts';

/** What a fingerprint is called as a tag of the answer. */
export const TAG = 'fingerprint';

export interface Derived {
  readonly name: string;
  readonly field: string;
}

/** A statement with the calls as what they are in the plan, and what they are made of. Throws QueryError. */
export function deriving(statement: SelectStatement): { statement: SelectStatement; derived: readonly Derived[] } {
  const found = new Map<string, Derived>();
  const derive = (expression: Expression): Expression =>
    transform(expression, (e) => {
      const derived = derivedOf(e);
      if (derived === null) return e;
      found.set(derived.name, derived);
      return { kind: 'reference', name: derived.name, cast: 'field' };
    });
  let columns = 0;
  const fields = statement.fields.map(({ expression, alias }) => {
    const isAlone = alias === null && derivedOf(unwrap(expression)) !== null;
    return { expression: derive(expression), alias: isAlone ? columnName(columns++) : alias };
  });
  const condition = statement.condition === null ? null : derive(statement.condition);
  for (const dimension of statement.dimensions) {
    if (dimension.kind !== 'fingerprint') continue;
    const { field } = dimension;
    found.set(nameOf(field), { name: nameOf(field), field });
  }
  if (found.size === 0) return { statement, derived: [] };
  return { statement: { ...statement, fields, condition }, derived: [...found.values()] };
}

/** Fields with those that are derived of them. Throws QueryError where one is no text. */
export function fieldsWith(
  fields: ReadonlyMap<string, FieldType>,
  derived: readonly Derived[],
): ReadonlyMap<string, FieldType> {
  if (derived.length === 0) return fields;
  const all = new Map(fields);
  for (const { name, field } of derived) {
    const type = fields.get(field);
    if (type !== undefined && type !== 'string')
      refuse(`fingerprint() takes a field of texts, "${field}" is of type ${type}`);
    if (type !== undefined) all.set(name, 'string');
  }
  return all;
}

/** What wildcards stand for. */
export function withoutDerived<T extends { readonly fields: ReadonlyMap<string, FieldType> }>(
  names: T,
  derived: readonly Derived[],
): T {
  if (derived.length === 0) return names;
  const made = new Set(derived.map(({ name }) => name));
  return { ...names, fields: new Map([...names.fields].filter(([name]) => !made.has(name))) };
}

/** The part of a plan that says what is derived. Throws QueryError. */
export function derivedPlan(
  kind: Plan['kind'],
  derived: readonly Derived[],
  dimensions: readonly Dimension[],
): Pick<Plan, 'derived' | 'derivedTag'> {
  if (derived.length === 0) return {};
  const [tag, ...others] = dimensions.flatMap((dimension) =>
    dimension.kind === 'fingerprint' ? [dimension.field] : [],
  );
  if (tag === undefined) return { derived };
  if (others.length > 0) refuse('GROUP BY takes one fingerprint()');
  if (kind === 'raw') refuse('GROUP BY fingerprint() requires an aggregate function, as in SELECT count(message)');
  return { derived, derivedTag: { tag: TAG, name: nameOf(tag) } };
}

// private functions

function derivedOf(e: Expression): Derived | null {
  if (e.kind !== 'call' || e.name !== 'fingerprint') return null;
  if (e.args.length !== 1) refuse(`invalid number of arguments for fingerprint, expected 1, got ${e.args.length}`);
  const field = unwrap(e.args[0]);
  if (field.kind !== 'reference') refuse('expected field argument in fingerprint()');
  return { name: nameOf(field.name), field: field.name };
}

/** As functions are called in an answer: doubles are numbered. */
function columnName(before: number): string {
  return before === 0 ? 'fingerprint' : `fingerprint_${before}`;
}

function nameOf(field: string): string {
  return `fingerprint(${printExpression({ kind: 'reference', name: field, cast: null })})`;
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
