/**
 * RowFilter: the condition of one source of a plan, in two parts. What depends on tags alone is asked once per series; the rest runs
 * over columns and narrows a list of rows. A comparison with an absent value is false. Stateless but for what it remembers of series. Long,
 * as each kind of comparison has its loop.
 */
import type { Block, Column, Presence, SeriesChoice, SeriesTable, TagPredicate } from '../../../model/index.ts';
import { compareText, rowsOfRuns } from '../../../model/index.ts';
import type { BinaryOperator } from '../../language/ast.ts';
import { compileRegex } from '../../language/regex.ts';
import type { Bound } from '../../planner/plan.ts';
import { columnReader } from '../source/columns.ts';
import { finished, type Steps } from '../source/steps.ts';
import { compares, compileExpression } from './expression.ts';
import { FLIPPED, type Interval, intervalOf, isOfDoubles, narrowed, passing, rowsWithin } from './field-interval.ts';
import { chooseSeries, type SeriesTest, tagPredicate, tagsIn, withLater } from './series-choice.ts';

/** Rows of a block in question: rows[k] for k < count. */
interface Candidates {
  readonly block: Block;
  readonly table: SeriesTable;
  readonly rows: Uint32Array;
  readonly count: number;
}

/** 1 at k where row k passes. */
type Mask = (candidates: Candidates) => Uint8Array;

export class RowFilter {
  readonly #series: SeriesTest | null;
  /** What of it each depends on one tag, and whether the rest passes. */
  readonly #predicates: readonly TagPredicate[];
  readonly #others: SeriesTest | null;
  /** Conditions of rows, each asked of those that passed the ones before; first among them, where there is one, that of an interval. */
  readonly #masks: readonly Mask[];
  readonly #interval: ReturnType<typeof intervalOf>;
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
    const intervals = ofRows.map(intervalOf);
    const first = intervals.findIndex((interval) => interval !== null);
    this.#interval = intervals[first] ?? null;
    if (first > 0) ofRows.unshift(...ofRows.splice(first, 1));
    this.#masks = ofRows.map(compileMask);
  }

  /** The rows of a series do not all pass, or all not. */
  get looksAtRows(): boolean {
    return this.#masks.length > 0;
  }

  /** Every series may pass, a row by its fields. */
  get isOfRows(): boolean {
    return this.looksAtRows && this.#series === null;
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
    const interval = this.#interval;
    const column = interval === null ? undefined : block.columns.get(interval.field);
    if (interval === null || !isOfDoubles(column)) return this.#narrow(0, block, table, rows, count);
    const found = narrowed(column.values, interval.interval, rows, count);
    return this.#narrow(1, block, table, rows, withValues(column.present, rows, found));
  }

  /**
   * The rows among `stretches` that pass, whatever their series, written to `rows`, which has room for all; returns how many. A stretch is
   * two row numbers as in Block.runs.
   */
  passing(block: Block, table: SeriesTable, stretches: Uint32Array, rows: Uint32Array): number {
    const interval = this.#interval;
    const column = interval === null ? undefined : block.columns.get(interval.field);
    if (interval === null || !isOfDoubles(column)) {
      const all = rowsOfRuns(stretches);
      rows.set(all);
      return this.narrow(block, table, rows, all.length);
    }
    const found = rowsWithin(column.values, interval.interval, stretches, rows);
    return this.#narrow(1, block, table, rows, withValues(column.present, rows, found));
  }

  // private functions

  /** By the masks from the `first` on. */
  #narrow(first: number, block: Block, table: SeriesTable, rows: Uint32Array, count: number): number {
    let kept = count;
    for (let m = first; m < this.#masks.length && kept > 0; m++) {
      const mask = this.#masks[m]({ block, table, rows, count: kept });
      const asked = kept;
      kept = 0;
      for (let k = 0; k < asked; k++) {
        rows[kept] = rows[k];
        kept += mask[k];
      }
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

/** Narrows rows[0 … count) to those that are present. */
function withValues(present: Presence, rows: Uint32Array, count: number): number {
  if (present === null) return count;
  let kept = 0;
  for (let k = 0; k < count; k++) {
    rows[kept] = rows[k];
    kept += present[rows[k]];
  }
  return kept;
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
  const isOthers = operator === '!=';
  const interval = typeof value === 'number' ? passing(isOthers ? '=' : operator, value) : null;
  return (candidates) => {
    const column = candidates.block.columns.get(field);
    if (column === undefined) return new Uint8Array(candidates.count);
    if (column.type === 'string') {
      if (typeof value !== 'string') return new Uint8Array(candidates.count);
      const test = (text: string): boolean => compares(operator, compareText(text, value), 0);
      return textMask(column, candidates, test);
    }
    if (interval === null || !isOfDoubles(column)) return slow(candidates);
    return numberMask(column, interval, !isOthers, candidates);
  };
}

/** `isInside` false: the others pass, NaN among them. */
function numberMask(
  { values, present }: Column & { values: Float64Array },
  { low, high }: Interval,
  isInside: boolean,
  { rows, count }: Candidates,
): Uint8Array {
  const mask = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    const value = values[rows[k]];
    mask[k] = (value >= low && value <= high) === isInside ? 1 : 0;
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
