/**
 * Live queries on the shards' side: stage 1 of every live query, for the shards of one worker. The recorder tells it what was
 * applied, in the same turn; each query's home, on this worker or another, hears updates through the `send` it gave.
 *
 *     recorder ──batchApplied──▶ inputs of one message ──messageApplied──▶ LiveShard.accept ──sweep──▶ collect ──send──▶ home
 *
 * Queries that share a stream (LiveStages) are told of it when their turn comes, whatever the number of messages; the others take every
 * message for themselves.
 *
 * When a measurement or a field appears, a plan made before may be wrong. Homes are told (`schemaChanged`) and plan again. Until a
 * home has answered with a plan that knows of it, its operator is held from that message on; what came meanwhile is then replayed from
 * the stream.
 *
 * Who begins, or asks for history, may find rows of it in object storage: those are brought near before (`far-history.ts`).
 *
 * It is long because holding, replaying and collecting change the same few things about an operator.
 */
import type { Compression, ControlEntry } from '../../model/index.ts';
import {
  type LiveInput,
  LiveLeaves,
  type LivePlan,
  type LiveStage,
  LiveStages,
  type LiveUpdate,
  LiveView,
  type SharedTotals,
} from '../../query/index.ts';
import type { Applied, ShardStore } from '../../storage/index.ts';
import type { Broker } from '../pubsub/index.ts';
import type { BatchName, DeletedSpan, RecorderObserver } from '../recorder/index.ts';
import { type FarReading, FarTurns, FETCHES_MAX, type Fetch, isAway, NearSource } from './far-history.ts';
import type {
  LiveAsk,
  LiveExpire,
  LiveReach,
  LiveStart,
  LiveStop,
  SchemaChange,
  ShardAway,
  ShardFailure,
  ShardHeard,
  ShardUpdate,
} from './live-messages.ts';
import type { LivePace } from './live-pace.ts';
import { concerns, type MeasurementName } from './named-measurements.ts';
import { replay } from './replay.ts';
import type { ShareGroup } from './running-queries.ts';
import { SchemaChanges } from './schema-changes.ts';
import { isAnyDue, isDueNow, readsAllAgain, rest, startAfter } from './stage-kinds.ts';
import { Sweeps } from './sweeps.ts';

/** Changes that nobody waits for are collected this often; a window that closed, or points of a tail, at the next sweep. */
const COLLECT_INTERVAL_MS = 200;
/** How often homes are told which streams go on: much sooner than any IDLE, for a query's own turn may come later. */
const HEARD_INTERVAL_MS = 250;
/** Shared queries that speak in one sweep because their windows ended: a few milliseconds. The others are next. */
const VIEWS_PER_SWEEP = 250;
/** Shared queries that speak, one batch of them after the other, as long as there is time for it: in all, and in one sweep. */
const VIEWS_PER_BATCH = 16;
const TURNS_MS_MAX = 5;
/** Weight of the newest turn in the average of how long turns wait. */
const WAITED_NEWEST = 0.01;

export interface LiveHomePort {
  update(update: ShardUpdate): void;
  failed(failure: ShardFailure): void;
  away(message: ShardAway): void;
}

interface Operator {
  readonly id: string;
  readonly instance: number;
  readonly shard: number;
  readonly live: LivePlan;
  readonly database: string;
  readonly reads: readonly MeasurementName[];
  readonly stage: LiveStage;
  readonly home: LiveHomePort;
  collectedAtMs: number;
  /** Waits from this message on for its home to plan again. */
  heldFrom: number | null;
  /** Of what came since then, which its stage was not told, or was too new to be: once, however often its home answers. */
  replay: 'none' | 'due' | 'under way';
  /** The last message that changed a schema it reads, and the last that its home knew of when it planned. */
  changedAt: number;
  plannedAt: number;
  /** Asked while it was held. */
  readonly asks: LiveAsk[];
}

interface ShardSide {
  readonly store: ShardStore;
  readonly source: NearSource;
  readonly operators: Map<string, Operator>;
  readonly stages: LiveStages;
  readonly byStage: Map<LiveStage, Operator>;
  /** Those that share nothing. */
  readonly alone: Set<Operator>;
  readonly broker: Broker;
  applied: number;
  inputs: LiveInput[];
  readonly changes: SchemaChanges;
}

