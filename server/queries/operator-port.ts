/** What a live operator needs from the worker that is its home, and who asks to join it. live-homes.ts fills it. */
import type { Epoch } from '../../client/protocol/index.ts';
import type { Emission, LastHeard, LiveCounters, LivePlan } from '../../query/index.ts';
import type { FeedFrame } from '../sessions/index.ts';
import type { Cursor } from './cursor.ts';
import type { MeasurementName } from './named-measurements.ts';

export interface Joiner {
  readonly subscriber: number;
  readonly feed: string;
  readonly epoch: Epoch | null;
  /** Rows of series that it has been told of name them by number. */
  readonly refs: boolean;
  readonly snapshot: boolean;
  /** '' = none. */
  readonly since: string;
  /** Not there = a client, who gets frames. */
  readonly listener?: LiveListener;
}

/** Where a live query stands behind what it has said. */
export interface LivePlace {
  /** As a client's: to go on from behind what was just said. */
  readonly cursor: string;
  /** ns; null until there was a point. */
  readonly watermark: bigint | null;
  /** Windows that begin before this can no longer change, ns; null = nothing is known yet. */
  readonly frozenBefore: bigint | null;
  readonly live: LivePlan;
}

/** Who hears a live query inside the server: rows as columns, not encoded. Called in order, on the thread of the query's home. */
export interface LiveListener {
  /** First the snapshot (or what `since` has missed), be it empty; then what changes; nothing at all every second or so. */
  rows(emissions: readonly Emission[], place: LivePlace): void;
  /** What follows begins anew with a snapshot: without what `since` has missed, where it was that which is no longer there. */
  reset(reason: string): void;
  /** The query has ended, and nothing follows. */
  failed(message: string): void;
}

/** A plan, and by shard the last message whose changes of the schema it knows of. */
export interface PlannedLive {
  readonly live: LivePlan;
  readonly plannedAt: readonly number[];
}

/** An operator as the shards know it. */
export interface RunningQuery {
  readonly key: string;
  readonly database: string;
  /** Measurements that its statement names. */
  readonly reads: readonly MeasurementName[];
  readonly live: LivePlan;
  /** Tells updates of a restarted operator from its predecessor's. */
  readonly instance: number;
  /** By shard: the first message that the predecessor's subscribers have heard nothing of; null = they have heard nothing yet. */
  readonly replayFrom: readonly number[] | null;
  /** As of its plan. */
  readonly plannedAt: readonly number[];
}

/** What all shards are asked for, in one round: the history, where neither of `cursor` and `windows` is there. */
export interface AskedRound {
  readonly id: number;
  /** What this cursor missed. */
  readonly cursor: Cursor | null;
  /** How many times as far back as its plan looks is read for the cursor. */
  readonly reach: bigint;
  /** These windows, as they are stored. */
  readonly windows: readonly number[] | null;
  /** How often something was brought near for it. */
  readonly fetches: number;
}

export interface OperatorPort {
  readonly shards: number;
  nowMs(): number;
  /** False: what can wait should. */
  hasTime(): boolean;
  frame(feed: string, to: number | null, frame: FeedFrame): void;
  attached(feed: string, subscriber: number): void;
  /** Of what the query reads: goes on changing. */
  heard(live: LivePlan): LastHeard;
  /** To all shards. */
  start(operator: RunningQuery): void;
  stop(operator: RunningQuery): void;
  ask(operator: RunningQuery, round: AskedRound): void;
  expire(operator: RunningQuery, before: bigint): void;
  /** The home needs rows from this time on. */
  reach(operator: RunningQuery, from: bigint): void;
  /** What a live query has counted since it was asked last. */
  counted(since: LiveCounters): void;
}
