/** Which series the conditions on tags leave: asked of the table's index where it has one, of each series else. In steps. */
import { maskOf, type SeriesChoice, type SeriesTable, type TagPredicate } from '../../../model/index.ts';
import type { Bound } from '../../planner/plan.ts';
import { STEP_SERIES, type Steps } from '../source/steps.ts';
import { compileExpression } from './expression.ts';

/** Series are listed where they are few, each being looked for by itself: at most one of so many, … */
const LISTED_SHARE = 8;
/** … and no more than these. */
const LISTED_MAX = 1_024;

export type SeriesTest = (table: SeriesTable, series: number) => boolean;

/** Those that meet the predicates and pass `others`, which together say what `all` says. */
export function* chooseSeries(
  table: SeriesTable,
  predicates: readonly TagPredicate[],
  others: SeriesTest | null,
  all: SeriesTest,
): Steps<SeriesChoice> {
  const { size } = table;
  if (table.matching === undefined || predicates.length === 0) return yield* masked(table, all);
  const found = yield* table.matching(predicates);
  const passing = others === null ? found : yield* filtered(found, (series) => others(table, series));
  if (passing.length === size) return null;
  const isFew = passing.length <= LISTED_MAX && passing.length * LISTED_SHARE <= size;
  return isFew ? passing : maskOf(passing, size);
}

/** A choice among the first `size` series of a table, and those of the later ones that pass. */
export function withLater(table: SeriesTable, choice: SeriesChoice, size: number, passes: SeriesTest): SeriesChoice {
  if (table.size === size) return choice;
  const later: number[] = [];
  for (let series = size; series < table.size; series++) if (passes(table, series)) later.push(series);
  if (choice === null && later.length === table.size - size) return null;
  if (choice instanceof Uint32Array) return Uint32Array.of(...choice, ...later);
  const mask = new Uint8Array(table.size);
  if (choice === null) mask.fill(1, 0, size);
  else mask.set(choice);
  for (const series of later) mask[series] = 1;
  return mask;
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

function* masked(table: SeriesTable, passes: SeriesTest): Steps<SeriesChoice> {
  const mask = new Uint8Array(table.size);
  for (let series = 0; series < mask.length; series++) {
    mask[series] = passes(table, series) ? 1 : 0;
    if (series % STEP_SERIES === STEP_SERIES - 1) yield null;
  }
  return mask.includes(0) ? mask : null;
}

function* filtered(list: Uint32Array, passes: (series: number) => boolean): Steps<Uint32Array> {
  const kept = new Uint32Array(list.length);
  let count = 0;
  for (let i = 0; i < list.length; i++) {
    if (passes(list[i])) kept[count++] = list[i];
    if (i % STEP_SERIES === STEP_SERIES - 1) yield null;
  }
  return kept.slice(0, count);
}
