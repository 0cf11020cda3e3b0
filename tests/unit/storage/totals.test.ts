/** What a sealed chunk is known by: aggregates over whole chunks are answered unread, and are what the rows would give. */
import { expect } from 'chai';
import { historicalHome, historicalShard, NO_LIMITS, type Partial, parse, planSelect } from '../../../query/index.ts';
import { MemoryFiles, ShardStore } from '../../../storage/index.ts';
import { batchOf, type TestPoint } from './points.ts';

const DIR = '/data/shard-0';
const STEP = 1_000_000_000n;
/** More than a chunk holds, so that chunks are of one series. */
const ROWS = 20_000;
const HOSTS = ['a', 'b'];

const UNREAD = [
  'SELECT count(f), sum(f), mean(f), min(f), max(f), first(f), last(f), spread(f) FROM m GROUP BY host',
  'SELECT count(i), sum(i), mean(i), min(i), max(i), first(i), last(i), spread(i) FROM m',
  "SELECT sum(i) FROM m WHERE host = 'a'",
  'SELECT last(f) FROM m',
  'SELECT count(f), max(i) FROM m WHERE time >= 0 AND time < 1d GROUP BY time(1d), host',
  'SELECT count(s) FROM m',
];
const READ = [
  'SELECT max(f) FROM m',
  'SELECT sum(f) FROM m WHERE i > 7',
  'SELECT mean(f) FROM m WHERE time >= 0 AND time < 6h GROUP BY time(1m)',
  'SELECT median(f) FROM m',
  'SELECT max(f), i FROM m',
  'SELECT sum(i) FROM m WHERE time < 1000s',
];

describe('totals of sealed chunks', () => {
  let store: ShardStore;
  let files: MemoryFiles;

  beforeEach(async () => {
    files = new MemoryFiles();
    store = await open(files);
    for (const host of HOSTS) {
      const points = Array.from({ length: ROWS }, (_, n) => pointAt(host, n));
      store.apply(batchOf(points).batch);
    }
    store.applied(1);
  });

  it('give what rows in memory give', async () => {
    const before = await Promise.all([...UNREAD, ...READ].map((query) => ask(store, query)));
    await store.seal();
    expect(await Promise.all([...UNREAD, ...READ].map((query) => ask(store, query)))).to.deep.equal(before);
  });

  it('are enough for aggregates over whole chunks: no block is read', async () => {
    await store.seal();
    await store.close();
    await breakBlocks(files);
    store = await open(files);
    for (const query of UNREAD) expect(await ask(store, query), query).to.have.length.greaterThan(0);
    for (const query of READ) expect(await failure(ask(store, query)), query).to.match(/damaged/);
  });

  it('are not believed where rows were overwritten or deleted', async () => {
    await store.seal();
    const late = { ...pointAt('a', 5), fields: { i: { type: 'integer', value: 1_000_000 } } } as TestPoint;
    store.apply(batchOf([late]).batch);
    store.applied(2);
    const sum = HOSTS.length * totalOf(ROWS) + 1_000_000 - 5;
    expect(valuesOf(await ask(store, 'SELECT sum(i) FROM m'))).to.deep.equal([sum]);
    store.deleteRows({
      database: 'db',
      retentionPolicy: 'autogen',
      measurement: 'm',
      minTime: 5n * STEP,
      maxTime: 5n * STEP,
      series: null,
    });
    expect(valuesOf(await ask(store, 'SELECT sum(i) FROM m'))).to.deep.equal([HOSTS.length * (totalOf(ROWS) - 5)]);
    expect(valuesOf(await ask(store, 'SELECT count(i) FROM m'))).to.deep.equal([HOSTS.length * (ROWS - 1)]);
  });
});

// private functions

function open(files: MemoryFiles): Promise<ShardStore> {
  return ShardStore.open(files, DIR, { shard: 0, pause: () => Promise.resolve() });
}

function pointAt(host: string, n: number): TestPoint {
  const fields = {
    f: { type: 'float', value: n / 8 },
    i: { type: 'integer', value: n },
    s: { type: 'string', value: `t${n % 3}` },
  } as const;
  return { key: `host=${host}`, time: BigInt(n) * STEP, fields: n % 10 === 9 ? { i: fields.i } : fields };
}

function totalOf(rows: number): number {
  return (rows * (rows - 1)) / 2;
}

async function ask(store: ShardStore, query: string): Promise<unknown[]> {
  const [statement] = parse(query);
  if (statement.kind !== 'select') throw new Error('a SELECT is wanted');
  const plan = planSelect(statement, {
    database: 'db',
    defaultRetentionPolicy: 'autogen',
    now: 0n,
    schemas: (...wanted) => store.describe(...wanted),
  });
  const partials: Partial[] = [];
  for await (const partial of historicalShard(plan, store, () => null, NO_LIMITS)) partials.push(partial);
  return [...historicalHome(plan, partials)].map(({ tags, data }) => ({
    tags,
    values: data.slice(1).map((column) => (column.type === 'time' ? [] : [...column.values].map(String))),
  }));
}

function valuesOf(tables: unknown[]): number[] {
  return (tables as { values: string[][] }[]).flatMap(({ values }) => values.flat().map(Number));
}

/** The blocks of every bucket; what a reader has opened with, it has read. */
async function breakBlocks(files: MemoryFiles): Promise<void> {
  for (const name of await files.list(`${DIR}/buckets`)) {
    const path = `${DIR}/buckets/${name}`;
    const bytes = files.bytes(path);
    bytes.fill(0xff, 64, Math.floor(bytes.length / 2));
    files.place(path, bytes);
  }
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing',
    (error: Error) => error.message,
  );
}
