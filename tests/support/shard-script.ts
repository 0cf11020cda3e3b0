/**
 * A shard's life in short, for tests that disturb it: messages that write points of a few series in two databases, delete some or
 * drop a database, a log and a store that take them, and what readers must see after each number of messages.
 */

import type { SeriesChoice } from '../../model/index.ts';
import { type Files, MemoryFiles, ShardLog, ShardStore, StorageError } from '../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from '../unit/storage/points.ts';
import type { Random } from './random.ts';

const ALL_TIMES = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n };
const STORE = '/data/shard-0';
const LOG = `${STORE}/log`;
export const SHARD_DIRECTORIES: readonly string[] = [STORE, `${STORE}/buckets`, `${STORE}/manifest`, LOG];
const SEGMENT_BYTES_MAX = 600;
const MESSAGES = 40;

export type Message =
  | { readonly kind: 'write'; readonly database: string; readonly points: readonly TestPoint[] }
  /** `host`: null = of all series. */
  | { readonly kind: 'delete'; readonly database: string; readonly host: string | null; min: bigint; max: bigint }
  | { readonly kind: 'drop'; readonly database: string };

export function makeMessages(random: Random, count = MESSAGES): Message[] {
  return Array.from({ length: count }, () => {
    const database = random.pick(['one', 'two']);
    const dice = random.next();
    if (dice < 0.1) return { kind: 'drop', database };
    if (dice < 0.25) {
      const min = timeOf(random.between(0, 20));
      const host = random.next() < 0.5 ? null : `host=${random.between(1, 5)}`;
      return { kind: 'delete', database, host, min, max: min + timeOf(random.between(0, 12)) };
    }
    const points = Array.from({ length: random.between(1, 6) }, () => ({
      key: `host=${random.between(1, 5)}`,
      time: timeOf(random.between(0, 20)),
      fields: { [random.pick(['a', 'b', 'c'])]: { type: 'float' as const, value: random.between(0, 99) } },
    }));
    return { kind: 'write', database, points };
  });
}

/** What `readAll` gives after each number of messages: of a store that has nothing on its disk. */
export async function statesOf(messages: readonly Message[]): Promise<string[]> {
  const files = new MemoryFiles();
  for (const directory of SHARD_DIRECTORIES) await files.makeDirectory(directory);
  const store = await openStore(files);
  return [
    readAll(store),
    ...messages.map((message) => {
      applyTo(store, message);
      return readAll(store);
    }),
  ];
}

/** Runs the messages through log and store on an empty disk, sealing, merging and trimming now and then. Rejects where the disk fails. */
export async function runScript(
  files: Files,
  messages: readonly Message[],
  random: Random,
  acknowledged: (count: number) => void,
): Promise<void> {
  for (const directory of SHARD_DIRECTORIES) await files.makeDirectory(directory);
  const failures: Error[] = [];
  const store = await openStore(files, (error) => failures.push(error));
  let log: ShardLog | null = null;
  try {
    log = await ShardLog.open(files, LOG, { shard: 0, segmentBytesMax: SEGMENT_BYTES_MAX });
    for (const [at, message] of messages.entries()) {
      await log.append(payloadOf(at));
      acknowledged(at + 1);
      applyTo(store, message);
      store.applied(at + 1);
      const dice = random.next();
      if (dice < 0.25) void store.seal();
      if (dice < 0.15) {
        await store.seal();
        await log.trim(store.sealed, 0);
      }
      if (dice > 0.85) void store.clean();
      if (dice > 0.9) await store.clean();
      if (failures.length > 0) throw failures[0];
    }
  } finally {
    await store.close();
    await log?.close();
  }
  if (failures.length > 0) throw failures[0];
}

export function openStore(files: Files, failed: (error: Error) => void = raise): Promise<ShardStore> {
  return ShardStore.open(files, STORE, {
    shard: 0,
    manifestFullBytesMin: 1000,
    retryMs: 1,
    pace: () => Promise.resolve(),
    failed,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
}

/** What the log holds is applied to the store where it is not sealed; the number of the last message. Throws what a start throws. */
export async function replay(files: Files, store: ShardStore, messages: readonly Message[]): Promise<number> {
  const log = await ShardLog.open(files, LOG, {
    shard: 0,
    recovered: (sequence, payload) => {
      if (payload[0] !== sequence - 1) throw new Error(`message ${sequence} is another`);
      if (sequence <= store.sealed) return;
      applyTo(store, messages[sequence - 1]);
      store.applied(sequence);
    },
  });
  const { first, last } = log;
  await log.close();
  if (first > store.sealed + 1) {
    throw new StorageError('corrupt', `the log begins at ${first}, sealed is ${store.sealed}${store.manifestCut}`);
  }
  if (last < store.sealed) throw new StorageError('corrupt', `${LOG} ends at ${last}, sealed is ${store.sealed}`);
  await store.joined();
  return last;
}

/** Everything that a reader can see, as one text. */
export function readAll(reader: ShardStore): string {
  return JSON.stringify(reader.databases().map((database) => readDatabase(reader, database)));
}

/** The same, each series looked up and read alone. */
export function readEachSeries(reader: ShardStore): string {
  return JSON.stringify(
    reader.databases().map((database) => {
      const size = reader.series(database, 'autogen', 'm')?.size ?? 0;
      return readDatabase(
        reader,
        database,
        Array.from({ length: size }, (_, series) => Uint32Array.of(series)),
      );
    }),
  );
}

export function readDatabase(reader: ShardStore, database: string, choices: readonly SeriesChoice[] = [null]): unknown {
  const [schema] = reader.describe(database, 'autogen', () => true);
  const table = reader.series(database, 'autogen', 'm');
  if (table === null) return { database };
  const request = { database, retentionPolicy: 'autogen', measurement: 'm', fields: null, ...ALL_TIMES };
  const rows = choices.flatMap((series) =>
    [...rowsOf(reader.scan({ ...request, series }), (s) => table.key(s))].map(
      ([name, fields]) => `${name} ${fieldsText(fields)}`,
    ),
  );
  return { database, fields: [...schema.fields].sort(), series: table.size, rows: rows.sort() };
}

// private functions

function raise(error: Error): never {
  throw error;
}

/** Some are longer than a sector. */
function payloadOf(at: number): Uint8Array {
  return new Uint8Array(at % 3 === 0 ? 700 : 9).fill(at);
}

function applyTo(store: ShardStore, message: Message): void {
  const { kind, database } = message;
  if (kind === 'drop') store.dropDatabase(database);
  else if (kind === 'write') store.apply(batchOf(message.points, 'm', database).batch);
  else {
    const table = store.series(database, 'autogen', 'm');
    if (table === null) return;
    const { host, min, max } = message;
    const series =
      host === null ? null : Uint8Array.from({ length: table.size }, (_, s) => (table.key(s) === host ? 1 : 0));
    store.deleteRows({ database, retentionPolicy: 'autogen', measurement: 'm', minTime: min, maxTime: max, series });
  }
}

/** Some days lie between them: buckets have several spans. */
function timeOf(step: number): bigint {
  return BigInt(step) * 100_000_000_000_000n;
}

function fieldsText(fields: Record<string, string>): string {
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .join(' ');
}
