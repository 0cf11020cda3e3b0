/**
 * Names to columns. Conditions are bound per source (a name may be a tag here and a field there), outputs once for all. What can
 * never be true (a field against a value of another type, a tag by `>`, anything by `=` against a regex) is bound as false; nothing is
 * evaluated here.
 */
import type { FieldType } from '../../model/index.ts';
import { isMath, mathArguments, mathType } from '../functions/math.ts';
import type { BinaryOperator, Expression } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print-expression.ts';
import { unwrap } from '../language/walk.ts';
import type { Bound } from './plan.ts';

type Binary = Expression & { kind: 'binary' };

interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

/** As the language and as a plan have it. */
const NO: Expression = { kind: 'boolean', value: false };
const FALSE: Bound = { kind: 'literal', type: 'boolean', value: false };
const TRUE: Bound = { kind: 'literal', type: 'boolean', value: true };
const COMPARISONS: ReadonlySet<BinaryOperator> = new Set(['=', '!=', '<', '<=', '>', '>=']);

/** What two truths make one of. */
const TRUTHS: ReadonlySet<BinaryOperator> = new Set(['AND', 'OR', '&', '|', '^']);

export function bindCondition(expression: Expression, names: Names): Bound {
  const e = unwrap(expression);
  if (e.kind === 'boolean') return { kind: 'literal', type: 'boolean', value: e.value };
  if (e.kind !== 'binary') throw new QueryError('invalid', `invalid condition expression: ${printExpression(e)}`);
  const { operator } = e;
  if (operator === 'AND' || operator === 'OR') {
    const left = bindCondition(e.left, names);
    const right = bindCondition(e.right, names);
    return { kind: 'binary', operator, left, right, type: 'boolean' };
  }
  if (operator === '=~' || operator === '!~') return bindMatch(e, names);
  // as InfluxDB, which takes every row for what compares nothing
  return COMPARISONS.has(operator) ? bindComparison(e, names) : TRUE;
}

/**
 * Type of `left operator right`; null = one side has none. Throws where the types do not go together. Bits of a boolean go with
 * anything, as in InfluxDB: with nothing, which counts as false, and with another type, which makes false of it. Bits of a quotient
 * of integers have no value.
 */
export function arithmeticType(operator: BinaryOperator, left: Bound, right: Bound, text: string): FieldType | null {
  const a = statedType(left);
  const b = statedType(right);
  const ofBits = operator === '&' || operator === '|' || operator === '^';
  if (ofBits && (a === 'boolean' || (a === null && b === 'boolean'))) return 'boolean';
  if (a === null || b === null) return null;
  const both = (...types: string[]): boolean => types.includes(a) && types.includes(b);
  if (ofBits) {
    const isFloat = [left, right].some((side) => typeName(side) === 'float');
    if (both('integer', 'unsigned')) return isFloat ? null : both('integer') ? 'integer' : 'unsigned';
  } else if (both('float', 'integer', 'unsigned')) {
    if (operator === '/' || [left, right].some((side) => typeName(side) === 'float')) return 'float';
    return both('integer') ? 'integer' : 'unsigned';
  }
  throw new QueryError('invalid', `type error: ${text}: incompatible types: ${a} and ${b}`);
}

export function bindLiteral(e: Expression): Bound | null {
  switch (e.kind) {
    case 'integer': {
      const near = Number(e.value);
      return { kind: 'literal', type: 'integer', value: Number.isSafeInteger(near) ? near : e.value };
    }
    case 'number':
      return { kind: 'literal', type: 'float', value: e.value };
    case 'string':
      return { kind: 'literal', type: 'string', value: e.value };
    case 'boolean':
      return { kind: 'literal', type: 'boolean', value: e.value };
    case 'duration':
      return { kind: 'literal', type: 'integer', value: Number(e.ns) };
    default:
      return null;
  }
}

/** Fields that a bound expression reads. */
export function fieldsOf(bound: Bound | null): string[] {
  if (bound === null) return [];
  if (bound.kind === 'binary') return [...fieldsOf(bound.left), ...fieldsOf(bound.right)];
  if (bound.kind === 'call') return bound.args.flatMap(fieldsOf);
  return bound.kind === 'field' ? [bound.name] : [];
}

/** The type a bound expression has in messages; tags are `tag`; null = it never has a value. */
export function typeName(bound: Bound): FieldType | 'tag' | null {
  switch (bound.kind) {
    case 'tag':
      return 'tag';
    case 'regex':
    case 'absent':
      return null;
    default:
      return bound.type;
  }
}

// private functions

/** As InfluxDB tells types before it computes: what is made of integers is one, a quotient too, whose values are floats. */
function statedType(bound: Bound): FieldType | 'tag' | null {
  if (bound.kind !== 'binary' || bound.type !== 'float') return typeName(bound);
  const sides = [bound.left, bound.right].map(statedType).filter((type) => type !== null);
  if (sides.includes('float')) return 'float';
  return sides.includes('unsigned') ? 'unsigned' : 'integer';
}

