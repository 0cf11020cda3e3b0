/** How the alerts of a worker reach the live queries, the shards, the disk and the network. Wiring for worker.ts. */
import { join } from 'node:path';
import { QueryError } from '../../query/index.ts';
import { Alerts, post } from '../alerts/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import { type LiveHomes, policyNamed, type WriteLines } from '../queries/index.ts';
import type { Logger, Metrics } from '../telemetry/index.ts';
import { homeOf } from './feeds.ts';

export interface AlertParts {
  readonly dataDir: string;
  readonly worker: number;
  readonly workers: number;
  readonly catalogue: CatalogueView;
  readonly homes: LiveHomes;
  readonly write: WriteLines;
  readonly nowMs: () => number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Runs nothing before it follows the catalogue. */
export function openAlerts({
  dataDir,
  worker,
  workers,
  catalogue,
  homes,
  write,
  nowMs,
  log,
  metrics,
}: AlertParts): Alerts {
  return new Alerts({
    documents: catalogue.documents,
    directory: join(dataDir, 'alerts'),
    isHome: (database, query) => homeOf(database, query, workers) === worker,
    listen: (request, listener) => homes.listen(request, listener),
    later: (ms, act) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    write: async (call) => {
      if (!catalogue.has(call.database)) throw new QueryError('invalid', `database not found: ${call.database}`);
      return write({ ...call, retentionPolicy: policyNamed(null, call.database, catalogue) });
    },
    post,
    random: Math.random,
    changed: (reason) => metrics.counter('alert_changes', { reason }).add(),
    ignored: (reason, rows) => metrics.counter('alert_rows_ignored', { reason }).add(rows),
    count: (outcome) => metrics.counter('alert_deliveries', { outcome }).add(),
    failed: ({ database, name }, reason, message) => {
      metrics.counter('alert_failures', { reason }).add();
      log.warn('an alert has failed, and goes on', { database, name, reason, error: message });
    },
    nowMs,
    log,
  });
}
