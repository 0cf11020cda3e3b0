/**
 * RowFilter: the condition of one source of a plan, in two parts. What depends on tags alone is asked once per series; the rest runs
 * over columns and narrows a list of rows. A comparison with an absent value is false. Stateless but for what it remembers of series.
 */
import type { Block, Column, SeriesChoice, SeriesTable, TagPredicate } from '../../model/index.ts';
import { compareText } from '../../model/index.ts';
import type { BinaryOperator } from '../language/ast.ts';
import { compileRegex } from '../language/regex.ts';
import type { Bound } from '../planner/plan.ts';
import { columnReader } from './columns.ts';
import { compares, compileExpression } from './expression.ts';
import { chooseSeries, type SeriesTest, tagPredicate, tagsIn, withLater } from './series-choice.ts';
import { finished, type Steps } from './steps.ts';

/** Rows of a block in question: rows[k] for k < count. */
interface Candidates {
  readonly block: Block;
  readonly table: SeriesTable;
  readonly rows: Uint32Array;
  readonly count: number;
}

/** 1 at k where row k passes. */
type Mask = (candidates: Candidates) => Uint8Array;

const FLIPPED: Readonly<Partial<Record<BinaryOperator, BinaryOperator>>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

export class RowFilter {
  readonly #series: SeriesTest | null;
  /** What of it each depends on one tag, and whether the rest passes. */
  readonly #predicates: readonly TagPredicate[];
  readonly #others: SeriesTest | null;
  readonly #mask: Mask | null;
  /** What was found by `ask`, of the series that there were then. */
  #asked: { readonly table: SeriesTable; readonly size: number; readonly choice: SeriesChoice } | null = null;

  constructor(condition: Bound | null) {
    const parts = condition === null ? [] : conjuncts(condition);
    const ofSeries = parts.filter((part) => !mentions(part, 'field'));
    const ofRows = parts.filter((part) => mentions(part, 'field'));
    this.#series = ofSeries.length === 0 ? null : compileSeries(ofSeries.reduce(conjunction));
    const ofTags = ofSeries.filter((part) => tagsIn(part).size === 1);
    const others = ofSeries.filter((part) => tagsIn(part).size !== 1);
    this.#predicates = ofTags.map(tagPredicate);
    this.#others = others.length === 0 ? null : compileSeries(others.reduce(conjunction));
    this.#mask = ofRows.length === 0 ? null : compileMask(ofRows.reduce(conjunction));
  }

  /** The rows of a series do not all pass, or all not. */
  get looksAtRows(): boolean {
    return this.#mask !== null;
  }

  /** Every series may pass, a row by its fields. */
  get isOfRows(): boolean {
    return this.#mask !== null && this.#series === null;
  }

  /** Whether rows of a series may pass. */
  passesSeries(table: SeriesTable, series: number): boolean {
    return this.#series === null || this.#series(table, series);
  }