export interface LiveShardsOptions {
  /** Of the messages that are read again. */
  readonly compression: Compression;
  readonly nowMs: () => number;
  readonly pace: LivePace;
  /** A query was ended because it would have had to read what lies in object storage. */
  readonly refusedFar: () => void;
  /** What a query reads when it begins, or is asked for history, is fetched from object storage. */
  readonly broughtNear: () => void;
  /** To all homes: plans over this database may have changed. */
  readonly schemaChanged: (change: SchemaChange) => void;
  /** To all homes. */
  readonly heard: (heard: ShardHeard) => void;
}

export class LiveShards {
  readonly #options: LiveShardsOptions;
  readonly #shards = new Map<number, ShardSide>();
  readonly #news = new Set<Operator>();
  readonly #turns = new FarTurns();
  #toldHeardAtMs = 0;
  #waitedMs = 0;
  readonly #sweeps = new Sweeps(() => this.#options.pace.count(() => this.#sweep()));

  constructor(options: LiveShardsOptions) {
    this.#options = options;
  }

  /** The observer for a shard's recorder. */
  observe(shard: number, store: ShardStore, broker: Broker): RecorderObserver {
    const source = new NearSource(store);
    const side: ShardSide = {
      store,
      source,
      operators: new Map(),
      stages: new LiveStages(source),
      byStage: new Map(),
      alone: new Set(),
      broker,
      applied: 0,
      inputs: [],
      changes: new SchemaChanges(shard),
    };
    this.#shards.set(shard, side);
    return {
      batchApplied: (name: BatchName, applied: Applied) => {
        if (applied.schemaChanged) side.changes.appeared(name.database, name.measurement);
        if (side.operators.size > 0) side.inputs.push({ ...pick(name), block: applied.block, late: applied.late });
      },
      controlApplied: (entry: ControlEntry, deleted: readonly DeletedSpan[]) => {
        if (entry.type === 'drop database') side.changes.dropped(entry.database);
        if (deleted.length > 0 && 'database' in entry) side.changes.deleted(entry.database, deleted);
      },
      messageApplied: (sequence: number) => this.#messageApplied(side, sequence),
    };
  }

  /**
   * Starts stage 1 of an operator on a shard and sends its first update, before this returns where nothing has to be brought near. For
   * one that runs already: with the same plan a held tail goes on from where it was held; with another it is replaced.
   */
  start(start: LiveStart, home: LiveHomePort): void {
    this.#turns.run(start.operator, () => this.#start(start, home, 0));
  }

  stop(stop: LiveStop): void {
    this.#turns.run(stop.operator, () => this.#stop(stop));
  }

  /** How much later queries have their turns than they ask for, on average over the last ones. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Most rows that a live query over held rows has read or had under way on a shard. */
  get leafRowsMost(): number {
    let most = 0;
    for (const { alone } of this.#shards.values()) {
      for (const { stage } of alone) if (stage instanceof LiveLeaves) most = Math.max(most, stage.rowsMost);
    }
    return most;
  }

