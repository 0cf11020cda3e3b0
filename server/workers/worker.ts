/**
 * The entry of a worker thread: the composition root of everything that works on points. It owns some shards, decodes any body,
 * runs historical queries as a coordinator, and is the home of some live queries. It holds no sockets of clients.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ORIGIN } from '../../model/index.ts';
import { historicalShard, showShard, transferables } from '../../query/index.ts';
import { NodeFiles } from '../../storage/index.ts';
import { FieldTypes, LineDecoder } from '../ingest/index.ts';
import { type Broker, meteredBroker, meteredFiles, openEmbeddedBroker, openNatsBroker } from '../pubsub/index.ts';
import {
  DEFAULT_RETENTION_POLICY,
  type DescribeCall,
  describeMatching,
  type LiveAsk,
  type LiveExpire,
  type LiveHomePort,
  LiveHomes,
  LiveShards,
  type LiveStart,
  type LiveStop,
  type PartialsCall,
  QueryRunner,
  type ShardFailure,
  type ShardUpdate,
  type ShowCall,
} from '../queries/index.ts';
import { Metrics, type MetricsSnapshot, openLog } from '../telemetry/index.ts';
import { Mesh } from './mesh.ts';
import type {
  CanonicalCall,
  ControlCall,
  DeclareCall,
  FrameNotice,
  PublishCall,
  QueryCall,
  ReachedCall,
  SubscribeCall,
  WorkerReady,
  WorkerStart,
  WriteCall,
} from './messages.ts';
import { type Handlers, handOver, Peer } from './peer.ts';
import { logSegmentBytes, Shard, type ShardOptions } from './shard.ts';
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
const nowMs = Date.now;

let broker: Broker | null = null;
/** Sorted, as the main thread has told. */
let databases: readonly string[] = [];
let writer: Writer | null = null;

const handlers: Handlers = { calls: makeCalls(), streams: makeStreams(), notices: makeNotices() };
const main = new Peer(parentPort as MessagePort, handlers);
const mesh = new Mesh(
  index,
  owners,
  start.ports.map((port) => (port === null ? null : new Peer(port, handlers))),
  handlers,
);
const liveShards = new LiveShards({
  nowMs,
  schemaChanged: (database) => mesh.notifyAll('schema changed', { database }),
});
const homes = new LiveHomes({
  mesh,
  nowMs,
  log,
  frame: (feed, to, frame) => main.notify('frame', { feed, to, frame } satisfies FrameNotice),
  attached: (feed, subscriber) => main.notify('attached', { feed, subscriber }),
  late: (rows) => metrics.counter('points_late').add(rows),
});
const runner = new QueryRunner({
  mesh,
  databases: () => databases,
  control: (entry) => main.call('control', { entry } satisfies ControlCall),
  write: ({ database, retentionPolicy, lines }) =>
    writer!.write({ database, retentionPolicy, precision: 'ns', wait: true, body: lines, now: 0n }),
});

// private functions

function makeCalls(): Handlers['calls'] {
  return {
    open,
    close,
    metrics: readMetrics,
    write: (call: WriteCall) => writer!.write(call),
    publish: async (call: PublishCall) => ({ sequence: await shardOf(call.shard).publish(call) }),
    control: async ({ entry }: ControlCall) => {
      if (entry.type === 'drop database') fieldTypes.forgetDatabase(entry.database);
      await Promise.all(own.map((shard) => writer!.control(shard, entry)));
    },
    reached: async ({ positions }: ReachedCall) => {
      await Promise.all(own.map((shard) => shardOf(shard).recorder.reached(positions[shard].sequence)));
    },
    canonical: ({ text, database }: CanonicalCall) => ({ query: runner.canonicalLive(text, database) }),
    subscribe: (call: SubscribeCall) => homes.subscribe(call),
    describe: ({ shard, matchers }: DescribeCall) => {
      const { store } = shardOf(shard);
      return describeMatching((database, policy, wanted) => store.describe(database, policy, wanted), matchers);
    },
    show: ({ shard, statement, context }: ShowCall) => showShard(statement, context, shardOf(shard).store),
    'live start': (start: LiveStart) => liveShards.start(start, homeAt(start.home)),
    'live stop': (stop: LiveStop) => liveShards.stop(stop),
    'live ask': (ask: LiveAsk) => liveShards.ask(ask),
  };
}

