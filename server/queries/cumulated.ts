/**
 * Rows of windows of cumulate() as points. Those that begin together have one time, so each becomes a series of its own, as the kinds of
 * windows(…) are: by the tag `window`, which says how long its window is. The query is asked for the edges, which are no fields.
 */
import { textColumn } from '../../model/index.ts';
import {
  columnReader,
  printDuration,
  QueryError,
  type ResultColumn,
  type ResultTable,
  type SelectField,
  type SelectStatement,
  WINDOW_TAG,
} from '../../query/index.ts';

const START = 'start of its window';
const END = 'end of its window';

export function isCumulated({ dimensions }: SelectStatement): boolean {
  return dimensions.some((dimension) => dimension.kind === 'window' && dimension.window.of === 'cumulate');
}

/** Asks for the edges besides. Throws QueryError where its series have the tag already. */
export function withEdges(select: SelectStatement): SelectStatement {
  if (!isCumulated(select)) return select;
  const named = [...select.dimensions.map(nameOf), ...select.fields.map(({ alias }) => alias)];
  if (named.includes(WINDOW_TAG)) {
    const reason = `points of cumulate() get the tag "${WINDOW_TAG}", which says how long their window is`;
    throw new QueryError('invalid', `INTO: ${reason}: no other tag or column of this name has a place`);
  }
  return { ...select, fields: [...select.fields, edge('_start', START), edge('_end', END)] };
}

/** A table of rows with their edges, with the length of their windows in place of these. */
export function byLength(table: ResultTable): ResultTable {
  const [start, end] = [START, END].map((name) => table.columns.indexOf(name));
  const [from, to] = [start, end].map((at) => columnReader(fieldAt(table, at)));
  const lengths = Array.from({ length: table.rows }, (_, row) => printDuration(BigInt(to(row)!) - BigInt(from(row)!)));
  const kept = <T>(values: readonly T[], length: T): T[] => [
    ...values.filter((_, at) => at !== start && at !== end),
    length,
  ];
  return {
    ...table,
    columns: kept(table.columns, WINDOW_TAG),
    data: kept<ResultColumn>(table.data, textColumn(lengths)),
  };
}

// private functions

function nameOf(dimension: SelectStatement['dimensions'][number]): string | null {
  return dimension.kind === 'tag' ? dimension.name : null;
}

function edge(name: '_start' | '_end', alias: string): SelectField {
  return { expression: { kind: 'reference', name, cast: null }, alias };
}

function fieldAt({ data }: ResultTable, at: number) {
  const column = data[at];
  return column.type === 'time' ? null : column;
}
