/**
 * The composition root: reads the configuration, chooses adapters, wires the stages, starts them in the order of a point's path and
 * stops them in reverse. Run as a program it serves until SIGTERM or SIGINT; tests may import `startServer` and run the same thing.
 *
 *     lock the data → workers (logs, heads, live operators) → engine → doors (HTTP, UDP) → own telemetry
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeFiles, StorageError } from '../storage/index.ts';
import { Expiry } from './catalogue/index.ts';
import { type Config, ConfigError, readConfig, usage } from './config.ts';
import { gunzipBody, openUdpDoor, type UdpDoor } from './ingest/index.ts';
import { newLiveCounters, openSessions } from './sessions/index.ts';
import {
  INTERNAL_DATABASE,
  type Logger,
  Metrics,
  type MetricsSnapshot,
  mergeSnapshots,
  openLog,
  startReporter,
  threadCpuMs,
  toPrometheus,
  toVars,
} from './telemetry/index.ts';
import { VERSION } from './version.ts';
import { Pool, PoolEngine } from './workers/index.ts';

/** What browsers load lies beside the bundle of the server, or below the sources' parent. */
const DIST = join(import.meta.dirname, '..', ...(import.meta.filename.endsWith('.ts') ? ['dist'] : []));
/** Layout of the data directory; a later one is refused. */
const DATA_FORMAT = 2;

export interface Server {
  readonly http: string;
  /** null = no UDP door. */
  readonly udp: string | null;
  /** Takes no more, lets what was taken reach the disk. */
  stop(): Promise<void>;
}

/** `died` is called when a shard can no longer be served; the caller ends the process. */
export async function startServer(config: Config, log: Logger, died: (error: Error) => void): Promise<Server> {
  const files = new NodeFiles();
  await files.makeDirectory(config.dataDir);
  const lock = await files.lock(config.dataDir);
  try {
    const shards = await readShards(config);
    const metrics = new Metrics();
    const engine = new PoolEngine({
      shards,
      autoCreate: config.autoCreate,
      nowNs: wallClock(),
      metrics,
      auth: config.auth,
      running: { concurrentMax: config.queriesMax, timeoutMs: config.queryTimeoutMs },
      warn: (text, error) => log.warn(text, { error: error.message }),
    });
    const { pool, ready } = await Pool.start({ config, shards, handlers: engine.handlers, died });
    await engine.serve(pool, ready);
    const expiry = new Expiry({
      catalogue: engine.catalogue,
      nowNs: () => BigInt(Date.now()) * 1_000_000n,
      intervalMs: config.retentionCheckMs,
      expired: () => metrics.counter('expiries').add(),
      failed: (error) => log.warn('what has expired could not be removed', { error: error.message }),
    });
    expiry.start();
    if (config.telemetryMs > 0) await engine.createDatabase(INTERNAL_DATABASE);
    const counters = newLiveCounters();
    /** Alerts and stored queries over the reports wait for them as clients do. */
    const isHeard = (): boolean =>
      (['alert', 'continuous query'] as const).some(
        (kind) => engine.catalogue.documents.list(kind, INTERNAL_DATABASE).length > 0,
      );
    let wentOn = 0;
    const isQuiet = (): boolean => {
      const before = wentOn;
      wentOn = engine.asked + counters.rowsFramesSent;
      return wentOn === before && !isHeard();
    };
    const snapshot = async (): Promise<MetricsSnapshot> => {
      metrics.gauge('sessions').set(counters.clients);
      metrics.gauge('subscriptions').set(counters.subscriptions);
      metrics.counter('frames_out').value = counters.framesSent;
      metrics.counter('frame_bytes_out').value = counters.bytesSent;
      metrics.counter('frames_conflated').value = counters.rowsConflated;
      metrics.counter('live_overflows').value = counters.overflows;
      metrics.counter('live_groups_parted').value = counters.groupsParted;
      metrics.counter('thread_cpu_seconds', { thread: 'main' }).value = threadCpuMs() / 1000;
      metrics.gauge('live_held_bytes').set(sessions.heldBytes());
      metrics.gauge('socket_buffered_bytes').set(sessions.bufferedBytes());
      return mergeSnapshots([metrics.snapshot(), await engine.metrics()]);
    };
    const sessions = await openSessions({
      ...config.http,
      engine,
      version: VERSION,
      gunzip: gunzipBody,
      metrics: async () => toPrometheus(await snapshot()),
      vars: async () => toVars(await snapshot()),
      consoleDirectory: join(DIST, 'console'),
      sdkFile: join(DIST, 'sdk', 'millrace.js'),
      log: (line) => {
        if (!line.startsWith('internal error')) return log.info(line);
        metrics.counter('internal_errors').add();
        log.error(line);
      },
      answered: (route, status) => metrics.counter('http_requests', { route, status: String(status) }).add(),
      adapter: config.door === 'auto' ? undefined : config.door,
      counters,
    });
    const udp = await openUdp(config, engine, metrics);
    const reporter =
      config.telemetryMs === 0
        ? null
        : startReporter({
            host: config.node,
            paths: [config.dataDir],
            intervalMs: config.telemetryMs,
            snapshot,
            isQuiet,
            write: async (lines) => {
              const body = new Uint8Array(lines);
              await engine.ingest(
                { database: INTERNAL_DATABASE, retentionPolicy: '', user: null, precision: 'ns', ack: 'queued', body },
                'internal',
              );
            },
            metrics,
            log,
          });
    return {
      http: `http://${printHost(sessions.host)}:${sessions.port}`,
      udp: udp === null ? null : `udp://${printHost(udp.address.host)}:${udp.address.port}`,
      async stop() {
        await reporter?.stop();
        await udp?.close();
        await sessions.close();
        await expiry.stop();
        await pool.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

if (process.argv[1] === import.meta.filename) await runProgram();

// private functions

async function runProgram(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage());
    return;
  }
  try {
    const config = readConfig(process.argv.slice(2), process.env);
    const log = openLog({ level: config.logLevel }).with({ node: config.node });
    const server = await startServer(config, log, (error) => {
      log.error('a worker ended; stopping', { error: error.message });
      process.exit(1);
    });
    let stopping = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) return;
        stopping = true;
        server.stop().then(
          () => process.exit(0),
          (error: Error) => {
            log.error('could not stop cleanly', { error: error.message });
            process.exit(1);
          },
        );
      });
    }
    // last: whoever reads this line may send a signal at once
    process.stdout.write(`listening ${server.http}${server.udp === null ? '' : ` ${server.udp}`}\n`);
  } catch (error) {
    process.stderr.write(`${startupMessage(error as Error)}\n`);
    process.exit(1);
  }
}

