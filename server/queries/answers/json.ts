/**
 * Answers as InfluxDB's JSON: `{"results":[{"statement_id":0,"series":[{"name","tags","columns","values"}]}]}` and a newline.
 *
 * Whole: one such object, written as the rows come. In chunks: one object a chunk, at most `chunkRows` rows of one series in it;
 * `"partial":true` stands in the series while the same series goes on and in the result while the statement goes on.
 * Pretty is Go's indenting with four spaces, done on the pieces by one walker (`indent.ts`).
 *
 * JSON cannot say infinities. In place of a document that has one InfluxDB sends the text of an error, and so it is here, in place of
 * the answer or the chunk; where the beginning of a whole answer has left, the statement ends with that error.
 */
import type { Epoch } from '../../../client/protocol/index.ts';
import type { ResultTable } from '../../../query/index.ts';
import {
  type AnswerMessage,
  type AnswerOptions,
  PIECE_BYTES,
  type StatementAnswer,
  type StatementAnswers,
} from './answer.ts';
import { jsonCells, jsonText, type WriteCell } from './cells.ts';
import { Indenter } from './indent.ts';
import { JsonBytes } from './json-bytes.ts';
import { type Run, runsOf } from './series.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** Of an error that stands in place of a document: `json: …`. */
const ERROR_BEGIN = 0x6a;

/** Rows as `[…],[…]`, in any cuts of tables. */
export class RowWriter {
  readonly #out: JsonBytes;
  readonly #epoch: Epoch | null;
  readonly #before: string;
  #table: ResultTable | null = null;
  #cells: WriteCell[] = [];

  /** `before`: what stands in each row before its values. */
  constructor(out: JsonBytes, epoch: Epoch | null, before = '') {
    this.#out = out;
    this.#epoch = epoch;
    this.#before = before;
  }

  /** Rows [from, to) of a table; all, where it has texts. */
  write(table: ResultTable, from: number, to: number): void {
    if (table.texts !== undefined) {
      // each of them ends with a comma
      this.#out.hand(table.texts.subarray(0, table.texts.length - 1));
      return;
    }
    if (table !== this.#table) {
      this.#table = table;
      this.#cells = jsonCells(table, this.#epoch, this.#out);
    }
    const cells = this.#cells;
    const out = this.#out;
    for (let row = from; row < to; row++) {
      if (row > from) out.byte(COMMA);
      out.byte(OPEN);
      if (this.#before !== '') out.text(this.#before);
      for (let c = 0; c < cells.length; c++) {
        if (c > 0) out.byte(COMMA);
        cells[c](row);
      }
      out.byte(CLOSE);
    }
  }
}

/** An infinity, which is no JSON. */
class UnsaidNumber extends Error {
  constructor(value: number) {
    super(`json: unsupported value: ${value > 0 ? '+Inf' : '-Inf'}`);
  }

