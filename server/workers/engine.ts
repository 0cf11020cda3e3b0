/**
 * The engine that sessions call, over the pool of workers: spreads bodies and queries over them, holds the catalogue, is the
 * authority for field types, and hands frames on to the subscribers of a feed. Main thread only; does no work per point.
 * It is long because it is the whole of that port.
 */
import { decodePosition, encodePosition, ORIGIN, type Position } from '../../model/index.ts';
import { type Credentials, Gate, Passwords } from '../access/index.ts';
import {
  Catalogue,
  defaultPolicy,
  executeOnCatalogue,
  findPolicy,
  firstPolicy,
  keptFrom,
  policyNotFound,
  type RetentionPolicy,
} from '../catalogue/index.ts';
import { FieldTypeAuthority } from '../ingest/index.ts';
import { encodeErrorMembers } from '../queries/answers/index.ts';
import { type LiveReport, type QueriesUnderWay, type RunningLimits, reportOfAll } from '../queries/index.ts';
import {
  type BackupRequest,
  type Engine,
  EngineError,
  type Feed,
  type MetadataRequest,
  type QueryRequest,
  type RestoreRequest,
  type SaidOf,
  type SubscribeRequest,
  type WriteOutcome,
  type WriteRequest,
} from '../sessions/index.ts';
import { type Metrics, type MetricsSnapshot, mergeSnapshots } from '../telemetry/index.ts';
import { BackupDesk } from './backup-desk.ts';
import { openCatalogue } from './catalogue-link.ts';
import { asEngineError } from './engine-errors.ts';
import { Feeds, type FrameListener, homeOf } from './feeds.ts';
import { LiveDesk } from './live-desk.ts';
import type {
  AttachedNotice,
  CanonicalResult,
  CatalogueCall,
  ControlCall,
  DeclareCall,
  FrameNotice,
  KillCall,
  KillResult,
  StoredCall,
  SubscribeCall,
  WorkerReady,
  WriteCall,
  WriteResult,
} from './messages.ts';
import { MetadataDesk } from './metadata-desk.ts';
import { type Handlers, handOver } from './peer.ts';
import type { Pool } from './pool.ts';
import { QueryDesk } from './query-desk.ts';
import { likelyWorker } from './query-route.ts';
import { Tiering } from './tiering.ts';

/** Bytes of bodies handed to workers and not yet answered; beyond, writers are told to come again. */
const WRITE_BYTES_IN_FLIGHT_MAX = 256 * 1024 * 1024;
/** How long a query waits for the position it asked to read after; the same as InfluxDB's write timeout. */
const AFTER_TIMEOUT_MS = 10_000;

export interface PoolEngineOptions {
  readonly shards: number;
  /** Whether a write makes a database; null = unless a user of a name writes. */
  readonly autoCreate: boolean | null;
  readonly nowNs: () => bigint;
  readonly metrics: Metrics;
  /** Users are asked for; null = everybody may do everything. */
  readonly auth: { readonly tokenSecret: string } | null;
  readonly running: RunningLimits;
  /** What a client cannot be told any more, as its answer has begun. */
  readonly warn: (text: string, error: Error) => void;
}

export class PoolEngine implements Engine {
  readonly #options: PoolEngineOptions;
  readonly #authority = new FieldTypeAuthority();
  readonly catalogue = new Catalogue();
  readonly #passwords = new Passwords();
  readonly #gate: Gate;
  readonly #metadata: MetadataDesk;
  readonly #feeds = new Feeds();
  readonly #positions: Position[];
  readonly #tiering = new Tiering();
  readonly #queries: QueryDesk;
  readonly #live: LiveDesk;
  readonly #backups: BackupDesk;
  #pool: Pool | null = null;
  #bytesInFlight = 0;
  /** What was asked of the server since it started: writes, queries, subscriptions; the server's own reports do not count. */
  asked = 0;

