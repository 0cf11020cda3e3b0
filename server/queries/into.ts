/**
 * SELECT … INTO: the tables of an answer as line protocol through the same door as every other write, in bodies of bounded size. The
 * tags of a row are those the statement groups by, and those that top and bottom name; all other columns are fields. A row without
 * any value is not written. What was written before an error stays written.
 */
import { integerColumn } from '../../model/index.ts';
import { chosenTags, QueryError, type ResultTable, type SelectStatement, WINDOW_TAG } from '../../query/index.ts';
import { linesOf } from './answers/index.ts';
import { byLength, isCumulated } from './cumulated.ts';

/** A body is sent when it grows past this. */
const BODY_CHARACTERS = 1024 * 1024;

export type WriteLines = (call: {
  readonly database: string;
  readonly retentionPolicy: string;
  /** ns. */
  readonly now: bigint;
  readonly lines: Uint8Array<ArrayBuffer>;
}) => Promise<{ readonly rows: number; readonly message: string | null }>;

type Tables = AsyncIterable<ResultTable> | Iterable<ResultTable>;
type WriteBody = (
  lines: Uint8Array<ArrayBuffer>,
) => Promise<{ readonly rows: number; readonly message: string | null }>;

/** The rows of a SELECT that was asked `withEdges`. As `writeInto`. */
export function writeRows(
  select: SelectStatement,
  tables: Tables,
  measurement: string | null,
  write: WriteBody,
): Promise<ResultTable> {
  const tags = chosenTags(select.fields);
  if (!isCumulated(select)) return writeInto(tables, measurement, tags, write);
  return writeInto(lengthened(tables), measurement, [...tags, WINDOW_TAG], write);
}

/** Gives the answer to the statement: how many points were written. `measurement` null = that of each row. */
export async function writeInto(
  tables: Tables,
  measurement: string | null,
  tagColumns: readonly string[],
  write: WriteBody,
): Promise<ResultTable> {
  let body = '';
  let written = 0;
  const send = async (): Promise<void> => {
    if (body === '') return;
    const { rows, message } = await write(new TextEncoder().encode(body));
    if (message !== null) throw new QueryError('invalid', message);
    written += rows;
    body = '';
  };
  for await (const table of tables) {
    for (const line of linesOf(table, measurement ?? table.name, tagColumns)) {
      body += line;
      if (body.length > BODY_CHARACTERS) await send();
    }
  }
  await send();
  return {
    name: 'result',
    tags: null,
    columns: ['time', 'written'],
    rows: 1,
    data: [{ type: 'time', base: 0n, offsets: new Float64Array(1) }, integerColumn([written])],
  };
}

// private functions

async function* lengthened(tables: Tables): AsyncGenerator<ResultTable> {
  for await (const table of tables) yield byLength(table);
}
