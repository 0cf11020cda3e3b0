/**
 * Answers as one JSON object a line and a row: `{"statement_id":0,"name":"cpu","tags":{"host":"a"},"row":{"time":…,"usage":1}}`.
 * Every line can be understood alone; an error is a line too: `{"statement_id":0,"error":"…"}`. A statement without rows gives no line.
 */
import type { ResultTable } from '../../../query/index.ts';
import type { AnswerOptions, StatementAnswers } from './answer.ts';
import { jsonCells, jsonText } from './cells.ts';
import { errorMessage } from './json.ts';
import { runsOf } from './series.ts';

export async function* encodeNdjson(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<string> {
  for await (const answer of answers) {
    const head = `{"statement_id":${answer.statement}`;
    if ('error' in answer) {
      yield `${head},"error":${jsonText(answer.error)}}\n`;
      continue;
    }
    try {
      for await (const { table, from, to } of runsOf(answer.tables)) yield rowLines(head, table, from, to, options);
    } catch (error) {
      yield `${head},"error":${jsonText(errorMessage(error))}}\n`;
    }
  }
}

// private functions

function rowLines(head: string, table: ResultTable, from: number, to: number, options: AnswerOptions): string {
  let series = head;
  if (table.name !== '') series += `,"name":${jsonText(table.name)}`;
  if (table.tags !== null && table.tags.length > 0) {
    series += `,"tags":{${table.tags.map(([k, v]) => `${jsonText(k)}:${jsonText(v)}`).join(',')}}`;
  }
  const cells = jsonCells(table, options.epoch);
  const names = table.columns.map((name, i) => `${i === 0 ? '' : ','}${jsonText(name)}:`);
  let text = '';
  for (let row = from; row < to; row++) {
    text += `${series},"row":{`;
    for (let c = 0; c < cells.length; c++) text += names[c] + cells[c](row);
    text += '}}\n';
  }
  return text;
}
