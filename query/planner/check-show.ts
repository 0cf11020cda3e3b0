/** What SHOW cannot take in WHERE, in the words of InfluxDB: conditions there are about tags, and about time where points matter. */
import type { Expression, SelectSource, Statement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { transform, unwrap, walk } from '../language/walk.ts';

const OF_TAGS: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~']);
const OF_POINTS: ReadonlySet<Expression['kind']> = new Set(['integer', 'number', 'boolean', 'duration']);
const EVERY: Expression = { kind: 'boolean', value: true };

/** Throws QueryError. */
export function checkShowCondition(kind: Statement['kind'], condition: Expression | null): void {
  if (condition === null) return;
  const e = unwrap(condition);
  if (e.kind !== 'binary') return;
  if (e.operator === 'AND' || e.operator === 'OR') {
    checkShowCondition(kind, e.left);
    checkShowCondition(kind, e.right);
  } else if ([e.left, e.right].some(isTime)) {
    if (kind === 'show measurements') refuse("SHOW MEASUREMENTS doesn't support time in WHERE clause");
  } else if (!OF_TAGS.has(e.operator)) refuse('invalid tag comparison operator');
}

/**
 * What a SHOW … CARDINALITY takes: measurements with names, and all conditions but those of time, which InfluxDB refuses by the name of
 * the statement that counts. Throws QueryError.
 */
export function checkCount({ of, sources, condition }: Extract<Statement, { kind: 'show cardinality' }>): void {
  if (sources.some(isUnnamed)) refuse('invalid measurement');
  if (condition === null || of === 'tag values') return;
  let isOfTime = false;
  walk(condition, (e) => {
    isOfTime ||= isTime(e);
  });
  if (!isOfTime) return;
  refuse(
    `SHOW ${of.toUpperCase()}${of === 'field key' ? '' : ' EXACT'} CARDINALITY doesn't support time in WHERE clause`,
  );
}

/** A condition as SHOW has it: what compares a name with a number or a boolean is about points, which are not looked at. */
export function ofTagsOnly(condition: Expression): Expression {
  return transform(condition, (e) => {
    if (e.kind !== 'binary' || !OF_TAGS.has(e.operator)) return e;
    const kinds = [e.left, e.right].map((side) => unwrap(side).kind);
    return kinds.includes('reference') && kinds.some((kind) => OF_POINTS.has(kind)) ? EVERY : e;
  });
}

/** `FROM ""`: no measurement is called so. */
export function isUnnamed(source: SelectSource): boolean {
  return 'name' in source && 'text' in source.name && source.name.text === '';
}

// private functions

function isTime(expression: Expression): boolean {
  const e = unwrap(expression);
  return e.kind === 'reference' && e.name.toLowerCase() === 'time';
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
