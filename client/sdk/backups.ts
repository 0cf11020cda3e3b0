/** Backups over HTTP: one archive out, its parts back in, each with its answer or a MillraceError. */
import type { BackupChoice, BackupDocument, BackupFile } from '../protocol/index.ts';
import { MillraceError } from './errors.ts';
import { errorOfAnswer, headersOf, type Origin, send } from './requests.ts';

export interface BackupOptions {
  /** Position that an earlier backup named: only what came after it. */
  since?: string;
  /** Absent or empty = all. */
  databases?: readonly string[];
  signal?: AbortSignal;
}

export async function getBackup(
  origin: Origin,
  { since = '', databases = [], signal }: BackupOptions,
): Promise<ReadableStream<Uint8Array>> {
  const parameters = new URLSearchParams(databases.map((name) => ['db', name]));
  if (since !== '') parameters.set('since', since);
  const answer = await send(origin, `/backup?${parameters}`, { headers: headersOf(origin), signal });
  if (!answer.ok) throw await errorOfAnswer(answer);
  if (answer.body === null) throw new MillraceError('unreachable', `${origin.url} answers without a body`);
  return answer.body;
}

export async function postBucket(
  origin: Origin,
  db: string,
  { name, hidden, only }: BackupFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<number> {
  const parameters = new URLSearchParams({ db, name });
  if (hidden === undefined && only === undefined)
    return (await post(origin, parameters, 'application/octet-stream', bytes)).rows;
  const behind = new TextEncoder().encode(JSON.stringify({ hidden, only } satisfies BackupChoice));
  parameters.set('choice', String(behind.length));
  const body = new Uint8Array(bytes.length + behind.length);
  body.set(bytes);
  body.set(behind, bytes.length);
  return (await post(origin, parameters, 'application/octet-stream', body)).rows;
}

export async function postDocuments(origin: Origin, db: string, documents: readonly BackupDocument[]): Promise<void> {
  await post(origin, new URLSearchParams({ db }), 'application/json', JSON.stringify(documents));
}

// private functions

async function post(
  origin: Origin,
  parameters: URLSearchParams,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<{ rows: number }> {
  const headers = { ...headersOf(origin), 'content-type': type };
  const answer = await send(origin, `/restore?${parameters}`, { method: 'POST', headers, body });
  if (!answer.ok) throw await errorOfAnswer(answer);
  return (await answer.json()) as { rows: number };
}
