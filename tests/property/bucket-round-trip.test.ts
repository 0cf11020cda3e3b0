/** What goes into a bucket comes out of it: any content, any part of it that a scan asks for. */
import { expect } from 'chai';
import { BlockCache, type BucketScan, BucketWriter, MemoryFiles, writeBucket } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { BASE, openBucket, plainBlocks, plainRows, randomContent } from '../unit/storage/buckets/content.ts';

const ROUNDS = 60;
const SCANS = 6;
const PATH = '/d/a.bucket';

describe('property: buckets give back what was written', () => {
  const seed = seedOfRun();
  it(`seed ${seed}`, async () => {
    const random = new Random(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const content = randomContent(random, random.pick([1, 50, 3000, 20_000]), random.pick([1, 5, 400]));
      const files = new MemoryFiles();
      await files.makeDirectory('/d');
      const summary = await writeBucket(files, PATH, content);
      const cache = new BlockCache(random.pick([0, 100_000, 2 ** 26]));
      const reader = await openBucket(files, PATH, cache);
      const rows = plainRows(content);
      expect(summary.bytes).to.equal(files.bytes(PATH).length);
      expect(reader.rows).to.equal(content.rows);
      expect(reader.position).to.deep.equal(content.position);
      expect(reader.measurement).to.equal(content.measurement);
      expect(reader.footerChecksum).to.equal(summary.footerChecksum);
      const keys = reader.seriesKeys();
      expect(Array.from({ length: keys.size }, (_, i) => keys.get(i))).to.deep.equal(
        Array.from({ length: keys.size }, (_, i) => content.seriesKeys.get(i)),
      );
      const all: BucketScan = { minTime: -(2n ** 63n), maxTime: 2n ** 63n, series: null, fields: null, map: null };
      expectSame(plainBlocks(reader.scan(all)), rows);
      for (let i = 0; i < SCANS; i++) {
        const times = [0, 1].map(() => content.offsets[random.between(0, Math.max(0, content.rows - 1))] ?? 0);
        const [low, high] = times.sort((a, b) => a - b).map((t) => BASE + BigInt(t));
        const chosen = Array.from({ length: keys.size }, () => (random.next() < 0.3 ? 1 : 0));
        const map = random.next() < 0.5 ? null : Uint32Array.from(chosen, (_, s) => 2 * s + 1);
        const mask = new Uint8Array(2 * keys.size + 2);
        chosen.forEach((bit, s) => {
          mask[map === null ? s : map[s]] = bit;
        });
        const list = Uint32Array.from(chosen.flatMap((bit, s) => (bit === 1 ? [s] : [])));
        const fields = random.next() < 0.5 ? null : [...content.columns.keys()].filter(() => random.next() < 0.5);
        const request = { minTime: low, maxTime: high, series: random.pick([null, mask, list]), fields };
        const expected = rows
          .filter((row) => row.time >= low && row.time <= high && (request.series === null || chosen[row.series] === 1))
          .map((row) => ({
            ...row,
            series: map === null ? row.series : map[row.series],
            fields: Object.fromEntries(
              Object.entries(row.fields).filter(([f]) => fields === null || fields.includes(f)),
            ),
          }))
          .filter((row) => Object.keys(row.fields).length > 0);
        const nameOf = map === null ? null : (series: number) => map[series];
        expectSame(plainBlocks(reader.scan({ ...request, map: nameOf })), expected);
        expect(cache.bytes).to.be.at.most(cache.bytesMax);
      }
    }
  });

  it('and what is written in parts, with fields that come later', async () => {
    const random = new Random(seed);
    const files = new MemoryFiles();
    await files.makeDirectory('/d');
    const content = randomContent(random, 5000, 100);
    const writer = await BucketWriter.create(files, PATH, content);
    const cut = Math.floor(content.rows / 2);
    const [early] = content.columns;
    await writer.write({ ...content, rows: cut, columns: new Map([early]) });
    const rest = new Map(
      [...content.columns].map(([name, column]) => [
        name,
        {
          ...column,
          values: column.values.subarray(cut),
          present: column.present?.subarray(cut) ?? null,
        } as typeof column,
      ]),
    );
    await writer.write({
      rows: content.rows - cut,
      series: content.series.subarray(cut),
      offsets: content.offsets.subarray(cut),
      columns: rest,
    });
    await writer.finish(content.seriesKeys);
    const reader = await openBucket(files, PATH);
    const expected = plainRows(content).flatMap((row, _i) => {
      const at = content.series.findIndex((s, i) => s === row.series && BASE + BigInt(content.offsets[i]) === row.time);
      if (at >= cut) return [row];
      return early[0] in row.fields ? [{ ...row, fields: { [early[0]]: row.fields[early[0]] } }] : [];
    });
    expectSame(
      plainBlocks(reader.scan({ minTime: -(2n ** 63n), maxTime: 2n ** 63n, series: null, fields: null, map: null })),
      expected,
    );
  });
});

// private functions

/** Like deep equality, but −0 is not 0; and quick. */
function expectSame(found: readonly object[], expected: readonly object[]): void {
  expect(found.length).to.equal(expected.length);
  for (let i = 0; i < found.length; i++) {
    const a = text(found[i]);
    const b = text(expected[i]);
    if (a !== b) expect(a, `row ${i}`).to.equal(b);
  }
}

function text(row: object): string {
  return JSON.stringify(row, (_, v) =>
    typeof v === 'bigint'
      ? `${v}n`
      : typeof v === 'number' && (Object.is(v, -0) || !Number.isFinite(v))
        ? `#${Object.is(v, -0) ? '-0' : v}`
        : v,
  );
}
