/**
 * Millrace: the client. Writes and queries go over HTTP, live queries over one shared WebSocket that reconnects and resumes by
 * itself. The same class in Node (22 or newer) and in browsers; `fetch` and `WebSocket` can be passed in for tests and proxies.
 *
 *     const millrace = new Millrace({ url: 'http://127.0.0.1:8086' });
 *     const position = await millrace.write('db', [{ measurement: 'cpu', tags: { host: 'a' }, fields: { busy: 0.5 } }]);
 *     const [result] = await millrace.query('db', 'SELECT mean(busy) FROM cpu', { after: position });
 *     for await (const event of millrace.subscribe('db', 'SELECT mean(busy) FROM cpu GROUP BY time(1s)')) { … }
 */
import type { BackupDocument, BackupFile } from '../protocol/index.ts';
import { type BackupOptions, getBackup, postBucket, postDocuments } from './backups.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { MillraceError } from './errors.ts';
import { encodePoints, type Point } from './points.ts';
import {
  getPing,
  type Origin,
  placeIn,
  postQuery,
  postWrite,
  type QueryOptions,
  type QueryResult,
  streamQuery,
  type WriteOptions,
} from './requests.ts';
import { type SubscribeOptions, Subscription } from './subscription.ts';

export interface MillraceOptions {
  /** `http://host:port`; a path before `/write` and `/live` is kept. */
  url: string;
  token?: string;
  fetch?: typeof fetch;
  WebSocket?: typeof WebSocket;
  /** In [0, 1); spreads reconnects. Passed in by tests. */
  random?: () => number;
}

export class Millrace {
  readonly #origin: Origin;
  readonly #connection: Connection;
  readonly #random: () => number;
  #subscriptions = 0;

  constructor(options: MillraceOptions) {
    const url = options.url.replace(/\/+$/, '');
    if (!/^https?:\/\/[^/]/.test(url))
      throw new MillraceError('unreachable', `"${options.url}" is not an address, expected http://host:port`);
    this.#random = options.random ?? Math.random;
    // Browsers want fetch called on the window: hence not stored as it is.
    const fetchOption = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#origin = { url, token: options.token, fetch: fetchOption };
    this.#connection = new Connection({
      url,
      token: options.token,
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      random: this.#random,
    });
  }

  /** State of the socket under the subscriptions; `idle` while there are none. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Calls with every change of `state`; returns how to stop that. */
  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#connection.onState(listener);
  }

  /**
   * Writes lines (text, or bytes; gzipped bytes are recognised) or points. Resolves with the write's position, to read one's own
   * write by (`query(…, { after })`). Rejects with `partial write` when some lines were refused: the good ones are kept.
   */
  write(db: string, data: string | Uint8Array | Iterable<Point>, options: WriteOptions = {}): Promise<string> {
    const lines = typeof data === 'string' || data instanceof Uint8Array ? data : encodePoints(data, options.precision);
    return postWrite(this.#origin, db, lines, options);
  }

  /** One result per statement. Rejects where the text does not parse (`at` = offset in it) or the server cannot be asked. */
  query(db: string, q: string, options: QueryOptions = {}): Promise<QueryResult[]> {
    return withPlace(q, postQuery(this.#origin, db, q, options));
  }

  /**
   * The bytes of an answer as they come, in a format the server knows: `text/csv`, `application/x-ndjson`, `application/x-line-protocol`,
   * `application/vnd.apache.arrow.stream`, `application/vnd.apache.parquet`. Read it to its end or cancel it. Where a query fails behind
   * its first bytes, reading rejects.
   */
  stream(db: string, q: string, accept: string, options: QueryOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return withPlace(q, streamQuery(this.#origin, db, q, accept, options));
  }

  /**
   * An archive of the server's databases as it comes: a tar. Read it to its end or cancel it; where it fails on the way, reading rejects.
   */
  backup(options: BackupOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return getBackup(this.#origin, options);
  }

  /** A bucket of an archive into a database that is there; gives the number of rows. */
  restoreBucket(db: string, file: BackupFile, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    return postBucket(this.#origin, db, file, bytes);
  }

  /** What an archive says of a database besides its points; makes the database. '' = the server as a whole. */
  restoreDocuments(db: string, documents: readonly BackupDocument[]): Promise<void> {
    return postDocuments(this.#origin, db, documents);
  }

  /** A live query: its snapshot, then what comes. See Subscription for what it promises. */
  subscribe(db: string, q: string, options: SubscribeOptions = {}): Subscription {
    this.#subscriptions += 1;
    return new Subscription(`s${this.#subscriptions}`, this.#connection, db, q, options, this.#random);
  }

  /** The server's version. */
  ping(signal?: AbortSignal): Promise<string> {
    return getPing(this.#origin, signal);
  }

  /** Ends all subscriptions without an error and closes the socket. Idempotent. */
  close(): void {
    this.#connection.close();
  }
}

// private functions

/** An error of the query's text with its offset in it. */
async function withPlace<T>(q: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.at !== undefined) throw error;
    const { code, message, status, retryAfterMs } = error;
    throw new MillraceError(code, message, { status, retryAfterMs, at: placeIn(message, q), cause: error.cause });
  }
}
