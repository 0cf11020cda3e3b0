/**
 * The entry of a worker thread: the composition root of everything that works on points. It owns some shards, decodes any body,
 * runs historical queries as a coordinator, and is the home of some live queries. It holds no sockets of clients.
 * It is long because everything is wired here and nowhere else.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { kernelMemoryUse, ORIGIN } from '../../model/index.ts';
import {
  batched,
  givenInTurns,
  historicalShard,
  type Partial,
  QueryError,
  showShard,
  transferables,
} from '../../query/index.ts';
import { NodeFiles } from '../../storage/index.ts';
import { type AlertStatus, type Alerts, executeAlert, isAlertStatement } from '../alerts/index.ts';
import { bucketAdviceIn, type CatalogueNews, CatalogueView, findPolicy, keptFrom } from '../catalogue/index.ts';
import { FieldTypes, LineDecoder } from '../ingest/index.ts';
import { type Broker, meteredBroker, meteredFiles, openEmbeddedBroker, openNatsBroker } from '../pubsub/index.ts';
import { jsonRows } from '../queries/answers/index.ts';
import {
  type CheckDeleteCall,
  checkDelete,
  type DescribeCall,
  describeMatching,
  type LiveAsk,
  type LiveExpire,
  type LiveHomePort,
  LiveHomes,
  LivePace,
  type LiveReach,
  type LiveReport,
  LiveShards,
  type LiveStart,
  type LiveStop,
  type PartialsCall,
  type QueriesUnderWay,
  QueryRunner,
  reportOfAll,
  type SchemaChange,
  SelectRunner,
  type ShardAway,
  type ShardFailure,
  type ShardHeard,
  type ShardUpdate,
  type ShowCall,
  StaleSchema,
  type WriteLines,
} from '../queries/index.ts';
import {
  executeStored,
  isStoredStatement,
  type RefreshCall,
  type StoredQueries,
  type StoredStatus,
} from '../standing/index.ts';
import { Metrics, type MetricsSnapshot, openLog, threadCpuMs } from '../telemetry/index.ts';
import { openAlerts } from './alert-link.ts';
import { type BackupParts, backupStreams, restoreCall } from './backup-handlers.ts';
import { foundIn } from './found.ts';
import { Mesh } from './mesh.ts';
import type {
  CanonicalCall,
  CatalogueCall,
  ControlCall,
  DeclareCall,
  EndNotice,
  FrameNotice,
  KillCall,
  KillResult,
  PublishCall,
  QueryCall,
  ReachedCall,
  StoredCall,
  SubscribeCall,
  WorkerReady,
  WorkerStart,
  WriteCall,
} from './messages.ts';
import { type Handlers, handOver, Peer, PeerError } from './peer.ts';
import { logSegmentBytes, Shard } from './shard.ts';
import { SharedDirectory } from './shard-directory.ts';
import { gaugeStores } from './store-metrics.ts';
import { openStoredQueries } from './stored-link.ts';
import { tierOf } from './tier-link.ts';
import { Turns } from './turns.ts';
import { warmUp } from './warm-up.ts';
import { Writer } from './writer.ts';

const start = workerData as WorkerStart;
const { config, index, owners } = start;
const metrics = new Metrics();
const log = openLog({ level: config.logLevel }).with({ node: config.node, worker: index });
const disk = new NodeFiles();
const files = meteredFiles(disk, metrics);
const shards = new Map<number, Shard>();
const own = owners.flatMap((owner, shard) => (owner === index ? [shard] : []));
const fieldTypes = new FieldTypes();
const turns = new Turns();
const nowMs = Date.now;
const catalogue = new CatalogueView();

let broker: Broker | null = null;
let writer: Writer | null = null;
let stored: StoredQueries | null = null;
let alerts: Alerts | null = null;

const backupParts: BackupParts = {
  mesh: () => mesh,
  catalogue,
  store: (shard) => shardOf(shard).store,
  codec: files,
  declare: (call) => main.call('declare', call),
  publish: (shard, batches) => writer!.batches(shard, batches),
};
const handlers: Handlers = { calls: makeCalls(), streams: makeStreams(), notices: makeNotices() };
const main = new Peer(parentPort as MessagePort, handlers);
const directory = new SharedDirectory(start.directory, owners.length);
const mesh = new Mesh(
  index,
  { owners, directory },
  start.ports.map((port) => (port === null ? null : new Peer(port, handlers))),
  handlers,
);
const pace = new LivePace(
  () => performance.now(),
  () => performance.eventLoopUtilization().active,
  threadCpuMs,
);
const liveShards = new LiveShards({
  pace,
  refusedFar: () => metrics.counter('live_refused_far').add(),
  broughtNear: () => metrics.counter('live_brought_near').add(),
  compression: files.compression,
  nowMs,
  schemaChanged: (change) => mesh.notifyAll('schema changed', change),
  heard: (heard) => mesh.notifyAll('live heard', heard),
});
const homes = new LiveHomes({
  mesh,
  catalogue,
  nowMs,
  pace,
  log,
  frame: (feed, to, frame) => main.notify('frame', { feed, to, frame } satisfies FrameNotice),
  attached: (feed, subscriber) => main.notify('attached', { feed, subscriber }),
  counted: ({ onTime, late, tooLate, ahead, recomputed, letGo }) => {
    metrics.counter('live_points_on_time').add(onTime);
    metrics.counter('live_points_late').add(late);
    metrics.counter('live_points_dropped').add(tooLate);
    metrics.counter('live_points_ahead').add(ahead);
    metrics.counter('live_windows_recomputed').add(recomputed);
    metrics.counter('live_series_let_go').add(letGo);
  },
});
const selects = new SelectRunner({ mesh, catalogue, limits: config.queryLimits });
const runner = new QueryRunner({
  mesh,
  catalogue,
  control: (entry) => main.call('control', { entry } satisfies ControlCall),
  turn: (signal) => turns.of(signal),
  limits: config.queryLimits,
  running: () => main.call<QueriesUnderWay>('queries', {}),
  kill: async (id) => (await main.call<KillResult>('kill query', { id } satisfies KillCall)).refused,
  change: changeCatalogue,
  write: writeLines,
  stored: async (statement, { user, ...run }) => {
    if (isAlertStatement(statement))
      return executeAlert(statement, { database: run.database, user: user() }, alertStatements);
    if (!isStoredStatement(statement)) return null;
    return executeStored(statement, { ...run, user: user() }, storedStatements);
  },
});
const alertStatements: Parameters<typeof executeAlert>[2] = {
  catalogue,
  change: changeCatalogue,
  statuses: async () => (await mesh.callWorkers<AlertStatus[]>('alert statuses', {})).flat(),
};
const storedStatements: Parameters<typeof executeStored>[2] = {
  catalogue,
  shards: owners.length,
  change: changeCatalogue,
  statuses: async () => (await mesh.callWorkers<StoredStatus[]>('stored statuses', {})).flat(),
  live: async () => reportOfAll(await mesh.callWorkers<LiveReport>('live report', {})),
  refresh: async (call) => {
    const written = await mesh.callWorkers<{ points: number }>('refresh stored', call);
    return written.reduce((sum, { points }) => sum + points, 0);
  },
  select: (statement, request) => selects.select(statement, { ...request, turn: turns.of(request.signal) }),
};

// private functions

function makeCalls(): Handlers['calls'] {
  return {
    open,
    close,
    metrics: readMetrics,
    write: async (call: WriteCall) => {
      const result = await writer!.write(call);
      return handOver(result, [result.body.buffer]);
    },
    publish: async (call: PublishCall) => ({ sequence: await shardOf(call.shard).publish(call) }),
    'forget types': ({ entry }: ControlCall) => {
      if (entry.type === 'drop database') fieldTypes.forgetDatabase(entry.database);
      if (entry.type === 'drop measurement') fieldTypes.forgetMeasurement(entry.database, entry.measurement);
      if (entry.type === 'drop retention policy') fieldTypes.forgetPolicy(entry.database, entry.retentionPolicy);
    },
    control: async ({ entry }: ControlCall) => {
      await Promise.all(own.map((shard) => writer!.control(shard, entry)));
    },
    reached: async ({ positions }: ReachedCall) => {
      await Promise.all(own.map((shard) => shardOf(shard).recorder.reached(positions[shard].sequence)));
    },
    canonical: ({ text, database }: CanonicalCall) => ({ query: runner.canonicalLive(text, database) }),
    subscribe: (call: SubscribeCall) => homes.subscribe(call),
    'stored settled': async ({ database, name }: StoredCall) => {
      await stored!.settled(database, name);
    },
    'alert settled': async ({ database, name }: StoredCall) => {
      await alerts!.settled(database, name);
    },
    'alert statuses': () => alerts!.statuses(),
    'stored statuses': () => stored!.statuses(),
    'refresh stored': (call: RefreshCall) => stored!.refresh(call),
    'live report': (): LiveReport => ({ progress: homes.progress(), groups: liveShards.groups }),
    describe: ({ shard, matchers }: DescribeCall) => {
      const described = describeMatching(shardOf(shard).store, matchers);
      directory.setVersion(shard, described.version);
      return described;
    },
    'check delete': ({ shard, statement, database }: CheckDeleteCall) =>
      checkDelete(shardOf(shard).store, statement, database),
    restore: restoreCall(backupParts),
    'live start': (start: LiveStart) => liveShards.start(start, homeAt(start.home)),
    'live stop': (stop: LiveStop) => liveShards.stop(stop),
    'live ask': (ask: LiveAsk) => liveShards.ask(ask),
  };
}

function makeStreams(): Handlers['streams'] {
  return {
    query: (call: QueryCall, signal, end) => runner.run(call, signal, end),
    show: ({ shard, statement, context }: ShowCall, signal) =>
      givenInTurns(showShard(statement, context, shardOf(shard).store), turns.of(signal)),
    partials: (call: PartialsCall, signal) => handedOver(batched(partialsOf(call, signal)), transferables),
    // on this thread there is nothing to hand over
    'near partials': partialsOf,
    ...backupStreams(backupParts),
  };
}

function partialsOf(
  { shard, plan, version, texts, isCounted, home }: PartialsCall,
  signal: AbortSignal,
): AsyncGenerator<Partial> {
  const { store } = shardOf(shard);
  const writer = texts === null ? null : jsonRows(plan, texts.epoch);
  const limits = { ...config.queryLimits, isCounted };
  const pinning = (): void => {
    if (store.schemaVersion !== version) throw new StaleSchema();
  };
  return historicalShard(plan, store, turns.of(signal), limits, { writer, home, pinning });
}

function makeNotices(): Handlers['notices'] {
  return {
    catalogue: (news: CatalogueNews) => {
      catalogue.follow(news);
      for (const { scope, shape } of bucketAdviceIn(news))
        for (const { store } of shards.values()) store.advise(scope, shape);
      for (const database of changedPolicies(news))
        homes.schemaChanged({ database, measurements: null, deleted: [], at: null });
      stored?.follow(news);
      alerts?.follow(news);
    },
    'end query': ({ id, message }: EndNotice) => runner.end(id, message),
    unsubscribe: (leave: { feed: string; subscriber: number }) => homes.unsubscribe(leave),
    'schema changed': (change: SchemaChange) => homes.schemaChanged(change),
    'live update': (update: ShardUpdate) => homes.update(update),
    'live heard': (heard: ShardHeard) => homes.heard(heard),
    'live failed': (failure: ShardFailure) => homes.failed(failure),
    'live away': (message: ShardAway) => homes.away(message),
    'live expire': (expire: LiveExpire) => liveShards.expire(expire),
    'live reach': (reach: LiveReach) => liveShards.reach(reach),
  };
}

async function open(): Promise<WorkerReady> {
  const shardsDirectory = join(config.dataDir, 'shards');
  const { headBytes, logKeepBytes } = config;
  const segmentBytesMax = logSegmentBytes(logKeepBytes);
  const warn = (text: string, error: Error): void => log.warn(text, { error: error.message });
  await warmUp(owners.length, files);
  for (const id of own) {
    const tier = tierOf(config, owners.length, disk, catalogue, metrics, warn);
    const told = { live: liveShards, failed: fatal, warn };
    const options = {
      id,
      files: disk,
      directory: shardsDirectory,
      known: directory,
      headBytes,
      logKeepBytes,
      segmentBytesMax,
      tier,
      ...told,
    };
    shards.set(id, await Shard.open(options));
  }
  const recovered = (shard: number, sequence: number, payload: Uint8Array): void =>
    shardOf(shard).recorder.recovered(sequence, payload);
  const plain =
    config.nats === null
      ? await openEmbeddedBroker({
          ...{ files, shards: own, logKeepBytes, segmentBytesMax, recovered },
          directory: shardsDirectory,
        })
      : await openNatsBroker({ servers: config.nats.split(','), shards: own });
  const opened = meteredBroker(plain, metrics);
  broker = opened;
  for (const shard of shards.values()) await shard.start(opened);
  writer = new Writer({
    decoder: new LineDecoder({ shards: owners.length, compression: files.compression }),
    fieldTypes,
    declare: (database, retentionPolicy, fields) =>
      main.call('declare', { database, retentionPolicy, fields } satisfies DeclareCall),
    shards: owners.map((owner, shard) => ({
      generation: ORIGIN.generation,
      messageBytesMax: opened.capabilities.messageBytesMax,
      publish: (call) => (owner === index ? shardOf(shard).publish(call) : publishElsewhere(call)),
    })),
    producer: randomInt(2 ** 47),
    checksum: files.checksum,
    compression: files.compression,
  });
  stored = await openStoredQueries({
    dataDir: config.dataDir,
    worker: index,
    workers: start.ports.length,
    ...{ catalogue, homes, selects, turns, nowMs, log, metrics },
    write: writeLines,
  });
  alerts = openAlerts({
    dataDir: config.dataDir,
    worker: index,
    workers: start.ports.length,
    ...{ catalogue, homes, nowMs, log, metrics },
    write: writeLines,
  });
  return foundIn([...shards.values()].map(({ store }) => store));
}

/** Takes no more, lets what is under way reach the disk. */
async function close(): Promise<void> {
  await stored?.close();
  await alerts?.close();
  homes.close();
  liveShards.close();
  await broker?.close();
  for (const shard of shards.values()) await shard.close();
}

