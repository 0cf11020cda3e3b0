/**
 * Fields that are made of others, row by row: `fingerprint(message)`, and `usage::integer` where a function takes it or a condition
 * compares it. In the plan such a thing is a field of its own, named by its text, so that everything that takes a field takes it; GROUP BY
 * makes a fingerprint a tag. Wildcards do not stand for it.
 */
import type { FieldType } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import type { Dimension, Expression, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print-expression.ts';
import { transform, unwrap, walk } from '../language/walk.ts';
import type { Derived, Plan } from './plan.ts';
import { isOfRows } from './row-windows.ts';
import { matchesName, measurementMatchers, type Schemas } from './schema.ts';

/** What a fingerprint is called as a tag of the answer. */
export const TAG = 'fingerprint';

/** Whether a field has a type wherever the statement reads it: a cast to it changes nothing. */
type HasType = (field: string, type: Cast) => boolean;

type Cast = FieldType | 'tag';

const COMPARISONS: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=']);
/** In InfluxDB's order. */
const TYPES: readonly FieldType[] = ['float', 'integer', 'string', 'boolean', 'unsigned'];
const CASTS: ReadonlySet<string> = new Set(['float', 'integer', 'unsigned', 'string', 'boolean', 'tag']);

/**
 * A statement with what is derived as what it is in the plan, and what that is made of. Casts over joins and windows of rows stay as they
 * are. Throws QueryError.
 */
export function deriving(
  stated: SelectStatement,
  context: Schemas,
): { statement: SelectStatement; derived: readonly Derived[] } {
  const found = new Map<string, Derived>();
  const isCast = stated.sources.every((source) => !('join' in source)) && !stated.dimensions.some(isWindowOfRows);
  const statement = isCast ? withCasts(stated, typesIn(stated, context), found) : stated;
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

/** Fields with those that are derived of them; what cannot be cast is none. Throws QueryError where a fingerprint is of no text. */
export function fieldsWith(
  fields: ReadonlyMap<string, FieldType>,
  derived: readonly Derived[],
): ReadonlyMap<string, FieldType> {
  if (derived.length === 0) return fields;
  const all = new Map(fields);
  for (const { name, field, as } of derived) {
    const type = fields.get(field);
    if (as !== undefined) {
      if (as !== 'tag' && (type === as || (isNumeric(type) && isNumeric(as)))) all.set(name, as);
      continue;
    }
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

/** Casts become fields where InfluxDB casts before it computes: what an aggregate takes, and sides of comparisons with no texts. */
function withCasts(statement: SelectStatement, hasType: HasType, found: Map<string, Derived>): SelectStatement {
  const cast = (e: Expression): Expression => {
    if (e.kind !== 'reference' || e.cast === null || !CASTS.has(e.cast)) return e;
    const as = e.cast as Cast;
    if (hasType(e.name, as)) return { ...e, cast: 'field' };
    const name = printExpression(e);
    found.set(name, { name, field: e.name, as });
    return { kind: 'reference', name, cast: 'field' };
  };
  const fields = statement.fields.map(({ expression, alias }) => ({
    expression: transform(expression, (e) => {
      if (e.kind !== 'call' || !FUNCTIONS.has(e.name.toLowerCase()) || e.args.length === 0) return e;
      const [first, ...rest] = e.args;
      return { ...e, args: [cast(unwrap(first)), ...rest] };
    }),
    alias,
  }));
  const types = statement.condition === null ? new Map<string, Cast>() : sharedTypes(statement.condition, hasType);
  const shared = (e: Expression): Expression => {
    const type = e.kind === 'reference' ? types.get(e.name) : undefined;
    return cast(type === undefined || e.kind !== 'reference' || e.cast === 'tag' ? e : { ...e, cast: type });
  };
  const condition =
    statement.condition &&
    transform(statement.condition, (e) => {
      if (e.kind !== 'binary' || !COMPARISONS.has(e.operator)) return e;
      if ([e.left, e.right].some((side) => unwrap(side).kind === 'string')) return e;
      return { ...e, left: transform(e.left, shared), right: transform(e.right, shared) };
    });
  return { ...statement, fields, condition };
}

/** A condition has one value of a field in InfluxDB: where it is read as several types, all of them read it as the last of these. */
function sharedTypes(condition: Expression, hasType: HasType): Map<string, Cast> {
  const read = references(condition).filter(({ cast }) => cast !== 'tag');
  const last = new Map<string, Cast>();
  for (const name of new Set(read.flatMap((e) => (e.cast !== null && CASTS.has(e.cast) ? [e.name] : [])))) {
    const types = read.filter((e) => e.name === name).map(({ cast }) => cast as Cast);
    const own = types.every((type) => CASTS.has(type)) ? [] : TYPES.filter((type) => hasType(name, type));
    const all = new Set([...types, ...(own.length === 1 ? own : [])]);
    const type = TYPES.findLast((one) => all.has(one));
    if (type !== undefined && types.some((one) => one !== type)) last.set(name, type);
  }
  return last;
}

function references(expression: Expression): (Expression & { kind: 'reference' })[] {
  const found: (Expression & { kind: 'reference' })[] = [];
  walk(expression, (e) => {
    if (e.kind === 'reference') found.push(e);
    return undefined;
  });
  return found;
}

/** Of measurements; what subqueries give has no type before they are planned. */
function typesIn({ sources }: SelectStatement, context: Schemas): HasType {
  return (field, type) =>
    sources.every((source) => {
      if (!('name' in source)) return false;
      const [{ database, retentionPolicy, name }] = measurementMatchers([source], context);
      const schemas = context.schemas(database, retentionPolicy, matchesName(name));
      return schemas.every(({ fields }) => (fields.get(field) ?? type) === type);
    });
}

function isWindowOfRows(dimension: Dimension): boolean {
  return dimension.kind === 'window' && isOfRows(dimension.window);
}

function isNumeric(type: string | undefined): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

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
