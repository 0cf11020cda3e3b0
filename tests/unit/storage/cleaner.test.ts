/** The cleaner, through the store: many small buckets become few, answers stay, what fails is left as it was. */
import { expect } from 'chai';
import { FaultyFiles, type Files, MemoryFiles, ShardStore, type StoreOptions } from '../../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from './points.ts';

const DIR = '/data/shard-0';
const HOUR = 3_600_000_000_000n;
const DAY = 24n * HOUR;
const NAME = { database: 'db', retentionPolicy: 'autogen', measurement: 'm' };
const EVERYTHING = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null };

describe('the cleaner of a store', () => {
  it('merges small buckets by itself, each row a few times only', async () => {
    const { store } = await open();
    let sealed = 0;
    for (let n = 0; n < 32; n++) {
      apply(store, pointsOf(200, n), n + 1);
      await store.seal();
      sealed += 200;
      await eventually(async () => store.stats().buckets <= 8);
    }
    const { buckets, bucketRows, merges } = store.stats();
    expect(buckets).to.be.at.most(8);
    expect(bucketRows).to.equal(sealed);
    expect(merges.done).to.be.within(8, 16);
    expect(rowsIn(store).size).to.equal(sealed);
    await store.close();
  });

  it('settles when it is left alone, after a load and after a start', async () => {
    const { files, store } = await open({ settledMs: 20 });
    for (let n = 0; n < 3; n++) {
      apply(store, pointsOf(2000, n), n + 1);
      await store.seal();
    }
    const answer = rowsIn(store);
    expect(store.stats().isSettled).to.equal(false);
    await eventually(async () => store.stats().isSettled);
    expect([store.stats().buckets, store.stats().bucketRows, rowsIn(store)]).to.deep.equal([1, 6000, answer]);
    await store.close();

    // buckets of an earlier life that were left as they were
    const busy = (await open({ settledMs: 60_000 }, files)).store;
    apply(busy, pointsOf(2000, 3), 4);
    await busy.seal();
    expect(busy.stats().buckets).to.equal(2);
    await busy.close();
    const again = (await open({ settledMs: 20 }, files)).store;
    await again.joined();
    await eventually(async () => again.stats().buckets === 1);
    expect(rowsIn(again).size).to.equal(8000);
    await again.close();
  });

  it('merges large layers of thin series when nothing more comes, and leaves those of long series', async () => {
    const thin = await open({ settledMs: 20 });
    const long = await open({ settledMs: 20 });
    for (const { store } of [thin, long]) store.advise(NAME, { bucketBytes: 64 * 1024 });
    for (let n = 0; n < 2; n++) {
      apply(thin.store, noiseOf(10_000, n, 5_000), n + 1);
      apply(long.store, noiseOf(10_000, n, 10), n + 1);
      await Promise.all([thin.store.seal(), long.store.seal()]);
    }
    await eventually(async () => thin.store.stats().merges.done === 1);
    expect(rowsIn(thin.store).size).to.equal(20_000);
    expect(long.store.stats()).to.deep.include({ buckets: 2, merges: { done: 0, bytes: 0, failed: 0 } });
    await thin.store.close();
    await long.store.close();
  });

  it('leaves readers nothing to merge where late rows lie over older ones', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(2000, 0), 1);
    await store.seal();
    apply(store, pointsOf(1000, 0, 7), 2);
    await store.seal();
    const answer = rowsIn(store);
    expect([answer.size, answer.get('host=h3 3000000000')]).to.deep.equal([2000, { x: 'float 21' }]);
    await eventually(async () => store.stats().buckets === 1);
    expect([store.stats().contestedBuckets, store.stats().bucketRows]).to.deep.equal([0, 2000]);
    expect(rowsIn(store)).to.deep.equal(answer);
    await store.close();
    const again = (await open({}, files)).store;
    expect([again.stats().buckets, rowsIn(again)]).to.deep.equal([1, answer]);
    await again.close();
  });

  it('cuts what it writes at the byte target, and to spans of the width advised', async () => {
    const { files, store } = await open();
    store.advise(NAME, { bucketBytes: 64 * 1024, spanNs: 4n * DAY });
    for (let n = 0; n < 4; n++) {
      apply(store, noiseOf(12_000, n), n + 1);
      await store.seal();
    }
    await store.clean();
    const answer = rowsIn(store);
    expect(answer.size).to.equal(48_000);
    expect(store.stats().buckets).to.be.within(3, 8);
    store.advise(NAME, { spanNs: HOUR });
    await store.clean();
    expect(rowsIn(store)).to.deep.equal(answer);
    expect(store.stats().buckets).to.equal(14);
    store.advise(NAME, null);
    await store.clean();
    expect(rowsIn(store)).to.deep.equal(answer);
    expect(store.stats().buckets).to.equal(1);
    await store.close();
    expect((await files.list(`${DIR}/buckets`)).length).to.equal(1);
  });

  it('gives the disk back for deleted rows', async () => {
    const { files, store } = await open();
    apply(store, noiseOf(12_000, 0), 1);
    await store.seal();
    const before = store.stats().bucketBytes;
    store.deleteRows({ ...NAME, minTime: 0n, maxTime: 2n * HOUR, series: null });
    const answer = rowsIn(store);
    await eventually(async () => store.stats().tombstones === 0 && (await files.list(`${DIR}/buckets`)).length === 1);
    expect(store.stats().bucketBytes).to.be.lessThan(before / 2);
    expect(rowsIn(store)).to.deep.equal(answer);
    await store.close();
  });

  it('lets go of deletes that concern no row of a bucket, and leaves it as it is', async () => {
    const { files, store } = await open({ settledMs: 60_000 });
    apply(store, pointsOf(100, 0, 1, 2), 1);
    await store.seal();
    const [kept] = pointsOf(100, 0, 1, 2);
    apply(store, [{ ...kept, key: 'host=alone' }], 2);
    await store.seal();
    const before = await files.list(`${DIR}/buckets`);
    const written = store.stats().merges.done;
    store.deleteRows({ ...NAME, minTime: 0n, maxTime: HOUR, series: Uint8Array.of(1, 0, 0) });
    const answer = rowsIn(store);
    await eventually(async () => store.stats().tombstones === 0 && (await files.list(`${DIR}/buckets`)).length === 2);
    expect(store.stats().merges.done - written).to.equal(1);
    expect(await files.list(`${DIR}/buckets`)).to.include(before[1]);
    expect([store.stats().bucketRows, rowsIn(store)]).to.deep.equal([51, answer]);
    await store.close();
  });

  it('gives the disk back for few deleted rows after a while, also behind a start', async () => {
    const { files, store } = await open({ reclaimMs: 30 });
    apply(store, noiseOf(12_000, 0), 1);
    await store.seal();
    const first = { ...NAME, minTime: 0n, maxTime: HOUR / 30n, series: null };
    const whole = store.stats();
    store.deleteRows(first);
    expect(store.stats().tombstones).to.equal(1);
    const isBack = async (of: ShardStore): Promise<boolean> =>
      of.stats().tombstones === 0 && (await files.list(`${DIR}/buckets`)).length === 1;
    await eventually(() => isBack(store));
    const { bucketBytes, bucketRows } = store.stats();
    expect(bucketRows).to.be.within(0.9 * whole.bucketRows, whole.bucketRows - 1);
    expect(bucketBytes).to.be.lessThan(whole.bucketBytes);
    await store.close();
    const slow = (await open({ reclaimMs: 3_600_000 }, files)).store;
    slow.deleteRows({ ...NAME, minTime: HOUR / 2n, maxTime: HOUR / 2n + HOUR / 30n, series: null });
    apply(slow, noiseOf(1, 20_000), 2);
    await slow.seal();
    const answer = rowsIn(slow);
    expect(slow.stats().tombstones).to.equal(1);
    await slow.close();
    const again = (await open({ reclaimMs: 30, settledMs: 1 }, files)).store;
    expect(again.stats().tombstones).to.equal(1);
    await again.joined();
    await eventually(async () => again.stats().tombstones === 0);
    expect(rowsIn(again)).to.deep.equal(answer);
    await again.close();
  });

  it('hears of a delete at any moment, also of one at which it has just found nothing to do', async () => {
    for (let moment = 0; moment < 16; moment++) {
      let held: Promise<void> | null = null;
      const pause = (): Promise<void> => held ?? Promise.resolve();
      const { store } = await open({ settledMs: 60_000, pause });
      apply(store, pointsOf(100, 0, 1, 2), 1);
      await store.seal();
      await store.clean();
      let go = (): void => {};
      held = new Promise((resolve) => {
        go = resolve;
      });
      store.advise(NAME, null);
      held = null;
      go();
      for (let i = 0; i < moment; i++) await null;
      store.deleteRows({ ...NAME, minTime: 0n, maxTime: HOUR, series: Uint8Array.of(1, 0) });
      expect(store.stats().isBusy, `after ${moment} turns`).to.equal(true);
      await eventually(async () => store.stats().tombstones === 0);
      await store.close();
    }
  });

  it('goes on without a bucket that is damaged, and says so', async () => {
    const { files, store } = await open();
    apply(store, pointsOf(2000, 0), 1);
    await store.seal();
    await store.close();
    const [name] = await files.list(`${DIR}/buckets`);
    const bytes = files.bytes(`${DIR}/buckets/${name}`);
    bytes[100] ^= 1;
    files.place(`${DIR}/buckets/${name}`, bytes);
    const warnings: string[] = [];
    const again = (await open({ warn: (text, error) => warnings.push(`${text}: ${error.message}`) }, files)).store;
    apply(again, pointsOf(1000, 0, 7), 2);
    await again.seal();
    await again.clean();
    expect(warnings.length).to.equal(1);
    expect(warnings[0]).to.match(/^buckets of "m" could not be merged: .*\.bucket: at byte \d+: a block is damaged/);
    expect([again.stats().buckets, again.stats().merges.failed]).to.deep.equal([2, 1]);
    await again.close();
  });

  it('waits where the disk is full, and leaves nothing behind', async () => {
    const files = new MemoryFiles();
    let isFull = false;
    const faulty = new FaultyFiles(files, (call) => (isFull && call === 'write' ? { code: 'no space' } : null));
    const { store } = await open({}, faulty);
    for (let n = 0; n < 2; n++) {
      apply(store, pointsOf(2000, 0, n), n + 1);
      if (n === 1) isFull = false;
      await store.seal();
      isFull = n === 0;
    }
    await store.close();
    const again = (await open({}, faulty)).store;
    isFull = true;
    await again.clean();
    isFull = false;
    expect((await files.list(`${DIR}/buckets`)).length).to.equal(again.stats().buckets);
    expect(rowsIn(again).size).to.equal(2000);
    await again.clean();
    expect(again.stats().buckets).to.equal(1);
    await again.close();
  });
});

