/**
 * LiveDesk: the main thread's list of the live queries that somebody follows, for SHOW QUERIES and KILL QUERY. Equal queries are one
 * entry, whatever the epochs and sockets of those who follow them; an entry goes with the last of them. It does no work per frame:
 * how far a query has come is its home's to say.
 */
import type { LiveQuery } from '../queries/index.ts';

interface Followed {
  readonly id: number;
  readonly database: string;
  readonly query: string;
  readonly beganMs: number;
  /** By subscriber: what ends it, with the words it is told. */
  readonly ends: Map<number, (message: string) => void>;
}

/** Words are InfluxDB's. */
const KILLED = 'query interrupted';

export class LiveDesk {
  readonly #nextId: () => number;
  readonly #nowMs: () => number;
  readonly #followed = new Map<string, Followed>();

  /** `nextId`: numbers that no historical query has, so that KILL QUERY means one. `nowMs` never goes back. */
  constructor(nextId: () => number, nowMs: () => number) {
    this.#nextId = nextId;
    this.#nowMs = nowMs;
  }

  /** `end` is called at most once, and must lead to `leave`. */
  enter(database: string, query: string, subscriber: number, end: (message: string) => void): void {
    const key = keyOf(database, query);
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      followed = { id: this.#nextId(), database, query, beganMs: this.#nowMs(), ends: new Map() };
      this.#followed.set(key, followed);
    }
    followed.ends.set(subscriber, end);
  }

  leave(database: string, query: string, subscriber: number): void {
    const key = keyOf(database, query);
    const followed = this.#followed.get(key);
    followed?.ends.delete(subscriber);
    if (followed?.ends.size === 0) this.#followed.delete(key);
  }

  /** Ends it for everybody who follows it now; false = there is none of this number. */
  kill(id: number): boolean {
    const followed = [...this.#followed.values()].find((entry) => entry.id === id);
    if (followed === undefined) return false;
    for (const end of [...followed.ends.values()]) end(KILLED);
    return true;
  }

  /** In the order in which they came. */
  list(): LiveQuery[] {
    const nowMs = this.#nowMs();
    return [...this.#followed.values()].map(({ id, database, query, beganMs, ends }) => ({
      id,
      database,
      text: query,
      runningMs: nowMs - beganMs,
      subscribers: ends.size,
    }));
  }
}

// private functions

function keyOf(database: string, query: string): string {
  return JSON.stringify([database, query]);
}