async function publishElsewhere(call: PublishCall): Promise<number> {
  const { sequence } = await mesh.call<{ sequence: number }>(
    call.shard,
    'publish',
    handOver(call, [call.message.buffer]),
  );
  return sequence;
}

function changeCatalogue(statement: CatalogueCall['statement'], database: string): Promise<unknown> {
  return main.call('catalogue', { statement, database } satisfies CatalogueCall).catch(asQueryError);
}

/** Resolves when the lines can be read. */
function writeLines({ database, retentionPolicy, now, lines }: Parameters<WriteLines>[0]): ReturnType<WriteLines> {
  const policy = findPolicy(catalogue.documents, database, retentionPolicy);
  const kept = policy === null ? null : keptFrom(policy, now);
  return writer!.write({ database, retentionPolicy, precision: 'ns', wait: true, body: lines, now, keptFrom: kept });
}

function readMetrics(): MetricsSnapshot {
  const opened = [...shards.values()];
  gaugeStores(
    metrics,
    opened.map(({ store }) => store),
  );
  const kernels = kernelMemoryUse();
  metrics.gauge('kernel_arrays').set(kernels.arrays);
  metrics.gauge('kernel_reads').set(kernels.reads);
  metrics.counter('kernel_memory_refused').value = kernels.refused;
  metrics.gauge('log_bytes').set(opened.reduce((sum, { logBytes }) => sum + logBytes, 0));
  metrics.gauge('sealing_waits').set([...shards.values()].reduce((sum, { waits }) => sum + waits, 0));
  metrics.gauge('live_queries').set(homes.size);
  const shared = liveShards.totals;
  metrics.gauge('live_streams').set(shared.streams);
  metrics.gauge('live_slices').set(shared.cells);
  metrics.gauge('live_slice_bytes').set(shared.bytes);
  metrics.gauge('live_share_percent').set(Math.round(pace.share * 100));
  metrics.gauge('live_leaf_rows_most').set(liveShards.leafRowsMost);
  const { held, joined } = homes.rowsMost;
  metrics.gauge('live_held_rows_most').set(held);
  metrics.gauge('live_joined_rows_most').set(joined);
  metrics.gauge('live_wait_ms').set(Math.round(liveShards.waitedMs));
  metrics.gauge('standing_queries').set(stored?.size ?? 0);
  const watched = alerts?.statuses() ?? [];
  metrics.gauge('alerts').set(watched.length);
  metrics.gauge('alert_series').set(watched.reduce((sum, { series }) => sum + series, 0));
  metrics.gauge('alert_firing').set(watched.reduce((sum, { firing }) => sum + firing, 0));
  metrics.gauge('alert_waiting').set(watched.reduce((sum, { waiting }) => sum + waiting, 0));
  metrics.gauge('threads').set(1);
  const thread = `worker-${index}`;
  metrics.counter('thread_cpu_seconds', { thread }).value = threadCpuMs() / 1000;
  metrics.counter('live_cpu_seconds', { thread }).value = pace.cpuMs / 1000;
  return metrics.snapshot();
}

