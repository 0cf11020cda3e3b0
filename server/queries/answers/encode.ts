/** Chooses the encoder of a format: the one function by which workers turn results into the bytes of an answer. */
import { type AnswerOptions, PIECE_BYTES, type StatementAnswers } from './answer.ts';
import { encodeCsv } from './csv.ts';
import { encodeJson } from './json.ts';
import { encodeMsgpack } from './msgpack.ts';
import { encodeNdjson } from './ndjson.ts';

const encoder = new TextEncoder();

/** Bytes of the answer in pieces of about 64 KiB. Throws nothing for what a table stream throws: that is told inside the answer. */
export function encodeAnswer(answers: StatementAnswers, options: AnswerOptions): AsyncIterable<Uint8Array> {
  switch (options.format) {
    case 'json':
      return inPieces(encodeJson(answers, options), options.chunkRows > 0);
    case 'csv':
      return inPieces(encodeCsv(answers, options), options.chunkRows > 0);
    case 'ndjson':
      return inPieces(encodeNdjson(answers, options), false);
    case 'msgpack':
      return encodeMsgpack(answers, options);
  }
}

// private functions

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
