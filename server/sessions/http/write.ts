/** `/write` as InfluxDB 1.x has it, and `/api/v2/write` for clients of version 2: one body of lines to the engine, one answer. */
import type { Precision } from '../../../model/index.ts';
import { type AckLevel, type Engine, EngineError } from '../engine.ts';
import { type Exchange, replyEmpty, replyError } from './exchange.ts';
import { readAck, readPrecision, readPrecisionV2 } from './parameters.ts';

/** Unpacks a gzip body into a buffer of its own; rejects with an error of code `too large` or `malformed`. */
export type Gunzip = (
  body: Uint8Array<ArrayBuffer>,
  bytesMax: number,
) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;

export interface WriteParts {
  readonly engine: Engine;
  readonly gunzip: Gunzip;
  readonly bodyBytesMax: number;
}

type Target = { database: string; retentionPolicy: string; precision: Precision; ack: AckLevel };

export async function write(exchange: Exchange, parts: WriteParts): Promise<void> {
  const { parameters } = exchange;
  const database = parameters.get('db') ?? '';
  if (database === '') {
    replyError(exchange, 400, 'database is required');
    return;
  }
  await keep(exchange, parts, {
    database,
    retentionPolicy: parameters.get('rp') ?? '',
    precision: readPrecision(parameters.get('precision') ?? ''),
    ack: readAck(parameters.get('ack'), parameters.get('consistency')),
  });
}

/** `bucket` is `database/policy`, or a database alone. */
export async function writeV2(exchange: Exchange, parts: WriteParts): Promise<void> {
  const { parameters } = exchange;
  const bucket = parameters.get('bucket') ?? '';
  const slash = bucket.indexOf('/');
  const database = slash < 0 ? bucket : bucket.slice(0, slash);
  if (database === '') {
    replyError(exchange, 400, 'bucket is required: "database/retention-policy"');
    return;
  }
  await keep(exchange, parts, {
    database,
    retentionPolicy: slash < 0 ? '' : bucket.slice(slash + 1),
    precision: readPrecisionV2(parameters.get('precision') ?? ''),
    ack: readAck(parameters.get('ack'), null),
  });
}

// private functions

async function keep(exchange: Exchange, parts: WriteParts, target: Target): Promise<void> {
  const { request } = exchange;
  let body = await request.body(parts.bodyBytesMax);
  const coding = request.headers.get('content-encoding') ?? '';
  if (coding === 'gzip') {
    const packed = body.buffer;
    body = await unpack(body, parts);
    request.giveBack(packed);
  }
  if (coding !== 'gzip' && coding !== '' && coding !== 'identity') {
    throw new EngineError('bad frame', `content-encoding "${coding}" is not known: use gzip or none`);
  }
  const outcome = await parts.engine.write({ ...target, user: exchange.user, body });
  request.giveBack(outcome.buffer);
  const place = { 'X-Millrace-Position': outcome.position };
  if (outcome.partial === null) replyEmpty(exchange, 204, place);
  else replyError(exchange, 400, outcome.partial, place);
}

async function unpack(body: Uint8Array<ArrayBuffer>, parts: WriteParts): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await parts.gunzip(body, parts.bodyBytesMax);
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    if (code === 'too large') throw new EngineError('too large', message);
    if (code === 'malformed') throw new EngineError('parse', message);
    throw error;
  }
}
