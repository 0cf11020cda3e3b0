/** The store of a shard: what sealing gives back, what a drop gives back, readers who stay, disks that are full or damaged. */
import { expect } from 'chai';
import { FaultyFiles, MemoryFiles, ShardStore, type StoreOptions } from '../../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from './points.ts';

const DIR = '/data/shard-0';
const BUCKETS = `${DIR}/buckets`;
const HOUR = 3_600_000_000_000n;
const EVERYTHING = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null };

describe('the store of a shard', () => {
  it('gives memory back when it has sealed, and the same answers', async () => {
    const { store } = await open();
    for (let n = 0; n < 40; n++) apply(store, pointsOf(500, n), n + 1);
    const before = store.stats();
    const answer = rowsIn(store);
    expect(answer.size).to.equal(20_000);
    await store.seal();
    const after = store.stats();
    expect(after.bytes).to.be.lessThan(before.bytes / 20);
    expect(after.points).to.equal(0);
    expect([after.bucketRows, after.sealings]).to.deep.equal([20_000, 1]);
    expect(after.bucketBytes).to.be.lessThan(before.bytes / 4);
    expect(rowsIn(store)).to.deep.equal(answer);
    await store.close();
  });

  it('seals by itself when the head has grown, while it goes on', async () => {
    const sealed: number[] = [];
    const { store } = await open({ headBytes: 64 * 1024, sealed: (sequence) => sealed.push(sequence) });
    for (let n = 0; n < 100; n++) {
      apply(store, pointsOf(200, n), n + 1);
      if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await store.seal();
    expect(sealed.length).to.be.greaterThan(2);
    expect(sealed).to.deep.equal([...sealed].sort((a, b) => a - b));
    expect(store.sealed).to.equal(sealed.at(-1));
    expect(rowsIn(store).size).to.equal(20_000);
    await store.close();
  });

  it('merges what came late field by field, over all layers', async () => {
    const { store } = await open();
    const at = (n: number, fields: Record<string, number>): TestPoint[] => [pointAt('a=1', BigInt(n) * HOUR, fields)];
    apply(store, [...at(1, { x: 1, y: 1 }), ...at(2, { x: 2, y: 2 }), ...at(300, { x: 3 })], 1);
    await store.seal();
    apply(store, at(2, { y: 20 }), 2);
    await store.seal();
    apply(store, [...at(2, { z: 200 }), ...at(301, { x: 4 })], 3);
    expect(rowsIn(store).get(`a=1 ${2n * HOUR}`)).to.deep.equal({ x: 'float 2', y: 'float 20', z: 'float 200' });
    expect(rowsIn(store).size).to.equal(4);
    const some = store.scan({ ...named(), ...EVERYTHING, maxTime: 2n * HOUR, fields: ['y'] });
    expect([...rowsOf(some, () => '').values()]).to.deep.equal([{ y: 'float 1' }, { y: 'float 20' }]);
    await store.close();
  });

  it('knows its series, types and last times after a start', async () => {
    const { files, store } = await open();
    apply(store, [pointAt('a=2', HOUR, { x: 1 }), pointAt('a=1', HOUR, { x: 1 })], 1);
    store.createDatabase('empty');
    await store.seal();
    await store.close();
    const again = (await open({}, files)).store;
    expect(again.sealed).to.equal(1);
    expect(again.databases()).to.deep.equal(['db', 'empty']);
    const table = again.series('db', 'autogen', 'm')!;
    expect([table.key(0), table.key(1), table.size]).to.deep.equal(['a=2', 'a=1', 2]);
    expect([...again.describe('db', 'autogen', () => true)[0].fields]).to.deep.equal([['x', 'float']]);
    const late = again.apply(batchOf([pointAt('a=1', HOUR, { x: 2 }), pointAt('a=1', 2n * HOUR, { x: 3 })]).batch).late;
    expect([...late!]).to.deep.equal([0]);
    await again.close();
  });

  it('gives the disk back when a database is dropped, for good', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(5000, 0), 1);
    store.apply(batchOf([pointAt('a=1', HOUR, { x: 1 })], 'm', 'other').batch);
    await store.seal();
    const full = await bytesIn(files);
    store.dropDatabase('db');
    expect(store.series('db', 'autogen', 'm')).to.equal(null);
    await eventually(async () => (await files.list(BUCKETS)).length === 1);
    expect(await bytesIn(files)).to.be.lessThan(full / 4);
    await store.close();
    const again = (await open({}, files)).store;
    expect(again.databases()).to.deep.equal(['other']);
    expect(again.stats().buckets).to.equal(1);
    await again.close();
  });

  it('leaves no trace of a database that was dropped while it was sealed', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(5000, 0), 1);
    const sealing = store.seal();
    await new Promise((resolve) => setImmediate(resolve));
    store.dropDatabase('db');
    apply(store, [pointAt('a=9', HOUR, { y: 1 })], 2);
    await sealing;
    expect([...rowsIn(store).keys()]).to.deep.equal([`a=9 ${HOUR}`]);
    await store.seal();
    await store.close();
    expect((await files.list(BUCKETS)).length).to.equal(1);
    const again = (await open({}, files)).store;
    expect([...rowsIn(again).keys()]).to.deep.equal([`a=9 ${HOUR}`]);
    await again.close();
  });

  it('keeps a file that is dropped until its reader has gone', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(20_000, 0), 1);
    await store.seal();
    const reader = store.scan({ ...named(), ...EVERYTHING });
    let rows = reader.next().value!.rows;
    store.dropDatabase('db');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await files.list(BUCKETS)).length).to.equal(1);
    for (const block of reader) rows += block.rows;
    expect(rows).to.equal(20_000);
    await eventually(async () => (await files.list(BUCKETS)).length === 0);
    await store.close();
  });

  it('tries again when the disk was full, and serves meanwhile', async () => {
    const files = new MemoryFiles();
    let isFull = true;
    const faulty = new FaultyFiles(files, (call) => (isFull && call === 'write' ? { code: 'no space' } : null));
    isFull = false;
    const store = await ShardStore.open(faulty, DIR, { shard: 0, failed: rethrow });
    apply(store, pointsOf(1000, 0), 1);
    isFull = true;
    const sealing = store.seal();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(rowsIn(store).size).to.equal(1000);
    expect(store.sealed).to.equal(0);
    apply(store, pointsOf(1000, 1), 2);
    isFull = false;
    await sealing;
    expect([store.sealed, rowsIn(store).size]).to.deep.equal([1, 2000]);
    expect((await files.list(BUCKETS)).length).to.equal(store.stats().buckets);
    await store.close();
  });

  it('tells of a fault that is not lack of space, and lists nothing then', async () => {
    const files = new MemoryFiles();
    let isBroken = false;
    const faulty = new FaultyFiles(files, (call) => (isBroken && call === 'datasync' ? { code: 'failed' } : null));
    const failures: Error[] = [];
    const store = await ShardStore.open(faulty, DIR, { shard: 0, failed: (error) => failures.push(error) });
    apply(store, pointsOf(1000, 0), 1);
    isBroken = true;
    await store.seal();
    expect(failures.length).to.equal(1);
    expect([store.sealed, rowsIn(store).size]).to.deep.equal([0, 1000]);
    await store.close();
    const again = (await open({}, files)).store;
    expect([again.sealed, await files.list(BUCKETS)]).to.deep.equal([0, []]);
    await again.close();
  });

  it('refuses a manifest that is damaged and a bucket that is missing, and names them', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(100, 0), 1);
    await store.seal();
    apply(store, pointsOf(100, 1), 2);
    await store.seal();
    await store.close();
    const path = `${DIR}/manifest/${(await files.list(`${DIR}/manifest`))[0]}`;
    const bytes = files.bytes(path);
    const damaged = bytes.slice();
    damaged[200] ^= 1;
    files.place(path, damaged);
    expect(await failureOf(open({}, files))).to.match(/corrupt .*manifest\/\d+\.log at \d+/);
    files.place(path, bytes);
    const [bucket] = await files.list(BUCKETS);
    await files.remove(`${BUCKETS}/${bucket}`);
    expect(await failureOf(open({}, files))).to.contain(bucket);
  });
});

