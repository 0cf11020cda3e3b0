/**
 * StoredQuery: one stored continuous query at its home: takes the rows of its live query, and writes them as ordinary points to where its
 * INTO says.
 *
 * Exactly once in effect. A point is its series and time; a row has the time of its window, so writing it again writes the same point,
 * and of two values of a window the later one stays. What is left to do is to miss no window:
 *
 *     windows        … written, frozen │ written, may still change │ open …
 *                                      ▲ mark.before               ▲ watermark
 *
 *   - Behind each batch that was written, `mark.before` moves to where the operator's frozen windows end, and is checkpointed.
 *   - When the query is opened again (a start, a crash, a failure, RESUME) the windows from `mark.before` up to the watermark are read
 *     from history and written, before anything that is live. The live query was open before history was read, so what comes between
 *     is a revision that follows.
 *   - While nothing has come since the opening, the live watermark is not known; then stream time goes on at the clock's pace from where it
 *     stood at the checkpoint, as it does for every quiet stream.
 *   - A new query begins with the windows that may still change: those within its lateness behind the watermark. Where no point was in
 *     sight, it begins with the first that comes.
 *   - Before there is a mark (no point came yet), where there are no windows (a copy of points), where they overlap (hop), and where
 *     their edges are known to the live query only (sessions and their like), the checkpoint is the cursor of the live query: it gives what was missed.
 *
 * Everything it does is done one after the other: batches, REFRESH. It judges nothing as late: that is the operator's business.
 */
import { earlier } from '../../model/index.ts';
import {
  lastEnded,
  msToNs,
  type Plan,
  QueryError,
  type ResultTable,
  type SelectStatement,
  type TimeRules,
  windowStart,
} from '../../query/index.ts';
import type { ContinuousQuery } from '../catalogue/index.ts';
import { type WriteLines, writeRows } from '../queries/index.ts';
import { type Checkpoints, type Mark, NO_MARK } from './checkpoints.ts';
import { overHistory, type StoredDefinition } from './definition.ts';
import type { Line } from './line.ts';
import { spansOf } from './spans.ts';
import type { StandingBatch, StandingConsumer } from './standing-query.ts';

export type FailureReason = 'query' | 'write' | 'history' | 'gap';

export interface StoredQueryPort {
  readonly checkpoints: Checkpoints;
  readonly nowMs: () => number;
  /** In which reading history waits for its turn. */
  readonly histories: Line;
  /** The tables of an answer over all shards; the plan is made at once. */
  select(statement: SelectStatement, database: string): Promise<{ plan: Plan; tables: AsyncIterable<ResultTable> }>;
  /** Throws QueryError where the database or the policy is not there. */
  readonly write: WriteLines;
  written(points: number): void;
  /** Of them: points that came too late for their windows. */
  writtenLate(points: number): void;
  failed(query: ContinuousQuery, reason: FailureReason, message: string): void;
}

/** What SHOW tells; since the start. */
export interface StoredCounts {
  readonly points: number;
  readonly failures: number;
  /** '' = none. */
  readonly lastFailure: string;
}

export class StoredQuery implements StandingConsumer {
  readonly stored: ContinuousQuery;
  readonly definition: StoredDefinition;
  readonly #port: StoredQueryPort;
  #mark: Mark;
  /** The live watermark is known, and everything before it is written. */
  #joined = false;
  /** The cursor that was asked for at the last opening, until its first batch. */
  #asked = '';
  /** It was had: all that came behind it has been sent. */
  #resumed = false;
  #openedMs = 0;
  /** Windows before this were read from history since the opening. */
  #readBefore: bigint | null = null;
  #points = 0;
  #failures = 0;
  #lastFailure = '';
  /** The end of what is being done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(stored: ContinuousQuery, definition: StoredDefinition, port: StoredQueryPort) {
    this.stored = stored;
    this.definition = definition;
    this.#port = port;
    this.#mark = port.checkpoints.of(stored);
  }

  get counts(): StoredCounts {
    return { points: this.#points, failures: this.#failures, lastFailure: this.#lastFailure };
  }

  since(): string {
    this.#asked = this.#mark.before === null ? this.#mark.cursor : '';
    return this.#asked;
  }

  take(batch: StandingBatch): Promise<void> {
    return this.#inOrder(() => this.#take(batch));
  }

  failed(error: Error): void {
    this.#fail('query', error.message);
  }

  /** Computes the windows that begin in [from, to), ns, from history, and writes them over what there is. Gives the points written. */
  refresh(from: bigint, to: bigint): Promise<number> {
    return this.#inOrder(() => this.#fromHistory(from, to));
  }

  // private functions

