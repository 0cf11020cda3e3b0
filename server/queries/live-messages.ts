/** What a live query's home and its shards say to each other. Plain data: it goes between threads. */
import type { LivePlan, LiveUpdate } from '../../query/index.ts';
import type { DeletedSpan } from '../recorder/index.ts';
import type { MeasurementName } from './named-measurements.ts';
import type { AskedRound, RunningQuery } from './operator-port.ts';

/** An update with what it stands for. `instance` tells a restarted operator's from its predecessor's. */
export interface ShardUpdate {
  readonly operator: string;
  readonly instance: number;
  readonly shard: number;
  /** Sequence of the last message that the update contains. */
  readonly sequence: number;
  readonly update: LiveUpdate;
  /** The answer to this round of the home; null = an update that nobody asked for. */
  readonly round: number | null;
}

/** To all homes: plans over these measurements may have changed, and rows that they have shown may have been deleted. */
export interface SchemaChange {
  readonly database: string;
  /** Those that changed, by name; null = any may have. */
  readonly measurements: readonly string[] | null;
  readonly deleted: readonly DeletedSpan[];
  /** The message that changed it; null = no message of a shard. */
  readonly at: { readonly shard: number; readonly sequence: number } | null;
}

/** To all homes: when points last moved the time of a shard's shared streams (`LastHeard`), by `sourcesKey`. */
export interface ShardHeard {
  readonly shard: number;
  readonly heard: ReadonlyMap<string, number>;
}

export interface ShardFailure {
  readonly operator: string;
  readonly instance: number;
  readonly message: string;
  /** Only this round has failed, because the stream no longer has what it asked for; null = the operator. */
  readonly round: number | null;
}

export interface LiveStart {
  readonly shard: number;
  readonly operator: string;
  readonly instance: number;
  readonly live: LivePlan;
  readonly database: string;
  /** Measurements that its statement names. */
  readonly reads: readonly MeasurementName[];
  /** Worker of its home. */
  readonly home: number;
  /** First message that the predecessor's subscribers have heard nothing of; null = none. */
  readonly replayFrom: number | null;
  /** Its home knew of what this message of the shard, and those before, changed of the schema when it planned. */
  readonly plannedAt: number;
}

/** What a round needs of a shard is brought near, or has been: then it is asked again. */
export interface ShardAway {
  readonly operator: string;
  readonly instance: number;
  readonly shard: number;
  readonly round: number;
  readonly isNear: boolean;
}

/** Of an operator on a shard. `cursor` not null: what was missed since; else the history, or some windows. */
export interface LiveAsk {
  readonly shard: number;
  readonly operator: string;
  readonly instance: number;
  readonly round: number;
  readonly cursor: { readonly sequence: number; readonly watermark: bigint | null; readonly reach: bigint } | null;
  /** Not null: these windows of the shard, and nothing else. */
  readonly windows: readonly number[] | null;
  /** How often something was brought near for it. */
  readonly fetches: number;
}

export interface LiveStop {
  readonly shard: number;
  readonly operator: string;
  readonly instance: number;
}

export interface LiveExpire {
  readonly operator: string;
  readonly before: bigint;
}

/** The home of a query over held rows needs them from this time on. */
export interface LiveReach {
  readonly operator: string;
  readonly from: bigint;
}

export function nameOf(op: RunningQuery, shard: number): { shard: number; operator: string; instance: number } {
  return { shard, operator: op.key, instance: op.instance };
}

export function startOf(op: RunningQuery, shard: number, home: number): LiveStart {
  return {
    ...nameOf(op, shard),
    live: op.live,
    database: op.database,
    reads: op.reads,
    home,
    replayFrom: op.replayFrom?.[shard] ?? null,
    plannedAt: op.plannedAt[shard],
  };
}

export function askOf(op: RunningQuery, shard: number, { id, cursor, reach, windows, fetches }: AskedRound): LiveAsk {
  const from = cursor && { sequence: cursor.positions[shard].sequence, watermark: cursor.watermark, reach };
  return { ...nameOf(op, shard), round: id, cursor: from, windows, fetches };
}