  /** Go's text for a document that has one. */
  get whole(): string {
    const types = ['httpd.Response', '*query.Result'];
    return `${types.map((type) => `json: error calling MarshalJSON for type ${type}: `).join('')}${this.message}`;
  }
}

export function encodeJson(answers: StatementAnswers, options: AnswerOptions): AsyncGenerator<Uint8Array> {
  const out = new JsonBytes();
  const isChunked = options.chunkRows > 0;
  const steps = isChunked ? writeChunks(answers, options, out) : writeWhole(answers, options.epoch, out);
  const pieces = piecesWritten(steps, out, isChunked);
  return options.pretty ? indented(pieces) : pieces;
}

/** What the steps write, in pieces; `eager`: the client waits for each step, so it leaves at once. */
export async function* piecesWritten(
  steps: AsyncIterable<void>,
  out: JsonBytes,
  eager: boolean,
): AsyncGenerator<Uint8Array> {
  for await (const _ of steps) if (eager || out.length >= PIECE_BYTES) for (const piece of out.pieces()) yield piece;
  for (const piece of out.pieces()) yield piece;
}

/** `"name":…,"tags":{…},"columns":[…]` of a series; parts that are empty are left out, as InfluxDB leaves them. */
export function seriesHead(table: ResultTable): string {
  const parts: string[] = [];
  if (table.name !== '') parts.push(`"name":${jsonText(table.name)}`);
  if (table.tags !== null && table.tags.length > 0) {
    parts.push(`"tags":{${table.tags.map(([k, v]) => `${jsonText(k)}:${jsonText(v)}`).join(',')}}`);
  }
  if (table.columns.length > 0) parts.push(columnsText(table.columns));
  return parts.join(',');
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// private functions

async function* indented(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const indenter = new Indenter();
  for await (const piece of pieces) {
    yield piece[0] === ERROR_BEGIN ? piece : encoder.encode(indenter.feed(decoder.decode(piece)));
  }
}

/** The tables of an answer mostly have one array of names. */
const columnsTexts = new WeakMap<readonly string[], string>();

function columnsText(columns: readonly string[]): string {
  let text = columnsTexts.get(columns);
  if (text === undefined) columnsTexts.set(columns, (text = `"columns":[${columns.map(jsonText).join(',')}]`));
  return text;
}

/** Of a series whose rows, `count`, are written elsewhere. */
type Held = { table: ResultTable; count: number };

async function* writeWhole(answers: StatementAnswers, epoch: Epoch | null, out: JsonBytes): AsyncGenerator<void> {
  out.text('{"results":[');
  let first = true;
  try {
    for await (const answer of answers) {
      out.text(`${first ? '' : ','}{"statement_id":${answer.statement}`);
      first = false;
      if ('error' in answer) out.text(`,"error":${jsonText(answer.error)}}`);
      else yield* writeStatement(answer.tables, messagesOf(answer), epoch, out);
    }
    out.text(']}\n');
  } catch (error) {
    if (!(error instanceof UnsaidNumber)) throw error;
    // in place of all that was written
    out.pieces();
    out.text(`${error.whole}\n`);
  }
}

async function* writeStatement(
  tables: Iterable<ResultTable> | AsyncIterable<ResultTable>,
  messages: string,
  epoch: Epoch | null,
  out: JsonBytes,
): AsyncGenerator<void> {
  const writer = new RowWriter(out, epoch);
  let series = 0;
  let open = false;
  let rows = 0;
  let failure = '';
  try {
    for await (const run of runsOf(tables)) {
      if (run.starts) {
        out.text(`${series++ === 0 ? ',"series":[' : ','}{${seriesHead(run.table)}`);
        open = true;
        rows = 0;
      }
      if (run.to > run.from) {
        out.text(rows === 0 ? ',"values":[' : ',');
        rows += run.to - run.from;
        writer.write(run.table, run.from, run.to);
        const infinite = out.takeInfinite();
        if (infinite !== null) throw new UnsaidNumber(infinite);
      }
      if (run.ends) {
        out.text(rows === 0 ? '}' : ']}');
        open = false;
      }
      if (out.length >= PIECE_BYTES) yield;
    }
  } catch (error) {
    if (error instanceof UnsaidNumber && !out.hasLeft) throw error;
    failure = `,"error":${jsonText(errorMessage(error))}`;
  }
  if (open) out.text(rows === 0 ? '}' : ']}');
  out.text(`${series === 0 ? '' : ']'}${messages}${failure}}`);
}

/** One object a chunk and a step. A chunk is held until it is known what follows it, for its `partial` marks. */
async function* writeChunks(answers: StatementAnswers, options: AnswerOptions, out: JsonBytes): AsyncGenerator<void> {
  const rows = new JsonBytes();
  let any = false;
  for await (const answer of answers) {
    any = true;
    const head = `{"results":[{"statement_id":${answer.statement}`;
    if ('error' in answer) {
      out.text(`${head},"error":${jsonText(answer.error)}}]}\n`);
      yield;
      continue;
    }
    const messages = messagesOf(answer);
    const bySeries = answer.bySeries === true;
    const chunkRows = bySeries ? Number.POSITIVE_INFINITY : options.chunkRows;
    const writer = new RowWriter(rows, options.epoch);
    let held = null as Held | null;
    let failure = '';
    try {
      for await (const run of runsOf(answer.tables)) {
        if (held !== null && run.starts) {
          writeHeld(head, held, rows, bySeries ? '}]}]}\n' : '}],"partial":true}]}\n', out);
          held = null;
          yield;
        }
        for (const piece of piecesOf(run, held?.count ?? 0, chunkRows)) {
          if (held !== null && held.count + piece.to - piece.from > chunkRows) {
            writeHeld(head, held, rows, ',"partial":true}],"partial":true}]}\n', out);
            held = null;
            yield;
          }
          held ??= { table: run.table, count: 0 };
          if (held.count > 0 && piece.to > piece.from) rows.byte(COMMA);
          writer.write(run.table, piece.from, piece.to);
          held.count += piece.to - piece.from;
        }
      }
    } catch (error) {
      failure = `,"error":${jsonText(errorMessage(error))}`;
    }
    const end = `${messages}${failure}}]}\n`;
    if (held === null) out.text(head + end);
    else writeHeld(head, held, rows, `}]${end}`, out);
    yield;
  }
  if (!any) out.text('{"results":[]}\n');
}

function writeHeld(head: string, held: Held, rows: JsonBytes, end: string, out: JsonBytes): void {
  const infinite = rows.takeInfinite();
  if (infinite !== null) {
    rows.take();
    out.text(`${new UnsaidNumber(infinite).whole}\n`);
    return;
  }
  out.text(`${head},"series":[{${seriesHead(held.table)}`);
  if (held.count > 0) {
    out.text(',"values":[');
    out.takeFrom(rows);
    out.byte(CLOSE);
  }
  out.text(end);
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

function messagesOf(answer: Extract<StatementAnswer, { tables: unknown }>): string {
  if (answer.messages === undefined || answer.messages.length === 0) return '';
  const texts = answer.messages.map(
    (message: AnswerMessage) => `{"level":${jsonText(message.level)},"text":${jsonText(message.text)}}`,
  );
  return `,"messages":[${texts.join(',')}]`;
}
