/**
 * Answers as one JSON object a line and a row: `{"statement_id":0,"name":"cpu","tags":{"host":"a"},"row":{"time":…,"usage":1}}`.
 * Every line can be understood alone; an error is a line too: `{"statement_id":0,"error":"…"}`. A statement without rows gives no line.
 */
import type { ResultTable } from '../../../query/index.ts';
import type { AnswerOptions, StatementAnswers } from './answer.ts';
import { jsonCells, jsonText, type WriteCell } from './cells.ts';
import { errorMessage, piecesWritten } from './json.ts';
import { JsonBytes } from './json-bytes.ts';
import { runsOf } from './series.ts';

export function encodeNdjson(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<Uint8Array> {
  const out = new JsonBytes();
  return piecesWritten(writeLines(answers, options, out), out, false);
}

// private functions

async function* writeLines(answers: StatementAnswers, options: AnswerOptions, out: JsonBytes): AsyncGenerator<void> {
  for await (const answer of answers) {
    const head = `{"statement_id":${answer.statement}`;
    if ('error' in answer) {
      out.text(`${head},"error":${jsonText(answer.error)}}\n`);
      continue;
    }
    try {
      let last: ResultTable | null = null;
      let cells: WriteCell[] = [];
      let starts: string[] = [];
      for await (const { table, from, to } of runsOf(answer.tables)) {
        if (table !== last) {
          last = table;
          cells = jsonCells(table, options.epoch, out);
          starts = cellStarts(head, table);
        }
        for (let row = from; row < to; row++) {
          for (let c = 0; c < cells.length; c++) {
            out.text(starts[c]);
            cells[c](row);
          }
          out.text('}}\n');
        }
        yield;
      }
    } catch (error) {
      out.text(`${head},"error":${jsonText(errorMessage(error))}}\n`);
    }
  }
}

/** What stands before each cell of a row: before the first one all that its series is. */
function cellStarts(head: string, table: ResultTable): string[] {
  let series = head;
  if (table.name !== '') series += `,"name":${jsonText(table.name)}`;
  if (table.tags !== null && table.tags.length > 0) {
    series += `,"tags":{${table.tags.map(([k, v]) => `${jsonText(k)}:${jsonText(v)}`).join(',')}}`;
  }
  return table.columns.map((name, i) => `${i === 0 ? `${series},"row":{` : ','}${jsonText(name)}:`);
}
