/**
 * `/query`: InfluxQL in, an answer in the format that `Accept` names out, piece by piece as the workers encode it. A GET may not
 * change anything; a POST's parameters may stand in a form, those of the address count first, as in InfluxDB.
 */
import { type AnswerFormat, contentType } from '../../queries/answers/index.ts';
import { type Engine, EngineError, type QueryRequest } from '../engine.ts';
import { type Exchange, replyError } from './exchange.ts';
import { readEpoch } from './parameters.ts';
import { replyPieces } from './pieces.ts';

/** Longest form; a query's text is far shorter, its parameters may be many. */
export const FORM_BYTES_MAX = 1024 * 1024;
/** InfluxDB's own. */
const CHUNK_ROWS_DEFAULT = 10_000;
/** Errors of parameters say so themselves: `error parsing query parameters: …`, `error parsing json value: …`. */
const PARSE_WORDS = /^error parsing (query|json)/;

const FORMATS: readonly (readonly [string, AnswerFormat])[] = [
  ['application/csv', 'csv'],
  ['text/csv', 'csv'],
  ['application/x-msgpack', 'msgpack'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/vnd.apache.arrow.stream', 'arrow'],
  ['application/vnd.apache.parquet', 'parquet'],
  ['application/x-line-protocol', 'line'],
];

export async function query(exchange: Exchange, engine: Engine): Promise<void> {
  const asked = await readRequest(exchange);
  if (asked.text === '') {
    replyError(exchange, 400, 'missing required parameter "q"');
    return;
  }
  let pieces: AsyncIterable<Uint8Array>;
  try {
    pieces = await engine.query(asked, exchange.request.signal);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'parse' && !PARSE_WORDS.test(error.message)) {
      throw new EngineError('parse', `error parsing query: ${error.message}`, error.at);
    }
    throw error;
  }
  const headers = { 'Content-Type': contentType(asked.format) };
  await replyPieces(exchange, headers, pieces[Symbol.asyncIterator](), asked.chunkRows > 0);
}

// private functions

async function readRequest(exchange: Exchange): Promise<QueryRequest> {
  const { request, parameters } = exchange;
  let form: URLSearchParams | null = null;
  if (request.method === 'POST') {
    const body = await request.body(FORM_BYTES_MAX);
    const type = request.headers.get('content-type') ?? '';
    if (type.startsWith('application/x-www-form-urlencoded'))
      form = new URLSearchParams(new TextDecoder().decode(body));
  }
  const value = (name: string) => parameters.get(name) ?? form?.get(name) ?? null;
  const chunkSize = Number(value('chunk_size') ?? CHUNK_ROWS_DEFAULT);
  return {
    user: exchange.user,
    text: (value('q') ?? '').trim(),
    database: value('db') ?? '',
    format: formatOf(request.headers.get('accept') ?? ''),
    epoch: readEpoch(value('epoch')),
    pretty: value('pretty') === 'true',
    chunkRows: value('chunked') !== 'true' ? 0 : chunkSize >= 1 ? Math.floor(chunkSize) : CHUNK_ROWS_DEFAULT,
    params: value('params') ?? '',
    after: value('after') ?? '',
    readOnly: request.method !== 'POST',
  };
}

function formatOf(accept: string): AnswerFormat {
  for (const part of accept.split(',')) {
    const type = part.split(';')[0].trim().toLowerCase();
    const known = FORMATS.find(([name]) => name === type);
    if (known !== undefined) return known[1];
    if (type === 'application/json' || type === '*/*') return 'json';
  }
  return 'json';
}