  /** Finds what `series` gives of a table, in steps, so that it has to look only at series that come later. */
  *ask(table: SeriesTable): Steps<void> {
    if (this.#series === null) return;
    const { size } = table;
    const choice = yield* chooseSeries(table, this.#predicates, this.#others, this.#series);
    this.#asked = { table, size, choice };
  }

  /** The series that rows may pass of: a list where they are few, or null where all may. */
  series(table: SeriesTable): SeriesChoice {
    if (this.#series === null) return null;
    if (this.#asked?.table !== table) finished(this.ask(table));
    const { choice, size } = this.#asked!;
    this.#asked = null;
    return withLater(table, choice, size, this.#series);
  }

  /** Narrows rows[0 … count) of series that may pass, in place; returns the new count. */
  narrow(block: Block, table: SeriesTable, rows: Uint32Array, count: number): number {
    if (this.#mask === null || count === 0) return count;
    const mask = this.#mask({ block, table, rows, count });
    let kept = 0;
    for (let k = 0; k < count; k++) {
      rows[kept] = rows[k];
      kept += mask[k];
    }
    return kept;
  }
}

// private functions

function conjuncts(bound: Bound): Bound[] {
  if (bound.kind === 'binary' && bound.operator === 'AND') return [...conjuncts(bound.left), ...conjuncts(bound.right)];
  return [bound];
}

function conjunction(left: Bound, right: Bound): Bound {
  return { kind: 'binary', operator: 'AND', left, right, type: 'boolean' };
}

function mentions(bound: Bound, kind: Bound['kind']): boolean {
  if (bound.kind === 'binary') return mentions(bound.left, kind) || mentions(bound.right, kind);
  if (bound.kind === 'call') return bound.args.some((argument) => mentions(argument, kind));
  return bound.kind === kind;
}

function compileSeries(bound: Bound): (table: SeriesTable, series: number) => boolean {
  let table: SeriesTable;
  let series = 0;
  const run = compileExpression(bound, (leaf) => (leaf.kind === 'tag' ? table.tag(series, leaf.name) : null));
  return (asked, number) => {
    table = asked;
    series = number;
    return run() === true;
  };
}

function compileMask(bound: Bound): Mask {
  if (!mentions(bound, 'field')) return seriesMask(bound);
  if (bound.kind === 'binary') {
    const { operator, left, right } = bound;
    if (operator === 'AND' || operator === 'OR') return combined(operator, compileMask(left), compileMask(right));
    if (left.kind === 'field' && right.kind === 'regex') return regexMask(left.name, operator, right.pattern, bound);
    const flipped = FLIPPED[operator];
    if (flipped !== undefined && bound.type !== null) {
      if (left.kind === 'field' && right.kind === 'literal') return literalMask(left.name, operator, right, bound);
      if (right.kind === 'field' && left.kind === 'literal') return literalMask(right.name, flipped, left, bound);
    }
  }
  return rowMask(bound);
}

function combined(operator: 'AND' | 'OR', left: Mask, right: Mask): Mask {
  return (candidates) => {
    const a = left(candidates);
    const b = right(candidates);
    if (operator === 'AND') for (let k = 0; k < candidates.count; k++) a[k] &= b[k];
    else for (let k = 0; k < candidates.count; k++) a[k] |= b[k];
    return a;
  };
}

/** Remembers the answer per series: 0 = not asked yet, 1 = no, 2 = yes. */
function seriesMask(bound: Bound): Mask {
  const passes = compileSeries(bound);
  let known = new Uint8Array(0);
  let knownTable: SeriesTable | null = null;
  return ({ block, table, rows, count }) => {
    if (table !== knownTable || known.length < table.size) {
      const longer = new Uint8Array(table.size * 2);
      if (table === knownTable) longer.set(known);
      known = longer;
      knownTable = table;
    }
    const mask = new Uint8Array(count);
    for (let k = 0; k < count; k++) {
      const series = block.series[rows[k]];
      if (known[series] === 0) known[series] = passes(table, series) ? 2 : 1;
      mask[k] = known[series] - 1;
    }
    return mask;
  };
}

function literalMask(
  field: string,
  operator: BinaryOperator,
  literal: Bound & { kind: 'literal' },
  whole: Bound,
): Mask {
  const slow = rowMask(whole);
  const { value } = literal;
  return (candidates) => {
    const column = candidates.block.columns.get(field);
    if (column === undefined) return new Uint8Array(candidates.count);
    if (column.type === 'string') {
      if (typeof value !== 'string') return new Uint8Array(candidates.count);
      const test = (text: string): boolean => compares(operator, compareText(text, value), 0);
      return textMask(column, candidates, test);
    }
    if (typeof value === 'number' && column.values instanceof Float64Array) {
      return numberMask(column.values, column.present, operator, value, candidates);
    }
    return slow(candidates);
  };
}

function numberMask(
  values: Float64Array,
  present: Uint8Array | null,
  operator: BinaryOperator,
  literal: number,
  { rows, count }: Candidates,
): Uint8Array {
  const mask = new Uint8Array(count);
  switch (operator) {
    case '=':
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] === literal ? 1 : 0;
      break;
    case '!=':
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] !== literal ? 1 : 0;
      break;
    case '<':
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] < literal ? 1 : 0;
      break;
    case '<=':
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] <= literal ? 1 : 0;
      break;
    case '>':
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] > literal ? 1 : 0;
      break;
    default:
      for (let k = 0; k < count; k++) mask[k] = values[rows[k]] >= literal ? 1 : 0;
  }
  if (present !== null) for (let k = 0; k < count; k++) mask[k] &= present[rows[k]];
  return mask;
}

function regexMask(field: string, operator: BinaryOperator, pattern: string, bound: Bound & { kind: 'binary' }): Mask {
  const regex = compileRegex(pattern);
  const wanted = operator === '=~';
  return (candidates) => {
    const column = candidates.block.columns.get(field);
    if (column?.type !== 'string' || bound.type === null) return new Uint8Array(candidates.count);
    return textMask(column, candidates, (text) => regex.test(text) === wanted);
  };
}

/** Asks once per distinct text: 0 = not asked yet, 1 = no, 2 = yes. */
function textMask(
  column: Column & { type: 'string' },
  { rows, count }: Candidates,
  test: (text: string) => boolean,
): Uint8Array {
  const { values, present, dictionary } = column;
  const known = new Uint8Array(dictionary.size);
  const mask = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    const row = rows[k];
    if (present !== null && present[row] === 0) continue;
    const text = values[row];
    if (known[text] === 0) known[text] = test(dictionary.get(text)) ? 2 : 1;
    mask[k] = known[text] - 1;
  }
  return mask;
}

/** Row by row: arithmetic, field against field, 64-bit integers. */
function rowMask(bound: Bound): Mask {
  let row = 0;
  let current: Candidates;
  let readers = new Map<string, (row: number) => ReturnType<ReturnType<typeof columnReader>>>();
  const run = compileExpression(bound, (leaf) => {
    if (leaf.kind === 'tag') return current.table.tag(current.block.series[row], leaf.name);
    if (leaf.kind !== 'field') return null;
    let read = readers.get(leaf.name);
    if (read === undefined) {
      read = columnReader(current.block.columns.get(leaf.name) ?? null);
      readers.set(leaf.name, read);
    }
    return read(row);
  });
  return (candidates) => {
    current = candidates;
    readers = new Map();
    const mask = new Uint8Array(candidates.count);
    for (let k = 0; k < candidates.count; k++) {
      row = candidates.rows[k];
      mask[k] = run() === true ? 1 : 0;
    }
    return mask;
  };
}
