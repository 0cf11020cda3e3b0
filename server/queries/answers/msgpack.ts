/**
 * Answers as InfluxDB's msgpack: the shape of the JSON answer. Msgpack says how many rows come before the rows, so a whole answer is
 * held until it is complete, up to ANSWER_BYTES_MAX; beyond that the statement ends with an error that names the way out. In
 * chunks: one object after another, nothing is held but a chunk.
 */
import type { ResultColumn, ResultTable } from '../../../query/index.ts';
import { type AnswerOptions, PIECE_BYTES, type StatementAnswer, type StatementAnswers } from './answer.ts';
import { errorMessage } from './json.ts';
import { MsgpackWriter } from './msgpack-writer.ts';
import { runsOf } from './series.ts';
import { epochTexts, timeAt } from './times.ts';

/** Largest answer without chunks: as much as one query may hold on a worker. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

type Series = { table: ResultTable; rows: MsgpackWriter; count: number; partial: boolean };

export async function* encodeMsgpack(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<Uint8Array> {
  if (options.chunkRows > 0) {
    for await (const answer of answers) yield* chunks(answer, options);
    return;
  }
  const body = new MsgpackWriter();
  let results = 0;
  for await (const answer of answers) {
    results++;
    await wholeStatement(body, answer, options);
  }
  const head = new MsgpackWriter();
  head.map(1);
  head.text('results');
  head.array(results);
  head.raw(body.take());
  const whole = head.take();
  for (let at = 0; at < whole.length; at += PIECE_BYTES) yield whole.subarray(at, at + PIECE_BYTES);
}

// private functions

async function wholeStatement(body: MsgpackWriter, answer: StatementAnswer, options: AnswerOptions): Promise<void> {
  if ('error' in answer) return writeResult(body, answer.statement, [], false, answer.error);
  const all: Series[] = [];
  let bytes = body.length;
  let failure = '';
  try {
    for await (const run of runsOf(answer.tables)) {
      if (run.starts) all.push({ table: run.table, rows: new MsgpackWriter(), count: 0, partial: false });
      const series = all[all.length - 1];
      const before = series.rows.length;
      writeRows(series, run.table, run.from, run.to, options);
      bytes += series.rows.length - before;
      if (bytes > ANSWER_BYTES_MAX) {
        failure = `answer is larger than ${ANSWER_BYTES_MAX} bytes of msgpack: ask with chunked=true`;
        break;
      }
    }
  } catch (error) {
    failure = errorMessage(error);
  }
  writeResult(body, answer.statement, all, false, failure);
}

async function* chunks(answer: StatementAnswer, options: AnswerOptions): AsyncGenerator<Uint8Array> {
  if ('error' in answer) {
    yield chunk(answer.statement, [], false, answer.error);
    return;
  }
  const bySeries = answer.bySeries === true;
  const chunkRows = bySeries ? Number.POSITIVE_INFINITY : options.chunkRows;
  let held: Series | null = null;
  let failure = '';
  try {
    for await (const run of runsOf(answer.tables)) {
      if (run.starts && held !== null) {
        yield chunk(answer.statement, [held], !bySeries, '');
        held = null;
      }
      held ??= { table: run.table, rows: new MsgpackWriter(), count: 0, partial: false };
      for (let from = run.from; from < run.to; ) {
        if (held.count === chunkRows) {
          yield chunk(answer.statement, [{ ...held, partial: true }], true, '');
          held = { table: run.table, rows: new MsgpackWriter(), count: 0, partial: false };
        }
        const to = Math.min(run.to, from + chunkRows - held.count);
        writeRows(held, run.table, from, to, options);
        from = to;
      }
    }
  } catch (error) {
    failure = errorMessage(error);
  }
  yield chunk(answer.statement, held === null ? [] : [held], false, failure);
}

function chunk(statement: number, series: Series[], partial: boolean, error: string): Uint8Array {
  const writer = new MsgpackWriter();
  writer.map(1);
  writer.text('results');
  writer.array(1);
  writeResult(writer, statement, series, partial, error);
  return writer.take();
}

function writeResult(w: MsgpackWriter, statement: number, all: Series[], partial: boolean, error: string): void {
  w.map(2 + (partial ? 1 : 0) + (error === '' ? 0 : 1));
  w.text('statement_id');
  w.integer(statement);
  w.text('series');
  w.array(all.length);
  for (const series of all) writeSeries(w, series);
  if (partial) {
    w.text('partial');
    w.boolean(true);
  }
  if (error !== '') {
    w.text('error');
    w.text(error);
  }
}

function writeSeries(w: MsgpackWriter, { table, rows, count, partial }: Series): void {
  const tags = table.tags ?? [];
  w.map(2 + (table.name === '' ? 0 : 1) + (tags.length === 0 ? 0 : 1) + (partial ? 1 : 0));
  if (table.name !== '') {
    w.text('name');
    w.text(table.name);
  }
  if (tags.length > 0) {
    w.text('tags');
    w.map(tags.length);
    for (const [key, value] of tags) {
      w.text(key);
      w.text(value);
    }
  }
  w.text('columns');
  w.array(table.columns.length);
  for (const column of table.columns) w.text(column);
  w.text('values');
  w.array(count);
  w.raw(rows.take());
  if (partial) {
    w.text('partial');
    w.boolean(true);
  }
}

function writeRows(series: Series, table: ResultTable, from: number, to: number, options: AnswerOptions): void {
  const w = series.rows;
  const cells = table.data.map((column) => cellWriter(w, column, options));
  for (let row = from; row < to; row++) {
    w.array(cells.length);
    for (const cell of cells) cell(row);
  }
  series.count += to - from;
}

function cellWriter(w: MsgpackWriter, column: ResultColumn, options: AnswerOptions): (row: number) => void {
  if (column.type === 'time') {
    if (options.epoch === null) return (row) => w.time(timeAt(column, row));
    const text = epochTexts(column, options.epoch);
    return (row) => w.integer(BigInt(text(row)));
  }
  const write = valueWriter(w, column);
  const { present, instead } = column;
  const nothing = (): void => {
    if (instead === undefined) w.nil();
    else if (typeof instead === 'number') w.float(instead);
    else w.integer(instead);
  };
  return present === null ? write : (row) => (present[row] === 0 ? nothing() : write(row));
}

function valueWriter(w: MsgpackWriter, column: Exclude<ResultColumn, { type: 'time' }>): (row: number) => void {
  switch (column.type) {
    case 'float':
      return (row) => w.float(column.values[row]);
    case 'integer':
      return (row) => w.integer(column.values[row]);
    case 'unsigned':
      return (row) => w.unsigned(column.values[row]);
    case 'boolean':
      return (row) => w.boolean(column.values[row] !== 0);
    case 'string':
      return (row) => w.text(column.dictionary.get(column.values[row]));
  }
}
