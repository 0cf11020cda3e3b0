/** Buckets as files: damage is found, scans read only what they must, statistics are true, the cache keeps its limit. */
import { expect } from 'chai';
import { type Column, type FieldType, TextDictionary } from '../../../../model/index.ts';
import { findSeries } from '../../../../storage/buckets/series-lookup.ts';
import {
  BlockCache,
  type BucketContent,
  type BucketScan,
  BucketWriter,
  FaultyFiles,
  MemoryFiles,
  StorageError,
  writeBucket,
} from '../../../../storage/index.ts';
import { Random, seedOfRun } from '../../../support/random.ts';
import { BASE, openBucket, plainBlocks, plainRows, randomContent } from './content.ts';

const PATH = '/d/a.bucket';
const ALL: BucketScan = { minTime: -(2n ** 63n), maxTime: 2n ** 63n, series: null, fields: null, map: null };

describe('a bucket', () => {
  it('is found damaged wherever a byte is flipped, by path and place', async () => {
    const files = await written(small());
    const good = files.bytes(PATH);
    const expected = plainRows(small());
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at] ^= 1 << (at % 8);
      files.place(PATH, bad);
      const error = await readAll(files).catch((e: StorageError) => e);
      if (!(error instanceof StorageError)) expect.fail(`byte ${at} of ${good.length} is not checked`);
      expect(error.code).to.equal('corrupt');
      expect(error.message).to.match(/^\/d\/a\.bucket: at byte \d+: /);
    }
    files.place(PATH, good);
    expect(await readAll(files)).to.deep.equal(expected);
  });

  it('is found cut at every length, and with bytes too many', async () => {
    const files = await written(small());
    const good = files.bytes(PATH);
    for (let length = 0; length < good.length; length++) {
      files.place(PATH, good.slice(0, length));
      const error = await openBucket(files, PATH).catch((e: StorageError) => e);
      expect(error, `cut at ${length}`).to.be.instanceOf(StorageError).with.property('code', 'corrupt');
    }
    const longer = new Uint8Array(good.length + 8);
    longer.set(good);
    files.place(PATH, longer);
    const error = await openBucket(files, PATH).catch((e: StorageError) => e);
    expect(error).to.be.instanceOf(StorageError).with.property('code', 'corrupt');
  });

  it('names the block that is damaged, and serves the others', async () => {
    const files = await written(large(3, 10_000));
    const bytes = files.bytes(PATH);
    bytes[100] ^= 1; // behind the header and a block of times: field a of the first chunk
    files.place(PATH, bytes);
    const reader = await openBucket(files, PATH);
    expect(() => plainBlocks(reader.scan(ALL))).to.throw(StorageError, /at byte 72: a block is damaged/);
    expect(plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(1, 2) })).length).to.equal(20_000);
  });

  it('is read only where the request can have rows', async () => {
    const files = await written(large(10, 16_000));
    const reader = await openBucket(files, PATH, new BlockCache(0));
    expect(reader.chunks).to.equal(20);
    const readBy = (request: Partial<BucketScan>): [rows: number, blocks: number] => {
      const before = reader.blocksRead;
      const rows = plainBlocks(reader.scan({ ...ALL, ...request })).length;
      return [rows, reader.blocksRead - before];
    };
    expect(readBy({ maxTime: BASE - 1n })).to.deep.equal([0, 0]);
    expect(readBy({ minTime: BASE + 16_000n * 10n ** 10n })).to.deep.equal([0, 0]);
    // One chunk of each series holds the first hour; one field of each is read, and the times that they share.
    expect(readBy({ maxTime: BASE + 359n * 10n ** 10n, fields: ['a'] })).to.deep.equal([3600, 11]);
    expect(readBy({ minTime: BASE + 15_640n * 10n ** 10n, fields: ['a'] })).to.deep.equal([3600, 11]);
    expect(readBy({ series: Uint32Array.of(4), fields: ['a'] })).to.deep.equal([16_000, 4]);
    expect(readBy({ series: Uint8Array.of(0, 0, 1), fields: ['b'] })).to.deep.equal([16_000, 4]);
    expect(readBy({ series: Uint32Array.of(4), minTime: BASE, maxTime: BASE })).to.deep.equal([1, 3]);
    expect(readBy({ fields: ['none'] })).to.deep.equal([0, 0]);
    expect(readBy({ series: new Uint32Array(0) })).to.deep.equal([0, 0]);
  });

  it('has small chunks where series are small: one user is read by a handful of blocks', async () => {
    const files = await written(large(2000, 50));
    const reader = await openBucket(files, PATH);
    expect(reader.chunks).to.equal(50);
    expect(plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(1234) })).map((r) => r.series)).to.deep.equal(
      Array(50).fill(1234),
    );
    expect(reader.blocksRead).to.equal(4);
    plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(1235) }));
    expect(reader.blocksRead, 'what is asked for twice is kept').to.equal(8);
    plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(1236) }));
    expect(reader.blocksRead, 'from the cache').to.equal(8);
  });

  it('finds every key, and no other, whatever keys share', async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const texts = new Set<string>();
    const text = (): string =>
      Array.from({ length: random.between(0, 6) }, () => random.pick(['a', 'b', 'é'])).join('');
    while (texts.size < 600) texts.add(`k=${text()}`);
    const encoder = new TextEncoder();
    const keys = [...texts].map((key) => encoder.encode(key)).sort(Buffer.compare);
    const content = large(keys.length, 1);
    const reader = await openBucket(await written({ ...content, seriesKeys: TextDictionary.ofBytes(keys) }), PATH);
    for (const [number, key] of keys.entries()) expect(findSeries(reader, key)).to.equal(number);
    for (let n = 0; n < 2_000; n++) {
      const other = `k=${text()}${random.pick(['', 'a', 'c'])}`;
      const place = keys.findIndex((key) => Buffer.compare(key, encoder.encode(other)) === 0);
      expect(findSeries(reader, encoder.encode(other)), `${other}, seed ${seed}`).to.equal(place);
    }
  });

  it('finds a series by its key in one section of keys', async () => {
    const files = await written(large(5_000, 1));
    const reader = await openBucket(files, PATH);
    const find = (key: string) => findSeries(reader, new TextEncoder().encode(key));
    for (const number of [0, 1, 1_023, 1_024, 2_500, 4_999]) {
      expect(find(`user=${String(number).padStart(7, '0')}`)).to.equal(number);
    }
    const before = reader.blocksRead;
    expect(find('user=0002499')).to.equal(2_499);
    expect(reader.blocksRead, 'one section').to.equal(before + 1);
    for (const other of ['', 'user=', 'user=0005000', 'z']) expect(find(other), other).to.equal(-1);
    expect(reader.blocksRead, 'none before the first key, none behind the last').to.equal(before + 1);
    for (const other of ['user=0000000x', 'user=00025000', 'user=000250', 'user=0002500,x=1']) {
      expect(find(other), other).to.equal(-1);
    }
  });

  it('gives the rows of a time range that cuts through every series of a chunk', async () => {
    const files = await written(large(4, 50));
    const reader = await openBucket(files, PATH);
    const found = plainBlocks(
      reader.scan({
        ...ALL,
        minTime: BASE + 10n ** 10n,
        maxTime: BASE + 2n * 10n ** 10n,
        map: (series) => 9 - series,
      }),
    );
    expect(found.map(({ series, time }) => [series, Number(time - BASE) / 1e10])).to.deep.equal(
      [9, 8, 7, 6].flatMap((s) => [
        [s, 1],
        [s, 2],
      ]),
    );
  });

  it('says of each chunk what its values are', async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    for (let round = 0; round < 20; round++) {
      const content = randomContent(random, random.pick([10, 9000]), random.pick([1, 3, 60]));
      const files = await written(content);
      const reader = await openBucket(files, PATH);
      let at = 0;
      for (const chunk of reader.statistics(ALL)) {
        const end = at + chunk.rows;
        expect(chunk.firstSeries).to.equal(content.series[at]);
        expect(chunk.lastSeries).to.equal(content.series[end - 1]);
        const times = content.offsets.subarray(at, end);
        expect([chunk.minTime, chunk.maxTime]).to.deep.equal(
          [Math.min(...times), Math.max(...times)].map((t) => BASE + BigInt(t)),
        );
        for (const [name, column] of content.columns) {
          const found = chunk.fields.get(name);
          const rows = Array.from({ length: chunk.rows }, (_, i) => at + i).filter((i) => column.present?.[i] !== 0);
          expect(found?.count ?? 0, `seed ${seed}`).to.equal(rows.length);
          if (found === undefined) continue;
          expectStatistics(
            found,
            column,
            rows,
            content.offsets,
            chunk.firstSeries === chunk.lastSeries,
            `seed ${seed}, ${name}`,
          );
        }
        at = end;
      }
      expect(at).to.equal(content.rows);
      expect(reader.blocksRead).to.equal(0);
    }
  });

  it('adds up floats to more digits than a double has', async () => {
    const values = Float64Array.of(1e16, 1, 1, 1, -1e16);
    const content = {
      ...small(),
      rows: 5,
      series: new Uint32Array(5),
      offsets: Float64Array.of(0, 1, 2, 3, 4),
      columns: new Map<string, Column>([['v', { type: 'float', values, present: null }]]),
    };
    const reader = await openBucket(await written(content), PATH);
    const [chunk] = reader.statistics(ALL);
    const { sum, sumRest } = chunk.fields.get('v')!;
    expect((sum as number) + sumRest).to.equal(3);
  });

  it('refuses rows out of order, series without a key, fields of two types; and leaves no file', async () => {
    const bad: [Partial<BucketContent>, RegExp][] = [
      [{ series: Uint32Array.of(1, 0, 1, 1) }, /row 1 is not behind/],
      [{ offsets: Float64Array.of(0, 0, 5, 5) }, /row 3 is not behind/],
      [{ series: Uint32Array.of(0, 1, 1, 2) }, /no key/],
      [{ offsets: Float64Array.of(0, 0, 5, 2 ** 53) }, /too far/],
    ];
    for (const [change, message] of bad) {
      const files = new MemoryFiles();
      await files.makeDirectory('/d');
      const content = {
        ...small(),
        series: Uint32Array.of(0, 1, 1, 1),
        offsets: Float64Array.of(0, 0, 5, 6),
        ...change,
      };
      const error = await writeBucket(files, PATH, content).catch((e: Error) => e);
      expect(error).to.be.instanceOf(RangeError).with.property('message').match(message);
      expect(await files.list('/d')).to.deep.equal([]);
    }
    const files = new MemoryFiles();
    await files.makeDirectory('/d');
    const writer = await BucketWriter.create(files, PATH, small());
    await writer.write(one('float'));
    const error = await writer.write({ ...one('boolean'), series: Uint32Array.of(1) }).catch((e: Error) => e);
    expect(error)
      .to.be.instanceOf(RangeError)
      .with.property('message')
      .match(/is float, then boolean/);
    await writer.abandon();
    expect(await files.list('/d')).to.deep.equal([]);
  });

  it('is not there after any write or sync that failed, and what is there is durable', async () => {
    for (let n = 1; ; n++) {
      const memory = new MemoryFiles();
      await memory.makeDirectory('/d');
      let calls = 0;
      const files = new FaultyFiles(memory, (call) =>
        (call === 'write' || call === 'datasync') && ++calls === n ? { code: 'no space', bytes: 5 } : null,
      );
      const result = await writeBucket(files, PATH, large(40, 9000)).catch((e: StorageError) => e);
      if (!(result instanceof Error)) {
        expect(n).to.be.greaterThan(2);
        await memory.syncDirectory('/d');
        memory.crash();
        const reader = await openBucket(memory, PATH);
        expect(reader.rows).to.equal(360_000);
        return;
      }
      expect(result).to.have.property('code', 'no space');
      expect(await memory.list('/d')).to.deep.equal([]);
    }
  });

  it('shares a cache that keeps its limit and forgets whom it is told to', async () => {
    const cache = new BlockCache(600_000);
    const files = await written(large(4, 16_000));
    const reader = await openBucket(files, PATH, cache);
    for (let s = 0; s < 4; s++) {
      plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(s) }));
      plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(s) }));
      expect(cache.bytes).to.be.within(1, 600_000);
    }
    const before = reader.blocksRead;
    plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(3) }));
    expect(reader.blocksRead, 'the last is kept').to.equal(before);
    plainBlocks(reader.scan({ ...ALL, series: Uint32Array.of(0) }));
    expect(reader.blocksRead, 'the first has gone').to.be.greaterThan(before);
    const number = cache.register() - 1;
    cache.unregister(number);
    expect([cache.bytes, cache.size]).to.deep.equal([0, 0]);
    expect(cache.register(), 'numbers come again').to.equal(number);
  });

  it('gives blocks that stay, where it is asked to, and keeps nothing of them', async () => {
    const cache = new BlockCache();
    const reader = await openBucket(await written(large(4, 16_000)), PATH, cache);
    const kept = [...reader.scan({ ...ALL, lasting: true })];
    const again = [...reader.scan({ ...ALL, lasting: true })].map((block) => plainBlocks([block]));
    expect(kept.length).to.be.greaterThan(4);
    expect(kept.map((block) => plainBlocks([block]))).to.deep.equal(again);
    expect(again.flat()).to.deep.equal(plainBlocks(reader.scan(ALL)));
    expect(cache.bytes).to.equal(0);
  });

  it('reads times that chunks repeat, and tells those that are packed alike from each other', async () => {
    // each chunk has four series measured from the same time on at the same pace: the same bytes, but for the second series ends differ
    const lengths = [20, 20, 20, 20, 16, 20, 20, 24, 16, 20, 20, 24, 20, 20, 20, 20].map((rows) => 100 * rows);
    const rows = lengths.reduce((sum, length) => sum + length, 0);
    const content: BucketContent = {
      ...small(),
      seriesKeys: TextDictionary.of(lengths.map((_, s) => `user=${String(s).padStart(2, '0')}`)),
      rows,
      series: Uint32Array.from(lengths.flatMap((length, s) => Array<number>(length).fill(s))),
      offsets: Float64Array.from(lengths.flatMap((length) => Array.from({ length }, (_, i) => i * 1e9))),
      columns: new Map([
        ['a', { type: 'integer', values: Float64Array.from({ length: rows }, (_, i) => i), present: null }],
      ]),
    };
    const reader = await openBucket(await written(content), PATH);
    expect(reader.chunks).to.equal(4);
    expect(plainBlocks(reader.scan(ALL))).to.deep.equal(plainRows(content));
    expect(plainBlocks(reader.scan({ ...ALL, lasting: true }))).to.deep.equal(plainRows(content));
  });

  it('may be empty', async () => {
    const empty = { ...small(), rows: 0, seriesKeys: TextDictionary.of([]), columns: new Map<string, Column>() };
    const reader = await openBucket(await written(empty), PATH);
    expect([reader.rows, reader.series, reader.chunks]).to.deep.equal([0, 0, 0]);
    expect([...reader.scan(ALL)]).to.deep.equal([]);
    expect(reader.seriesKeys().size).to.equal(0);
  });
});

