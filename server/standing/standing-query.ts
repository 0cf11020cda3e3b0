/**
 * StandingQuery: a live query that is kept open inside the server, with no client. It is the same operator that a subscriber of the
 * same text has; its rows go to one consumer, batch after batch. Stored continuous queries and alerts stand on it.
 *
 *     live operator ──rows──▶ queue (bounded) ──one batch at a time──▶ consumer
 *
 * What a consumer can lean on:
 *   - `take` is called with one batch at a time, in order; the next one waits until it has resolved.
 *   - The first batch, and the first after anything was lost, is `first`: a snapshot (windows that are open), or what `since` has
 *     missed. What came before it may come again: a row's identity is (series, window start, revision), and its values are the same.
 *   - Nothing between a `first` batch and the next one is left out. What lies before a `first` batch and was not taken is the
 *     consumer's to fetch from history.
 *   - A batch without rows comes every second or so while nothing happens: it says where the watermark stands.
 *   - A query that fails, or a consumer that rejects, is told by `failed`; it is opened again later, each time after a longer pause.
 *
 * Runs on the worker that is the home of the query. It reads no clock: pauses are passed in.
 */
import type { Emission } from '../../query/index.ts';
import type { LiveListener, LivePlace } from '../queries/index.ts';

/** Rows that wait for the consumer; beyond them they are let go, and the query is opened again. */
const WAITING_ROWS_MAX = 500_000;
/** Batches that wait, those without rows included. */
const WAITING_BATCHES_MAX = 10_000;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;

/** Rows that belong together, as columns: each emission is of one revision, its tables one series each (name, tags), the time first. */
export interface StandingBatch extends LivePlace {
  readonly emissions: readonly Emission[];
  readonly first: boolean;
  /** Of a first batch: why what `since` asked for was not to be had; '' = it was, or nothing was asked for. */
  readonly lost: string;
}

export interface StandingConsumer {
  /** Cursor to go on from, of a batch that was taken; '' = from the present. Asked each time that the query is opened. */
  since(): string;
  take(batch: StandingBatch): Promise<void>;
  /** The query does not run at the moment: it has failed, or `take` has rejected with this. */
  failed(error: Error): void;
}

export interface StandingRequest {
  readonly database: string;
  /** Canonical text of a SELECT without INTO. */
  readonly query: string;
}

export interface StandingPort {
  listen(request: StandingRequest & { readonly since: string }, listener: LiveListener): Promise<() => void>;
  /** Calls once after so many milliseconds; gives the way to call it off. */
  later(ms: number, act: () => void): () => void;
}

export class StandingQuery {
  readonly #request: StandingRequest;
  readonly #consumer: StandingConsumer;
  readonly #port: StandingPort;
  /** Of the listener whose rows count: what an earlier one still says does not. */
  #opened = 0;
  #leave: (() => void) | null = null;
  #callOff: (() => void) | null = null;
  #pauseMs = PAUSE_MS_MIN;
  #closed = false;
  #failing = false;
  #queue: StandingBatch[] = [];
  #rows = 0;
  #next = { first: true, lost: '' };
  #taking: Promise<void> | null = null;
  readonly #settled = Promise.withResolvers<void>();

  constructor(request: StandingRequest, consumer: StandingConsumer, port: StandingPort) {
    this.#request = request;
    this.#consumer = consumer;
    this.#port = port;
    void this.#open();
  }

  /** Resolves when the first batch has been taken, or the query could not be opened. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** It has failed, and no batch was taken since. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Resolves when the batch under way has been taken; none comes after it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#end();
    this.#callOff?.();
    this.#settled.resolve();
    await this.#taking;
  }

  // private functions

  async #open(): Promise<void> {
    const opened = ++this.#opened;
    const counts = (): boolean => opened === this.#opened;
    this.#next = { first: true, lost: '' };
    const listener: LiveListener = {
      rows: (emissions, place) => counts() && this.#hear(emissions, place),
      reset: (lost) => {
        if (counts()) this.#next = { first: true, lost };
      },
      failed: (message) => counts() && this.#fail(new Error(message)),
    };
    try {
      const leave = await this.#port.listen({ ...this.#request, since: this.#consumer.since() }, listener);
      if (counts()) this.#leave = leave;
      else leave();
    } catch (error) {
      if (counts()) this.#fail(error as Error);
    }
  }

  #hear(emissions: readonly Emission[], place: LivePlace): void {
    const { first, lost } = this.#next;
    this.#next = { first: false, lost: '' };
    this.#queue.push({ ...place, emissions, first, lost });
    this.#rows += rowsIn(emissions);
    if (this.#rows > WAITING_ROWS_MAX || this.#queue.length > WAITING_BATCHES_MAX) {
      this.#fail(new Error(`more than ${WAITING_ROWS_MAX} rows waited to be taken`));
    } else this.#taking ??= this.#take();
  }

  async #take(): Promise<void> {
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      this.#rows -= rowsIn(batch.emissions);
      try {
        await this.#consumer.take(batch);
        this.#pauseMs = PAUSE_MS_MIN;
        this.#failing = false;
        this.#settled.resolve();
      } catch (error) {
        this.#fail(error as Error);
      }
    }
    this.#taking = null;
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#end();
    this.#failing = true;
    this.#consumer.failed(error);
    this.#settled.resolve();
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    this.#callOff?.();
    // a batch under way is taken to its end first: nothing of the old query comes behind the new one's beginning
    this.#callOff = this.#port.later(pauseMs, () => void Promise.resolve(this.#taking).then(() => this.#reopen()));
  }

  #reopen(): void {
    if (!this.#closed && this.#leave === null) void this.#open();
  }

  /** Hears no more, and lets go of what waits. */
  #end(): void {
    this.#opened++;
    this.#leave?.();
    this.#leave = null;
    this.#queue = [];
    this.#rows = 0;
  }
}

// private functions

function rowsIn(emissions: readonly Emission[]): number {
  let rows = 0;
  for (const { tables } of emissions) for (const table of tables) rows += table.rows;
  return rows;
}