  constructor(options: PoolEngineOptions) {
    this.#options = options;
    this.#gate = new Gate({
      guarded: options.auth !== null,
      tokenSecret: options.auth?.tokenSecret ?? '',
      documents: this.catalogue.documents,
      passwords: this.#passwords,
      nowMs: Date.now,
      refused: () => options.metrics.counter('logins_refused').add(),
    });
    this.#metadata = new MetadataDesk(this.catalogue, this.#gate);
    this.#queries = new QueryDesk(options.running, options.metrics);
    this.#live = new LiveDesk(
      () => this.#queries.nextId(),
      () => performance.now(),
    );
    this.#backups = new BackupDesk({ ...options, gate: this.#gate, catalogue: this.catalogue });
    this.#positions = Array.from({ length: options.shards }, () => ORIGIN);
  }

  /** What workers may ask of this thread: give these to `Pool.start`. */
  readonly handlers: Handlers = {
    calls: {
      declare: (call: DeclareCall) => this.#authority.declare(call.database, call.retentionPolicy, call.fields),
      control: ({ entry }: ControlCall) => this.catalogue.publish(entry),
      catalogue: (call: CatalogueCall) => this.#changeCatalogue(call),
      queries: () => this.#underWay(),
      'kill query': (call: KillCall): KillResult =>
        this.#live.kill(call.id) ? { refused: null } : this.#queries.kill(call),
    },
    streams: {},
    notices: {
      frame: (notice: FrameNotice) => this.#feeds.frame(notice),
      attached: (notice: AttachedNotice) => this.#feeds.attached(notice),
    },
  };

  /** From here on the engine serves. */
  async serve(pool: Pool, ready: readonly WorkerReady[]): Promise<void> {
    for (const { fields } of ready) {
      for (const call of fields) this.#authority.declare(call.database, call.retentionPolicy, call.fields);
    }
    await openCatalogue(this.catalogue, pool, ready, (entry) => {
      if (entry.type === 'drop database') this.#authority.forgetDatabase(entry.database);
      if (entry.type === 'drop measurement') this.#authority.forgetMeasurement(entry.database, entry.measurement);
      if (entry.type === 'drop retention policy') this.#authority.forgetPolicy(entry.database, entry.retentionPolicy);
    });
    this.#pool = pool;
  }

  get guarded(): boolean {
    return this.#gate.guarded;
  }

  authenticate(credentials: Credentials | null): Promise<string | null> {
    return this.#gate.authenticate(credentials).catch((error) => Promise.reject(asEngineError(error)));
  }

  metadata(request: MetadataRequest): Promise<readonly SaidOf[]> {
    return this.#metadata.read(request);
  }

  setMetadata(request: MetadataRequest, said: unknown): Promise<void> {
    return this.#metadata.write(request, said);
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const result = await this.ingest(request, 'http');
    if (result.unparsed) throw new EngineError('parse', result.message!);
    return { position: encodePosition(this.#positions), partial: result.message, buffer: result.body.buffer };
  }

  /** The same for any door, with numbers instead of an error for what could not be read. Rejects with EngineError. */
  async ingest(request: WriteRequest, door: string): Promise<WriteResult> {
    const pool = this.#serving();
    if (door !== 'internal') this.asked++;
    const { database, body } = request;
    const bytes = body.byteLength;
    if (this.#bytesInFlight + bytes > WRITE_BYTES_IN_FLIGHT_MAX) {
      throw new EngineError('busy', `write queue is full: ${WRITE_BYTES_IN_FLIGHT_MAX} bytes are waiting for the disk`);
    }
    const { metrics } = this.#options;
    const began = performance.now();
    this.#bytesInFlight += bytes;
    try {
      await this.#ensureDatabase(database, request.user);
      this.#gate.assertWrite(request.user, database);
      const policy = this.#policy(database, request.retentionPolicy);
      const now = this.#options.nowNs();
      const call: WriteCall = {
        database,
        retentionPolicy: policy.name,
        precision: request.precision,
        wait: request.ack === 'disk' || request.ack === 'quorum',
        body,
        now,
        keptFrom: keptFrom(policy, now),
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
      if (result.beyond > 0) metrics.counter('points_rejected', { door, reason: 'retention' }).add(result.beyond);
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
    this.asked++;
    this.#tiering.asked();
    if (request.after !== '') await this.#reached(request.after);
    const likely = likelyWorker(request.text, request.database, pool);
    const worker = likely === null ? pool.next() : pool.peers[likely];
    return this.#queries.ask(worker, { ...request, now: this.#options.nowNs() }, signal);
  }

  async backup(request: BackupRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#backups.backup(this.#serving().next(), request, signal);
  }

  async restore(request: RestoreRequest): Promise<number> {
    return this.#backups.restore(this.#serving().next(), request);
  }

  async subscribe(request: SubscribeRequest, frame: FrameListener): Promise<Feed> {
    const pool = this.#serving();
    this.asked++;
    const { database } = request;
    try {
      const { query } = await pool.next().call<CanonicalResult>('canonical', { text: request.text, database });
      if (!this.catalogue.has(database)) throw new EngineError('database not found', `database not found: ${database}`);
      this.#gate.assertRead(request.user, database);
      const home = pool.peers[homeOf(database, query, pool.peers.length)];
      const feed = JSON.stringify([database, query, request.epoch, request.refs]);
      const subscriber = this.#feeds.enter(feed, frame);
      const leave = (): void => {
        this.#live.leave(database, query, subscriber);
        if (this.#feeds.leave(feed, subscriber)) home.notify('unsubscribe', { feed, subscriber });
      };
      this.#live.enter(database, query, subscriber, (message) => {
        leave();
        frame({
          op: 'error',
          members: encodeErrorMembers('invalid query', message),
          cursor: '',
          phase: 'live',
          watermarkMs: null,
        });
      });
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
    await this.catalogue.createDatabase(database, firstPolicy(database, null));
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

  /** A stored query that was made runs when this resolves: no point that is written then is too early for it. */
  async #changeCatalogue({ statement, database }: CatalogueCall): Promise<void> {
    const { nowNs } = this.#options;
    await executeOnCatalogue(statement, database, { catalogue: this.catalogue, passwords: this.#passwords, nowNs });
    if (statement.kind !== 'create continuous query' && statement.kind !== 'create alert') return;
    const call: StoredCall = { database: statement.database ?? database, name: statement.name };
    const settled = statement.kind === 'create alert' ? 'alert settled' : 'stored settled';
    await Promise.all(this.#serving().peers.map((peer) => peer.call(settled, call)));
  }

  async #underWay(): Promise<QueriesUnderWay> {
    const reports = await Promise.all(this.#serving().peers.map((peer) => peer.call<LiveReport>('live report', {})));
    return { historical: this.#queries.list(), live: this.#live.list(), ...reportOfAll(reports) };
  }

  #serving(): Pool {
    if (this.#pool === null) throw new EngineError('busy', 'the server is starting: it reads its log');
    return this.#pool;
  }

  /** Concurrent writers to a new database wait for one entry in the streams, not one each. */
  #ensureDatabase(database: string, user: string | null): Promise<void> {
    const known = this.catalogue.known(database);
    if (known !== null) return known;
    if (!(this.#options.autoCreate ?? user === null) || !this.#gate.isAdmin(user))
      throw new EngineError('database not found', `database not found: "${database}"`);
    return this.createDatabase(database);
  }

  /** The policy meant. */
  #policy(database: string, asked: string): RetentionPolicy {
    const { documents } = this.catalogue;
    const name = asked === '' ? defaultPolicy(documents, database) : asked;
    const policy = findPolicy(documents, database, name);
    if (policy !== null) return policy;
    throw new EngineError('invalid query', policyNotFound(name));
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
