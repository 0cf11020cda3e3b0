/** Chooses the encoder of a format: the one function by which workers turn results into the bytes of an answer. */
import { type AnswerOptions, PIECE_BYTES, type StatementAnswers } from './answer.ts';
import { encodeCsv } from './csv.ts';
import { encodeJson } from './json.ts';
import { encodeLines } from './lines.ts';
import { encodeMsgpack } from './msgpack.ts';
import { encodeNdjson } from './ndjson.ts';

const encoder = new TextEncoder();

/**
 * Bytes of the answer in pieces of about 64 KiB. What a table stream throws is told inside the answer, but for Arrow, Parquet and
 * line protocol, which have no place for it: they throw it.
 */
export function encodeAnswer(answers: StatementAnswers, options: AnswerOptions): AsyncIterable<Uint8Array> {
  switch (options.format) {
    case 'json':
      return encodeJson(answers, options);
    case 'csv':
      return inPieces(encodeCsv(answers, options), options.chunkRows > 0);
    case 'ndjson':
      return encodeNdjson(answers, options);
    case 'msgpack':
      return encodeMsgpack(answers, options);
    case 'line':
      return inPieces(encodeLines(answers), false);
    case 'arrow':
    case 'parquet':
      return tabular(answers, options.format);
  }
}

// private functions

/** Their libraries are loaded when they are first asked for: the start of a worker need not wait for them. */
async function* tabular(answers: StatementAnswers, format: 'arrow' | 'parquet'): AsyncGenerator<Uint8Array> {
  if (format === 'arrow') yield* (await import('./arrow.ts')).encodeArrow(answers);
  else yield* (await import('./parquet.ts')).encodeParquet(answers);
}

/** Joins texts up to the size of a piece; `eager`: every text is a chunk that the client waits for, so it leaves at once. */
async function* inPieces(texts: AsyncIterable<string>, eager: boolean): AsyncGenerator<Uint8Array> {
  let held = '';
  for await (const text of texts) {
    held += text;
    if (held.length >= PIECE_BYTES || (eager && held.endsWith('\n'))) {
      yield encoder.encode(held);
      held = '';
    }
  }
  if (held !== '') yield encoder.encode(held);
}
