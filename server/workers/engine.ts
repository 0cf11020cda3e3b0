/**
 * The engine that sessions call, over the pool of workers: spreads bodies and queries over them, knows which databases exist, is the
 * authority for field types, and hands frames on to the subscribers of a feed. Main thread only; does no work per point.
 */

import { type ControlEntry, decodePosition, encodePosition, ORIGIN, type Position } from '../../model/index.ts';
import { FieldTypeAuthority } from '../ingest/index.ts';
import {
  type Engine,
  EngineError,
  type Feed,
  type QueryRequest,
  type SubscribeRequest,
  type WriteOutcome,
  type WriteRequest,
} from '../sessions/index.ts';
import { type Metrics, type MetricsSnapshot, mergeSnapshots } from '../telemetry/index.ts';
import { asEngineError } from './engine-errors.ts';
import { Feeds, type FrameListener } from './feeds.ts';
import type {
  AttachedNotice,
  CanonicalResult,
  ControlCall,
  DeclareCall,
  FrameNotice,
  QueryCall,
  SubscribeCall,
  WorkerReady,
  WriteCall,
  WriteResult,
} from './messages.ts';
import { type Handlers, handOver } from './peer.ts';
import type { Pool } from './pool.ts';

/** Bytes of bodies handed to workers and not yet answered; beyond, writers are told to come again. */
const WRITE_BYTES_IN_FLIGHT_MAX = 256 * 1024 * 1024;
/** How long a query waits for the position it asked to read after; the same as InfluxDB's write timeout. */
const AFTER_TIMEOUT_MS = 10_000;
const DEFAULT_RETENTION_POLICY = 'autogen';

export interface PoolEngineOptions {
  readonly shards: number;
  readonly autoCreate: boolean;
  readonly nowNs: () => bigint;
  readonly metrics: Metrics;
}

export class PoolEngine implements Engine {
  readonly #options: PoolEngineOptions;
  readonly #authority = new FieldTypeAuthority();
  readonly #databases = new Map<string, Promise<void>>();
  readonly #feeds = new Feeds();
  readonly #positions: Position[];
  #pool: Pool | null = null;
  #bytesInFlight = 0;

  constructor(options: PoolEngineOptions) {
    this.#options = options;
    this.#positions = Array.from({ length: options.shards }, () => ORIGIN);
  }

  /** What workers may ask of this thread: give these to `Pool.start`. */
  readonly handlers: Handlers = {
    calls: {
      declare: (call: DeclareCall) => this.#authority.declare(call.database, call.retentionPolicy, call.fields),
      control: ({ entry }: ControlCall) => this.#control(entry),
    },
    streams: {},
    notices: {
      frame: (notice: FrameNotice) => this.#feeds.frame(notice),
      attached: (notice: AttachedNotice) => this.#feeds.attached(notice),
    },
  };

