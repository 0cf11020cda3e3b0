/**
 * QueryDesk: the main thread's side of historical queries. Hands each to a worker, gives the pieces of its answer on as they are asked
 * for, keeps the list of those under way, and counts and times them to their end, whatever the end.
 */
import { redactPasswords } from '../../query/index.ts';
import { type RunningLimits, RunningQueries, type RunningQuery } from '../queries/index.ts';
import { EngineError } from '../sessions/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { asEngineError } from './engine-errors.ts';
import type { EndNotice, KillCall, KillResult, QueryCall } from './messages.ts';
import type { Peer } from './peer.ts';
import type { Stream } from './reading.ts';

export class QueryDesk {
  readonly #running: RunningQueries;
  readonly #metrics: Metrics;

  constructor(limits: RunningLimits, metrics: Metrics) {
    this.#running = new RunningQueries(limits, () => performance.now());
    this.#metrics = metrics;
  }

  /** Resolves with the first piece made; rejects with EngineError. The signal gives the query up. */
  async ask(worker: Peer, request: Omit<QueryCall, 'id'>, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const end = (id: number, message: string): void => worker.notify('end query', { id, message } satisfies EndNotice);
    const id = this.#running.enter(request.text, request.database, end);
    if (id === null) {
      this.#metrics.counter('queries', { outcome: 'refused' }).add();
      throw new EngineError('busy', this.#running.refusal);
    }
    const began = performance.now();
    this.#metrics.gauge('queries_running').add(1);
    const pieces = new Answer(worker.stream<Uint8Array>('query', { ...request, id } satisfies QueryCall), (outcome) => {
      const told = this.#running.leave(id) ? 'ended' : outcome;
      this.#metrics.gauge('queries_running').add(-1);
      this.#metrics.counter('queries', { outcome: signal.aborted ? 'abandoned' : told }).add();
      this.#metrics.histogram('query_ms').observe(performance.now() - began);
    });
    if (signal.aborted) pieces.giveUp(signal.reason);
    else signal.addEventListener('abort', () => pieces.giveUp(signal.reason), { once: true });
    await pieces.begin();
    return pieces;
  }

  /** For queries that are not asked here. */
  nextId(): number {
    return this.#running.nextId();
  }

  /** Passwords in their texts are not told. */
  list(): RunningQuery[] {
    return this.#running.list().map((query) => ({ ...query, text: redactPasswords(query.text) }));
  }

  kill({ id }: KillCall): KillResult {
    return { refused: this.#running.kill(id) };
  }
}

/** Pieces that come from a worker. The first is seen before any is given on: what fails until then is told as a status. */
class Answer implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #pieces: Stream<Uint8Array>;
  /** null: it is over. */
  #over: ((outcome: 'answered' | 'failed') => void) | null;
  #first: IteratorResult<Uint8Array, void> | null = null;

  constructor(pieces: Stream<Uint8Array>, over: (outcome: 'answered' | 'failed') => void) {
    this.#pieces = pieces;
    this.#over = over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async begin(): Promise<void> {
    this.#first = await this.next();
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    const first = this.#first;
    if (first !== null) {
      this.#first = null;
      return first;
    }
    try {
      const step = await this.#pieces.next();
      if (step.done === true) this.#end('answered');
      return step;
    } catch (error) {
      this.#end('failed');
      throw asEngineError(error);
    }
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.#end('failed');
    return this.#pieces.return();
  }

  giveUp(reason: unknown): void {
    this.#end('failed');
    void this.#pieces.throw(reason);
  }

  // private functions

  #end(outcome: 'answered' | 'failed'): void {
    this.#over?.(outcome);
    this.#over = null;
  }
}