// private functions

async function open<F extends Files = MemoryFiles>(
  options: Partial<StoreOptions> = {},
  files: F = new MemoryFiles() as Files as F,
): Promise<{ files: F; store: ShardStore }> {
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const settings = { shard: 0, pause, pace: () => Promise.resolve(), failed: rethrow, ...options };
  return { files, store: await ShardStore.open(files, DIR, settings) };
}

function rethrow(error: Error): never {
  throw error;
}

function apply(store: ShardStore, points: readonly TestPoint[], sequence: number): void {
  store.apply(batchOf(points).batch);
  store.applied(sequence);
}

/** In order, of some series, a second apart, one of `n` after the other. */
function pointsOf(count: number, n: number, factor = 1, series = 20): TestPoint[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `host=h${i % series}`,
    time: BigInt(n * count + i) * 1_000_000_000n,
    fields: { x: { type: 'float', value: i * factor } },
  }));
}

/** The same with values that do not compress. */
function noiseOf(count: number, n: number, series = 20): TestPoint[] {
  return pointsOf(count, n, 1, series).map((point, i) => ({
    ...point,
    fields: { x: { type: 'float', value: Math.sin(i * (n + 1)) } },
  }));
}

function rowsIn(store: ShardStore): Map<string, Record<string, string>> {
  const table = store.series('db', 'autogen', 'm')!;
  const rows = rowsOf(store.scan({ ...NAME, ...EVERYTHING }), (s) => table.key(s));
  return new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 4000; n++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it did not come to be');
}