  #inOrder<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #take(batch: StandingBatch): Promise<void> {
    if (batch.first) {
      this.#joined = false;
      this.#resumed = this.#asked !== '' && batch.lost === '';
      this.#readBefore = null;
      this.#openedMs = this.#port.nowMs();
      if (batch.lost !== '' && this.#asked !== '') this.#fail('gap', `rows may be missing: ${batch.lost}`);
      this.#asked = '';
    }
    const stood = this.#mark;
    if (!this.#joined && goesByWindows(batch)) await this.#catchUp(batch);
    await this.#write(writable(batch, this.definition.provisional));
    await this.#writeLate(batch);
    this.#mark = this.#markBehind(batch);
    this.#port.checkpoints.set(this.stored, this.#mark);
    if (stood === NO_MARK || (stood.before === null && this.#mark.before !== null)) await this.#port.checkpoints.save();
  }

  /** Closed windows that the live query has not sent since it was opened. */
  async #catchUp(batch: StandingBatch): Promise<void> {
    const { watermark, first } = batch;
    const { plan, rules } = batch.live;
    let { before } = this.#mark;
    let isSent = false;
    if (before === null && watermark !== null) {
      before = earlier(closedBefore(plan, watermark - rules.lateness), leastTime(batch) ?? watermark);
      // what came since the query was made has been sent, then and now
      isSent = !first || this.#resumed;
    }
    if (before !== null && !isSent) {
      const to = closedBefore(plan, watermark ?? this.#pacedWatermark(rules, before));
      const read = watermark === null ? this.#readBefore : null;
      if (to > (read ?? before)) await this.#fromHistory(before, to);
      this.#readBefore = to;
    }
    this.#mark = { ...this.#mark, before };
    this.#joined = watermark !== null;
  }

  /** As of a stream that has been quiet since the opening. */
  #pacedWatermark({ idle }: TimeRules, before: bigint): bigint {
    const stood = this.#mark.watermark ?? before;
    const nowMs = this.#port.nowMs();
    const quiet = msToNs(nowMs - this.#openedMs) - idle;
    const now = msToNs(nowMs);
    if (quiet <= 0n || stood >= now) return stood;
    return earlier(stood + quiet, now);
  }

  async #fromHistory(from: bigint, to: bigint): Promise<number> {
    const { database } = this.definition;
    let written = 0;
    const { plan } = await this.#port.select(overHistory(this.definition, from, to), database);
    for (const [start, end] of spansOf(plan, from, to)) {
      try {
        written += await this.#port.histories.run(async () => {
          const { tables } = await this.#port.select(overHistory(this.definition, start, end), database);
          return this.#write(tables);
        });
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        this.#fail('history', `windows from ${start} to ${end} were not computed: ${error.message}`);
      }
    }
    return written;
  }

  /** Points that came too late for their windows: as they were written, so that writing one again changes nothing. */
  async #writeLate({ emissions }: StandingBatch): Promise<void> {
    const { late } = this.definition;
    const tables = emissions.flatMap((one) => (one.late ? one.tables : []));
    if (late === null || tables.length === 0) return;
    this.#port.writtenLate(await this.#write(tables, late));
  }

  /** Gives the points written. What is refused is counted; any other error rejects, and the batch is not taken. */
  async #write(
    tables: Iterable<ResultTable> | AsyncIterable<ResultTable>,
    into: StoredDefinition['into'] = this.definition.into,
  ): Promise<number> {
    const { live } = this.definition;
    const now = msToNs(this.#port.nowMs());
    let written = 0;
    const write = async (lines: Uint8Array<ArrayBuffer>): Promise<{ rows: number; message: null }> => {
      try {
        const { rows, message } = await this.#port.write({ ...into, now, lines });
        written += rows;
        if (message !== null) this.#fail('write', message);
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        this.#fail('write', error.message);
      }
      return { rows: 0, message: null };
    };
    try {
      await writeRows(live, tables, into.measurement, write);
    } finally {
      this.#points += written;
      this.#port.written(written);
    }
    return written;
  }

  #markBehind({ watermark, frozenBefore, cursor }: StandingBatch): Mark {
    const { before } = this.#mark;
    if (before === null) return { before, watermark, cursor };
    if (!this.#joined) return this.#mark;
    const moved = frozenBefore !== null && frozenBefore > before;
    return { before: moved ? frozenBefore : before, watermark, cursor: '' };
  }

  #fail(reason: FailureReason, message: string): void {
    this.#failures++;
    this.#lastFailure = message;
    this.#port.failed(this.stored, reason, message);
  }
}

// private functions

/** Else it goes by the cursor of its live query: a copy of points, windows that overlap, and what is answered again, as by sessions. */
function goesByWindows({ live: { plan, leaves, rules } }: StandingBatch): boolean {
  const hasEnds =
    plan.window !== null && plan.windows === undefined && !rules.recomputes && !rules.keepsLate && !rules.perSeries;
  return hasEnds && leaves === undefined;
}

/** Windows that begin before this are closed where the watermark stands at `at`. */
function closedBefore(plan: Plan, at: bigint): bigint {
  return windowStart(plan, lastEnded(plan, at) + 1);
}

/** First window of which a row is in the batch; each table has its rows in order of time. */
function leastTime({ emissions }: StandingBatch): bigint | null {
  let least: bigint | null = null;
  for (const { tables } of emissions) {
    for (const { data, rows } of tables) {
      const [time] = data;
      if (rows === 0 || time.type !== 'time') continue;
      const first = time.base + BigInt(time.offsets[0]);
      least = least === null ? first : earlier(first, least);
    }
  }
  return least;
}

function* writable({ emissions }: StandingBatch, provisional: boolean): Generator<ResultTable> {
  for (const { final, tables, gone, late } of emissions) {
    if (gone === undefined && late === undefined && (final || provisional)) yield* tables;
  }
}
