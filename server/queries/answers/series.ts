/** Tables as series: which consecutive tables belong together, and the rows of a statement cut into runs of bounded length. */
import type { ResultTable } from '../../../query/index.ts';

/** Rows [from, to) of a table. */
export interface Run {
  readonly table: ResultTable;
  readonly from: number;
  readonly to: number;
  /** True: the first rows of a series. */
  readonly starts: boolean;
  /** True: its last rows. */
  readonly ends: boolean;
}

/** Rows that are turned to text at once; bounds what is held beside the piece being filled. */
const RUN_ROWS_MAX = 1024;

export function sameSeries(a: ResultTable, b: ResultTable): boolean {
  if (a.name !== b.name || !sameTexts(a.columns, b.columns)) return false;
  if (a.tags === null || b.tags === null) return a.tags === b.tags;
  const other = b.tags;
  return a.tags.length === other.length && a.tags.every(([k, v], i) => k === other[i][0] && v === other[i][1]);
}

export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]));
}

/** The tables of a statement as runs: consecutive tables of one series follow one another as one. */
export async function* runsOf(tables: Iterable<ResultTable> | AsyncIterable<ResultTable>): AsyncGenerator<Run> {
  let held: ResultTable | null = null;
  let starts = true;
  for await (const table of tables) {
    if (held !== null) {
      const ends = !sameSeries(held, table);
      yield* cut(held, starts, ends);
      starts = ends;
    }
    held = table;
  }
  if (held !== null) yield* cut(held, starts, true);
}

// private functions

function* cut(table: ResultTable, starts: boolean, ends: boolean): Generator<Run> {
  const most = table.texts === undefined ? RUN_ROWS_MAX : table.rows;
  let from = 0;
  do {
    const to = Math.min(table.rows, from + most);
    yield { table, from, to, starts: starts && from === 0, ends: ends && to === table.rows };
    from = to;
  } while (from < table.rows);
}
