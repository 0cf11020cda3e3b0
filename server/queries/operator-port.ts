/** What a live operator needs from the worker that is its home, and who asks to join it. live-homes.ts fills it. */
import type { Epoch } from '../../client/protocol/index.ts';
import type { LivePlan } from '../../query/index.ts';
import type { FeedFrame } from '../sessions/index.ts';
import type { Cursor } from './cursor.ts';

export interface Joiner {
  readonly subscriber: number;
  readonly feed: string;
  readonly epoch: Epoch | null;
  readonly snapshot: boolean;
  /** '' = none. */
  readonly since: string;
}

/** An operator as the shards know it. */
export interface RunningQuery {
  readonly key: string;
  readonly database: string;
  readonly live: LivePlan;
  /** Tells updates of a restarted operator from its predecessor's. */
  readonly instance: number;
  /** By shard: the first message that the predecessor's subscribers have heard nothing of; null = they have heard nothing yet. */
  readonly replayFrom: readonly number[] | null;
}

export interface OperatorPort {
  readonly shards: number;
  nowMs(): number;
  frame(feed: string, to: number | null, frame: FeedFrame): void;
  attached(feed: string, subscriber: number): void;
  /** To all shards. */
  start(operator: RunningQuery): void;
  stop(operator: RunningQuery): void;
  history(operator: RunningQuery, round: number): void;
  missed(operator: RunningQuery, round: number, cursor: Cursor): void;
  expire(operator: RunningQuery, before: bigint): void;
  /** Rows that came for windows that were closed. */
  late(rows: number): void;
}
