/**
 * The HTTP half of the SDK: one write, one query, one ping, each with its answer or a MillraceError. Does not try again by itself:
 * whether a write may be sent twice is the caller's to know (with times in the lines it may: the same point again changes nothing).
 */
import type { Epoch, ErrorCode, FrameValue } from '../protocol/index.ts';
import { MillraceError, type MillraceErrorCode } from './errors.ts';
import type { WritePrecision } from './points.ts';

export type Ack = 'none' | 'queued' | 'disk' | 'quorum';

export interface WriteOptions {
  /** Unit of the lines' times. Default ns. */
  precision?: WritePrecision;
  /** When the answer comes. Default disk: fsynced. */
  ack?: Ack;
  /** Retention policy; absent = the database's default. */
  rp?: string;
  signal?: AbortSignal;
}

export interface QueryOptions {
  /** Unit of times in the answer; absent = RFC3339 texts. ns is beyond what a JavaScript number holds exactly. */
  epoch?: Epoch;
  /** Position token of a write: the answer waits until it sees that write. */
  after?: string;
  /** Values of `$name` in the query. */
  params?: Readonly<Record<string, string | number | boolean>>;
  signal?: AbortSignal;
}

export interface Series {
  name: string;
  tags?: Record<string, string>;
  columns: string[];
  values: FrameValue[][];
  partial?: boolean;
}

/** The answer to one statement. A statement's own error stands here; a text that does not parse throws. */
export interface QueryResult {
  statement_id: number;
  series?: Series[];
  messages?: { level: string; text: string }[];
  error?: string;
  partial?: boolean;
}

export interface Origin {
  /** Without a trailing slash. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
}

/** InfluxDB's name of microseconds in `precision=`. */
const PRECISION_PARAMETER: Readonly<Record<WritePrecision, string>> = {
  ns: 'ns',
  us: 'u',
  ms: 'ms',
  s: 's',
  m: 'm',
  h: 'h',
};

/** Which code an HTTP status is; the text of the error refines 400. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'database not found',
  413: 'too large',
  429: 'busy',
  500: 'internal',
  503: 'busy',
};

/** Position token of the write. */
export async function postWrite(
  origin: Origin,
  db: string,
  lines: string | Uint8Array,
  options: WriteOptions,
): Promise<string> {
  const parameters = new URLSearchParams({ db });
  if (options.rp !== undefined) parameters.set('rp', options.rp);
  if (options.precision !== undefined) parameters.set('precision', PRECISION_PARAMETER[options.precision]);
  if (options.ack !== undefined) parameters.set('ack', options.ack);
  const headers = headersOf(origin);
  headers['content-type'] = 'text/plain; charset=utf-8';
  if (typeof lines !== 'string' && lines[0] === 0x1f && lines[1] === 0x8b) headers['content-encoding'] = 'gzip';
  const answer = await send(origin, `/write?${parameters}`, {
    method: 'POST',
    headers,
    body: lines as string | Uint8Array<ArrayBuffer>,
    signal: options.signal,
  });
  if (!answer.ok) throw await errorOfAnswer(answer);
  await answer.arrayBuffer();
  return answer.headers.get('x-millrace-position') ?? '';
}

export async function postQuery(origin: Origin, db: string, q: string, options: QueryOptions): Promise<QueryResult[]> {
  const answer = await ask(origin, db, q, 'application/json', options);
  let body: { results?: QueryResult[]; error?: string };
  try {
    body = await answer.json();
  } catch (error) {
    throw new MillraceError('unreachable', `the answer of ${origin.url} is not whole JSON`, {
      status: answer.status,
      cause: error,
    });
  }
  if (body.error !== undefined) throw new MillraceError('invalid query', body.error, { at: placeIn(body.error, q) });
  return body.results ?? [];
}

/** The answer as the server streams it, in the format named; it must be read to its end or cancelled. */
export async function streamQuery(
  origin: Origin,
  db: string,
  q: string,
  accept: string,
  options: QueryOptions,
): Promise<ReadableStream<Uint8Array>> {
  const answer = await ask(origin, db, q, accept, options);
  if (answer.body === null) throw new MillraceError('unreachable', `${origin.url} answers without a body`);
  return answer.body;
}

/** The server's version text. */
export async function getPing(origin: Origin, signal?: AbortSignal): Promise<string> {
  const answer = await send(origin, '/ping', { headers: headersOf(origin), signal });
  if (!answer.ok) throw await errorOfAnswer(answer);
  return answer.headers.get('x-influxdb-version') ?? 'unknown';
}

/** Offset of an error in the query's text, from what InfluxDB-like messages say: `… at line 1, char 8`. */
export function placeIn(message: string, q: string): number | undefined {
  const place = / at line (\d+), char (\d+)/.exec(message);
  if (place === null) return undefined;
  const lines = q.split('\n');
  const before = lines.slice(0, Number(place[1]) - 1).reduce((sum, line) => sum + line.length + 1, 0);
  return Math.max(0, Math.min(q.length, before + Number(place[2]) - 1));
}

export async function send(origin: Origin, path: string, init: RequestInit): Promise<Response> {
  try {
    return await origin.fetch(origin.url + path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new MillraceError('unreachable', `no answer from ${origin.url}: ${reasonOf(error)}`, { cause: error });
  }
}

export function headersOf(origin: Origin): Record<string, string> {
  return origin.token === undefined ? {} : { authorization: `Token ${origin.token}` };
}

export async function errorOfAnswer(answer: Response): Promise<MillraceError> {
  const text = await answer.text().catch(() => '');
  const message = errorText(text) ?? (text.trim().slice(0, 500) || `HTTP ${answer.status}`);
  const retryAfter = Number(answer.headers.get('retry-after'));
  return new MillraceError(codeOf(answer.status, message), message, {
    status: answer.status,
    retryAfterMs: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1000 : undefined,
    position: answer.headers.get('x-millrace-position') ?? undefined,
  });
}

// private functions

async function ask(origin: Origin, db: string, q: string, accept: string, options: QueryOptions): Promise<Response> {
  const parameters = new URLSearchParams();
  if (db !== '') parameters.set('db', db);
  if (options.epoch !== undefined) parameters.set('epoch', options.epoch);
  if (options.after !== undefined && options.after !== '') parameters.set('after', options.after);
  const form = new URLSearchParams({ q });
  if (options.params !== undefined) form.set('params', JSON.stringify(options.params));
  const answer = await send(origin, `/query?${parameters}`, {
    method: 'POST',
    headers: { ...headersOf(origin), accept },
    body: form,
    signal: options.signal,
  });
  if (!answer.ok) throw await errorOfAnswer(answer);
  return answer;
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as { code?: string; message?: string; errors?: { code?: string }[] } | undefined;
  return cause?.code ?? cause?.errors?.[0]?.code ?? (cause?.message || error.message);
}

function errorText(body: string): string | undefined {
  try {
    const error = JSON.parse(body)?.error;
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

function codeOf(status: number, message: string): MillraceErrorCode {
  if (status !== 400) return CODE_OF_STATUS[status] ?? 'refused';
  if (message.startsWith('partial write')) return 'partial write';
  return message.startsWith('error parsing query') || message.startsWith('unable to parse') ? 'parse' : 'refused';
}
