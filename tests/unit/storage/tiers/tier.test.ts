/**
 * Buckets in object storage, through the door of the store: the same rows from there, at every moment of the move, after power cuts at
 * every call, with a tier that fails, lies or is slow; objects that go when their bucket goes.
 */
import { expect } from 'chai';
import {
  FaultyFiles,
  type Files,
  MemoryFiles,
  MemoryObjects,
  type MoveOptions,
  type ObjectStore,
  ShardStore,
  StorageError,
} from '../../../../storage/index.ts';
import { Random, seedOfRun } from '../../../support/random.ts';
import { batchOf, rowsOf, type TestPoint } from '../points.ts';

const DIR = '/data/shard-0';
const HOUR = 3_600_000_000_000n;
const DAY = 24n * HOUR;
const NOW = 100n * DAY;
const EVERYTHING = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null };
const NAME = { database: 'db', retentionPolicy: 'autogen', measurement: 'm' };

describe('buckets in object storage', () => {
  it('give the same rows, and leave only their ends here', async () => {
    const { files, objects, store } = await open();
    fill(store);
    await store.seal();
    const before = store.stats();
    const rows = await rowsIn(store);
    await store.move();
    const after = store.stats();
    expect(after.farBuckets).to.be.greaterThan(3);
    expect(after.farBuckets, 'the young ones stay').to.be.lessThan(after.buckets);
    expect(after.farBytes + after.bucketBytes).to.equal(before.bucketBytes);
    expect(after.bucketRows).to.equal(before.bucketRows);
    expect(await rowsIn(store)).to.deep.equal(rows);
    const one = await rowsIn(store, { minTime: 8n * DAY, maxTime: 9n * DAY, fields: ['y'] });
    expect(one.size).to.be.greaterThan(20);
    for (const [key, fields] of one) expect(fields.y).to.equal(rows.get(key)!.y);
    expect((await files.list(`${DIR}/buckets`)).length).to.equal(after.buckets - after.farBuckets);
    expect((await namesIn(objects)).length).to.equal(after.farBuckets);
    await store.close();
    const again = (await open({}, files, objects)).store;
    expect(again.stats().farBuckets).to.equal(after.farBuckets);
    expect(await rowsIn(again)).to.deep.equal(rows);
    await again.close();
  });

  it('merge with what comes late', async () => {
    const { store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    apply(store, [pointAt('a=1', 8n * DAY, { y: 77 })], 2);
    const key = `a=1 ${8n * DAY}`;
    expect((await rowsIn(store)).get(key)).to.deep.equal({ x: 'float 192', y: 'float 77' });
    await store.seal();
    expect((await rowsIn(store)).get(key)).to.deep.equal({ x: 'float 192', y: 'float 77' });
    await store.move();
    expect((await rowsIn(store)).get(key)).to.deep.equal({ x: 'float 192', y: 'float 77' });
    await store.close();
  });

  it('are read to the end by who began before they moved', async () => {
    const { files, store } = await open();
    fill(store);
    await store.seal();
    const rows = await rowsIn(store);
    const pinned = store.pin({ ...NAME, ...EVERYTHING })!;
    await store.move();
    const kept = (await files.list(`${DIR}/buckets`)).length;
    expect(kept).to.equal(store.stats().buckets);
    expect(await pinnedRows(pinned, keysOf(store))).to.deep.equal(rows);
    pinned.release();
    await eventually(async () => (await files.list(`${DIR}/buckets`)).length < kept);
    await store.close();
  });

  it('are copied whole for who saves them, and push nothing out of the cache', async () => {
    const { store, objects } = await open();
    fill(store);
    await store.seal();
    await store.move();
    const { farBuckets } = store.stats();
    const cached = store.stats().tier!.cacheBytes;
    const snapshot = await store.snapshot({ since: 0, databases: null });
    const copied: number[] = [];
    for (const index of snapshot.buckets.keys()) {
      let bytes = 0;
      for await (const piece of snapshot.pieces(index)) bytes += piece.length;
      copied.push(bytes);
    }
    expect(copied).to.deep.equal(snapshot.buckets.map(({ bytes }) => bytes));
    expect((await namesIn(objects)).length).to.equal(farBuckets);
    expect([farBuckets > 3, store.stats().tier!.cacheBytes]).to.deep.equal([true, cached]);
    expect(store.stats().tier!.bytesFetched).to.be.greaterThan(0);
    snapshot.release();
    await store.close();
  });

  it('are refused to who cannot wait', async () => {
    const { store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    expect(() => [...store.scan({ ...NAME, ...EVERYTHING })]).to.throw(StorageError, 'reaches into object storage');
    expect([...store.scan({ ...NAME, ...EVERYTHING, minTime: 98n * DAY })].length).to.be.greaterThan(0);
    await store.close();
  });

  it('are read by who cannot wait when they were brought near, as long as the cache keeps them', async () => {
    const { store } = await open();
    fill(store);
    await store.seal();
    const rows = rowsOf(store.scan({ ...NAME, ...EVERYTHING }), keysOf(store));
    await store.move();
    const some = { ...NAME, ...EVERYTHING, maxTime: 20n * DAY };
    await store.bringNear(some);
    expect(rowsOf(store.scan(some), keysOf(store)).size).to.be.greaterThan(5 * 24 * 15);
    await store.bringNear({ ...NAME, ...EVERYTHING });
    expect(rowsOf(store.scan({ ...NAME, ...EVERYTHING }), keysOf(store))).to.deep.equal(rows);
    await store.close();
    const small = (await open({ cacheBytesMax: 2048 })).store;
    fill(small);
    await small.seal();
    await small.move();
    const refused = await small.bringNear({ ...NAME, ...EVERYTHING }).catch((error) => error);
    expect([refused.code, refused.message]).to.satisfy(
      ([code, message]: string[]) => code === 'away' && message.includes('more than can be brought near (1024)'),
    );
    expect(small.stats().tier!.bytesFetched, 'nothing is fetched in vain').to.equal(0);
    expect(() => [...small.scan({ ...NAME, ...EVERYTHING })]).to.throw(StorageError, 'reaches into object storage');
    await small.close();
  });

  it('go when their database goes, and the space in the tier with them', async () => {
    const { files, objects, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    expect((await namesIn(objects)).length).to.be.greaterThan(3);
    store.dropDatabase('db');
    await eventually(async () => (await namesIn(objects)).length === 0);
    await store.close();
    expect((await files.list(`${DIR}/tier`)).filter((name) => name.endsWith('.ends'))).to.deep.equal([]);
    const again = (await open({}, files, objects)).store;
    expect(again.databases()).to.deep.equal([]);
    await again.close();
  });

  it('are swept where nobody names them, and nothing else is', async () => {
    const { files, objects, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    const names = await namesIn(objects);
    const stray = names[0].replace(/[^/]*$/, '0000009999-00000000.bucket');
    const foreign = 'another0another0/shard-0/0000000001-00000000.bucket';
    for (const name of [stray, foreign]) await objects.put(name, { bytes: 0, read: async () => 0 });
    await store.close();
    const again = (await open({}, files, objects)).store;
    await again.move();
    expect(again.stats().tier?.strays).to.equal(1);
    expect(await namesIn(objects)).to.have.members([...names, foreign]);
    await again.close();
  });

  it('need the tier to be named at the next start', async () => {
    const { files, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    await store.close();
    const refused = await ShardStore.open(files, DIR, { shard: 0 }).catch((error) => error);
    expect(refused).to.be.instanceOf(StorageError);
    expect(refused.message).to.match(/buckets lie in object storage/);
  });

  it('have their ends fetched where they were lost here', async () => {
    const { files, objects, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    const rows = await rowsIn(store);
    await store.close();
    for (const name of await files.list(`${DIR}/tier`)) {
      if (name.endsWith('.ends')) await files.remove(`${DIR}/tier/${name}`);
    }
    const again = (await open({}, files, objects)).store;
    expect(await rowsIn(again)).to.deep.equal(rows);
    await again.close();
  });

  it('stay here as long as the tier fails or lies, and move later', async () => {
    const objects = new MemoryObjects();
    let fault: 'put' | 'read' | 'lie' | null = 'put';
    const bad: ObjectStore = {
      put: (name, source) => (fault === 'put' ? unreachable() : objects.put(name, source)),
      read: async (name, at, length) => {
        if (fault === 'read') return unreachable();
        const bytes = await objects.read(name, at, length);
        if (fault === 'lie') bytes[length >> 1] ^= 1;
        return bytes;
      },
      head: (name) => objects.head(name),
      list: (prefix) => objects.list(prefix),
      remove: (name) => objects.remove(name),
      clear: () => objects.clear(),
    };
    const warnings: string[] = [];
    const { store } = await open({ warn: (text) => warnings.push(text) }, new MemoryFiles(), bad);
    fill(store);
    await store.seal();
    const rows = await rowsIn(store);
    for (const each of ['put', 'read', 'lie'] as const) {
      fault = each;
      await store.move();
      expect(store.stats().farBuckets).to.equal(0);
      expect(warnings.length).to.be.greaterThan(0);
      expect(await rowsIn(store)).to.deep.equal(rows);
      warnings.length = 0;
    }
    fault = null;
    await store.move();
    const { farBuckets } = store.stats();
    expect(farBuckets).to.be.greaterThan(3);
    expect((await namesIn(objects)).length, 'strays of the failures are gone').to.equal(farBuckets);
    fault = 'read';
    const refused = await rowsIn(store).catch((error) => error);
    expect(refused.code).to.equal('unreachable');
    expect([...store.scan({ ...NAME, ...EVERYTHING, minTime: 98n * DAY })].length).to.be.greaterThan(0);
    fault = null;
    expect(await rowsIn(store)).to.deep.equal(rows);
    await store.close();
  });

  it('move soon after the tier answers again, though nothing is sealed and no round is due', async () => {
    const objects = new MemoryObjects();
    const put = objects.put.bind(objects);
    let [isAway, asked] = [true, 0];
    objects.put = (name, source) => {
      asked++;
      return isAway ? unreachable() : put(name, source);
    };
    const { store } = await open({}, new MemoryFiles(), objects);
    fill(store);
    await store.seal();
    await store.move();
    expect([asked, store.stats().farBuckets]).to.deep.equal([1, 0]);
    await eventually(async () => asked > 1);
    isAway = false;
    await eventually(async () => store.stats().farBuckets > 3);
    expect(store.stats().tier!.failures).to.equal(asked - store.stats().farBuckets);
    await store.close();
  });

  it('are reported damaged once where what was kept of them here is damaged, and then fetched again', async () => {
    const { files, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    // pages hold all fields, what is decoded of them only the one asked for
    const narrow = { minTime: 8n * DAY, maxTime: 9n * DAY, fields: ['x'] };
    await rowsIn(store, narrow);
    const cache = files.bytes(`${DIR}/tier/cache`);
    const file = await files.open(`${DIR}/tier/cache`, 'write');
    await file.write(
      cache.map((byte) => byte ^ 0x55),
      0,
    );
    const damaged = await rowsIn(store, { ...narrow, fields: ['y'] }).catch((error) => error);
    expect(damaged.code).to.equal('corrupt');
    expect(damaged.message).to.match(/\.bucket: at byte \d+: a block is damaged/);
    expect((await rowsIn(store, { ...narrow, fields: ['y'] })).size).to.be.greaterThan(20);
    await store.close();
  });

  it('are written anew without their deleted rows, and take less room there', async () => {
    const { files, objects, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    const before = store.stats();
    const series = Uint8Array.from({ length: 5 }, (_, number) => (number < 2 ? 1 : 0));
    store.deleteRows({ ...NAME, minTime: 0n, maxTime: 40n * DAY, series });
    const rows = await rowsIn(store);
    // two of five series are above the share that is waited for: nobody has to ask
    await eventually(async () => store.stats().tombstones === 0);
    expect(await rowsIn(store)).to.deep.equal(rows);
    await store.move();
    const after = store.stats();
    expect([after.tombstones, after.farBuckets]).to.deep.equal([0, before.farBuckets]);
    expect(after.bucketRows).to.equal(rows.size);
    expect(after.farBytes).to.be.lessThan(before.farBytes);
    await eventually(async () => (await namesIn(objects)).length === after.farBuckets);
    expect(await rowsIn(store)).to.deep.equal(rows);
    await store.close();
    const again = (await open({}, files, objects)).store;
    expect([again.stats().tombstones, await rowsIn(again)]).to.deep.equal([0, rows]);
    await again.close();
  });

  it('go where deletes have left none of their rows, and nothing is fetched for that', async () => {
    const { objects, store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    const { farBuckets } = store.stats();
    for (let number = 0; number < 5; number++) {
      const series = Uint8Array.from({ length: 5 }, (_, other) => (other === number ? 1 : 0));
      store.deleteRows({ ...NAME, minTime: 0n, maxTime: 20n * DAY, series });
    }
    await eventually(async () => store.stats().farBuckets < farBuckets && store.stats().tombstones === 0);
    await eventually(async () => (await namesIn(objects)).length === store.stats().farBuckets);
    const { tier } = store.stats();
    expect(tier!.bytesFetched, 'but of the one that is hidden in part').to.be.lessThan(64 * 1024);
    await store.close();
  });

  it('are merged with rows that came late, so that readers have nothing to merge', async () => {
    const { store } = await open();
    fill(store);
    await store.seal();
    await store.move();
    for (let hour = 0n; hour < 48n; hour++) apply(store, [pointAt('a=1', 8n * DAY + hour * HOUR, { y: 77 })], 2);
    await store.seal();
    const rows = await rowsIn(store);
    expect(rows.get(`a=1 ${8n * DAY}`)).to.deep.equal({ x: 'float 192', y: 'float 77' });
    await store.clean();
    expect(store.stats().contestedBuckets).to.equal(0);
    await store.move();
    expect([store.stats().contestedBuckets, await rowsIn(store)]).to.deep.equal([0, rows]);
    await store.close();
  });

  it('are written anew soon after the tier answers again', async () => {
    const objects = new MemoryObjects();
    let isAway = false;
    const read = objects.read.bind(objects);
    objects.read = (...request) => (isAway ? unreachable() : read(...request));
    const { store } = await open({}, new MemoryFiles(), objects);
    fill(store);
    await store.seal();
    await store.move();
    isAway = true;
    store.deleteRows({ ...NAME, minTime: 0n, maxTime: 40n * DAY, series: Uint8Array.of(1, 1, 0, 0, 0) });
    await eventually(async () => store.stats().merges.failed > 3);
    isAway = false;
    await eventually(async () => store.stats().tombstones === 0);
    await store.close();
  });

  it('stay as they are while the tier does not answer, and a store that closes does not wait for it', async () => {
    const objects = new MemoryObjects();
    let fault: 'none' | 'unreachable' | 'silent' = 'none';
    let asked = 0;
    const bad: ObjectStore = {
      put: (name, source) => objects.put(name, source),
      read: (name, at, length) => {
        asked++;
        if (fault === 'unreachable') return unreachable();
        return fault === 'silent' ? new Promise(() => {}) : objects.read(name, at, length);
      },
      head: (name) => objects.head(name),
      list: (prefix) => objects.list(prefix),
      remove: (name) => objects.remove(name),
      clear: () => objects.clear(),
    };
    const { files, store } = await open({}, new MemoryFiles(), bad);
    fill(store);
    await store.seal();
    await store.move();
    fault = 'unreachable';
    const series = Uint8Array.of(1, 1, 0, 0, 0);
    store.deleteRows({ ...NAME, minTime: 0n, maxTime: 40n * DAY, series });
    await eventually(async () => store.stats().merges.failed > 3);
    expect(store.stats().tombstones).to.be.greaterThan(0);
    fault = 'silent';
    asked = 0;
    void store.clean();
    await eventually(async () => asked > 0);
    await store.close();
    fault = 'none';
    const again = (await open({}, files, bad)).store;
    const rows = await rowsIn(again);
    await again.clean();
    expect([again.stats().tombstones, await rowsIn(again)]).to.deep.equal([0, rows]);
    await again.close();
  });

  const seed = seedOfRun();
  it(`survive a power cut, or a kill, at every call to the disk while they move (seed ${seed})`, async () => {
    const states = await eachCut(seed, async (store, sealed) => {
      fill(store, 2, 15n);
      await store.seal();
      await sealed();
      await store.move();
    });
    expect(states).to.be.greaterThan(30);
  });

  it(`survive a power cut, or a kill, at every call while they are merged with what came late (seed ${seed})`, async () => {
    const states = await eachCut(seed, async (store, sealed) => {
      fill(store, 2, 9n);
      await store.seal();
      await store.move();
      for (let hour = 0n; hour < 48n; hour++) apply(store, [pointAt('a=1', DAY + hour * HOUR, { y: 77 })], 2);
      await store.seal();
      await sealed();
      await store.clean();
      await store.move();
    });
    expect(states).to.be.greaterThan(60);
  });
});

// private functions

/**
 * The disk, or the process, ends at each call that the script makes, one run after the other. From when `sealed` was called on, all rows
 * are there again after a start, and objects are those of the buckets. Gives the number of runs.
 */
async function eachCut(
  seed: number,
  script: (store: ShardStore, sealed: () => Promise<void>) => Promise<void>,
): Promise<number> {
  for (let cut = 1; ; cut++) {
    const files = new MemoryFiles();
    const objects = new MemoryObjects();
    const random = new Random(seed + cut);
    let calls = 0;
    const faulty = new FaultyFiles(files, (call) => {
      if (call === 'read' || ++calls < cut) return null;
      // in half of the runs the process dies and the disk lives
      const isPower = cut % 2 === 0;
      if (calls === cut && isPower) files.crash((durable, seen) => (random.next() < 0.5 ? durable : seen));
      return { code: 'failed' };
    });
    let rows: Map<string, Record<string, string>> | null = null;
    let first: ShardStore | null = null;
    try {
      const { store } = await open({}, faulty, objects);
      first = store;
      await script(store, async () => {
        const found = await rowsIn(store);
        if (calls < cut) rows = found;
      });
    } catch {
      // the disk is gone
    }
    await first?.close().catch(() => {});
    const { store } = await open({}, files, objects);
    if (rows !== null) expect(await rowsIn(store), `cut at call ${cut}`).to.deep.equal(rows);
    await store.move();
    if (rows !== null) expect(await rowsIn(store), `cut at call ${cut}, moved`).to.deep.equal(rows);
    expect((await namesIn(objects)).length, `cut at call ${cut}`).to.equal(store.stats().farBuckets);
    await store.close();
    if (calls < cut) return cut;
  }
}

async function open(
  options: Partial<MoveOptions> = {},
  files: MemoryFiles | FaultyFiles = new MemoryFiles(),
  objects: ObjectStore = new MemoryObjects(),
): Promise<{ files: MemoryFiles; objects: ObjectStore; store: ShardStore }> {
  const tier: MoveOptions = {
    objects,
    cacheBytesMax: 1024 * 1024,
    identity: () => 'abcdefgh01234567',
    afterNs: () => 7n * DAY,
    nowNs: () => NOW,
    warn: () => {},
    ...options,
  };
  const store = await ShardStore.open(files as Files, DIR, { shard: 0, tier });
  return { files: files as MemoryFiles, objects, store };
}

/** Hourly points. */
function fill(store: ShardStore, series = 5, days = 100n): void {
  const points: TestPoint[] = [];
  for (let hour = 0n; hour < 24n * days; hour++) {
    for (let n = 0; n < series; n++) {
      points.push(pointAt(`a=${n}`, hour * HOUR, { x: Number(hour), ...(n % 2 === 0 ? {} : { y: n }) }));
    }
  }
  apply(store, points, 1);
}

function apply(store: ShardStore, points: readonly TestPoint[], sequence: number): void {
  store.apply(batchOf(points).batch);
  store.applied(sequence);
}

function pointAt(key: string, time: bigint, fields: Record<string, number>): TestPoint {
  const typed = Object.entries(fields).map(([name, value]) => [name, { type: 'float' as const, value }]);
  return { key, time, fields: Object.fromEntries(typed) };
}

async function rowsIn(
  store: ShardStore,
  request: { minTime?: bigint; maxTime?: bigint; fields?: string[] } = {},
): Promise<Map<string, Record<string, string>>> {
  const pinned = store.pin({ ...NAME, ...EVERYTHING, ...request })!;
  try {
    return await pinnedRows(pinned, keysOf(store), { ...EVERYTHING, ...request });
  } finally {
    pinned.release();
  }
}

async function pinnedRows(
  pinned: NonNullable<ReturnType<ShardStore['pin']>>,
  keyOf: (series: number) => string,
  { minTime, maxTime } = EVERYTHING as { minTime: bigint; maxTime: bigint },
): Promise<Map<string, Record<string, string>>> {
  const rows = new Map<string, Record<string, string>>();
  for (const step of pinned.scan({ min: minTime, max: maxTime }, null)) {
    if (step instanceof Promise) await step;
    else rowsOf([step], keyOf, rows);
  }
  return rows;
}

function keysOf(store: ShardStore): (series: number) => string {
  const table = store.series('db', 'autogen', 'm')!;
  return (series) => table.key(series);
}

async function namesIn(objects: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of objects.list('')) names.push(name);
  return names;
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 4000; n++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come to be');
}

async function unreachable(): Promise<never> {
  throw new StorageError('unreachable', 'the tier does not answer');
}