  /** The share groups of all shards, one for each shard that it is on. */
  get groups(): ShareGroup[] {
    return [...this.#shards.values()].flatMap(({ stages }) => stages.streams);
  }

  /** What the shared streams of all shards hold. */
  get totals(): SharedTotals {
    const all = [...this.#shards.values()].map(({ stages }) => stages.totals);
    const sum = (of: keyof SharedTotals): number => all.reduce((total, totals) => total + totals[of], 0);
    return { streams: sum('streams'), views: sum('views'), cells: sum('cells'), bytes: sum('bytes') };
  }

  expire({ operator, before }: LiveExpire): void {
    this.#turns.run(operator, () => {
      for (const side of this.#shards.values()) side.operators.get(operator)?.stage.expire(before);
    });
  }

  reach({ operator, from }: LiveReach): void {
    this.#turns.run(operator, () => {
      for (const side of this.#shards.values()) {
        const op = side.operators.get(operator);
        if (op === undefined || !(op.stage instanceof LiveLeaves)) continue;
        op.stage.reach(from);
        this.#news.add(op);
      }
      this.#wake();
    });
  }

  /**
   * Answers a round. What is on the way to the home is sent first, and the answer goes the same way, so that answer and later updates
   * join without a seam.
   */
  ask(ask: LiveAsk): void {
    this.#turns.run(ask.operator, () => this.#ask(ask));
  }

  close(): void {
    this.#sweeps.close();
    this.#turns.close();
    this.#shards.clear();
    this.#news.clear();
  }

  // private functions

  /** `fetches`: how often something had to be brought near for it. */
  #start(start: LiveStart, home: LiveHomePort, fetches: number): void {
    const { shard, operator, instance, live, database, reads, replayFrom, plannedAt } = start;
    const side = this.#side(shard);
    const before = side.operators.get(operator);
    if (before !== undefined && before.instance === instance) {
      before.plannedAt = plannedAt;
      this.#release(side, before);
      return;
    }
    const nowMs = this.#options.nowMs();
    const stage = this.#open(side, live, (message) => home.failed({ operator, instance, message, round: null }));
    if (stage === null) return;
    const op: Operator = {
      id: operator,
      instance,
      shard,
      live,
      database,
      reads,
      stage,
      home,
      collectedAtMs: nowMs,
      heldFrom: readsAllAgain(live) ? null : (replayFrom ?? before?.heldFrom ?? null),
      replay: 'due',
      changedAt: before?.changedAt ?? 0,
      plannedAt,
      asks: [],
    };
    side.operators.set(operator, op);
    side.byStage.set(stage, op);
    if (!(stage instanceof LiveView)) side.alone.add(op);
    const isLater = this.#reads(side, op, () => this.#send(side, op, startAfter(stage, nowMs, before?.stage ?? null)), {
      fetches,
      again: () => this.#start(start, home, fetches + 1),
      failed: (message) => {
        if (before !== undefined) this.#fail(before, message);
        home.failed({ operator, instance, message, round: null });
      },
    });
    if (isLater) {
      this.#drop(side, op);
      if (before === undefined) side.operators.delete(operator);
      else side.operators.set(operator, before);
      return;
    }
    if (before !== undefined) this.#drop(side, before);
    if (op.heldFrom !== null) rest(stage);
    this.#release(side, op);
    this.#wake();
  }

  #stop({ shard, operator, instance }: LiveStop): void {
    const side = this.#side(shard);
    const op = side.operators.get(operator);
    if (op === undefined || op.instance !== instance) return;
    side.operators.delete(operator);
    this.#drop(side, op);
  }

  #ask(ask: LiveAsk): void {
    const { shard, operator, instance, round, cursor, windows, fetches } = ask;
    const side = this.#side(shard);
    const op = side.operators.get(operator);
    if (op === undefined || op.instance !== instance) return;
    if (op.heldFrom !== null) {
      op.asks.push(ask);
      return;
    }
    const answer = (read: () => LiveUpdate): void => {
      this.#collectAll(side, op);
      const tell = (): void => op.home.update({ ...this.#stamp(side, op, read()), round });
      const missing = this.#missing(side, op, fetches, tell);
      if (missing === null) return;
      const away = { operator, instance, shard, round };
      op.home.away({ ...away, isNear: false });
      this.#turns.fetch(missing, (error) => {
        this.#count(error);
        if (error === null) op.home.away({ ...away, isNear: true });
        else this.#fail(op, error.message);
      });
    };
    const nowMs = this.#options.nowMs();
    const { stage } = op;
    const isOfWindows = windows !== null && !(stage instanceof LiveLeaves);
    if (cursor === null) {
      answer(() => (isOfWindows ? stage.windows(windows) : stage.history(nowMs)));
      return;
    }
    this.#replay(side, op, cursor.sequence + 1, false, {
      caughtUp: (inputs) => {
        // what has come since it is held will be replayed, and must not be in the answer as well
        if (op.heldFrom !== null) op.asks.push(ask);
        else answer(() => op.stage.missed(nowMs, cursor.watermark, inputs, cursor.reach));
      },
      failed: (message) => op.home.failed({ operator, instance, message, round }),
    });
  }

  #side(shard: number): ShardSide {
    const side = this.#shards.get(shard);
    if (side === undefined) throw new Error(`shard ${shard} is not on this worker`);
    return side;
  }

  /** null: what it needs cannot be read. */
  #open(side: ShardSide, live: LivePlan, failed: (message: string) => void): LiveStage | null {
    try {
      return side.stages.open(live);
    } catch (error) {
      this.#count(error);
      failed((error as Error).message);
      return null;
    }
  }

  #count(error: unknown): void {
    if (isAway(error)) this.#options.refusedFar();
  }

  #messageApplied(side: ShardSide, sequence: number): void {
    const { inputs, changes } = side;
    side.applied = sequence;
    for (const change of changes.take(sequence)) {
      this.#hold(side, change, sequence);
      for (const measurement of new Set(change.deleted.map((span) => span.measurement))) {
        side.stages.rowsDeleted(change.database, measurement, this.#failedOn(side));
      }
      this.#options.schemaChanged(change);
    }
    this.#wake();
    if (inputs.length === 0) return;
    side.inputs = [];
    this.#options.pace.count(() => this.#accept(side, inputs, sequence));
    this.#sweeps.hurry(() => side.stages.hasEnded || isAnyDue(side.alone, this.#options.nowMs()));
  }

  #accept(side: ShardSide, inputs: readonly LiveInput[], sequence: number): void {
    const nowMs = this.#options.nowMs();
    for (const input of inputs) side.stages.accept(input, nowMs, sequence, this.#failedOn(side));
    for (const op of side.alone) {
      if (op.heldFrom !== null) continue;
      this.#guard(op, () => {
        for (const input of inputs) if (input.database === op.database) op.stage.accept(input, nowMs);
      });
      this.#news.add(op);
    }
  }

  #hold(side: ShardSide, change: SchemaChange, sequence: number): void {
    for (const op of side.operators.values()) {
      if (op.database !== change.database || !concerns(change, op.reads)) continue;
      op.changedAt = sequence;
      if (op.heldFrom !== null) continue;
      // what is collected is from before it
      op.heldFrom = sequence;
      this.#collectAll(side, op);
      // a shared stream goes on, and its view has only to be silent
      op.replay = rest(op.stage) ? 'none' : 'due';
    }
  }

  #release(side: ShardSide, op: Operator): void {
    if (op.heldFrom === null || op.replay === 'under way' || !isPlanned(op)) return;
    if (op.replay === 'none') {
      this.#goOn(side, op);
      return;
    }
    op.replay = 'under way';
    this.#replay(side, op, op.heldFrom, true, {
      caughtUp: (inputs) => {
        if (side.byStage.get(op.stage) !== op) return;
        if (!isPlanned(op)) {
          // the schema has changed meanwhile, and its home will answer once more
          op.replay = 'due';
          return;
        }
        const nowMs = this.#options.nowMs();
        this.#guard(op, () => {
          if (op.stage instanceof LiveView) op.stage.skip(nowMs);
          for (const input of inputs) op.stage.accept(input, nowMs, true);
        });
        this.#goOn(side, op);
      },
      failed: (message) => this.#fail(op, message),
    });
  }

  /** It is no longer held. */
  #goOn(side: ShardSide, op: Operator): void {
    op.heldFrom = null;
    if (op.stage instanceof LiveView) side.stages.wake(op.stage);
    else this.#news.add(op);
    this.#wake();
    for (const ask of op.asks.splice(0)) this.ask(ask);
  }

  #replay(
    side: ShardSide,
    op: Operator,
    from: number,
    overDeletes: boolean,
    then: { caughtUp: (inputs: readonly LiveInput[]) => void; failed: (reason: string) => void },
  ): void {
    const { shard, database } = op;
    const { broker, store } = side;
    const { compression } = this.#options;
    const plans = (op.live.leaves ?? [op.live]).map(({ plan }) => plan);
    const measurements = plans.flatMap(({ sources }) => sources.map(({ measurement }) => measurement));
    const deletesOf = overDeletes ? null : measurements;
    replay({ broker, shard, store, database, compression, from, deletesOf, applied: () => side.applied, ...then });
  }

  #wake(): void {
    if ([...this.#shards.values()].some(({ operators }) => operators.size > 0)) this.#sweeps.wake();
  }

  /** Gives whether there was anything that could not wait. */
  #sweep(): boolean {
    const nowMs = this.#options.nowMs();
    let told = false;
    for (const op of this.#news) {
      const side = this.#side(op.shard);
      const isDue = isDueNow(op.stage, nowMs);
      told ||= isDue;
      if (nowMs - op.collectedAtMs >= COLLECT_INTERVAL_MS || isDue) this.#collect(side, op);
    }
    for (const side of this.#shards.values()) {
      const { allows } = this.#options.pace;
      for (const view of side.stages.ended(nowMs, VIEWS_PER_SWEEP, this.#failedOn(side), allows)) {
        told = true;
        this.#collect(side, side.byStage.get(view)!, allows ? 'all' : 'ended');
      }
    }
    this.#takeTurns(nowMs);
    this.#tellHeard(nowMs);
    if (this.#news.size === 0 && [...this.#shards.values()].every(({ stages }) => stages.idle)) this.#sweeps.rest();
    return told;
  }

  #tellHeard(nowMs: number): void {
    const elapsed = nowMs - this.#toldHeardAtMs;
    if (elapsed >= 0 && elapsed < HEARD_INTERVAL_MS) return;
    this.#toldHeardAtMs = nowMs;
    for (const [shard, { stages }] of this.#shards) {
      const heard = stages.heard();
      if (heard.size > 0) this.#options.heard({ shard, heard });
    }
  }

  /** Shards have their turns in turn, too. */
  #takeTurns(nowMs: number): void {
    const { pace } = this.#options;
    const began = performance.now();
    let waiting = [...this.#shards.values()];
    while (waiting.length > 0 && pace.allowsTurns && performance.now() - began < TURNS_MS_MAX) {
      waiting = waiting.filter((side) =>
        pace.spendOnTurns(() => {
          const views = side.stages.turns(nowMs, VIEWS_PER_BATCH, this.#failedOn(side));
          for (const view of views) this.#collect(side, side.byStage.get(view)!, 'turn');
          return views.length > 0;
        }),
      );
    }
  }

  /** Up to the last message that was applied. */
  #collectAll(side: ShardSide, op: Operator): void {
    const { stage } = op;
    if (stage instanceof LiveView) this.#guard(op, () => stage.stream.seal(this.#options.nowMs()));
    this.#collect(side, op);
  }

  /** `turn`: what can wait is told because it is its turn; `ended`: only what cannot wait, as there is no time. */
  #collect(side: ShardSide, op: Operator, what: 'all' | 'turn' | 'ended' = 'all'): void {
    this.#news.delete(op);
    this.#guard(op, () => {
      op.collectedAtMs = this.#options.nowMs();
      const update = op.stage.collect(op.collectedAtMs, what === 'turn', what === 'ended');
      if (update !== null) this.#send(side, op, update);
      if (update?.waitedMs !== undefined) this.#waitedMs += WAITED_NEWEST * (update.waitedMs - this.#waitedMs);
      if (!(op.stage instanceof LiveView) && op.stage.waits) this.#news.add(op);
    });
  }

  #send(side: ShardSide, op: Operator, update: LiveUpdate): void {
    op.home.update(this.#stamp(side, op, update));
  }

  #stamp(side: ShardSide, op: Operator, update: LiveUpdate): ShardUpdate {
    const told = op.stage instanceof LiveView ? op.stage.position(side.applied) : side.applied;
    const sequence = op.heldFrom === null ? told : op.heldFrom - 1;
    return { operator: op.id, instance: op.instance, shard: op.shard, sequence, update, round: null };
  }

  /** An operator beyond its limits is ended; the shard and the other operators go on. */
  #guard(op: Operator, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#count(error);
      this.#fail(op, (error as Error).message);
    }
  }

  /** As `#guard`; not null: it found rows in object storage and has done nothing, and this brings them near. */
  #missing(side: ShardSide, op: Operator, fetches: number, act: () => void): Fetch | null {
    let missing: Fetch | null = null;
    this.#guard(op, () => {
      if (fetches < FETCHES_MAX) missing = side.source.reads(act);
      else act();
    });
    if (missing !== null) this.#options.broughtNear();
    return missing;
  }

  /** As `#missing`; true: it begins again when they are near. */
  #reads(side: ShardSide, op: Operator, act: () => void, { fetches, again, failed }: FarReading): boolean {
    const missing = this.#missing(side, op, fetches, act);
    if (missing === null) return false;
    this.#turns.hold(op.id, missing, (error) => {
      if (error === null) return again();
      this.#count(error);
      failed(error.message);
    });
    return true;
  }

  #failedOn(side: ShardSide): (stage: LiveView, error: Error) => void {
    return (stage, error) => {
      const op = side.byStage.get(stage);
      if (op !== undefined) this.#guard(op, () => raise(error));
    };
  }

  #drop(side: ShardSide, op: Operator): void {
    side.stages.close(op.stage);
    side.byStage.delete(op.stage);
    side.alone.delete(op);
    this.#news.delete(op);
  }

  #fail(op: Operator, message: string): void {
    this.#stop({ shard: op.shard, operator: op.id, instance: op.instance });
    op.home.failed({ operator: op.id, instance: op.instance, message, round: null });
  }
}

// private functions

/** Its plan knows of all that has changed. */
function isPlanned({ changedAt, plannedAt }: Operator): boolean {
  return plannedAt >= changedAt;
}

function raise(error: Error): never {
  throw error;
}

function pick({ database, retentionPolicy, measurement }: BatchName): BatchName {
  return { database, retentionPolicy, measurement };
}
