/**
 * StoredQueries: the stored continuous queries that have their home on this worker. Follows the catalogue: what is created is opened, what
 * is dropped or paused is closed, what is replaced begins anew. What concerns one name is done one after the other.
 *
 *     catalogue news ──▶ StoredQuery (what was written, how far) ◀── StandingQuery ◀── live operator
 */
import type { Documents } from '../../model/index.ts';
import { type CatalogueNews, type ContinuousQuery, continuousQueriesOf } from '../catalogue/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type StoredDefinition, storedDefinition } from './definition.ts';
import { type StandingPort, StandingQuery } from './standing-query.ts';
import { StoredQuery, type StoredQueryPort } from './stored-query.ts';

/** How often checkpoints are written. */
const SAVE_INTERVAL_MS = 1_000;

export interface StoredStatus {
  readonly database: string;
  readonly name: string;
  readonly created: string;
  readonly running: boolean;
  /** Since the start. */
  readonly points: number;
  readonly failures: number;
  readonly lastFailure: string;
}

export interface StoredQueriesOptions extends StoredQueryPort, StandingPort {
  readonly documents: Documents;
  /** Whether the live query of this text lives on this worker. */
  readonly isHome: (database: string, query: string) => boolean;
  readonly log: Logger;
}

/** Plain data. Windows that begin in [from, to), ns. */
export interface RefreshCall {
  readonly database: string;
  readonly name: string;
  readonly from: bigint;
  readonly to: bigint;
}

interface Running {
  readonly stored: ContinuousQuery;
  readonly writer: StoredQuery | null;
  /** null = paused, or it cannot be read. */
  readonly standing: StandingQuery | null;
  /** Why it cannot be read. */
  readonly refusal: string;
}

export class StoredQueries {
  readonly #options: StoredQueriesOptions;
  readonly #running = new Map<string, Running>();
  /** By key: the end of what is being done about it. */
  readonly #work = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: StoredQueriesOptions) {
    this.#options = options;
  }

  get size(): number {
    let running = 0;
    for (const { standing } of this.#running.values()) if (standing !== null) running++;
    return running;
  }

  /** After the documents have followed the same news. */
  follow({ change: { remove, put } }: CatalogueNews): void {
    for (const { kind, database, name } of [...remove, ...put]) {
      if (kind === 'continuous query') this.#later(keyOf(database, name), () => this.#look(database, name));
    }
  }

  /** Resolves when the query, as the documents have it now, has taken its first rows or could not be opened; at once where it is not here. */
  async settled(database: string, name: string): Promise<void> {
    const key = keyOf(database, name);
    await this.#work.get(key);
    await this.#running.get(key)?.standing?.settled;
  }

  /** How many points were written; none where its home is elsewhere. */
  async refresh({ database, name, from, to }: RefreshCall): Promise<{ points: number }> {
    const key = keyOf(database, name);
    await this.#work.get(key);
    return { points: (await this.#running.get(key)?.writer?.refresh(from, to)) ?? 0 };
  }

  statuses(): StoredStatus[] {
    return [...this.#running.values()].map(({ stored: { database, name, created }, writer, standing, refusal }) => {
      const counts = writer?.counts ?? { points: 0, failures: 1, lastFailure: refusal };
      return { database, name, created, running: standing !== null, ...counts };
    });
  }

  /** Writes what was taken, and the checkpoints. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all(this.#work.values());
    await Promise.all([...this.#running.values()].map(({ standing }) => standing?.close()));
    this.#running.clear();
    await this.#save();
  }

  // private functions

  #later(key: string, act: () => Promise<void>): void {
    const done = (this.#work.get(key) ?? Promise.resolve()).then(act).finally(() => {
      if (this.#work.get(key) === done) this.#work.delete(key);
    });
    this.#work.set(key, done);
  }

  /** Makes what runs be what the documents say. */
  async #look(database: string, name: string): Promise<void> {
    if (this.#closed) return;
    const { documents, checkpoints } = this.#options;
    const key = keyOf(database, name);
    const before = this.#running.get(key);
    const stored = continuousQueriesOf(documents, database).find((one) => one.name === name) ?? null;
    if (before !== undefined) {
      if (stored?.created === before.stored.created && stored.paused === before.stored.paused) return;
      this.#running.delete(key);
      await before.standing?.close();
      if (stored?.created !== before.stored.created) checkpoints.forget(before.stored);
    }
    if (stored === null) return;
    const running = this.#open(stored);
    if (running !== null) this.#running.set(key, running);
    this.#timer ??= setInterval(() => void this.#save(), SAVE_INTERVAL_MS);
  }

  /** null = its home is elsewhere. */
  #open(stored: ContinuousQuery): Running | null {
    const { isHome, log } = this.#options;
    let definition: StoredDefinition;
    try {
      definition = storedDefinition(stored);
    } catch (error) {
      if (!isHome(stored.database, stored.text)) return null;
      const refusal = (error as Error).message;
      log.error('a continuous query cannot be read', { query: stored.text, error: refusal });
      return { stored, writer: null, standing: null, refusal };
    }
    if (!isHome(definition.database, definition.query)) return null;
    const writer = new StoredQuery(stored, definition, this.#options);
    const standing = stored.paused ? null : new StandingQuery(definition, writer, this.#options);
    return { stored, writer, standing, refusal: '' };
  }

  async #save(): Promise<void> {
    const { checkpoints, log } = this.#options;
    await checkpoints.save().catch((error: Error) => {
      log.error('checkpoints of continuous queries could not be written', { error: error.message });
    });
  }
}

// private functions

function keyOf(database: string, name: string): string {
  return JSON.stringify([database, name]);
}
