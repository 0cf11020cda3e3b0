/**
 * RowCondition: whether a condition holds for rows of an answer, by the names of its columns and tags. The same rules as those of a
 * WHERE over a subquery: a comparison with an absent value is false. Compiled once for each shape of table.
 */
import type { FieldType } from '../../../model/index.ts';
import type { Expression } from '../../language/ast.ts';
import { bindCondition } from '../../planner/bind.ts';
import { columnReader } from '../source/columns.ts';
import type { ResultTable } from '../source/result.ts';
import { compileExpression } from './expression.ts';

/** Shapes remembered; an answer has one, and another when its schema changes. */
const SHAPES_MAX = 16;

export class RowCondition {
  readonly #expression: Expression;
  readonly #compiled = new Map<string, (table: ResultTable) => (row: number) => boolean>();

  constructor(expression: Expression) {
    this.#expression = expression;
  }

  /** Gives the question for the rows of this table. Throws QueryError where no row could be asked. */
  over(table: ResultTable): (row: number) => boolean {
    const shape = JSON.stringify([table.columns, table.data.map(({ type }) => type), table.tags?.map(([key]) => key)]);
    let ask = this.#compiled.get(shape);
    if (ask === undefined) {
      if (this.#compiled.size === SHAPES_MAX) this.#compiled.clear();
      this.#compiled.set(shape, (ask = compile(this.#expression, table)));
    }
    return ask(table);
  }
}

// private functions

function compile(
  expression: Expression,
  { columns, data, tags }: ResultTable,
): (table: ResultTable) => (row: number) => boolean {
  const fields = new Map<string, FieldType>();
  for (const [c, { type }] of data.entries()) if (type !== 'time') fields.set(columns[c], type);
  const bound = bindCondition(expression, { fields, tagKeys: (tags ?? []).map(([key]) => key) });
  const places = new Map(columns.map((name, c) => [name, c]));
  let table: ResultTable;
  let row = 0;
  let readers: ReturnType<typeof columnReader>[] = [];
  const run = compileExpression(bound, (leaf) => {
    if (leaf.kind === 'tag') return table.tags?.find(([key]) => key === leaf.name)?.[1] ?? '';
    return leaf.kind === 'field' ? readers[places.get(leaf.name)!](row) : null;
  });
  return (asked) => {
    const own = asked.data.map((column) => columnReader(column.type === 'time' ? null : column));
    return (number) => {
      table = asked;
      readers = own;
      row = number;
      return run() === true;
    };
  };
}
