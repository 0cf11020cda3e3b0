/** A large scan for who can wait: the same rows, in few reads that run ahead of it; damage and failures are met where they stand. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import {
  addColumn,
  type Block,
  type Column,
  type IntegerColumn,
  ORIGIN,
  TextDictionary,
} from '../../../../model/index.ts';
import { kernelMemoryUse, READS_MAX } from '../../../../model/kernels/index.ts';
import { AHEAD_BYTES_MAX, AHEAD_GROUPS } from '../../../../storage/buckets/near-reads.ts';
import {
  BlockCache,
  type BucketContent,
  BucketReader,
  type BucketScan,
  type BucketSource,
  MemoryFiles,
  StorageError,
  writeBucket,
} from '../../../../storage/index.ts';
import { eventually } from '../../../support/api.ts';

const PATH = '/d/a.bucket';
const ALL: BucketScan = { minTime: -(2n ** 63n), maxTime: 2n ** 63n, series: null, fields: null, map: null };
const SERIES = 40;
const PER_SERIES = 16_000;

describe('reading ahead', () => {
  const files = new MemoryFiles();
  let good: Uint8Array;

  before(async () => {
    await files.makeDirectory('/d');
    await writeBucket(files, PATH, content());
    good = files.bytes(PATH);
  });

  it('gives the same rows in few reads, a bounded part of the bucket at a time', async () => {
    const near = new Source(good);
    const found = await stepped(open(near), ALL);
    expect(found).to.deep.equal(blocksOf(open(new Source(good)), ALL));
    expect(found.length).to.be.greaterThan(SERIES);
    expect(near.reads).to.be.within(3, 12);
    expect(near.mostUnderWay).to.equal(AHEAD_GROUPS);
    expect(near.longest).to.be.within(AHEAD_BYTES_MAX / 4, AHEAD_BYTES_MAX);
    expect(near.bytesSync / good.length, 'next to nothing is read otherwise').to.be.below(0.05);
    for (const request of [
      { ...ALL, fields: ['a'] },
      { ...ALL, minTime: 10n ** 12n, maxTime: 10n ** 14n },
    ]) {
      expect(await stepped(open(new Source(good)), request)).to.deep.equal(blocksOf(open(new Source(good)), request));
    }
  });

  it('reads times that series share once', async () => {
    // so many chunks of the first series, near each other, that their times are read in one go
    await writeBucket(files, '/d/b.bucket', { ...content(10, 60_000, ['a']) });
    const near = new Source(files.bytes('/d/b.bucket'));
    const reader = open(near);
    const opened = near.bytesSync;
    expect((await stepped(reader, ALL)).length).to.be.above(64);
    expect(near.bytesAhead + near.bytesSync - opened).to.be.within(0.95 * near.bytes, near.bytes);
  });

  it('leaves a small scan, and blocks that stand alone, to the scan itself', async () => {
    const near = new Source(good);
    const few = { ...ALL, series: Uint32Array.of(1, 2, 30) };
    const alone = { ...ALL, fields: ['c'] };
    for (const request of [few, alone]) {
      expect(await stepped(open(near), request)).to.deep.equal(blocksOf(open(new Source(good)), request));
    }
    expect(near.reads).to.equal(0);
  });

  it('meets damage behind the rows before it', async () => {
    const bad = good.slice();
    bad[Math.floor(bad.length / 2)] ^= 4;
    const expected: string[] = [];
    const found: string[] = [];
    const message = /at byte (\d+): a block is damaged/;
    expect(() => blocksOf(open(new Source(bad)), ALL, expected)).to.throw(StorageError, message);
    const error = await stepped(open(new Source(bad)), ALL, found).catch((e: StorageError) => e);
    expect(error).to.be.instanceOf(StorageError).with.property('message').that.matches(message);
    expect(found).to.deep.equal(expected);
    expect(found.length).to.be.greaterThan(SERIES / 2);
  });

  it('fails where a read fails, and where the file is cut under it', async () => {
    const failing = new Source(good);
    failing.failing = 3;
    const error = await stepped(open(failing), ALL).catch((e: StorageError) => e);
    expect(error).to.be.instanceOf(StorageError).with.property('message', 'the disk says no');
    const cut = new Source(good);
    const reader = open(cut);
    cut.held = good.subarray(0, good.length / 2);
    const short = await stepped(reader, ALL).catch((e: StorageError) => e);
    expect(short)
      .to.be.instanceOf(StorageError)
      .with.property('message')
      .that.matches(/the file ends inside a block/);
  });

  it('keeps scans apart that go on beside each other, more than the kernels have arrays for', async () => {
    const expected = blocksOf(open(new Source(good)), ALL);
    const scans = Array.from({ length: 24 }, async (_, behind) => {
      // each is somewhere else
      for (let turn = 0; turn < behind; turn++) await nextTurn();
      const found: string[] = [];
      for (const step of open(new Source(good)).scanAhead(ALL)) {
        if (step instanceof Promise) await step;
        else {
          // what a block holds, it holds until the next is asked for
          await nextTurn();
          found.push(digest(step));
        }
      }
      return found;
    });
    for (const found of await Promise.all(scans)) expect(found).to.deep.equal(expected);
  });

  it('adds numbers up as they are stored, and unpacks them for who asks', async () => {
    await kernelsHaveRoom();
    let packed = 0;
    const blocks: [unpacked: number, packed: number][] = [];
    for (const step of open(new Source(good)).scanAhead(ALL)) {
      if (step instanceof Promise) {
        await step;
        continue;
      }
      const column = step.columns.get('a') as IntegerColumn;
      const all = { count: 1, from: Uint32Array.of(0), to: Uint32Array.of(step.rows), slots: Int32Array.of(0) };
      const into = { sums: new Float64Array(1), lost: new Float64Array(1) };
      expect(addColumn(column, all, into)).to.equal(true);
      if (column.addStretches !== undefined) packed++;
      const copy = { ...column };
      expect(copy.addStretches, 'a copy is of the values').to.equal(undefined);
      blocks.push([(copy.values as Float64Array).reduce((sum, value) => sum + value, 0), into.sums[0]]);
    }
    for (const [unpackedSum, packedSum] of blocks) expect(packedSum).to.equal(unpackedSum);
    expect(packed).to.equal(blocks.length);
  });

  it('writes over what no longer holds, so that tests see who still reads it', async () => {
    let before: Block | null = null;
    const isGone = ({ series, columns }: Block): boolean => {
      const { values } = columns.get('a')!;
      return Number.isNaN(values[0]) && series[0] >= SERIES;
    };
    for (const step of open(new Source(good)).scanAhead(ALL)) {
      if (step instanceof Promise) {
        await step;
        continue;
      }
      // unpacked, as it is read
      expect(isGone(step)).to.equal(false);
      if (before !== null && before !== step) break;
      before = { ...step, columns: new Map([['a', { ...step.columns.get('a')! }]]) };
    }
    await allIsRead();
    expect(isGone(before!)).to.equal(true);
  });

  it('gives back what the kernels lent when it ends, fails or is given up', async () => {
    await kernelsHaveRoom();
    const cache = new BlockCache();
    await stepped(open(new Source(good), cache), ALL);
    const once = kernelMemoryUse();
    for (let round = 0; round < 4; round++) {
      const failing = new Source(good);
      failing.failing = 1 + (round % 3);
      const error = await stepped(open(failing, cache), ALL).catch((e: StorageError) => e);
      expect(error).to.be.instanceOf(StorageError);
      await allIsRead();
      for (const step of open(new Source(good), cache).scanAhead(ALL)) {
        if (step instanceof Promise) await step;
        else break;
      }
      await allIsRead();
      expect(kernelMemoryUse()).to.deep.equal(once);
    }
  });

  it('may be given up while reads are under way, whatever comes of them', async () => {
    const failing = new Source(good);
    failing.failing = 2;
    for (const step of open(failing).scanAhead(ALL)) {
      if (step instanceof Promise) await step;
      else break;
    }
    // a rejection that nobody has taken would end the process in this turn
    await nextTurn();
    expect(failing.reads).to.be.at.least(2);
  });
});

// private functions

/** A bucket in memory that counts; what another thread is asked for comes in a later turn. */
class Source implements BucketSource {
  readonly path = PATH;
  readonly bytes: number;
  held: Uint8Array;
  reads = 0;
  mostUnderWay = 0;
  longest = 0;
  bytesSync = 0;
  bytesAhead = 0;
  /** The read that fails, from 1 on. */
  failing = 0;
  #underWay = 0;

