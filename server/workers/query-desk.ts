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
import { startedWith } from './started-with.ts';

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
    const id = this.#running.enter(redactPasswords(request.text), request.database, end);
    if (id === null) {
      this.#metrics.counter('queries', { outcome: 'refused' }).add();
      throw new EngineError('busy', this.#running.refusal);
    }
    const call: QueryCall = { ...request, id };
    const pieces = this.#measured(id, worker.stream<Uint8Array>('query', call, signal), signal);
    signal.addEventListener('abort', () => pieces.return().catch(() => {}), { once: true });
    return startedWith(await pieces.next(), pieces);
  }

  /** For queries that are not asked here. */
  nextId(): number {
    return this.#running.nextId();
  }

  list(): RunningQuery[] {
    return this.#running.list();
  }

  kill({ id }: KillCall): KillResult {
    return { refused: this.#running.kill(id) };
  }

  // private functions

  async *#measured(
    id: number,
    pieces: AsyncGenerator<Uint8Array, void, void>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    const began = performance.now();
    let outcome = 'failed';
    this.#metrics.gauge('queries_running').add(1);
    try {
      yield* pieces;
      outcome = 'answered';
    } catch (error) {
      throw asEngineError(error);
    } finally {
      if (this.#running.leave(id)) outcome = 'ended';
      this.#metrics.gauge('queries_running').add(-1);
      this.#metrics.counter('queries', { outcome: signal.aborted ? 'abandoned' : outcome }).add();
      this.#metrics.histogram('query_ms').observe(performance.now() - began);
    }
  }
}