/** What an operator can mend is told in its own words; anything else is a bug and keeps its stack. */
function startupMessage(error: Error & { code?: string }): string {
  if (error instanceof ConfigError || error instanceof StorageError || typeof error.code === 'string') {
    return `millrace: ${error.message}`;
  }
  return `millrace: ${error.stack}`;
}

/** The number of shards belongs to the data: it is written when the directory is made, and a flag that disagrees is refused. */
async function readShards(config: Config): Promise<number> {
  const path = join(config.dataDir, 'millrace.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) {
    const shards = config.shards ?? config.workers;
    await writeFile(`${path}.new`, `${JSON.stringify({ format: DATA_FORMAT, shards })}\n`, { flush: true });
    await rename(`${path}.new`, path);
    return shards;
  }
  const { format, shards } = JSON.parse(text) as { format: number; shards: number };
  if (format !== DATA_FORMAT) {
    throw new ConfigError(`data directory "${config.dataDir}" has format ${format}; this version reads ${DATA_FORMAT}`);
  }
  if (config.shards !== null && config.shards !== shards) {
    throw new ConfigError(`shards: ${config.shards} was asked for, but "${config.dataDir}" was made with ${shards}`);
  }
  return shards;
}

async function openUdp(config: Config, engine: PoolEngine, metrics: Metrics): Promise<UdpDoor | null> {
  if (config.udp === null) return null;
  const received = metrics.counter('datagrams_in');
  return openUdpDoor({
    ...config.udp,
    submit: async (body) => {
      const { rejected } = await engine.ingest(
        { database: config.udpDatabase, retentionPolicy: '', user: null, precision: 'ns', ack: 'none', body },
        'udp',
      );
      return { malformed: rejected };
    },
    count: (reason, n) => {
      if (reason === 'received') received.add(n);
      else metrics.counter('datagrams_dropped', { reason }).add(n);
    },
  });
}

/** Wall clock in nanoseconds for points without a time: finer than a millisecond, and never the same or less than before. */
function wallClock(): () => bigint {
  let last = 0n;
  return () => {
    const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    last = now > last ? now : last + 1n;
    return last;
  };
}

function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
