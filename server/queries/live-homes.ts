/**
 * LiveHomes: the live queries that have their home on this worker. Equal queries (same database and canonical text) share one
 * operator; it is made by the first subscriber, lingers a while after the last one so that a lost connection finds it again, and
 * is planned anew when the schema of its database has changed. It is long because all that happens to an operator happens here.
 */
import type { Epoch } from '../../client/protocol/index.ts';
import {
  assertLive,
  type LiveCounters,
  livePlan,
  measurementsOf,
  parse,
  QueryError,
  type SelectStatement,
  samePlan,
} from '../../query/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import type { DeletedSpan } from '../recorder/index.ts';
import type { FeedFrame } from '../sessions/index.ts';
import type { Logger } from '../telemetry/index.ts';
import {
  askOf,
  type LiveExpire,
  type LiveReach,
  type LiveStop,
  nameOf,
  type SchemaChange,
  type ShardAway,
  type ShardFailure,
  type ShardHeard,
  type ShardUpdate,
  startOf,
} from './live-messages.ts';
import { LiveOperator } from './live-operator.ts';
import type { LivePace } from './live-pace.ts';
import { Looks } from './looks.ts';
import { concerns } from './named-measurements.ts';
import type { LiveListener, OperatorPort, PlannedLive, RunningQuery } from './operator-port.ts';
import { planOverShards, type ShardMesh } from './plan-over-shards.ts';
import type { LiveProgress } from './running-queries.ts';
import { StreamsHeard } from './streams-heard.ts';

/** Operators at home on one worker; at a few KiB each when idle, this is some 100 MB. */
const OPERATORS_MAX = 20_000;
/** How long an operator without subscribers is kept for clients that reconnect. */
const LINGER_MS = 30_000;
/** While schemas change without end a query is planned so often, then lives with a plan that is made again anyway. */
const PLAN_ATTEMPTS_MAX = 5;
/** Changes of a schema that come together are planned for once. */
const REPLAN_DELAY_MS = 20;

export interface SubscribeHome {
  readonly subscriber: number;
  /** Database, query, epoch and refs: what shares an encoding. */
  readonly feed: string;
  readonly database: string;
  /** Canonical text. */
  readonly query: string;
  readonly epoch: Epoch | null;
  readonly refs: boolean;
  readonly snapshot: boolean;
  readonly since: string;
}

export interface LiveHomesOptions {
  readonly mesh: ShardMesh;
  readonly catalogue: CatalogueView;
  readonly nowMs: () => number;
  readonly pace: LivePace;
  readonly log: Logger;
  readonly frame: (feed: string, to: number | null, frame: FeedFrame) => void;
  readonly attached: (feed: string, subscriber: number) => void;
  readonly counted: (since: LiveCounters) => void;
}

export class LiveHomes {
  readonly #options: LiveHomesOptions;
  readonly #port: OperatorPort;
  /** By key; a promise while it is being planned. */
  readonly #operators = new Map<string, Promise<LiveOperator>>();
  readonly #running = new Map<string, LiveOperator>();
  readonly #heard: StreamsHeard;
  /** By database: what has changed. */
  readonly #replanning = new Map<string, SchemaChange[]>();
  #schemaChanges = 0;
  /** By shard: the last message that has changed a schema. */
  readonly #changedAt: number[];
  /** Operators that are planned again, with what was deleted since that began; null = nothing else has changed. */
  readonly #planning = new Map<LiveOperator, DeletedSpan[] | null>();
  /** Of the listener that came last: below those of all clients. */
  #lastListener = 0;
  /** By when they have something to do, and from when on they have something to say if there is time. */
  readonly #looks: Looks<LiveOperator>;

