/** How the stored continuous queries of a worker reach the live queries, the shards and the disk. Wiring for worker.ts. */
import { join } from 'node:path';
import { QueryError } from '../../query/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import { type LiveHomes, policyNamed, type SelectRunner, type WriteLines } from '../queries/index.ts';
import { Checkpoints, Line, StoredQueries } from '../standing/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import { homeOf } from './feeds.ts';
import type { Turns } from './turns.ts';

/** Parts of history that are read at a time; each may hold as much as a query. */
const HISTORIES_MAX = 2;

export interface StoredParts {
  readonly dataDir: string;
  readonly worker: number;
  readonly workers: number;
  readonly catalogue: CatalogueView;
  readonly homes: LiveHomes;
  readonly selects: SelectRunner;
  readonly turns: Turns;
  readonly write: WriteLines;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Runs nothing before it follows the catalogue. */
export async function openStoredQueries(parts: StoredParts): Promise<StoredQueries> {
  const { dataDir, worker, workers, catalogue, homes, selects, turns, write, nowMs, log, metrics } = parts;
  const unreadable = (path: string, error: Error): void =>
    log.error('checkpoints cannot be read: their queries begin anew', { path, error: error.message });
  const ending = new AbortController();
  const { signal } = ending;
  return new StoredQueries({
    checkpoints: await Checkpoints.open(join(dataDir, 'standing'), worker, unreadable),
    documents: catalogue.documents,
    isHome: (database, query) => homeOf(database, query, workers) === worker,
    listen: (request, listener) => homes.listen(request, listener),
    later: (ms, act) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    giveUp: () => ending.abort(new Error('the server ends')),
    histories: new Line(HISTORIES_MAX),
    select: (statement, database) => {
      const now = BigInt(nowMs()) * 1_000_000n;
      return selects.select(statement, { database, now, signal, turn: turns.of(signal) });
    },
    write: async (call) => {
      if (!catalogue.has(call.database)) throw new QueryError('invalid', `database not found: ${call.database}`);
      policyNamed(call.retentionPolicy, call.database, catalogue);
      return write(call);
    },
    writtenLate: (points) => metrics.counter('standing_late_points').add(points),
    written: (points) => metrics.counter('standing_points').add(points),
    failed: ({ database, name }, reason, message) => {
      metrics.counter('standing_failures', { reason }).add();
      log.warn('a continuous query has failed, and goes on', { database, name, reason, error: message });
    },
    nowMs,
    log,
  });
}
