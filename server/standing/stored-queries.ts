/**
 * StoredQueries: the stored continuous queries that have their home on this worker, as the catalogue has them.
 *
 *     catalogue news ──▶ Followed ──▶ StoredQuery (what was written, how far) ◀── StandingQuery ◀── live operator
 */
import type { Documents } from '../../model/index.ts';
import { type CatalogueNews, type ContinuousQuery, continuousQueriesOf } from '../catalogue/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type StoredDefinition, storedDefinition } from './definition.ts';
import { Followed, type Runs } from './followed.ts';
import { type StandingPort, StandingQuery } from './standing-query.ts';
import { StoredQuery, type StoredQueryPort } from './stored-query.ts';

/** How often checkpoints are written. */
const SAVE_INTERVAL_MS = 1_000;

export interface StoredStatus {
  readonly database: string;
  readonly name: string;
  readonly created: string;
  /** `stopped`: this version cannot read it. */
  readonly state: 'running' | 'failing' | 'paused' | 'stopped';
  /** Since the start. */
  readonly points: number;
  readonly failures: number;
  readonly lastFailure: string;
}

export interface StoredQueriesOptions extends StoredQueryPort, StandingPort {
  readonly documents: Documents;
  /** Whether the live query of this text lives on this worker. */
  readonly isHome: (database: string, query: string) => boolean;
  /** What is being read of history fails: the server ends. */
  readonly giveUp: () => void;
  readonly log: Logger;
}

/** Plain data. Windows that begin in [from, to), ns. */
export interface RefreshCall {
  readonly database: string;
  readonly name: string;
  readonly from: bigint;
  readonly to: bigint;
}

interface Running extends Runs {
  readonly stored: ContinuousQuery;
  /** null = it cannot be read. */
  readonly writer: StoredQuery | null;
  /** null = paused, or it cannot be read. */
  readonly standing: StandingQuery | null;
  /** Why it cannot be read. */
  readonly refusal: string;
}

export class StoredQueries {
  readonly #options: StoredQueriesOptions;
  readonly #followed: Followed<ContinuousQuery, Running>;
  readonly #timer: NodeJS.Timeout;

  constructor(options: StoredQueriesOptions) {
    this.#options = options;
    this.#followed = new Followed<ContinuousQuery, Running>({
      kind: 'continuous query',
      find: (database, name) => continuousQueriesOf(options.documents, database).find((q) => q.name === name) ?? null,
      same: (one, other) => one.created === other.created && one.paused === other.paused,
      open: async (stored) => this.#open(stored),
    });
    this.#timer = setInterval(() => void this.#save(), SAVE_INTERVAL_MS);
  }

  get size(): number {
    return this.#followed.all().filter(({ standing }) => standing !== null).length;
  }

  /** After the documents have followed the same news. */
  follow(news: CatalogueNews): void {
    this.#followed.follow(news);
  }

  /**
   * Resolves when the query, as the documents have it now, has taken its first rows or could not be opened; at once where it is not here.
   */
  async settled(database: string, name: string): Promise<void> {
    await (await this.#followed.settled(database, name))?.standing?.settled;
  }

  /** How many points were written; none where its home is elsewhere. */
  async refresh({ database, name, from, to }: RefreshCall): Promise<{ points: number }> {
    const running = await this.#followed.settled(database, name);
    return { points: (await running?.writer?.refresh(from, to)) ?? 0 };
  }

  statuses(): StoredStatus[] {
    return this.#followed.all().map(({ stored: { database, name, created }, writer, standing, refusal }) => {
      const counts = writer?.counts ?? { points: 0, failures: 1, lastFailure: refusal };
      return { database, name, created, state: stateOf(writer, standing), ...counts };
    });
  }

  /** Writes what is live and was taken, and the checkpoints; history that is being read is read again at the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#options.giveUp();
    await this.#followed.close();
    await this.#save();
  }

  // private functions

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
      return { stored, writer: null, standing: null, refusal, close: async () => {} };
    }
    if (!isHome(definition.database, definition.query)) return null;
    const writer = new StoredQuery(stored, definition, this.#options);
    const standing = stored.paused ? null : new StandingQuery(definition, writer, this.#options);
    return { stored, writer, standing, refusal: '', close: (over) => this.#close(stored, standing, over) };
  }

  async #close(stored: ContinuousQuery, standing: StandingQuery | null, over: boolean): Promise<void> {
    const { documents, checkpoints } = this.#options;
    await standing?.close();
    const isKept = continuousQueriesOf(documents, stored.database).some(({ created }) => created === stored.created);
    if (over && !isKept) checkpoints.forget(stored);
  }

  async #save(): Promise<void> {
    const { checkpoints, log } = this.#options;
    await checkpoints.save().catch((error: Error) => {
      log.error('checkpoints of continuous queries could not be written', { error: error.message });
    });
  }
}

// private functions

function stateOf(writer: StoredQuery | null, standing: StandingQuery | null): StoredStatus['state'] {
  if (writer === null) return 'stopped';
  if (standing === null) return 'paused';
  return standing.failing ? 'failing' : 'running';
}