  constructor(options: LiveHomesOptions) {
    const { mesh, nowMs, pace, frame, attached, counted } = options;
    this.#options = options;
    this.#heard = new StreamsHeard(mesh.shards);
    this.#changedAt = new Array<number>(mesh.shards).fill(0);
    this.#looks = new Looks({
      nowMs,
      after,
      hasTime: () => pace.allows,
      due: (act) => pace.count(() => pace.spend(act)),
      look: (operator, anyway) => this.#look(operator, anyway),
      all: () => [...this.#running.values()],
    });
    this.#port = {
      shards: mesh.shards,
      nowMs,
      hasTime: () => pace.allows,
      frame,
      attached,
      counted,
      heard: (live) => this.#heard.of(live),
      start: (op) => this.#toShards(op, 'live start', (shard) => startOf(op, shard, mesh.index)),
      stop: (op) => this.#toShards(op, 'live stop', (shard) => ({ ...nameOf(op, shard) }) satisfies LiveStop),
      ask: (op, round) => this.#toShards(op, 'live ask', (shard) => askOf(op, shard, round)),
      reach: (op, from) => mesh.notifyAll('live reach', { operator: op.key, from } satisfies LiveReach),
      expire: (op, before) => mesh.notifyAll('live expire', { operator: op.key, before } satisfies LiveExpire),
    };
  }

  get size(): number {
    return this.#running.size;
  }

  /** The most rows that a query over held rows holds, and that a join was answered with. */
  get rowsMost(): { readonly held: number; readonly joined: number } {
    let [held, joined] = [0, 0];
    for (const { live, merge } of this.#running.values()) {
      if (live.leaves) held = Math.max(held, merge.cells);
      joined = Math.max(joined, merge.joinedRows);
    }
    return { held, joined };
  }

  /** Of every query that runs here, for SHOW QUERIES. */
  progress(): LiveProgress[] {
    return [...this.#running.values()].map((operator) => operator.progress);
  }

  /** Throws QueryError where the query cannot be live. */
  async subscribe(request: SubscribeHome): Promise<void> {
    const operator = await this.#operator(request.database, request.query);
    operator.join(request);
    this.#schedule(operator);
  }

  /**
   * The same for who is inside the server. `since` '' = from the present. Gives the way to leave, after which nothing is heard. Throws
   * as `subscribe`.
   */
  async listen(
    { database, query, since }: Pick<SubscribeHome, 'database' | 'query' | 'since'>,
    listener: LiveListener,
  ): Promise<() => void> {
    const operator = await this.#operator(database, query);
    const subscriber = --this.#lastListener;
    operator.join({ subscriber, feed: '', epoch: null, refs: false, snapshot: true, since, listener });
    this.#schedule(operator);
    return () => this.#leave(operator, subscriber);
  }

  unsubscribe({ feed, subscriber }: { feed: string; subscriber: number }): void {
    const [database, query] = JSON.parse(feed) as [string, string];
    this.#operators.get(keyOf(database, query))?.then((op) => this.#leave(op, subscriber), ignore);
  }

  update(message: ShardUpdate): void {
    const operator = this.#running.get(message.operator);
    if (operator === undefined) return;
    const { pace } = this.#options;
    pace.countOn();
    pace.spend(() => this.#guard(operator, () => operator.update(message)));
    this.#schedule(operator);
  }

  heard(message: ShardHeard): void {
    this.#heard.take(message);
  }

  failed({ operator: key, instance, message, round }: ShardFailure): void {
    const operator = this.#running.get(key);
    if (operator === undefined || operator.instance !== instance) return;
    if (round !== null) operator.roundFailed(round);
    else this.#end(operator, message);
    this.#schedule(operator);
  }

  away(message: ShardAway): void {
    const operator = this.#running.get(message.operator);
    if (operator === undefined || operator.instance !== message.instance) return;
    this.#guard(operator, () => operator.away(message));
    this.#schedule(operator);
  }

  /** Plans the live queries that it may concern anew, a moment later. */
  schemaChanged(change: SchemaChange): void {
    const { database, at } = change;
    this.#schemaChanges++;
    if (at !== null) this.#changedAt[at.shard] = at.sequence;
    const waiting = this.#replanning.get(database);
    if (waiting !== undefined) {
      waiting.push(change);
      return;
    }
    if (![...this.#running.values()].some((op) => op.database === database)) return;
    this.#replanning.set(database, [change]);
    setTimeout(() => {
      const changes = this.#replanning.get(database)!;
      this.#replanning.delete(database);
      const deleted = changes.flatMap((one) => one.deleted);
      for (const op of this.#running.values()) {
        const isTouched = op.database === database && changes.some((one) => concerns(one, op.reads));
        if (isTouched) void this.#replan(op, deleted);
      }
    }, REPLAN_DELAY_MS);
  }

  close(): void {
    this.#running.clear();
    this.#operators.clear();
    this.#looks.clear();
  }

  // private functions

  #operator(database: string, query: string): Promise<LiveOperator> {
    const key = keyOf(database, query);
    let operator = this.#operators.get(key);
    if (operator === undefined) {
      if (this.#operators.size >= OPERATORS_MAX) {
        throw new QueryError('invalid', `live query: ${OPERATORS_MAX} different ones are running already`);
      }
      operator = this.#make(key, database, query);
      this.#operators.set(key, operator);
      operator.catch(() => this.#operators.delete(key));
    }
    return operator;
  }

  async #make(key: string, database: string, query: string): Promise<LiveOperator> {
    const planned = await this.#plan(database, query);
    const reads = measurementsOf(parse(query)[0] as SelectStatement).map(({ name }) => name);
    const operator = new LiveOperator({ key, database, query, reads }, planned, this.#port);
    this.#running.set(key, operator);
    this.#port.start(operator);
    return operator;
  }

  /** Once more where a schema has changed meanwhile: an operator that does not run yet is not told. */
  async #plan(database: string, query: string): Promise<PlannedLive> {
    const statement = parse(query)[0] as SelectStatement;
    assertLive(statement);
    for (let attempt = 1; ; attempt++) {
      const changes = this.#schemaChanges;
      const plannedAt = [...this.#changedAt];
      const now = BigInt(this.#options.nowMs()) * 1_000_000n;
      const live = livePlan(statement, await planOverShards(statement, database, now, this.#options));
      if (changes === this.#schemaChanges || attempt === PLAN_ATTEMPTS_MAX) return { live, plannedAt };
    }
  }

  /** One plan after the other: what changes meanwhile is planned for behind it, so that shards hear of every change they wait for. */
  async #replan(operator: LiveOperator, deleted: readonly DeletedSpan[]): Promise<void> {
    const waiting = this.#planning.get(operator);
    if (waiting !== undefined) {
      this.#planning.set(operator, [...(waiting ?? []), ...deleted]);
      return;
    }
    for (let spans: readonly DeletedSpan[] | null = deleted; spans !== null; ) {
      this.#planning.set(operator, null);
      await this.#planOnce(operator, spans);
      spans = this.#planning.get(operator)!;
    }
    this.#planning.delete(operator);
  }

  async #planOnce(operator: LiveOperator, deleted: readonly DeletedSpan[]): Promise<void> {
    const { database, query } = operator;
    try {
      const planned = await this.#plan(database, query);
      if (this.#running.get(operator.key) !== operator) return;
      const { plan } = planned.live;
      const before = { ...operator.live.plan, bounds: plan.bounds };
      if (!samePlan(before, plan)) operator.restart(planned, 'the schema of what the query reads has changed');
      else if (operator.leansOn(deleted)) operator.restart(planned, 'rows were deleted');
      else {
        operator.plannedAt = planned.plannedAt;
        this.#port.start(operator);
      }
      this.#schedule(operator);
    } catch (error) {
      this.#end(operator, (error as Error).message);
    }
  }

  #toShards(operator: RunningQuery, method: string, bodyOf: (shard: number) => object): void {
    const { mesh, log } = this.#options;
    for (let shard = 0; shard < mesh.shards; shard++) {
      mesh.call(shard, method, bodyOf(shard)).catch((error: Error) => {
        log.error('a shard did not answer a live query', { query: operator.key, shard, error: error.message });
        const running = this.#running.get(operator.key);
        if (running !== undefined) this.#end(running, 'a shard did not answer');
      });
    }
  }

  #leave(operator: LiveOperator, subscriber: number): void {
    operator.leave(subscriber);
    this.#schedule(operator);
  }

  #schedule(operator: LiveOperator): void {
    if (this.#running.get(operator.key) !== operator) return;
    const { lookAtMs, tellAtMs, idleSinceMs } = operator;
    const endsMs = idleSinceMs === null ? Number.POSITIVE_INFINITY : idleSinceMs + LINGER_MS;
    this.#looks.plan(operator, Math.min(lookAtMs, endsMs), tellAtMs);
  }

  /** `anyway`: though it has said that it has nothing to do yet. */
  #look(operator: LiveOperator, anyway: boolean): void {
    const nowMs = this.#options.nowMs();
    const { lookAtMs, tellAtMs, idleSinceMs } = operator;
    if (idleSinceMs !== null && nowMs - idleSinceMs >= LINGER_MS) this.#forget(operator);
    else {
      if (anyway || nowMs >= lookAtMs || nowMs >= tellAtMs) this.#guard(operator, () => operator.tick());
      this.#schedule(operator);
    }
  }

  /** A query that outgrows its limits is ended and its subscribers are told; the others go on. */
  #guard(operator: LiveOperator, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof QueryError)) {
        this.#options.log.error('a live query failed', {
          query: operator.query,
          error: String((error as Error).stack),
        });
      }
      this.#end(operator, error instanceof QueryError ? error.message : 'internal error');
    }
  }

  #end(operator: LiveOperator, message: string): void {
    if (this.#running.get(operator.key) !== operator) return;
    operator.fail(message);
    this.#forget(operator);
  }

  #forget(operator: LiveOperator): void {
    this.#running.delete(operator.key);
    this.#operators.delete(operator.key);
    this.#looks.remove(operator);
    this.#port.stop(operator);
    if (this.#running.size === 0) this.#heard.clear();
  }
}

// private functions

function keyOf(database: string, query: string): string {
  return JSON.stringify([database, query]);
}

function after(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

function ignore(): void {}