// private functions

async function open(
  options: Partial<StoreOptions> = {},
  files = new MemoryFiles(),
): Promise<{ files: MemoryFiles; store: ShardStore }> {
  return { files, store: await ShardStore.open(files, DIR, { shard: 0, failed: rethrow, ...options }) };
}

function rethrow(error: Error): never {
  throw error;
}

function apply(store: ShardStore, points: readonly TestPoint[], sequence: number): void {
  store.apply(batchOf(points).batch);
  store.applied(sequence);
}

function pointAt(key: string, time: bigint, fields: Record<string, number>): TestPoint {
  const entries = Object.entries(fields).map(([name, value]) => [name, { type: 'float', value }] as const);
  return { key, time, fields: Object.fromEntries(entries) };
}

/** In order, of 20 series, one of `n` after the other. */
function pointsOf(count: number, n: number): TestPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const time = BigInt(n * count + i) * 1_000_000_000n;
    return pointAt(`host=h${i % 20}`, time, { x: i, y: i / 4, z: 7 });
  });
}

function named() {
  return { database: 'db', retentionPolicy: 'autogen', measurement: 'm' };
}

function rowsIn(store: ShardStore): Map<string, Record<string, string>> {
  const table = store.series('db', 'autogen', 'm')!;
  const rows = rowsOf(store.scan({ ...named(), ...EVERYTHING }), (s) => table.key(s));
  return new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function bytesIn(files: MemoryFiles): Promise<number> {
  let total = 0;
  for (const name of await files.list(BUCKETS)) total += files.bytes(`${BUCKETS}/${name}`).length;
  return total;
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come to be');
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing',
    (error: Error & { code?: string }) => `${error.code} ${error.message}`,
  );
}
