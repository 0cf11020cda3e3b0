/**
 * Answers as InfluxDB's JSON: `{"results":[{"statement_id":0,"series":[{"name","tags","columns","values"}]}]}` and a newline.
 *
 * Whole: one such object, written as the rows come. In chunks: one object a chunk, at most `chunkRows` rows of one series in it;
 * `"partial":true` stands in the series while the same series goes on and in the result while the statement goes on.
 * Pretty is Go's indenting with four spaces, done on the same texts by one walker (`indent.ts`).
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { ResultTable } from '../../../query/index.ts';
import type { AnswerMessage, AnswerOptions, StatementAnswer, StatementAnswers } from './answer.ts';
import { jsonCells, jsonText } from './cells.ts';
import { Indenter } from './indent.ts';
import { type Run, runsOf } from './series.ts';

export async function* encodeJson(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<string> {
  const texts = options.chunkRows > 0 ? chunkedTexts(answers, options) : wholeTexts(answers, options.epoch);
  if (!options.pretty) {
    yield* texts;
    return;
  }
  const indenter = new Indenter();
  for await (const text of texts) yield indenter.feed(text);
}

/** `"name":…,"tags":{…},"columns":[…]` of a series; parts that are empty are left out, as InfluxDB leaves them. */
export function seriesHead(table: ResultTable): string {
  const parts: string[] = [];
  if (table.name !== '') parts.push(`"name":${jsonText(table.name)}`);
  if (table.tags !== null && table.tags.length > 0) {
    parts.push(`"tags":{${table.tags.map(([k, v]) => `${jsonText(k)}:${jsonText(v)}`).join(',')}}`);
  }
  if (table.columns.length > 0) parts.push(`"columns":[${table.columns.map(jsonText).join(',')}]`);
  return parts.join(',');
}

/** Rows [from, to) of a table: `[…],[…]`. */
export function rowTexts(table: ResultTable, from: number, to: number, epoch: Epoch | null): string {
  const cells = jsonCells(table, epoch);
  let text = '';
  for (let row = from; row < to; row++) {
    text += row === from ? '[' : ',[';
    for (let c = 0; c < cells.length; c++) text += c === 0 ? cells[c](row) : `,${cells[c](row)}`;
    text += ']';
  }
  return text;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// private functions

type Held = { table: ResultTable; rows: string; count: number };

async function* wholeTexts(answers: StatementAnswers, epoch: Epoch | null): AsyncGenerator<string> {
  yield '{"results":[';
  let first = true;
  for await (const answer of answers) {
    yield `${first ? '' : ','}{"statement_id":${answer.statement}`;
    first = false;
    if ('error' in answer) yield `,"error":${jsonText(answer.error)}}`;
    else yield* wholeStatement(answer.tables, messagesOf(answer), epoch);
  }
  yield ']}\n';
}

async function* wholeStatement(
  tables: Iterable<ResultTable> | AsyncIterable<ResultTable>,
  messages: string,
  epoch: Epoch | null,
): AsyncGenerator<string> {
  let series = 0;
  let open = false;
  let rows = 0;
  let failure = '';
  try {
    for await (const run of runsOf(tables)) {
      let text = '';
      if (run.starts) {
        text = `${series++ === 0 ? ',"series":[' : ','}{${seriesHead(run.table)}`;
        open = true;
        rows = 0;
      }
      if (run.to > run.from) {
        text += rows === 0 ? ',"values":[' : ',';
        rows += run.to - run.from;
        text += rowTexts(run.table, run.from, run.to, epoch);
      }
      if (run.ends) {
        text += rows === 0 ? '}' : ']}';
        open = false;
      }
      yield text;
    }
  } catch (error) {
    failure = `,"error":${jsonText(errorMessage(error))}`;
  }
  if (open) yield rows === 0 ? '}' : ']}';
  yield `${series === 0 ? '' : ']'}${messages}${failure}}`;
}

/** One object a chunk. A chunk is held until it is known what follows it, for its `partial` marks. */
async function* chunkedTexts(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<string> {
  let any = false;
  for await (const answer of answers) {
    any = true;
    const head = `{"results":[{"statement_id":${answer.statement}`;
    if ('error' in answer) {
      yield `${head},"error":${jsonText(answer.error)}}]}\n`;
      continue;
    }
    const messages = messagesOf(answer);
    let held = null as Held | null;
    let failure = '';
    try {
      for await (const run of runsOf(answer.tables)) {
        if (held !== null && run.starts) {
          yield `${head},"series":[{${heldSeries(held)}}],"partial":true}]}\n`;
          held = null;
        }
        for (const piece of piecesOf(run, held?.count ?? 0, options.chunkRows)) {
          if (held !== null && held.count + piece.to - piece.from > options.chunkRows) {
            yield `${head},"series":[{${heldSeries(held)},"partial":true}],"partial":true}]}\n`;
            held = null;
          }
          const rows = rowTexts(run.table, piece.from, piece.to, options.epoch);
          if (held === null) held = { table: run.table, rows, count: piece.to - piece.from };
          else held = { table: held.table, rows: join(held.rows, rows), count: held.count + piece.to - piece.from };
        }
      }
    } catch (error) {
      failure = `,"error":${jsonText(errorMessage(error))}`;
    }
    yield `${head}${held === null ? '' : `,"series":[{${heldSeries(held)}}]`}${messages}${failure}}]}\n`;
  }
  if (!any) yield '{"results":[]}\n';
}

/** A run cut where chunks end: the first piece fills up what the chunk begun still takes. */
function* piecesOf(run: Run, begun: number, chunkRows: number): Generator<{ from: number; to: number }> {
  let from = run.from;
  let room = begun < chunkRows ? chunkRows - begun : chunkRows;
  do {
    const to = Math.min(run.to, from + room);
    yield { from, to };
    from = to;
    room = chunkRows;
  } while (from < run.to);
}

function heldSeries(held: { table: ResultTable; rows: string }): string {
  return held.rows === '' ? seriesHead(held.table) : `${seriesHead(held.table)},"values":[${held.rows}]`;
}

function join(a: string, b: string): string {
  return a === '' || b === '' ? a + b : `${a},${b}`;
}

function messagesOf(answer: Extract<StatementAnswer, { tables: unknown }>): string {
  if (answer.messages === undefined || answer.messages.length === 0) return '';
  const texts = answer.messages.map(
    (message: AnswerMessage) => `{"level":${jsonText(message.level)},"text":${jsonText(message.text)}}`,
  );
  return `,"messages":[${texts.join(',')}]`;
}