  constructor(held: Uint8Array) {
    this.held = held;
    this.bytes = held.length;
  }

  readSync(target: Uint8Array, at: number): number {
    this.bytesSync += target.length;
    return this.#copy(target, at);
  }

  async read(target: Uint8Array, at: number): Promise<number> {
    const number = ++this.reads;
    this.bytesAhead += target.length;
    this.longest = Math.max(this.longest, target.length);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.#underWay);
    await nextTurn();
    this.#underWay--;
    if (number === this.failing) throw new StorageError('failed', 'the disk says no');
    return this.#copy(target, at);
  }

  async close(): Promise<void> {}

  // private functions

  #copy(target: Uint8Array, at: number): number {
    const part = this.held.subarray(at, at + target.length);
    target.set(part);
    return part.length;
  }
}

/** What was under way when a scan was left has come. */
async function allIsRead(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function open(source: Source, cache = new BlockCache()): BucketReader {
  return BucketReader.open(source, new MemoryFiles(), cache, cache.register());
}

function blocksOf(reader: BucketReader, request: BucketScan, found: string[] = []): string[] {
  for (const block of reader.scan(request)) found.push(digest(block));
  return found;
}

async function stepped(reader: BucketReader, request: BucketScan, found: string[] = []): Promise<string[]> {
  for (const step of reader.scanAhead(request)) {
    if (step instanceof Promise) await step;
    else found.push(digest(step));
  }
  return found;
}

/** Where earlier tests have left scans behind, the kernels' memory has to come back from them first. */
async function kernelsHaveRoom(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await eventually(
    () => {
      collect();
      return kernelMemoryUse().reads;
    },
    (reads) => reads <= READS_MAX - AHEAD_GROUPS,
  );
}

/** What tells a block from any other: where it begins and the sums of its columns. */
function digest({ rows, series, offsets, columns }: Block): string {
  const sums = [...columns].map(([name, { values }]) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += (i + 1) * (values as Float64Array)[i];
    return `${name} ${sum}`;
  });
  return `${rows} rows, series ${series[0]}, from ${offsets[0]}: ${sums}`;
}

/** Some MB in chunks of about 20 KB; the blocks of the last column stand far from each other. */
function content(series = SERIES, perSeries = PER_SERIES, fields = ['a', 'b', 'c']): BucketContent {
  const rows = series * perSeries;
  const column = (f: (i: number) => number): Column => {
    return { type: 'integer', values: Float64Array.from({ length: rows }, (_, i) => f(i)), present: null };
  };
  return {
    database: 'db',
    retentionPolicy: 'autogen',
    measurement: 'm',
    position: ORIGIN,
    seriesKeys: TextDictionary.of(Array.from({ length: series }, (_, i) => `user=${String(i).padStart(4, '0')}`)),
    base: 0n,
    rows,
    series: Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / perSeries)),
    offsets: Float64Array.from({ length: rows }, (_, i) => (i % perSeries) * 1e10),
    columns: new Map(fields.map((name, f) => [name, column((i) => noise(i + f * rows) % (name === 'c' ? 2 : 4093))])),
  };
}

/** 32 bits that look like chance. */
function noise(i: number): number {
  const mixed = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
}
