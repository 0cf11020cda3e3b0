/**
 * PairWriter: rows of cells that two sides share (planner/pair.ts) into a TableWriter. A side has a row in a window where it has one
 * of the values that are asked of it; where one side has none, the pair has none, or what FILL says.
 */
import type { Value } from '../../../model/index.ts';
import type { Bound, Plan, PlanPair } from '../../planner/plan.ts';
import { compileExpression } from '../rows/expression.ts';
import { fillValue } from '../source/columns.ts';
import type { Group } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import { type RowWriter, TableWriter } from './table-writer.ts';
import type { WindowTimes } from './window-times.ts';

const NONE: readonly ResultTable[] = [];

export class PairWriter implements RowWriter {
  readonly #pair: PlanPair;
  readonly #writer: TableWriter;
  /** By side. */
  readonly #asked: readonly (readonly (() => Value)[])[];
  readonly #columns: readonly (() => Value)[];
  /** What a column is where its side has no row. */
  readonly #fills: readonly Value[];
  #values: readonly Value[] = [];

  constructor(plan: Plan, pair: PlanPair, times?: WindowTimes) {
    const compiled = (bound: Bound): (() => Value) =>
      compileExpression(bound, (leaf) => (leaf.kind === 'column' ? this.#values[leaf.index] : null));
    this.#pair = pair;
    this.#writer = new TableWriter(plan, times);
    this.#asked = pair.asked.map((side) => side.map(compiled));
    this.#columns = pair.columns.map(({ expression }) => compiled(expression));
    this.#fills = pair.columns.map(({ type }) =>
      pair.fill?.kind === 'value' ? fillValue(pair.fill.value, type) : null,
    );
  }

  start(group: Group): void {
    this.#writer.start(group);
  }

  get full(): boolean {
    return this.#writer.full;
  }

  add(time: bigint, values: readonly Value[], window?: number): readonly ResultTable[] {
    this.#values = values;
    const missing = this.#asked.map((side) => side.every((value) => value() === null));
    if (missing.includes(true) && (this.#pair.fill === null || !missing.includes(false))) return NONE;
    const row = this.#columns.map((value, c) => (missing[this.#pair.columns[c].side] ? this.#fills[c] : value()));
    return row.every((value) => value === null) ? NONE : this.#writer.add(time, row, window);
  }

  finish(): readonly ResultTable[] {
    return this.#writer.finish();
  }
}
