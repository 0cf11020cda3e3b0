/**
 * `GET /backup?since=&db=` gives an archive out (client/protocol/backup.ts), `POST /restore?db=` takes parts of one in: documents as
 * JSON, or a bucket as bytes with its `name`, behind which JSON of `choice` bytes may say which of its rows count. Whoever may ask for a
 * backup sees everything, and a restore writes anything: it is for admins.
 */
import {
  BACKUP_FILE_BYTES_MAX,
  type BackupChoice,
  type BackupDocument,
  type BackupRows,
} from '../../../client/protocol/index.ts';
import { type Engine, EngineError, type RestoreRequest } from '../engine.ts';
import { type Exchange, replyJson } from './exchange.ts';
import { replyPieces } from './pieces.ts';

/** A bucket with what was deleted of it, or the documents of a database. */
export const RESTORE_BYTES_MAX = 2 * BACKUP_FILE_BYTES_MAX;

/** `db` may be there several times; without it all databases are in the archive. */
export async function backup(exchange: Exchange, engine: Engine): Promise<void> {
  const { parameters, request } = exchange;
  const asked = { user: exchange.user, since: parameters.get('since') ?? '', databases: parameters.getAll('db') };
  const pieces = await engine.backup(asked, request.signal);
  const headers = {
    'Content-Type': 'application/x-tar',
    'Content-Disposition': 'attachment; filename="millrace-backup.tar"',
  };
  await replyPieces(exchange, headers, pieces[Symbol.asyncIterator](), true);
}

export async function restore(exchange: Exchange, engine: Engine): Promise<void> {
  const database = exchange.parameters.get('db') ?? '';
  replyJson(exchange, 200, {
    rows: await engine.restore({ user: exchange.user, database, content: await contentOf(exchange) }),
  });
}

// private functions

async function contentOf({ request, parameters }: Exchange): Promise<RestoreRequest['content']> {
  const type = request.headers.get('content-type') ?? '';
  const body = await request.body(RESTORE_BYTES_MAX);
  if (type.startsWith('application/octet-stream')) {
    const name = parameters.get('name') ?? 'bucket';
    const bytes = body.length - Number(parameters.get('choice') ?? 0);
    if (!(bytes >= 0 && bytes <= body.length))
      throw refused('choice: expected how many bytes at the end of the body say it');
    if (bytes === body.length) return { name, choice: {}, body };
    const choice = parsed(body.subarray(bytes));
    if (!isChoice(choice)) throw refused('choice: expected hidden and only, each a list of spans of time and series');
    return { name, choice, body: body.subarray(0, bytes) };
  }
  if (!type.startsWith('application/json')) {
    throw refused('expected documents (application/json) or a bucket (application/octet-stream)');
  }
  const documents = parsed(body);
  if (!Array.isArray(documents) || !documents.every(isDocument)) {
    throw refused('expected an array of documents with kind, name and body');
  }
  return { documents };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw refused((error as Error).message);
  }
}

function refused(why: string): EngineError {
  return new EngineError('bad frame', `restore: ${why}`);
}

function isChoice(value: unknown): value is BackupChoice {
  const { hidden = [], only = [] } = (value ?? {}) as BackupChoice;
  return [hidden, only].every((rows) => Array.isArray(rows) && rows.every(isRows));
}

function isRows(value: unknown): value is BackupRows {
  const { minTime, maxTime, series } = (value ?? {}) as Partial<BackupRows>;
  const isTime = (time: unknown): boolean => typeof time === 'string' && /^-?\d{1,19}$/.test(time);
  return isTime(minTime) && isTime(maxTime) && (series === null || Array.isArray(series));
}

function isDocument(value: unknown): value is BackupDocument {
  const { kind, name, body } = (value ?? {}) as Partial<BackupDocument>;
  return typeof kind === 'string' && typeof name === 'string' && typeof body === 'object' && body !== null;
}
