/** One request and its answer as the route families see them, and the answers they all give: JSON, errors, nothing. */
import type { AnswerHeaders, DoorRequest, DoorResponse } from '../door/door.ts';
import { BodyError } from '../door/door.ts';
import { RETRY_AFTER_SECONDS, toldError } from '../error-table.ts';

/** HTTP headers may not carry everything that a message may. */
const HEADER_UNSAFE = /[^\x20-\x7e]/g;
const HEADER_LENGTH_MAX = 1024;

export interface Exchange {
  readonly request: DoorRequest;
  readonly response: DoorResponse;
  /** Of the query string. */
  readonly parameters: URLSearchParams;
  /** Those that every answer carries. */
  readonly headers: AnswerHeaders;
  readonly log: (line: string) => void;
  /** Who asks, as the engine knows them; null on routes that are open to everybody. */
  readonly user: string | null;
}

export function replyJson(exchange: Exchange, status: number, value: unknown, headers: AnswerHeaders = {}): void {
  const all = { ...exchange.headers, 'Content-Type': 'application/json', ...headers };
  exchange.response.reply(status, all, `${JSON.stringify(value)}\n`);
}

export function replyEmpty(exchange: Exchange, status: number, headers: AnswerHeaders = {}): void {
  exchange.response.reply(status, { ...exchange.headers, ...headers }, '');
}

export function replyText(exchange: Exchange, status: number, type: string, body: string | Uint8Array): void {
  exchange.response.reply(status, { ...exchange.headers, 'Content-Type': type }, body);
}

/** `{"error":"…"}`, and the same in a header, as InfluxDB says it. */
export function replyError(exchange: Exchange, status: number, message: string, headers: AnswerHeaders = {}): void {
  const short = message.replace(HEADER_UNSAFE, ' ').slice(0, HEADER_LENGTH_MAX);
  replyJson(exchange, status, { error: message }, { 'X-Influxdb-Error': short, ...headers });
}

/** What was thrown, told with the status it has. A client that went away is told nothing; an answer begun is given up. */
export function replyThrown(exchange: Exchange, error: unknown): void {
  if (exchange.request.signal.aborted) return;
  if (exchange.response.started) throw error;
  if (error instanceof BodyError) {
    if (error.code === 'too large') replyError(exchange, 413, 'Request Entity Too Large');
    else if (error.code === 'too slow') replyError(exchange, 408, error.message);
    return;
  }
  const told = toldError(error, exchange.log);
  replyError(exchange, told.status, told.message, headersOf(told.status, exchange));
}

export function methodNotAllowed(exchange: Exchange, allowed: string): void {
  replyError(exchange, 405, 'Method Not Allowed', { Allow: allowed });
}

// private functions

/** A browser would answer a challenge to a script of ours with a dialogue of its own. */
function headersOf(status: number, { request }: Exchange): AnswerHeaders {
  if (status === 503) return { 'Retry-After': String(RETRY_AFTER_SECONDS) };
  const isScript = request.headers.get('sec-fetch-dest') === 'empty';
  return status === 401 && !isScript ? { 'WWW-Authenticate': 'Basic realm="InfluxDB"' } : {};
}
