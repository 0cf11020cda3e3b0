/** What SHOW cannot take in WHERE, in the words of InfluxDB: conditions there are about tags, and about time where points matter. */
import type { Expression, Statement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { unwrap } from '../language/walk.ts';

const OF_TAGS: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~']);

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

// private functions

function isTime(expression: Expression): boolean {
  const e = unwrap(expression);
  return e.kind === 'reference' && e.name.toLowerCase() === 'time';
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
