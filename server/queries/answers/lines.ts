/**
 * Answers as line protocol, times in ns: what `/write` takes back, types and odd characters kept. Tags are those a statement groups
 * by (`SELECT *::field … GROUP BY *` gives a measurement as it was written), everything else is a field; a row without any value is
 * no line, nor is one with an infinity, which no line can say (InfluxDB leaves it out, too). SELECT INTO writes through the same lines.
 * There is no place for an error: it is thrown.
 */
import { QueryError, type ResultColumn, type ResultTable } from '../../../query/index.ts';
import type { StatementAnswers } from './answer.ts';

/** Lines are handed on when they are longer together than this. */
const PIECE_CHARACTERS = 32 * 1024;

export async function* encodeLines(answers: StatementAnswers): AsyncGenerator<string> {
  for await (const answer of answers) {
    if ('error' in answer) throw new QueryError('invalid', answer.error);
    for await (const table of answer.tables) {
      let text = '';
      for (const line of linesOf(table, table.name, [])) {
        text += line;
        if (text.length < PIECE_CHARACTERS) continue;
        yield text;
        text = '';
      }
      if (text !== '') yield text;
    }
  }
}

/** `tagColumns`: columns that become tags too. A table without times has no lines. */
export function* linesOf(table: ResultTable, measurement: string, tagColumns: readonly string[]): Generator<string> {
  const [time, ...columns] = table.data;
  if (time === undefined || time.type !== 'time') return;
  let series = escaped(measurement, SPECIAL);
  for (const [key, value] of table.tags ?? []) if (value !== '') series += tagText(key, value);
  const asTag = columns.map((_, c) => tagColumns.includes(table.columns[c + 1]));
  const keys = table.columns.slice(1).map((key) => escaped(key, SPECIAL_IN_FIELDS));
  for (let row = 0; row < table.rows; row++) {
    if (columns.some((column) => isInfinite(column, row))) continue;
    let fields = '';
    let head = series;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      if (column.type === 'time' || (column.present !== null && column.present[row] === 0)) continue;
      if (!asTag[c]) fields += `${fields === '' ? '' : ','}${keys[c]}=${fieldText(column, row)}`;
      else if (column.type === 'string') {
        const value = column.dictionary.get(column.values[row]);
        if (value !== '') head += tagText(table.columns[c + 1], value);
      }
    }
    if (fields !== '') yield `${head} ${fields} ${time.base + BigInt(time.offsets[row])}\n`;
  }
}

// private functions

const SPECIAL = /[, =]/g;
/** In keys of fields. */
const SPECIAL_IN_FIELDS = /[, ="]/g;

function tagText(key: string, value: string): string {
  return `,${escaped(key, SPECIAL)}=${escaped(value, SPECIAL)}`;
}

function isInfinite(column: ResultColumn, row: number): boolean {
  return column.type === 'float' && Math.abs(column.values[row]) === Number.POSITIVE_INFINITY;
}

function fieldText(column: Exclude<ResultColumn, { type: 'time' }>, row: number): string {
  switch (column.type) {
    case 'string':
      return `"${column.dictionary.get(column.values[row]).replace(/["\\]/g, '\\$&')}"`;
    case 'boolean':
      return column.values[row] === 1 ? 'true' : 'false';
    case 'float':
      return Object.is(column.values[row], -0) ? '-0' : String(column.values[row]);
    case 'integer':
      return `${column.values[row]}i`;
    case 'unsigned':
      return `${column.values[row]}u`;
  }
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, '\\$&');
}