function shardOf(shard: number): Shard {
  const found = shards.get(shard);
  if (found === undefined) throw new Error(`shard ${shard} is not on worker ${index}`);
  return found;
}

function homeAt(worker: number): LiveHomePort {
  return {
    update: (update) => mesh.notify(worker, 'live update', update),
    failed: (failure) => mesh.notify(worker, 'live failed', failure),
    away: (message) => mesh.notify(worker, 'live away', message),
  };
}

/** Databases whose policies are others now: a query without a policy's name may read another. */
function changedPolicies({ change: { put, remove } }: CatalogueNews): Set<string> {
  return new Set([...put, ...remove].filter(({ kind }) => kind === 'retention policy').map(({ database }) => database));
}

/** What the authority refuses is the statement's own error. */
function asQueryError(error: unknown): never {
  throw error instanceof PeerError && error.code === 'invalid' ? new QueryError('invalid', error.message) : error;
}

/** The process cannot go on: the main thread ends it, and the next start reads the log. */
function fatal(error: Error): void {
  log.error('a shard cannot go on', { error: error.message });
  throw error;
}

async function* handedOver<T extends object>(
  items: Iterable<T> | AsyncIterable<T>,
  buffersOf: (item: T) => ArrayBufferLike[],
): AsyncGenerator<T> {
  for await (const item of items) yield handOver(item, buffersOf(item));
}
