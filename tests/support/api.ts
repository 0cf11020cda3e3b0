/** HTTP requests of tests to a running server: writes and queries by plain fetch, so that nothing of the client stands between. */
import { createSocket } from 'node:dgram';
import { PATIENCE_MS } from './patience.ts';

export interface Place {
  readonly http: string;
}

export interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | boolean | null)[])[];
}

export interface Result {
  readonly statement_id: number;
  readonly series?: readonly Series[];
  readonly error?: string;
}

/** POST /write; `parameters` beside `db`. */
export function write(
  { http }: Place,
  db: string,
  lines: string | Uint8Array<ArrayBuffer>,
  parameters: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const search = new URLSearchParams({ db, ...parameters });
  return fetch(`${http}/write?${search}`, { method: 'POST', body: lines, headers });
}

/** Writes what must be kept; resolves with the position token. */
export async function written(
  place: Place,
  db: string,
  lines: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await write(place, db, lines, parameters);
  const text = await response.text();
  if (response.status !== 204) throw new Error(`write: ${response.status} ${text}`);
  return response.headers.get('x-millrace-position') ?? '';
}

export function ask(
  { http }: Place,
  parameters: Readonly<Record<string, string>>,
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${http}/query?${new URLSearchParams(parameters)}`, init);
}

/** POSTs a query that must be answered; times in the unit of `epoch`, default ns. */
export async function results(
  place: Place,
  db: string,
  q: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<readonly Result[]> {
  const response = await ask(place, { db, q, epoch: 'ns', ...parameters }, { method: 'POST' });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`query: ${response.status} ${text}`);
  return (JSON.parse(text) as { results: Result[] }).results;
}

/** In chunks, which say why a statement failed although others stand behind it. */
export async function chunks(place: Place, db: string, q: string): Promise<readonly Result[]> {
  const body = new URLSearchParams({ q });
  const response = await ask(place, { db, epoch: 'ns', chunked: 'true' }, { method: 'POST', body });
  const lines = (await response.text()).trim().split('\n');
  return lines.flatMap((line) => (JSON.parse(line) as { results: Result[] }).results);
}

/** Series of a single statement that must not fail. */
export async function series(
  place: Place,
  db: string,
  q: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<readonly Series[]> {
  const [result] = await results(place, db, q, parameters);
  if (result.error !== undefined) throw new Error(result.error);
  return result.series ?? [];
}

/** The value of one line of `/metrics`; 0 where it is not there. `name` with its labels. */
export async function metric({ http }: Place, name: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const line = text.split('\n').find((l) => l.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/** Sends datagrams one after another. */
export async function sendDatagrams(
  { host, port }: { readonly host: string; readonly port: number },
  datagrams: readonly (string | Uint8Array)[],
): Promise<void> {
  const socket = createSocket('udp4');
  for (const datagram of datagrams) {
    await new Promise<void>((resolve, reject) =>
      socket.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error))),
    );
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}

/** Asks again until the answer is as wanted; the last answer is in the error. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  wanted: (value: T) => boolean,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    if (performance.now() > deadline) throw new Error(`after ${withinMs} ms still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
