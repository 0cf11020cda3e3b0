/**
 * A power cut at every call to the disk while a shard writes, seals, drops databases and exchanges its manifest: what comes back is
 * always the state after some prefix of the messages that holds all that was acknowledged, and the shard goes on from there.
 */
import { expect } from 'chai';
import { FaultyFiles, Head, MemoryFiles, ShardLog, ShardStore } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { batchOf, rowsOf, type TestPoint } from '../unit/storage/points.ts';

const STORE = '/data/shard-0';
const LOG = '/data/shard-0/log';
const SCRIPTS = 4;
const MESSAGES = 26;

type Message = { readonly database: string; readonly points: readonly TestPoint[] | null };
type Reader = Pick<Head, 'databases' | 'describe' | 'series' | 'scan'>;

describe('a power cut at every call to the disk', function () {
  this.timeout(120_000);
  const seed = seedOfRun();

  it(`leaves a prefix that holds all that was acknowledged (seed ${seed})`, async () => {
    let states = 0;
    for (let script = 0; script < SCRIPTS; script++) {
      const messages = makeMessages(new Random(seed + script));
      for (let cut = 1; ; cut++) {
        const files = new MemoryFiles();
        const acknowledged = await runUntil(files, messages, new Random(seed + script), cut, new Random(seed + cut));
        await checkRecovery(files, messages, acknowledged.count, `seed ${seed}, script ${script}, call ${cut}`);
        states++;
        if (acknowledged.finished) break;
      }
    }
    expect(states).to.be.greaterThan(SCRIPTS * 100);
  });
});

// private functions

/** Runs the script with a disk that loses power at the given call; what survives is up to `luck`. */
async function runUntil(
  files: MemoryFiles,
  messages: readonly Message[],
  random: Random,
  cut: number,
  luck: Random,
): Promise<{ count: number; finished: boolean }> {
  let calls = 0;
  const faulty = new FaultyFiles(files, (call) => {
    if (call === 'read') return null;
    calls++;
    if (calls < cut) return null;
    if (calls === cut) crash(files, luck);
    return { code: 'failed' };
  });
  let count = 0;
  let finished = false;
  let store: ShardStore | null = null;
  try {
    store = await openStore(faulty);
    const log = await ShardLog.open(faulty, LOG, { shard: 0, segmentBytesMax: 300 });
    for (const [at, message] of messages.entries()) {
      await log.append(Uint8Array.of(at));
      count = at + 1;
      applyTo(store, message);
      store.applied(at + 1);
      const dice = random.next();
      if (dice < 0.3) void store.seal();
      if (dice < 0.15) {
        await store.seal();
        await log.trim(store.sealed, 0);
      }
    }
    await store.close();
    finished = calls < cut;
  } catch {
    await store?.close().catch(() => {});
  }
  return { count, finished };
}

function crash(files: MemoryFiles, luck: Random): void {
  for (const directory of [`${STORE}/buckets`, `${STORE}/manifest`, LOG]) {
    // entries that were not synced may have reached the disk all the same
    if (luck.next() < 0.5) void files.syncDirectory(directory).catch(() => {});
  }
  files.crash((durable, seen) => {
    const kept = luck.between(0, 2);
    if (kept === 0) return durable;
    return kept === 1 ? seen : seen.slice(0, luck.between(Math.min(durable.length, seen.length), seen.length));
  });
}

async function checkRecovery(files: MemoryFiles, messages: readonly Message[], atLeast: number, what: string) {
  let store: ShardStore;
  let last = 0;
  for (const round of ['first start', 'second start']) {
    const place = `${what}, ${round}`;
    try {
      store = await openStore(files);
      const found: number[] = [];
      await files.makeDirectory(LOG);
      const log = await ShardLog.open(files, LOG, { shard: 0, recovered: (sequence) => found.push(sequence) });
      last = log.last;
      for (const sequence of found) {
        if (sequence <= store.sealed) continue;
        applyTo(store, messages[sequence - 1]);
        store.applied(sequence);
      }
      expect(log.first, place).to.be.at.most(store.sealed + 1);
      await log.close();
    } catch (error) {
      throw new Error(`${place}: ${(error as Error).message}`, { cause: error });
    }
    expect(last, place).to.be.at.least(atLeast);
    const expected = new Head();
    for (const message of messages.slice(0, last)) applyTo(expected, message);
    expect(allOf(store), place).to.deep.equal(allOf(expected));
    if (round === 'first start') await store.seal();
    expect(allOf(store), `${place}, sealed`).to.deep.equal(allOf(expected));
    await store.close();
  }
}

function openStore(files: MemoryFiles | FaultyFiles): Promise<ShardStore> {
  return ShardStore.open(files, STORE, {
    shard: 0,
    manifestFullBytesMin: 1000,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  });
}

function applyTo(target: ShardStore | Head, { database, points }: Message): void {
  if (points === null) target.dropDatabase(database);
  else target.apply(batchOf(points, 'm', database).batch);
}

/** Everything a reader can see. */
function allOf(reader: Reader): unknown {
  return reader.databases().map((database) => {
    const [schema] = reader.describe(database, 'autogen', () => true);
    const table = reader.series(database, 'autogen', 'm')!;
    const request = { database, retentionPolicy: 'autogen', measurement: 'm', series: null, fields: null };
    const blocks = reader.scan({ ...request, minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n });
    const rows = [...rowsOf(blocks, (s) => `${s} ${table.key(s)}`)].sort(([a], [b]) => (a < b ? -1 : 1));
    const sorted = rows.map(([name, fields]) => [name, Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))]);
    return { database, fields: [...schema.fields], tags: schema.tagKeys, series: table.size, sorted };
  });
}

function makeMessages(random: Random): Message[] {
  return Array.from({ length: MESSAGES }, () => {
    const database = random.pick(['one', 'two']);
    if (random.next() < 0.12) return { database, points: null };
    const points = Array.from({ length: random.between(1, 6) }, () => {
      const name = random.pick(['a', 'b', 'c']);
      return {
        key: `host=${random.between(1, 5)}`,
        time: BigInt(random.between(0, 40)) * 100_000_000_000_000n,
        fields: { [name]: { type: 'float' as const, value: random.between(0, 99) } },
      };
    });
    // offsets within a batch are bounded
    return { database, points: points.filter((p) => p.time - points[0].time < 2n ** 51n) };
  });
}
