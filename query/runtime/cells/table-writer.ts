/**
 * TableWriter: rows of one series of an answer into tables of bounded size. Computes the outputs of the plan, applies LIMIT and
 * OFFSET. What the chosen point lacks is the number of fill(number), where it is stated, or with fill(previous) what the row before has. A
 * series that is longer than one table comes
 * as several, one right after the other, alike in name and tags.
 */
import { OFFSET_MAX, type Value } from '../../../model/index.ts';
import { answerColumns, type Plan } from '../../planner/plan.ts';
import { compileExpression } from '../rows/expression.ts';
import { groupKey } from '../rows/groups.ts';
import { ColumnBuilder } from '../source/columns.ts';
import type { Group } from '../source/partial.ts';
import type { FieldColumn, ResultTable } from '../source/result.ts';
import { RowLimit } from '../source/row-limit.ts';
import { insteadOf, ofNothing, takesPrevious } from './fill-beyond.ts';
import type { WindowTimes } from './window-times.ts';

/** Rows of one table: some hundred kilobytes, so that an answer is encoded and sent while it is made. */
export const TABLE_ROWS_MAX = 10_000;

/** What stage 2 writes rows to. */
export interface RowWriter {
  /** Begins a series; the one before must be finished. `has`: which of the plan's aggregates have a value in it. */
  start(group: Group, has?: readonly boolean[]): void;
  /** LIMIT is reached: further rows of this series would be left out. */
  readonly full: boolean;
  /**
   * Adds a row, values by the plan's aggregates and columns, `window` where its edges are asked for. Gives the tables that had to be
   * closed for it.
   */
  add(time: bigint, values: readonly Value[], window?: number): readonly ResultTable[];
  /** What has to be computed behind the last row, in small steps; taken to its end before `finish`. Not there = nothing. */
  end?(): Generator<void>;
  /** What is left of the series. */
  finish(): readonly ResultTable[];
}

/** A table, or null: a place at which a long computation may be left for a while, or given up. */
export type TableStep = ResultTable | null;

const NONE: readonly ResultTable[] = [];

export class TableWriter implements RowWriter {
  readonly #plan: Plan;
  readonly #columns: ColumnBuilder[];
  readonly #compute: (() => Value)[];
  readonly #names: readonly string[];
  #values: readonly Value[] = [];
  #window = 0;
  #group: Group = { name: '', tags: [] };
  #times: Float64Array = new Float64Array(64);
  #rows = 0;
  #base = 0n;
  readonly #limit: RowLimit;
  /** Of the row before in the series; null where nothing is taken from it. */
  #before: readonly Value[] | null;
  readonly #instead: readonly (number | bigint | null)[];

  /** `times`: of the windows of rows, where their edges are asked for. */
  constructor(plan: Plan, times: WindowTimes | null = null) {
    this.#plan = plan;
    this.#limit = new RowLimit(plan);
    const nothing = ofNothing(plan);
    this.#before = takesPrevious(plan) ? [] : null;
    this.#instead = insteadOf(plan);
    this.#columns = plan.outputs.map(({ type }) => new ColumnBuilder(type));
    this.#compute = plan.outputs.map(({ expression }) =>
      compileExpression(expression, (leaf) => {
        if (leaf.kind === 'edge') return leaf.of === 'number' ? this.#window : times![leaf.of](this.#window);
        return leaf.kind === 'column' ? (this.#values[leaf.index] ?? nothing[leaf.index] ?? null) : null;
      }),
    );
    this.#names = answerColumns(plan);
  }

  start(group: Group): void {
    this.#group = group;
    this.#limit.start();
    if (this.#before !== null) this.#before = [];
  }

  get full(): boolean {
    return this.#limit.full;
  }

  add(time: bigint, values: readonly Value[], window = 0): readonly ResultTable[] {
    const before = this.#before;
    if (before !== null) this.#before = values = values.map((value, i) => value ?? before[i] ?? null);
    if (!this.#limit.admits()) return NONE;
    let closed = NONE;
    const ahead = time - this.#base;
    if (this.#rows === TABLE_ROWS_MAX || ahead > OFFSET_MAX || ahead < -OFFSET_MAX) closed = this.finish();
    if (this.#rows === 0) this.#base = time;
    if (this.#rows === this.#times.length) {
      const longer = new Float64Array(this.#rows * 2);
      longer.set(this.#times);
      this.#times = longer;
    }
    this.#times[this.#rows++] = Number(time - this.#base);
    this.#values = values;
    this.#window = window;
    for (let i = 0; i < this.#columns.length; i++) this.#columns[i].push(this.#compute[i]());
    return closed;
  }

  finish(): readonly ResultTable[] {
    if (this.#rows === 0) return NONE;
    const times = { base: this.#base, offsets: this.#times.slice(0, this.#rows) };
    const table = finishTable(this.#plan, this.#group, this.#names, times, this.#columns, this.#instead);
    this.#rows = 0;
    return [table];
  }
}

/** The rows of a group that stand in these builders, which begin anew. */
export function finishTable(
  plan: Plan,
  group: Group,
  names: readonly string[],
  times: { readonly base: bigint; readonly offsets: Float64Array },
  columns: readonly ColumnBuilder[],
  instead: readonly (number | bigint | null)[] = [],
): ResultTable {
  const { zone } = plan;
  return {
    name: group.name,
    tags: tagsOf(plan, group),
    columns: names,
    rows: times.offsets.length,
    data: [
      { type: 'time', ...times, ...(zone && { zone }) },
      ...columns.map((column, i) => withInstead(column.finish(), instead[i] ?? null)),
    ],
  };
}

/** A finished table's tags for a group. */
export function tagsOf({ groupBy }: Plan, { tags }: Group): ResultTable['tags'] {
  return groupBy.length === 0 ? null : groupBy.map((key, i) => [key, tags[i]] as const);
}

/** SLIMIT and SOFFSET: which series of a measurement are wanted. SOFFSET alone leaves none, as InfluxDB has it. */
export class SeriesWindow {
  readonly #plan: Plan;
  readonly #only: ReadonlySet<string> | null;
  #name: string | null = null;
  #seen = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#only = plan.onlySeries === undefined ? null : new Set(plan.onlySeries.map(groupKey));
  }

  /** Called once per series, in the order of the answer. */
  admits(group: Group): boolean {
    if (this.#only !== null) return this.#only.has(groupKey(group));
    const { seriesLimit, seriesOffset } = this.#plan;
    if (group.name !== this.#name) {
      this.#name = group.name;
      this.#seen = 0;
    }
    const place = this.#seen++;
    return (seriesLimit === 0 && seriesOffset === 0) || (place >= seriesOffset && place < seriesOffset + seriesLimit);
  }
}

// private functions

function withInstead(column: FieldColumn, instead: number | bigint | null): FieldColumn {
  return instead === null || column.present === null ? column : { ...column, instead };
}
