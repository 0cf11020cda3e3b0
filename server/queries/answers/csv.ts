/**
 * Answers as InfluxDB's CSV: `name,tags,time,…`, a header before the first series of a statement and again, after an empty line,
 * wherever the columns change or another statement begins. Tags are written sorted as `k=v,k=v` in one cell. Times are ns or in the
 * unit asked for; floats never have an exponent. A statement's error, which InfluxDB leaves out, is a table of its own: `error`.
 */
import { compareText } from '../../../model/index.ts';
import type { ResultColumn, ResultTable } from '../../../query/index.ts';
import type { AnswerOptions, StatementAnswers } from './answer.ts';
import { errorMessage } from './json.ts';
import { runsOf, sameTexts } from './series.ts';
import { epochTexts } from './times.ts';

export async function* encodeCsv(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<string> {
  let blocks = 0;
  for await (const answer of answers) {
    let columns: readonly string[] | null = null;
    if ('error' in answer) {
      yield `${blocks++ === 0 ? '' : '\n'}error\n${quoted(answer.error)}\n`;
      continue;
    }
    try {
      for await (const { table, from, to } of runsOf(answer.tables)) {
        let text = '';
        if (columns === null || !sameTexts(columns, table.columns)) {
          text = `${blocks++ === 0 ? '' : '\n'}name,tags,${table.columns.map(quoted).join(',')}\n`;
          columns = table.columns;
        }
        yield text + rowLines(table, from, to, options);
      }
    } catch (error) {
      yield `${blocks++ === 0 ? '' : '\n'}error\n${quoted(errorMessage(error))}\n`;
    }
  }
}

// private functions

type CellText = (row: number) => string;

function rowLines(table: ResultTable, from: number, to: number, options: AnswerOptions): string {
  const head = `${quoted(table.name)},${quoted(tagsText(table))}`;
  const cells = table.data.map((column) => csvCell(column, options));
  let text = '';
  for (let row = from; row < to; row++) {
    text += head;
    for (const cell of cells) text += `,${cell(row)}`;
    text += '\n';
  }
  return text;
}

/** Sorted by key, with InfluxDB's escapes, which leave backslashes as they are. */
function tagsText({ tags }: ResultTable): string {
  const there = (tags ?? []).filter(([, value]) => value !== '');
  const sorted = there.sort(([a], [b]) => compareText(a, b));
  return sorted.map((tag) => tag.map((text) => text.replace(/[ ,=]/g, '\\$&')).join('=')).join(',');
}

function csvCell(column: ResultColumn, options: AnswerOptions): CellText {
  if (column.type === 'time') return epochTexts(column, options.epoch ?? 'ns');
  const cell = presentCell(column);
  const { present, instead } = column;
  const nothing = instead === undefined ? '' : typeof instead === 'number' ? plainFloat(instead) : String(instead);
  return present === null ? cell : (row) => (present[row] === 0 ? nothing : cell(row));
}

function presentCell(column: Exclude<ResultColumn, { type: 'time' }>): CellText {
  switch (column.type) {
    case 'float': {
      const { values } = column;
      return (row) => plainFloat(values[row]);
    }
    case 'integer':
    case 'unsigned': {
      const { values } = column;
      return (row) => String(typeof values[row] === 'bigint' ? values[row] : BigInt(values[row]));
    }
    case 'boolean': {
      const { values } = column;
      return (row) => (values[row] === 0 ? 'false' : 'true');
    }
    case 'string': {
      const { values, dictionary } = column;
      const texts: string[] = [];
      return (row) => (texts[values[row]] ??= quoted(dictionary.get(values[row])));
    }
  }
}

/** Shortest digits without an exponent, as Go's format 'f' gives them. */
function plainFloat(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = String(value);
  const e = text.indexOf('e');
  if (e < 0) return text;
  const sign = text.startsWith('-') ? '-' : '';
  const [whole, fraction = ''] = text.slice(sign.length, e).split('.');
  const exponent = Number(text.slice(e + 1));
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - whole.length)}${whole}${fraction}`;
  return `${sign}${whole}${fraction}${'0'.repeat(exponent - fraction.length)}`;
}

/** A field as Go's csv writer quotes it. */
function quoted(text: string): string {
  return /[",\r\n]|^\s|^\\\.$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
