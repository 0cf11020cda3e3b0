/**
 * The reporter: at every interval it builds one write body in line protocol about host, process and server, and hands it to `write`,
 * which puts it into the database `_internal` through the same door as anybody's points. So the server can be watched with its own
 * live queries. Started and stopped by the composition root.
 *
 * A report costs some milliseconds of all threads, which on a server that does nothing would be most of what it does. So while nobody
 * asks anything of the server and nobody is told anything (`isQuiet`) for thirty intervals, only every thirtieth report is made, and the
 * event loop is not asked whether it is late.
 *
 * One report is under way at a time: while one cannot be written, the next ones are skipped and counted, never queued. A failing
 * `write` is logged when it begins to fail and when it works again.
 */
import { HostStats } from './host.ts';
import { type Row, rowsToLines } from './lines.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { ProcessStats } from './process-stats.ts';
import {
  type HistogramSample,
  histogramCount,
  histogramQuantile,
  type MetricsSnapshot,
  snapshotDelta,
} from './snapshot.ts';

/** The database that reports go to. */
export const INTERNAL_DATABASE = '_internal';

/** A server is quiet after so many intervals in which nothing went on; then one report comes after each so many. */
export const QUIET_INTERVALS = 30;

export interface ReporterClock {
  /** Milliseconds since 1970: the time of the points. */
  now(): number;
  /** Milliseconds that never go back: what rates are taken over. */
  monotonic(): number;
  /** Calls `tick` every `intervalMs` until the function it gives is called. */
  every(intervalMs: number, tick: () => void): () => void;
}

export interface ReporterOptions {
  /** Value of the tag `host` of every line. */
  readonly host: string;
  /** Where the data is: their file systems are watched. */
  readonly paths: readonly string[];
  readonly intervalMs: number;
  /** The metrics of all threads (mergeSnapshots). */
  readonly snapshot: () => MetricsSnapshot | Promise<MetricsSnapshot>;
  /** Takes a body in line protocol with times in nanoseconds. */
  readonly write: (lines: Uint8Array) => void | Promise<void>;
  /** Called at every interval: whether nothing went on since the last call but reports. */
  readonly isQuiet: () => boolean;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock?: ReporterClock;
}

export interface Reporter {
  /** Builds and writes one report now; the timer calls it, tests may. */
  report(): Promise<void>;
  /** No report begins after it; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

export const SYSTEM_CLOCK: ReporterClock = { now: Date.now, monotonic: () => performance.now(), every };

export function startReporter(options: ReporterOptions): Reporter {
  const { clock = SYSTEM_CLOCK, metrics, log } = options;
  const host = new HostStats({ paths: options.paths });
  const own = new ProcessStats(clock.monotonic());
  const failed = metrics.counter('telemetry_write_failed');
  const lag = metrics.gauge('event_loop_lag_ms');
  let before: MetricsSnapshot = [];
  let beforeMs = clock.monotonic();
  // rates of the machine are known from the first report on
  host.rows(beforeMs);
  let failing = false;
  let quietIntervals = 0;
  let running: Promise<void> | null = null;

  async function once(): Promise<void> {
    try {
      const atMs = clock.monotonic();
      const processRow = own.row(atMs);
      lag.set(processRow.fields['event_loop_lag_p99_ms'] ?? 0);
      const snapshot = await options.snapshot();
      const seconds = (atMs - beforeMs) / 1000;
      const rows = [...host.rows(atMs), processRow, ...metricRows(snapshotDelta(before, snapshot), seconds)];
      before = snapshot;
      beforeMs = atMs;
      const tagged = rows.map((row) => ({ ...row, tags: { ...row.tags, host: options.host } }));
      const time = BigInt(Math.round(clock.now())) * 1_000_000n;
      await options.write(new TextEncoder().encode(rowsToLines(tagged, time)));
      if (failing) log.info('reports about the server are written again');
      failing = false;
    } catch (error) {
      failed.add();
      if (!failing) log.warn('a report about the server could not be written', { error });
      failing = true;
    }
  }

  function report(): Promise<void> {
    if (running !== null) {
      failed.add();
      return running;
    }
    running = once().finally(() => {
      running = null;
    });
    return running;
  }

  const stopTimer = clock.every(options.intervalMs, () => {
    quietIntervals = options.isQuiet() ? quietIntervals + 1 : 0;
    own.watchLag(quietIntervals < QUIET_INTERVALS);
    if (quietIntervals < QUIET_INTERVALS || quietIntervals % QUIET_INTERVALS === 0) void report();
  });
  return {
    report,
    async stop() {
      stopTimer();
      await running;
      own.close();
    },
  };
}

/** Rows of the measurement `millrace` for what happened within `seconds`: one row per set of labels. */
export function metricRows(delta: MetricsSnapshot, seconds: number): Row[] {
  const rows = new Map<string, { tags: Row['tags']; fields: Record<string, number | null> }>();
  for (const sample of delta) {
    const key = JSON.stringify(sample.labels);
    let row = rows.get(key);
    if (row === undefined) rows.set(key, (row = { tags: sample.labels, fields: {} }));
    if (sample.kind === 'gauge') row.fields[sample.name] = sample.value;
    else if (sample.kind === 'histogram') Object.assign(row.fields, histogramFields(sample));
    else if (seconds > 0) row.fields[`${sample.name}_per_second`] = sample.value / seconds;
  }
  return [...rows.values()].map(({ tags, fields }) => ({ measurement: 'millrace', tags, fields }));
}

// private functions

function every(intervalMs: number, tick: () => void): () => void {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

function histogramFields(sample: HistogramSample): Record<string, number | null> {
  const count = histogramCount(sample);
  return {
    [`${sample.name}_count`]: count,
    [`${sample.name}_mean`]: count === 0 ? null : sample.sum / count,
    [`${sample.name}_p50`]: histogramQuantile(sample, 0.5),
    [`${sample.name}_p99`]: histogramQuantile(sample, 0.99),
  };
}
