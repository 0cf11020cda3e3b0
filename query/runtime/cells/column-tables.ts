/**
 * ColumnTables: merged rows of one series of an answer into tables of bounded size, column by column, for plans whose outputs are
 * columns as they are. Applies LIMIT and OFFSET. Gives what TableWriter would give row by row.
 */
import { OFFSET_MAX } from '../../../model/index.ts';
import { answerColumns, type Plan } from '../../planner/plan.ts';
import { ColumnBuilder } from '../source/columns.ts';
import type { Group, RowsPartial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import { RowLimit } from '../source/row-limit.ts';
import { finishTable, TABLE_ROWS_MAX } from './table-writer.ts';

/** A table with as many rows is given as it is, rather than filled up by copies. */
const TABLE_ROWS_MIN = 4_096;

/** Rows in order: row rows[k] of partials[from[k]], for k < count. */
export interface Picks {
  readonly partials: readonly RowsPartial[];
  readonly from: Uint16Array;
  readonly rows: Uint32Array;
  readonly count: number;
  readonly base: bigint;
  /** Of each pick, from `base`; |offset| ≤ OFFSET_MAX. */
  readonly offsets: Float64Array;
}

/** What merged rows of one series go to. */
export interface PickWriter {
  start(group: Group): void;
  /** LIMIT is reached: further rows of this series would be left out. */
  readonly full: boolean;
  add(picks: Picks): Iterable<ResultTable>;
  /** All rows of a partial have been added, or are left out. */
  done?(partial: RowsPartial): void;
  finish(): Iterable<ResultTable>;
}

export function hasPlainOutputs({ transforms, outputs }: Plan): boolean {
  return transforms.length === 0 && outputs.every(({ expression }) => expression.kind === 'column');
}

/** Rows of a table at most: fewer where a series has no more. */
export function tableRowsMax({ limit, offset }: Plan): number {
  return limit > 0 ? Math.min(TABLE_ROWS_MAX, limit + offset) : TABLE_ROWS_MAX;
}

export class ColumnTables implements PickWriter {
  readonly #plan: Plan;
  /** By output: the plan's column. */
  readonly #columns: readonly number[];
  readonly #names: readonly string[];
  readonly #builders: readonly ColumnBuilder[];
  #group: Group = { name: '', tags: [] };
  readonly #times: Float64Array;
  #rows = 0;
  #base = 0n;
  readonly #limit: RowLimit;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#limit = new RowLimit(plan);
    this.#times = new Float64Array(tableRowsMax(plan));
    this.#columns = plan.outputs.map(({ expression }) => (expression.kind === 'column' ? expression.index : -1));
    this.#names = answerColumns(plan);
    this.#builders = plan.outputs.map(({ type }) => new ColumnBuilder(type));
  }

  start(group: Group): void {
    this.#group = group;
    this.#limit.start();
  }

  get full(): boolean {
    return this.#limit.full;
  }

  *add(picks: Picks): Generator<ResultTable> {
    const [first, end] = this.#limit.take(picks.count);
    let from = first;
    while (from < end) {
      const shift = Number(picks.base - this.#base);
      const isNear =
        Math.abs(shift + picks.offsets[from]) <= OFFSET_MAX && Math.abs(shift + picks.offsets[end - 1]) <= OFFSET_MAX;
      if (this.#rows > 0 && (this.#rows === this.#times.length || !isNear)) yield this.#table();
      if (this.#rows === 0) this.#base = picks.base + BigInt(picks.offsets[from]);
      const to = Math.min(end, from + this.#times.length - this.#rows);
      this.#append(picks, from, to);
      from = to;
    }
    if (this.#rows >= TABLE_ROWS_MIN) yield this.#table();
  }

  *finish(): Generator<ResultTable> {
    if (this.#rows > 0) yield this.#table();
  }

  // private functions

  #append({ partials, from, rows, base, offsets }: Picks, start: number, end: number): void {
    const shift = Number(base - this.#base);
    for (let k = start; k < end; k++) this.#times[this.#rows++] = shift + offsets[k];
    const fromPart = from.subarray(start, end);
    const rowsPart = rows.subarray(start, end);
    for (const [o, column] of this.#columns.entries()) {
      const columns = partials.map((partial) => partial.columns[column]);
      this.#builders[o].appendMixed(columns, fromPart, rowsPart, end - start);
    }
  }

  #table(): ResultTable {
    const times = { base: this.#base, offsets: this.#times.slice(0, this.#rows) };
    const table = finishTable(this.#plan, this.#group, this.#names, times, this.#builders);
    this.#rows = 0;
    return table;
  }
}
