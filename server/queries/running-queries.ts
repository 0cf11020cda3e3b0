/**
 * RunningQueries: the historical queries under way, as SHOW QUERIES tells of them and KILL QUERY ends them; the main thread keeps the
 * list. A query is refused where too many run, and ended when its time is up. How it is ended is the caller's: it is given the words.
 */
import type { LiveCounters } from '../../query/index.ts';

/** Words are InfluxDB's. */
const KILLED = 'query interrupted';
const TIMED_OUT = 'query-timeout limit exceeded';

export interface RunningQuery {
  readonly id: number;
  /** As it was asked. */
  readonly text: string;
  readonly database: string;
  readonly runningMs: number;
  readonly killed: boolean;
}

/** A live query that somebody follows. */
export interface LiveQuery {
  readonly id: number;
  /** In canonical form. */
  readonly text: string;
  readonly database: string;
  /** Since the first of those who follow it came. */
  readonly runningMs: number;
  readonly subscribers: number;
}

/** How far a live query has come, as its home says. */
export interface LiveProgress {
  readonly database: string;
  readonly text: string;
  /** starting: not all shards have said what they hold. */
  readonly state: 'starting' | 'running';
  /** How far the watermark is behind the clock; null before the first point. */
  readonly lagMs: number | null;
  /** Windows of groups that are held. */
  readonly panes: number;
  /** Since it began. */
  readonly counters: LiveCounters;
  /** Name of the share group: the queries that share its points' states; null = it has states of its own. */
  readonly group: string | null;
}

/** A share group on one shard. */
export interface ShareGroup {
  readonly name: string;
  /** Live queries of it. */
  readonly views: number;
  /** Of the states that they share. */
  readonly bytes: number;
}

/** What one worker knows of the live queries that have their home, or a part, there. */
export interface LiveReport {
  readonly progress: readonly LiveProgress[];
  readonly groups: readonly ShareGroup[];
}

/** All that runs. `progress` has an entry for a live query whose home has begun. */
export interface QueriesUnderWay {
  readonly historical: readonly RunningQuery[];
  readonly live: readonly LiveQuery[];
  readonly progress: readonly LiveProgress[];
  /** One for each shard that it is on. */
  readonly groups: readonly ShareGroup[];
}

export interface RunningLimits {
  /** Queries at a time; 0 = any number. */
  readonly concurrentMax: number;
  /** 0 = as long as it takes. */
  readonly timeoutMs: number;
}

interface Entry {
  readonly text: string;
  readonly database: string;
  readonly beganMs: number;
  readonly end: (message: string) => void;
  readonly timer: NodeJS.Timeout | undefined;
  killed: boolean;
}

/** What all workers know. */
export function reportOfAll(reports: readonly LiveReport[]): LiveReport {
  return { progress: reports.flatMap(({ progress }) => progress), groups: reports.flatMap(({ groups }) => groups) };
}

/** Over all shards: bytes of all, and as many queries as on the shard that has most. */
export function groupsByName(parts: readonly ShareGroup[]): Map<string, ShareGroup> {
  const groups = new Map<string, ShareGroup>();
  for (const { name, views, bytes } of parts) {
    const held = groups.get(name);
    groups.set(name, { name, views: Math.max(views, held?.views ?? 0), bytes: bytes + (held?.bytes ?? 0) });
  }
  return groups;
}

export class RunningQueries {
  readonly #limits: RunningLimits;
  readonly #nowMs: () => number;
  readonly #entries = new Map<number, Entry>();
  #nextId = 1;

  /** `nowMs` never goes back. */
  constructor(limits: RunningLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Its id, or null with too many under way. `end` is called at most once, and not after `leave`. */
  enter(text: string, database: string, end: (id: number, message: string) => void): number | null {
    const { concurrentMax, timeoutMs } = this.#limits;
    if (concurrentMax > 0 && this.#entries.size >= concurrentMax) return null;
    const id = this.nextId();
    const timer = timeoutMs === 0 ? undefined : setTimeout(() => this.#end(id, TIMED_OUT), timeoutMs);
    const told = (message: string): void => end(id, message);
    this.#entries.set(id, { text, database, beganMs: this.#nowMs(), end: told, timer, killed: false });
    return id;
  }

  /** A number that no other query has had. */
  nextId(): number {
    return this.#nextId++;
  }

  /** True: it had been told to end. */
  leave(id: number): boolean {
    const entry = this.#entries.get(id);
    clearTimeout(entry?.timer);
    this.#entries.delete(id);
    return entry?.killed === true;
  }

  /** What is wrong, null = it will end. */
  kill(id: number): string | null {
    const entry = this.#entries.get(id);
    if (entry === undefined) return `no such query id: ${id}`;
    if (entry.killed) return 'already killed';
    this.#end(id, KILLED);
    return null;
  }

  /** In the order in which they came. */
  list(): RunningQuery[] {
    const nowMs = this.#nowMs();
    return [...this.#entries].map(([id, { text, database, beganMs, killed }]) => ({
      id,
      text,
      database,
      runningMs: nowMs - beganMs,
      killed,
    }));
  }

  /** As InfluxDB says it of one more. */
  get refusal(): string {
    const { concurrentMax } = this.#limits;
    return `max-concurrent-queries limit exceeded(${this.#entries.size + 1}, ${concurrentMax})`;
  }

  // private functions

  #end(id: number, message: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.killed) return;
    entry.killed = true;
    entry.end(message);
  }
}