  /** From here on the engine serves. */
  serve(pool: Pool, ready: readonly WorkerReady[]): void {
    for (const { databases, fields } of ready) {
      for (const database of databases) this.#databases.set(database, Promise.resolve());
      for (const call of fields) this.#authority.declare(call.database, call.retentionPolicy, call.fields);
    }
    this.#pool = pool;
    this.#tellDatabases();
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const result = await this.ingest(request, 'http');
    if (result.unparsed) throw new EngineError('parse', result.message!);
    return { position: encodePosition(this.#positions), partial: result.message };
  }

  /** The same for any door, with numbers instead of an error for what could not be read. Rejects with EngineError. */
  async ingest(request: WriteRequest, door: string): Promise<WriteResult> {
    const pool = this.#serving();
    const { database, body } = request;
    const bytes = body.byteLength;
    if (this.#bytesInFlight + bytes > WRITE_BYTES_IN_FLIGHT_MAX) {
      throw new EngineError('busy', `write queue is full: ${WRITE_BYTES_IN_FLIGHT_MAX} bytes are waiting for the disk`);
    }
    const { metrics } = this.#options;
    const began = performance.now();
    this.#bytesInFlight += bytes;
    try {
      await this.#ensureDatabase(database);
      const call: WriteCall = {
        database,
        retentionPolicy: request.retentionPolicy || DEFAULT_RETENTION_POLICY,
        precision: request.precision,
        wait: request.ack === 'disk' || request.ack === 'quorum',
        body,
        now: this.#options.nowNs(),
      };
      const result = await pool.next().call<WriteResult>('write', handOver(call, [body.buffer]));
      for (const p of result.positions) {
        const known = this.#positions[p.shard];
        if (p.generation > known.generation || p.sequence > known.sequence) this.#positions[p.shard] = p;
      }
      metrics.counter('points_in', { door }).add(result.rows);
      metrics.counter('bytes_in', { door }).add(bytes);
      metrics.counter('batches_in', { door }).add(result.batches);
      if (result.rejected > 0) metrics.counter('points_rejected', { door, reason: 'line' }).add(result.rejected);
      metrics.histogram('write_ms').observe(performance.now() - began);
      return result;
    } catch (error) {
      throw asEngineError(error);
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const pool = this.#serving();
    if (request.after !== '') await this.#reached(request.after);
    const call: QueryCall = { ...request, now: this.#options.nowNs() };
    const pieces = this.#measured(pool.next().stream<Uint8Array>('query', call), signal);
    signal.addEventListener('abort', () => void pieces.return(), { once: true });
    try {
      return startedWith(await pieces.next(), pieces);
    } catch (error) {
      throw asEngineError(error);
    }
  }

  async subscribe(request: SubscribeRequest, frame: FrameListener): Promise<Feed> {
    const pool = this.#serving();
    const { database } = request;
    try {
      const { query } = await pool.next().call<CanonicalResult>('canonical', { text: request.text, database });
      if (!this.#databases.has(database))
        throw new EngineError('database not found', `database not found: ${database}`);
      const home = pool.peers[homeOf(database, query, pool.peers.length)];
      const feed = JSON.stringify([database, query, request.epoch]);
      const subscriber = this.#feeds.enter(feed, frame);
      const leave = (): void => {
        if (this.#feeds.leave(feed, subscriber)) home.notify('unsubscribe', { feed, subscriber });
      };
      try {
        await home.call('subscribe', { ...request, subscriber, feed, query } satisfies SubscribeCall);
      } catch (error) {
        leave();
        throw error;
      }
      queueMicrotask(() => this.#feeds.opened(feed, subscriber));
      return { query, close: leave };
    } catch (error) {
      throw asEngineError(error);
    }
  }

  /** Makes the database unless it exists. */
  async createDatabase(database: string): Promise<void> {
    await (this.#databases.get(database) ?? this.#control({ type: 'create database', database }));
  }

  health(): { ready: boolean; message: string } {
    return this.#pool === null
      ? { ready: false, message: 'starting: reading the log' }
      : { ready: true, message: 'ready for queries and writes' };
  }

  /** Numbers of all workers, merged. */
  async metrics(): Promise<MetricsSnapshot> {
    if (this.#pool === null) return [];
    return mergeSnapshots(await Promise.all(this.#pool.peers.map((peer) => peer.call<MetricsSnapshot>('metrics', {}))));
  }

  // private functions

  /** Counts and times a query from its first piece asked for to its end, whatever the end. */
  async *#measured(
    pieces: AsyncGenerator<Uint8Array, void, void>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { metrics } = this.#options;
    const began = performance.now();
    let outcome = 'failed';
    metrics.gauge('queries_running').add(1);
    try {
      yield* pieces;
      outcome = 'answered';
    } finally {
      metrics.gauge('queries_running').add(-1);
      metrics.counter('queries', { outcome: signal.aborted ? 'abandoned' : outcome }).add();
      metrics.histogram('query_ms').observe(performance.now() - began);
    }
  }

  #serving(): Pool {
    if (this.#pool === null) throw new EngineError('busy', 'the server is starting: it reads its log');
    return this.#pool;
  }

  /** Concurrent writers to a new database wait for one entry in the streams, not one each. */
  #ensureDatabase(database: string): Promise<void> {
    const known = this.#databases.get(database);
    if (known !== undefined) return known;
    if (!this.#options.autoCreate) throw new EngineError('database not found', `database not found: "${database}"`);
    return this.#control({ type: 'create database', database });
  }

  #control(entry: ControlEntry): Promise<void> {
    const done = Promise.all(this.#pool!.peers.map((peer) => peer.call('control', { entry }))).then(() => undefined);
    if (entry.type === 'create database') {
      this.#databases.set(entry.database, done);
      done.catch(() => {
        this.#databases.delete(entry.database);
        this.#tellDatabases();
      });
    } else {
      this.#databases.delete(entry.database);
      this.#authority.forgetDatabase(entry.database);
    }
    this.#tellDatabases();
    return done;
  }

  /** Workers hear of it before anything that is sent to them later, so whoever made a database finds it on every worker. */
  #tellDatabases(): void {
    const names = [...this.#databases.keys()].sort();
    for (const peer of this.#pool!.peers) peer.notify('databases', { names });
  }

  async #reached(token: string): Promise<void> {
    const positions = decodePosition(token);
    if (positions === null || positions.length !== this.#options.shards) {
      throw new EngineError('invalid query', 'after: not a position of this server');
    }
    const reached = Promise.all(this.#pool!.peers.map((peer) => peer.call('reached', { positions })));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new EngineError('busy', 'after: that position is not readable yet'));
      timer = setTimeout(fail, AFTER_TIMEOUT_MS);
    });
    try {
      await Promise.race([reached, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

// private functions

/** All feeds of one query live on one worker, whatever their epoch: they share its operator. */
function homeOf(database: string, query: string, workers: number): number {
  let hash = 0;
  for (const text of [database, query])
    for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return Math.abs(hash) % workers;
}

async function* startedWith(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (first.done === true) return;
    yield first.value;
    yield* rest;
  } finally {
    await rest.return();
  }
}
