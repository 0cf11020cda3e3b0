/** The store of a shard: what sealing gives back, what a drop gives back, readers who stay, disks that are full or damaged. */
import { expect } from 'chai';
import {
  FaultyFiles,
  type Files,
  MemoryFiles,
  ShardStore,
  StorageError,
  type StoreOptions,
} from '../../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from './points.ts';

const DIR = '/data/shard-0';
const BUCKETS = `${DIR}/buckets`;
const HOUR = 3_600_000_000_000n;
const WEEK = 7n * 24n * HOUR;
const BUCKETS_MANY = 10_000;
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

  it('reads large buckets ahead for who pins them, and in one turn for who does not', async () => {
    const { store } = await open();
    // series of so few rows that chunks are small
    for (let n = 0; n < 1_200; n++) apply(store, noiseOf(125, n), n + 1);
    await store.seal();
    const table = store.series('db', 'autogen', 'm')!;
    const request = { ...named(), ...EVERYTHING };
    const pinned = store.pin(request)!;
    const found = new Map<string, Record<string, string>>();
    let waits = 0;
    for (const step of pinned.scan({ min: request.minTime, max: request.maxTime }, null)) {
      if (step instanceof Promise) {
        waits++;
        await step;
      } else rowsOf([step], (series) => table.key(series), found);
    }
    pinned.release();
    expect(waits).to.be.greaterThan(1);
    expect(found.size).to.equal(150_000);
    const { differing, count } = differences(
      found,
      rowsOf(store.scan(request), (series) => table.key(series)),
    );
    expect([differing, count]).to.deep.equal([null, 150_000]);
    await store.close();
  });

  it('says when more comes than sealing takes away', async () => {
    let go: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { store } = await open({ headBytes: 64 * 1024, pause: () => held });
    let n = 0;
    for (; !store.overfull && n < 500; n++) apply(store, pointsOf(200, n), n + 1);
    expect(n).to.be.within(5, 200);
    go();
    await store.seal();
    expect(store.overfull).to.equal(false);
    expect(rowsIn(store).size).to.equal(n * 200);
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

  it('does not bring a database back whose drop was recorded before a sealing that still knew it', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(5000, 0), 1);
    const sealing = store.seal();
    store.dropDatabase('db');
    store.applied(2);
    await sealing;
    store.createDatabase('other');
    store.applied(3);
    await store.seal();
    await store.close();
    const again = (await open({}, files)).store;
    expect(again.databases()).to.deep.equal(['other']);
    await again.close();
  });

  for (const full of [false, true]) {
    it(`keeps documents behind ${full ? 'full' : 'short'} records, also those that a sealing did not see`, async () => {
      const options = full ? { manifestFullBytesMin: 1 } : {};
      const { files, store } = await open(options);
      const put = (database: string, name: string, revision: number): void =>
        store.changeDocuments({ remove: [], put: [{ kind: 'metadata', database, name, revision, body: { name } }] });
      put('db', 'a', 1);
      put('db', 'b', 2);
      put('', 'c', 3);
      put('gone', 'd', 4);
      apply(store, pointsOf(500, 0), 1);
      await store.seal();
      store.changeDocuments({ remove: [{ kind: 'metadata', database: 'db', name: 'a' }], put: [] });
      put('db', 'b', 5);
      store.dropDatabase('gone');
      apply(store, pointsOf(500, 1), 2);
      const sealing = store.seal();
      put('db', 'late', 6);
      await sealing;
      apply(store, pointsOf(500, 2), 3);
      await store.seal();
      await store.close();
      const again = (await open(options, files)).store;
      const found = [...again.documents.all()].map(({ database, name, revision }) => `${database} ${name} ${revision}`);
      expect(found.sort()).to.deep.equal([' c 3', 'db b 5', 'db late 6']);
      expect(again.documents.get({ kind: 'metadata', database: 'db', name: 'b' })?.body).to.deep.equal({ name: 'b' });
      await again.close();
    });
  }

  it('lets go of what expires without reading it: memory, whole buckets, and series', async () => {
    const WEEK = 7n * 24n * HOUR;
    const { files, store } = await open();
    const at = (key: string, time: bigint): TestPoint => pointAt(key, time, { x: 1 });
    const old = Array.from({ length: 5000 }, (_, n) => at('a=old', BigInt(n) * 1_000_000_000n));
    apply(store, [...old, at('a=both', HOUR), at('a=both', 10n * WEEK), at('a=new', 10n * WEEK + HOUR)], 1);
    store.apply(batchOf([at('a=1', HOUR)], 'm', 'other').batch);
    await store.seal();
    expect((await files.list(BUCKETS)).length).to.equal(3);
    const full = await bytesIn(files);
    apply(store, [at('a=head', 2n * HOUR), at('a=both', 9n * WEEK)], 2);
    expect(
      store.expire('db', 'autogen', 5n * WEEK).map(({ measurement, maxTime }) => [measurement, maxTime]),
    ).to.deep.equal([['m', 5n * WEEK - 1n]]);
    const left = ['a=both', 'a=both', 'a=new'];
    const keys = (of: ShardStore): string[] => [...rowsIn(of).keys()].map((key) => key.split(' ')[0]).sort();
    expect(keys(store)).to.deep.equal(left);
    await eventually(async () => (await files.list(BUCKETS)).length === 2);
    expect(await bytesIn(files)).to.be.lessThan(full);
    expect(store.series('db', 'autogen', 'm')!.size).to.equal(4);
    // in the middle of a bucket
    store.expire('db', 'autogen', 10n * WEEK + 1n);
    expect(keys(store)).to.deep.equal(['a=new']);
    expect(store.expire('db', 'autogen', WEEK)).to.deep.equal([]);
    store.applied(3);
    apply(store, [at('a=old', 6n * WEEK)], 4);
    expect(keys(store)).to.deep.equal(['a=new', 'a=old']);
    await store.seal();
    await store.close();
    const again = (await open({}, files)).store;
    expect(keys(again)).to.deep.equal(['a=new', 'a=old']);
    again.expire('db', 'autogen', 20n * WEEK);
    expect(again.describe('db', 'autogen', () => true)).to.deep.equal([]);
    expect(again.describe('other', 'autogen', () => true).length).to.equal(1);
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

  it('opens ten thousand buckets by reading the manifest only, and a query opens what it reads', async () => {
    const { files, store } = await open({ pause: () => Promise.resolve() });
    const points = (name: string) => [pointAt(`host=${name}`, HOUR, { x: 1 })];
    for (let n = 0; n < BUCKETS_MANY; n++) store.apply(batchOf(points('a'), `m${n}`).batch);
    store.applied(1);
    await store.seal();
    await store.close();
    const touched: string[] = [];
    const again = (await open({}, countingFiles(files, touched))).store;
    expect(again.stats().buckets).to.equal(BUCKETS_MANY);
    expect(touched.filter((path) => path.includes('/buckets/'))).to.deep.equal([]);
    for (const m of ['m7', 'm7', 'm9000']) {
      expect([...again.scan({ ...named(), ...EVERYTHING, measurement: m })].length).to.equal(1);
    }
    expect(touched.filter((path) => path.includes('/buckets/')).length).to.equal(2);
    expect(again.stats().openFiles).to.equal(2);
    await again.close();
  });

  it('keeps its limits of open files and of footers, under readers who are in the middle', async () => {
    const { files, store } = await open();
    for (let week = 0; week < 12; week++) {
      apply(store, weekOf(week), week + 1);
      await store.seal();
    }
    const answer = rowsIn(store);
    await store.close();
    const again = (await open({ openFilesMax: 2, footerBytesMax: 2000 }, files)).store;
    const table = again.series('db', 'autogen', 'm')!;
    const readers = [0, 1, 2].map(() => again.scan({ ...named(), ...EVERYTHING }));
    const rows = readers.map(() => rowsOf([], String));
    for (let isGoingOn = true; isGoingOn; ) {
      isGoingOn = false;
      readers.forEach((reader, i) => {
        const { value, done } = reader.next();
        if (!done) rowsOf([value], (s) => table.key(s), rows[i]);
        isGoingOn ||= !done;
      });
      expect(again.stats().openFiles).to.be.within(0, 2);
      expect(again.stats().footerBytes).to.be.at.most(2000);
    }
    for (const part of rows) expect(part.size).to.equal(answer.size);
    await again.close();
    expect(again.stats().openFiles).to.equal(0);
  });

  it('starts with a bucket whose footer is damaged; the query that meets it fails, naming file and place', async () => {
    const { files, store } = await open();
    for (let week = 0; week < 2; week++) apply(store, weekOf(week), week + 1);
    await store.seal();
    await store.close();
    const path = `${BUCKETS}/${(await files.list(BUCKETS))[1]}`;
    const bytes = files.bytes(path);
    bytes[bytes.length - 40] ^= 1;
    files.place(path, bytes);
    const again = (await open({}, files)).store;
    expect([...again.scan({ ...named(), ...EVERYTHING, maxTime: WEEK - 1n })].length).to.equal(1);
    expect(() => rowsIn(again)).to.throw(StorageError, new RegExp(`${path}: at byte \\d+: the footer is damaged`));
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

async function open<F extends Files = MemoryFiles>(
  options: Partial<StoreOptions> = {},
  files: F = new MemoryFiles() as Files as F,
): Promise<{ files: F; store: ShardStore }> {
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

/** Lists the files that are opened. */
/** Of a series of its own; values that do not pack well. */
function noiseOf(count: number, n: number): TestPoint[] {
  return Array.from({ length: count }, (_, i) =>
    pointAt(`a=${n}`, BigInt(i) * 1_000_000_000n, { x: Math.sin(i * 7919 + n) }),
  );
}

/** The first row that is not the same in both, and how many rows were compared. */
function differences(a: Map<string, Record<string, string>>, b: Map<string, Record<string, string>>) {
  let count = 0;
  for (const [key, fields] of a) {
    if (b.get(key)?.x !== fields.x) return { differing: key, count };
    count++;
  }
  return { differing: null, count: a.size === b.size ? count : -1 };
}

function countingFiles(files: MemoryFiles, touched: string[]): Files {
  return new Proxy(files, {
    get(target, name: keyof MemoryFiles) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => {
        if (name === 'open' || name === 'openSync') touched.push(args[0] as string);
        return (method as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

/** 100 rows in order, all of one week. */
function weekOf(week: number): TestPoint[] {
  return Array.from({ length: 100 }, (_, i) =>
    pointAt(`host=h${i % 20}`, BigInt(week) * WEEK + BigInt(i) * HOUR, { x: i }),
  );
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
