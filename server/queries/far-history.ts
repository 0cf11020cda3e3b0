/**
 * History that lies in object storage, for live queries. They read in one turn, at one position of their shard, and cannot wait: a scan
 * that would have to is given up, what it asked for is brought near, and whoever asked begins anew. What else is asked of an operator
 * that begins waits for that, in its order; one that runs goes on, and its home asks again.
 *
 *     start ──▶ scan ──away──▶ bringNear … fetched ──▶ start again, in one turn
 *              other calls for this operator wait ────┘ ──▶ then they
 *
 * One history is fetched at a time, so that what it needs stays in the cache of pages until it has been read.
 */
import type { Block } from '../../model/index.ts';
import type { ScanRequest, Source } from '../../query/index.ts';
import type { ShardStore } from '../../storage/index.ts';

/** A query that finds something missing so often although it was fetched is ended: others need the cache. */
export const FETCHES_MAX = 8;

/** Rejects with StorageError. */
export type Fetch = () => Promise<void>;

/** Something that reads history: how often rows were brought near for it; to begin again; to say that it cannot be. */
export interface FarReading {
  readonly fetches: number;
  readonly again: () => void;
  readonly failed: (message: string) => void;
}

/** A shard's rows, with a memory for what could not be read. */
export class NearSource implements Source {
  readonly #store: ShardStore;
  #missing: ScanRequest | null = null;

  constructor(store: ShardStore) {
    this.#store = store;
  }

  describe(...asked: Parameters<Source['describe']>): ReturnType<Source['describe']> {
    return this.#store.describe(...asked);
  }

  series(...asked: Parameters<Source['series']>): ReturnType<Source['series']> {
    return this.#store.series(...asked);
  }

  *scan(request: ScanRequest): Generator<Block> {
    try {
      yield* this.#store.scan(request);
    } catch (error) {
      if (isAway(error)) this.#missing = request;
      throw error;
    }
  }

  /** Runs what reads; gives what brings near what it could not, null = it has read all of it. */
  reads(act: () => void): Fetch | null {
    this.#missing = null;
    try {
      act();
    } catch (error) {
      const missing: ScanRequest | null = this.#missing;
      if (missing === null || !isAway(error)) throw error;
      return () => this.#store.bringNear(missing);
    }
    return null;
  }
}

/** Whether a scan was given up because it would have had to wait. */
export function isAway(error: unknown): boolean {
  return (error as { code?: string }).code === 'away';
}

/** Calls for operators, those for one in their order; what is held back by a fetch, and what comes behind it, waits. */
export class FarTurns {
  /** By operator: what waits for its fetch. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #fetches: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** At once, where nothing of the operator is being fetched. */
  run(operator: string, act: () => void): void {
    const waiting = this.#waiting.get(operator);
    if (waiting === undefined) act();
    else waiting.push(act);
  }

  /** Calls for the operator wait until everything is fetched and `again` has gone on; its argument is what went wrong, else null. */
  hold(operator: string, fetch: Fetch, again: (error: Error | null) => void): void {
    const before = this.#waiting.get(operator);
    if (before !== undefined) {
      before.push(() => this.hold(operator, fetch, again));
      return;
    }
    const waiting: (() => void)[] = [];
    this.#waiting.set(operator, waiting);
    const ended = (error: Error | null): void => {
      this.#waiting.delete(operator);
      again(error);
      for (const act of waiting) this.run(operator, act);
    };
    this.fetch(fetch, ended);
  }

  /** Behind those before; `ended` is told what went wrong, else null. Nothing waits for it. */
  fetch(fetch: Fetch, ended: (error: Error | null) => void): void {
    this.#fetches = this.#fetches.then(fetch).then(
      () => this.#isClosed || ended(null),
      (error: Error) => this.#isClosed || ended(error),
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }
}
