/**
 * SELECT … INTO: the tables of an answer as line protocol through the same door as every other write, in bodies of bounded size. The
 * tags of a row are those the statement groups by, and those that top and bottom name; all other columns are fields. A row without
 * any value is not written. What was written before an error stays written.
 */
import { integerColumn } from '../../model/index.ts';
import { QueryError, type ResultTable } from '../../query/index.ts';
import { linesOf } from './answers/index.ts';

/** A body is sent when it grows past this. */
const BODY_CHARACTERS = 1024 * 1024;

export type WriteLines = (call: {
  readonly database: string;
  readonly retentionPolicy: string;
  /** ns. */
  readonly now: bigint;
  readonly lines: Uint8Array<ArrayBuffer>;
}) => Promise<{ readonly rows: number; readonly message: string | null }>;

type WriteBody = (
  lines: Uint8Array<ArrayBuffer>,
) => Promise<{ readonly rows: number; readonly message: string | null }>;

/** Gives the answer to the statement: how many points were written. `measurement` null = that of each row. */
export async function writeInto(
  tables: AsyncIterable<ResultTable> | Iterable<ResultTable>,
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
