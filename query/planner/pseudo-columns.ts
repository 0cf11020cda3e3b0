/**
 * `_start`, `_end` and `_count` of a window: named like columns, treated like functions without arguments. They are what they are
 * only where a statement has windows; elsewhere the names are those of fields.
 */
import type { Expression, SelectField } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { transform, walk } from '../language/walk.ts';

type PseudoCall = Expression & { kind: 'call'; name: '_start' | '_end' | '_count' };

const OF_WINDOWS: ReadonlySet<string> = new Set(['_start', '_end', '_count']);
/** What live rows have beside their columns. */
const OF_FRAMES: ReadonlySet<string> = new Set(['_rev', '_final', '_late']);

export function isPseudo(expression: Expression): expression is PseudoCall {
  return expression.kind === 'call' && OF_WINDOWS.has(expression.name);
}

/** The fields of a statement with windows, references to pseudo columns as calls. Throws QueryError. */
export function withPseudoColumns(fields: readonly SelectField[]): SelectField[] {
  return fields.map((field) => ({ ...field, expression: transform(field.expression, replaced) }));
}

export function asksForCount(fields: readonly SelectField[]): boolean {
  let found = false;
  for (const { expression } of fields) {
    walk(expression, (e) => {
      if (isPseudo(e) && e.name === '_count') found = true;
      return undefined;
    });
  }
  return found;
}

// private functions

function replaced(e: Expression): Expression {
  if (e.kind !== 'reference' || e.cast !== null) return e;
  if (OF_FRAMES.has(e.name)) {
    const where = 'the frames of a live query say it of all their rows (rev, final), its status counts late points';
    throw new QueryError('invalid', `${e.name} is not a column of an answer: ${where}`);
  }
  return OF_WINDOWS.has(e.name) ? { kind: 'call', name: e.name, args: [] } : e;
}