// private functions

async function written(content: BucketContent): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  await files.makeDirectory('/d');
  await writeBucket(files, PATH, content);
  return files;
}

async function readAll(files: MemoryFiles) {
  const reader = await openBucket(files, PATH);
  reader.seriesKeys();
  reader.firstKeys();
  return plainBlocks(reader.scan(ALL));
}

/** All types, gaps, two series in one chunk. */
function small(): BucketContent {
  const present = Uint8Array.of(1, 0, 1, 1);
  return {
    database: 'db',
    retentionPolicy: 'rp',
    measurement: 'm',
    position: { generation: 1, sequence: 5 },
    seriesKeys: TextDictionary.of(['host=a', 'host=b']),
    base: BASE,
    rows: 4,
    series: Uint32Array.of(0, 0, 1, 1),
    offsets: Float64Array.of(0, 10, 3, 7),
    columns: new Map<string, Column>([
      ['f', { type: 'float', values: Float64Array.of(0.5, 1 / 3, -0, 7), present: null }],
      ['i', { type: 'integer', values: Float64Array.of(1, 2, 3, 1000), present }],
      ['w', { type: 'integer', values: BigInt64Array.of(1n, 2n ** 62n, 3n, -5n), present: null }],
      ['b', { type: 'boolean', values: Uint8Array.of(0, 1, 1, 0), present }],
      [
        's',
        {
          type: 'string',
          values: Uint32Array.of(0, 1, 1, 0),
          dictionary: TextDictionary.of(['x', 'yy']),
          present: null,
        },
      ],
    ]),
  };
}

