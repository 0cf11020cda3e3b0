/** Which series the conditions on tags leave: asked of the table's index where it has one, of each series else. */
import type { SeriesChoice, SeriesTable, TagPredicate } from '../../model/index.ts';
import type { Bound } from '../planner/plan.ts';
import { compileExpression } from './expression.ts';

/** Series are listed where they are few, each being looked for by itself: at most one of so many, … */
const LISTED_SHARE = 8;
/** … and no more than these. */
const LISTED_MAX = 1_024;

export type SeriesTest = (table: SeriesTable, series: number) => boolean;

/** Those that meet the predicates and pass `others`, which together say what `all` says. */
export function chooseSeries(
  table: SeriesTable,
  predicates: readonly TagPredicate[],
  others: SeriesTest | null,
  all: SeriesTest,
): SeriesChoice {
  if (table.matching === undefined || predicates.length === 0) return masked(table, all);
  const found = table.matching(predicates);
  const passing = others === null ? found : found.filter((series) => others(table, series));
  if (passing.length === table.size) return null;
  const isFew = passing.length <= LISTED_MAX && passing.length * LISTED_SHARE <= table.size;
  return isFew ? passing : maskOf(passing, table.size);
}

export function tagsIn(bound: Bound): Set<string> {
  if (bound.kind === 'tag') return new Set([bound.name]);
  if (bound.kind === 'binary') return new Set([...tagsIn(bound.left), ...tagsIn(bound.right)]);
  return new Set(bound.kind === 'call' ? bound.args.flatMap((argument) => [...tagsIn(argument)]) : []);
}

/** Of a condition that depends on one tag. */
export function tagPredicate(bound: Bound): TagPredicate {
  const [key] = tagsIn(bound);
  if (bound.kind === 'binary' && bound.operator === '=') {
    const literal = bound.left.kind === 'literal' ? bound.left : bound.right;
    const isPlain = bound.left.kind === 'tag' || bound.right.kind === 'tag';
    if (isPlain && bound.type !== null && literal.kind === 'literal' && typeof literal.value === 'string') {
      return { key, equals: literal.value };
    }
  }
  let value = '';
  const run = compileExpression(bound, (leaf) => (leaf.kind === 'tag' ? value : null));
  return {
    key,
    test: (text) => {
      value = text;
      return run() === true;
    },
  };
}

// private functions

function masked(table: SeriesTable, passes: SeriesTest): SeriesChoice {
  const mask = new Uint8Array(table.size);
  for (let series = 0; series < mask.length; series++) mask[series] = passes(table, series) ? 1 : 0;
  return mask.includes(0) ? mask : null;
}

function maskOf(list: Uint32Array, size: number): Uint8Array {
  const mask = new Uint8Array(size);
  for (const series of list) mask[series] = 1;
  return mask;
}