function makeStreams(): Handlers['streams'] {
  return {
    query: (call: QueryCall) => handedOver(runner.run(call), (piece) => [piece.buffer]),
    partials: ({ shard, plan }: PartialsCall) => handedOver(historicalShard(plan, shardOf(shard).store), transferables),
  };
}

function makeNotices(): Handlers['notices'] {
  return {
    databases: ({ names }: { names: readonly string[] }) => {
      databases = names;
    },
    unsubscribe: (leave: { feed: string; subscriber: number }) => homes.unsubscribe(leave),
    'schema changed': ({ database }: { database: string }) => homes.schemaChanged(database),
    'live update': (update: ShardUpdate) => homes.update(update),
    'live failed': (failure: ShardFailure) => homes.failed(failure),
    'live expire': (expire: LiveExpire) => liveShards.expire(expire),
  };
}

async function open(): Promise<WorkerReady> {
  const directory = join(config.dataDir, 'shards');
  const { headBytes, logKeepBytes } = config;
  const segmentBytesMax = logSegmentBytes(logKeepBytes);
  const warn = (text: string, error: Error): void => log.warn(text, { error: error.message });
  for (const id of own) {
    const options: ShardOptions = {
      id,
      files: disk,
      directory,
      headBytes,
      logKeepBytes,
      segmentBytesMax,
      live: liveShards,
      failed: fatal,
      warn,
    };
    shards.set(id, await Shard.open(options));
  }
  const recovered = (shard: number, sequence: number, payload: Uint8Array): void =>
    shardOf(shard).recorder.recovered(sequence, payload);
  const plain =
    config.nats === null
      ? await openEmbeddedBroker({ files, directory, shards: own, logKeepBytes, segmentBytesMax, recovered })
      : await openNatsBroker({ servers: config.nats.split(','), shards: own });
  const opened = meteredBroker(plain, metrics);
  broker = opened;
  for (const shard of shards.values()) await shard.start(opened);
  writer = new Writer({
    decoder: new LineDecoder({ shards: owners.length }),
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
  });
  return found();
}

/** Takes no more, lets what is under way reach the disk. */
async function close(): Promise<void> {
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

function found(): WorkerReady {
  const stores = [...shards.values()].map(({ store }) => store);
  const names = [...new Set(stores.flatMap((store) => store.databases()))];
  const fields = stores.flatMap((store) =>
    names.map((database) => ({
      database,
      retentionPolicy: DEFAULT_RETENTION_POLICY,
      fields: store
        .describe(database, DEFAULT_RETENTION_POLICY, () => true)
        .flatMap(({ name, fields }) => [...fields].map(([field, type]) => ({ measurement: name, field, type }))),
    })),
  );
  return { databases: names, fields };
}

function readMetrics(): MetricsSnapshot {
  const all = [...shards.values()].map(({ store }) => store.stats());
  const total = (of: (stats: (typeof all)[number]) => number): number => all.reduce((sum, stats) => sum + of(stats), 0);
  metrics.gauge('head_bytes').set(total((stats) => stats.bytes));
  metrics.gauge('head_points').set(total((stats) => stats.points));
  metrics.gauge('log_bytes').set([...shards.values()].reduce((sum, { logBytes }) => sum + logBytes, 0));
  metrics.gauge('bucket_bytes').set(total((stats) => stats.bucketBytes));
  metrics.gauge('buckets').set(total((stats) => stats.buckets));
  metrics.gauge('bucket_rows').set(total((stats) => stats.bucketRows));
  metrics.gauge('sealings').set(total((stats) => stats.sealings));
  metrics.gauge('series').set(total((stats) => stats.series));
  metrics.gauge('live_queries').set(homes.size);
  metrics.gauge('threads').set(1);
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
  };
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