/** Two integer fields each 10 s. */
function large(seriesCount: number, perSeries: number): BucketContent {
  const rows = seriesCount * perSeries;
  const numbers = (f: (i: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, i) => f(i));
  return {
    ...small(),
    seriesKeys: TextDictionary.of(Array.from({ length: seriesCount }, (_, i) => `user=${String(i).padStart(7, '0')}`)),
    rows,
    series: Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / perSeries)),
    offsets: numbers((i) => (i % perSeries) * 1e10),
    columns: new Map<string, Column>([
      ['a', { type: 'integer', values: numbers((i) => (i * 7919) % 1000), present: null }],
      ['b', { type: 'float', values: numbers((i) => (i % 77) / 10), present: null }],
    ]),
  };
}

function one(type: 'float' | 'boolean') {
  const values = type === 'float' ? new Float64Array(1) : new Uint8Array(1);
  return {
    rows: 1,
    series: Uint32Array.of(0),
    offsets: Float64Array.of(0),
    columns: new Map([['v', { type, values, present: null } as Column]]),
  };
}

function expectStatistics(
  found: { type: FieldType; min: unknown; max: unknown; sum: unknown; sumRest: number; first: unknown; last: unknown },
  column: Column,
  rows: readonly number[],
  offsets: Float64Array,
  isSingle: boolean,
  hint: string,
): void {
  expect(found.type).to.equal(column.type);
  if (column.type === 'string') {
    expect([found.min, found.max, found.sum, found.first, found.last]).to.deep.equal([null, null, null, null, null]);
    return;
  }
  const value = (row: number): number | bigint =>
    column.type === 'float' || column.type === 'boolean' ? column.values[row] : small64(BigInt(column.values[row]));
  const end = (row: number) => (isSingle ? { offset: offsets[row], value: value(row) } : null);
  expect(found.first, hint).to.deep.equal(end(rows[0]));
  expect(found.last, hint).to.deep.equal(end(rows[rows.length - 1]));
  if (column.type === 'boolean') return;
  const sorted = rows.map(value).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  expect(found.min === sorted[0], hint).to.equal(true);
  expect(found.max === sorted[sorted.length - 1], hint).to.equal(true);
  if (column.type === 'float') return;
  const sum = rows.reduce((total, row) => total + BigInt(column.values[row]), 0n);
  const fits = column.type === 'unsigned' ? sum < 2n ** 64n : sum >= -(2n ** 63n) && sum < 2n ** 63n;
  expect(found.sum, hint).to.equal(fits ? small64(sum) : null);
}

function small64(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
