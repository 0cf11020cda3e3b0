/**
 * SELECT … INTO: the tables of an answer as line protocol through the same door as every other write, in bodies of bounded size. The
 * tags of a row are those the statement groups by, and those that top and bottom name; all other columns are fields. A row without
 * any value is not written. What was written before an error stays written.
 */
import { QueryError, type ResultTable } from '../../query/index.ts';

/** A body is sent when it grows past this. */
const BODY_CHARACTERS = 1024 * 1024;

export type WriteLines = (call: {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly lines: Uint8Array<ArrayBuffer>;
}) => Promise<{ readonly rows: number; readonly message: string | null }>;

type WriteBody = (
  lines: Uint8Array<ArrayBuffer>,
) => Promise<{ readonly rows: number; readonly message: string | null }>;

/** Gives the answer to the statement: how many points were written. `measurement` null = that of each row. */
export async function writeInto(
  tables: AsyncIterable<ResultTable>,
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
    data: [
      { type: 'time', base: 0n, offsets: new Float64Array(1) },
      { type: 'integer', values: Float64Array.of(written), present: null },
    ],
  };
}

// private functions

function* linesOf(table: ResultTable, measurement: string, tagColumns: readonly string[]): Generator<string> {
  const name = escaped(measurement, /[, \\\n]/g);
  const tags = (table.tags ?? []).filter(([, value]) => value !== '');
  const [time, ...columns] = table.data;
  if (time.type !== 'time') return;
  const asTag = columns.map((_, c) => tagColumns.includes(table.columns[c + 1]));
  const keys = table.columns.slice(1).map((key) => escaped(key, /[, =\\\n]/g));
  for (let row = 0; row < table.rows; row++) {
    let fields = '';
    let head = name;
    for (const [key, value] of tags) head += `,${escaped(key, /[, =\\\n]/g)}=${escaped(value, /[, =\\\n]/g)}`;
    for (let c = 0; c < columns.length; c++) {
      const value = fieldText(columns[c], row);
      if (value === null) continue;
      if (asTag[c] && value !== '""') head += `,${keys[c]}=${escaped(tagText(columns[c], row), /[, =\\\n]/g)}`;
      else if (!asTag[c]) fields += `${fields === '' ? '' : ','}${keys[c]}=${value}`;
    }
    if (fields !== '') yield `${head} ${fields} ${time.base + BigInt(time.offsets[row])}\n`;
  }
}

function tagText(column: ResultTable['data'][number], row: number): string {
  return column.type === 'string' ? column.dictionary.get(column.values[row]) : '';
}

/** null where the row has no value there. */
function fieldText(column: ResultTable['data'][number], row: number): string | null {
  if (column.type === 'time' || (column.present !== null && column.present[row] === 0)) return null;
  switch (column.type) {
    case 'string':
      return `"${column.dictionary.get(column.values[row]).replace(/["\\]/g, '\\$&')}"`;
    case 'boolean':
      return column.values[row] === 1 ? 'true' : 'false';
    case 'float':
      return String(column.values[row]);
    default:
      return `${column.values[row]}${column.type === 'unsigned' ? 'u' : 'i'}`;
  }
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (character) =>
    character === '\n' ? '\\n' : character === '\\' ? '\\' : `\\${character}`,
  );
}