function bindMatch(e: Binary, names: Names): Bound {
  const left = unwrap(e.left);
  const right = unwrap(e.right);
  if (left.kind !== 'reference' || right.kind !== 'regex') return FALSE;
  const column = bindReference(left, names, true);
  if (column.kind !== 'tag' && typeName(column) !== 'string') return FALSE;
  const regex: Bound = { kind: 'regex', pattern: right.pattern };
  return { kind: 'binary', operator: e.operator, left: column, right: regex, type: 'boolean' };
}

function bindComparison(e: Binary, names: Names): Bound {
  const text = (side: Expression): boolean => unwrap(side).kind === 'string';
  const [left, right] = asOne(bindOperand(e.left, names, text(e.right)), bindOperand(e.right, names, text(e.left)));
  const a = typeName(left);
  const b = typeName(right);
  const { operator } = e;
  const equality = operator === '=' || operator === '!=';
  // beside a boolean InfluxDB takes a duration, which is no value in a condition, for false
  if (equality && a === 'boolean' && unwrap(e.right).kind === 'duration')
    return bindComparison({ ...e, right: NO }, names);
  if (equality && b === 'boolean' && unwrap(e.left).kind === 'duration')
    return bindComparison({ ...e, left: NO }, names);
  const whole: Bound = { kind: 'binary', operator, left, right, type: 'boolean' };
  if (a === null || b === null) return FALSE;
  if (a === 'tag' || b === 'tag') {
    const literal = left.kind === 'literal' || right.kind === 'literal';
    return equality && literal && (a === 'string' || b === 'string') ? whole : FALSE;
  }
  if (isNumeric(a) && isNumeric(b)) return whole;
  return a === b && equality ? whole : FALSE;
}

/** Beside floats a whole number is the float next to it. */
function asOne(left: Bound, right: Bound): [Bound, Bound] {
  const asFloat = (side: Bound, beside: Bound): Bound =>
    side.kind === 'literal' && typeof side.value === 'bigint' && typeName(beside) === 'float'
      ? { ...side, type: 'float', value: Number(side.value) }
      : side;
  return [asFloat(left, right), asFloat(right, left)];
}

function bindOperand(expression: Expression, names: Names, besideText: boolean): Bound {
  const e = unwrap(expression);
  if (e.kind === 'reference') return bindReference(e, names, besideText);
  if (e.kind === 'duration' || e.kind === 'regex') return { kind: 'absent' };
  if (e.kind === 'binary') {
    if (COMPARISONS.has(e.operator)) return bindComparison(e, names);
    if (e.operator === '=~' || e.operator === '!~') return bindMatch(e, names);
    const left = bindOperand(e.left, names, false);
    const right = bindOperand(e.right, names, false);
    if (TRUTHS.has(e.operator) && typeName(left) === 'boolean' && typeName(right) === 'boolean')
      return { kind: 'binary', operator: e.operator, left, right, type: 'boolean' };
    const sides = [typeName(left), typeName(right)];
    const numeric = sides.every((type) => type !== null && type !== 'tag' && isNumeric(type));
    // a condition that computes bits of a float holds for no row, where InfluxDB refuses the same in a field
    const isOfBits = TRUTHS.has(e.operator) && sides.includes('float');
    const type = numeric && !isOfBits ? arithmeticType(e.operator, left, right, printExpression(e)) : null;
    // a quotient of integers is one in a condition, as in InfluxDB, and a float in a field
    const isQuotient = e.operator === '/' && sides.every((side) => side === 'integer');
    return { kind: 'binary', operator: e.operator, left, right, type: isQuotient ? 'integer' : type };
  }
  if (e.kind === 'call' && isMath(e.name)) {
    if (e.args.length !== mathArguments(e.name)) {
      const wanted = `expected ${mathArguments(e.name)}, got ${e.args.length}`;
      throw new QueryError('invalid', `invalid number of arguments for ${e.name}, ${wanted}`);
    }
    const args = e.args.map((argument) => bindOperand(argument, names, false));
    const type = typeName(args[0]);
    const numeric = args.every((argument) => isNumeric(typeName(argument) ?? ''));
    if (!numeric || type === null || type === 'tag') return { kind: 'absent' };
    return { kind: 'call', name: e.name, args, type: mathType(e.name, type) };
  }
  const literal = bindLiteral(e);
  if (e.kind === 'call') throw new QueryError('invalid', `invalid function call in condition: ${printExpression(e)}`);
  if (literal === null) throw new QueryError('invalid', `invalid condition expression: ${printExpression(e)}`);
  return literal;
}

/** A name that is neither field nor tag is, beside a text, a tag that no series has. */
function bindReference(e: Expression & { kind: 'reference' }, names: Names, besideText: boolean): Bound {
  const type = names.fields.get(e.name);
  if (type !== undefined && e.cast !== 'tag') return { kind: 'field', name: e.name, type };
  if (besideText || (names.tagKeys.includes(e.name) && e.cast !== 'field')) return { kind: 'tag', name: e.name };
  return { kind: 'absent' };
}

function isNumeric(type: string): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}
