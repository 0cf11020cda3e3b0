/**
 * SideReader: one side of a join, group by group. Its tables come grouped by the tags of ON, in their order, the rows of a group in
 * order of time. A table becomes a SideTable: times that compare without bigints, and the tags of each row as a number. It asks for the
 * tables of the side one by one, whoever has them: `Reading`.
 */
import { type Column, compareText, type Value } from '../../../model/index.ts';
import { highOf, lowOf, splitTime } from '../../functions/slot-time.ts';
import type { Plan } from '../../planner/plan.ts';
import { ColumnBuilder } from '../source/columns.ts';
import type { ResultColumn, ResultTable, TimeColumn } from '../source/result.ts';

/** Asks for the next table of a side by its number; null is given to it where there is none. */
export type Reading<T> = Generator<0 | 1, T, ResultTable | null>;

export interface SideTable {
  readonly rows: number;
  /** Times as in slot-time.ts. */
  readonly high: Float64Array;
  readonly low: Float64Array;
  /** By output of the side's plan. */
  readonly columns: readonly Column[];
  /** Of each row the number of its tags in the SideReader's `tagSets`; null = all have number 0. */
  readonly tagSet: Uint32Array | null;
  readonly bytes: number;
}

export class SideReader {
  /** Values of the side's tag outputs, each set once. */
  readonly tagSets: string[][] = [];
  /** One row that stands for a row that is not there. */
  readonly nothing: SideTable;
  readonly #plan: Plan;
  /** Fields of which a row has to have one: the first so many outputs. */
  readonly #asked: number;
  readonly #side: 0 | 1;
  readonly #numbers = new Map<string, number>();
  /** undefined = to be asked for. */
  #head: ResultTable | null | undefined;

  /** `fill`: the value of outputs of a type where there is no row. */
  constructor(side: 0 | 1, plan: Plan, asked: number, fill: (output: number) => Value) {
    this.#side = side;
    this.#plan = plan;
    this.#asked = asked;
    const columns = plan.outputs.map(({ type }, output) => {
      const builder = new ColumnBuilder(type);
      builder.push(this.#isTag(output) ? null : fill(output));
      return builder.finish();
    });
    this.nothing = this.#table([{ type: 'time', base: 0n, offsets: new Float64Array(1) }, ...columns], 1);
  }

  /** Values of the keys of the group that comes next; null = the side has ended. */
  *group(): Reading<readonly string[] | null> {
    if (this.#head === undefined) this.#head = yield this.#side;
    return this.#head === null ? null : (this.#head.tags ?? []).map(([, value]) => value);
  }

  /** The next table of a group; null = there is none. */
  *next(group: readonly string[]): Reading<SideTable | null> {
    for (;;) {
      const head = yield* this.group();
      if (head === null || compareKeys(head, group) !== 0) return null;
      const { data, rows } = this.#head!;
      this.#head = undefined;
      const table = this.#table(...this.#chosen(data, rows));
      if (table.rows > 0) return table;
    }
  }

  *skip(group: readonly string[]): Reading<void> {
    for (let head = yield* this.group(); head !== null && compareKeys(head, group) === 0; head = yield* this.group()) {
      this.#head = undefined;
    }
  }

  /** How many outputs come before the tags. */
  get fieldOutputs(): number {
    return this.#plan.outputs.filter((_, output) => !this.#isTag(output)).length;
  }

  // private functions

  #isTag(output: number): boolean {
    const { expression } = this.#plan.outputs[output];
    return expression.kind === 'column' && this.#plan.columns[expression.index]?.kind === 'tag';
  }

  /** Without the rows that have none of the fields asked for: they are here for a condition only. */
  #chosen(data: readonly ResultColumn[], rows: number): [ResultColumn[], number] {
    const [time, ...columns] = data as [TimeColumn, ...Column[]];
    const asked = columns.slice(0, this.#asked);
    const others = columns.slice(this.#asked).some((_, i) => !this.#isTag(this.#asked + i));
    if (!others || asked.some(({ present }) => present === null)) return [[time, ...columns], rows];
    const kept = Uint32Array.from({ length: rows }, (_, row) => row).filter((row) =>
      asked.some(({ present }) => present![row] === 1),
    );
    if (kept.length === rows) return [[time, ...columns], rows];
    const gathered = columns.map((column) => {
      const builder = new ColumnBuilder(column.type, kept.length);
      builder.append(column, kept, kept.length);
      return builder.finish();
    });
    const offsets = Float64Array.from(kept, (row) => time.offsets[row]);
    return [[{ type: 'time', base: time.base, offsets }, ...gathered], kept.length];
  }

  #table(data: readonly ResultColumn[], rows: number): SideTable {
    const [time, ...columns] = data as [TimeColumn, ...Column[]];
    const base = splitTime(time.base);
    const high = new Float64Array(rows);
    const low = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const sum = base.low + time.offsets[row];
      high[row] = highOf(base.high, sum);
      low[row] = lowOf(sum);
    }
    const bytes = rows * (16 + 8 * columns.length) + columns.reduce((sum, column) => sum + textBytes(column), 0);
    return { rows, high, low, columns, tagSet: this.#tagSetOf(columns, rows), bytes };
  }

  /** Column by column: rows that were alike so far and have the same value stay alike. */
  #tagSetOf(columns: readonly Column[], rows: number): Uint32Array | null {
    const tags = columns.filter((column, output): column is Column & { type: 'string' } => this.#isTag(output));
    if (tags.length === 0) {
      if (this.tagSets.length === 0) this.tagSets.push([]);
      return null;
    }
    const alike = new Uint32Array(rows);
    let first = [0];
    for (const { values, dictionary, present } of tags) {
      const met = new Map<number, number>();
      first = [];
      for (let row = 0; row < rows; row++) {
        const text = present !== null && present[row] === 0 ? dictionary.size : values[row];
        const key = alike[row] * (dictionary.size + 1) + text;
        let number = met.get(key);
        if (number === undefined) met.set(key, (number = first.push(row) - 1));
        alike[row] = number;
      }
    }
    const numbers = first.map((row) =>
      this.#number(
        tags.map(({ values, dictionary, present }) => (present?.[row] === 0 ? '' : dictionary.get(values[row]))),
      ),
    );
    return alike.map((number) => numbers[number]);
  }

  #number(set: string[]): number {
    const key = JSON.stringify(set);
    let number = this.#numbers.get(key);
    if (number === undefined) this.#numbers.set(key, (number = this.tagSets.push(set) - 1));
    return number;
  }
}

/** The order in which both sides give their groups. */
export function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareText(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

// private functions

function textBytes(column: Column): number {
  return column.type === 'string' ? column.dictionary.bytes.length : 0;
}
