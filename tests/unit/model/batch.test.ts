/** Batches, envelopes and splitting: what is written is read back, whatever the columns. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Batch,
  BatchScratch,
  BodyPacking,
  type Column,
  crc32c,
  encodeBatches,
  encodeControl,
  envelopeIntact,
  KeptLists,
  KeptTexts,
  readBatches,
  readControl,
  readEnvelopeHeader,
  splitBatch,
  TextDictionary,
  unknownSeries,
} from '../../../model/index.ts';
import { MemoryFiles } from '../../../storage/index.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const ADDRESS = { producer: 7, number: 3, shard: 2, generation: 1 };

const scratch = new BatchScratch();
const { compression } = new MemoryFiles();
const packing = new BodyPacking(compression);
const lists = new KeptLists();

describe(`batch and envelope (seed ${SEED})`, () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(batches(), { minLength: 1, maxLength: 4 }), (list) => {
        const bytes = encodeBatches(ADDRESS, list, crc32c);
        expect(envelopeIntact(bytes, crc32c)).to.equal(true);
        expect(readEnvelopeHeader(bytes)).to.include({ ...ADDRESS, kind: 'batches', batches: list.length });
        expect(readBatches(bytes).map(rowsOf)).to.deep.equal(list.map(rowsOf));
        expect(readBatches(bytes, { scratch }).map(rowsOf)).to.deep.equal(list.map(rowsOf));
        const packed = encodeBatches(ADDRESS, list, crc32c, packing);
        expect(envelopeIntact(packed, crc32c)).to.equal(true);
        expect(readBatches(packed, { compression, scratch }).map(rowsOf)).to.deep.equal(list.map(rowsOf));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('reads back batches whose keys are packed, and knows a list that it has met', () => {
    fc.assert(
      fc.property(fc.array(batches(), { minLength: 1, maxLength: 4 }), (plain) => {
        const list = plain.map(kept);
        const bytes = encodeBatches(ADDRESS, list, crc32c, packing);
        expect(readBatches(bytes, { compression }).map(rowsOf)).to.deep.equal(plain.map(rowsOf));
        const first = readBatches(bytes, { compression, lists });
        expect(first.map(rowsOf)).to.deep.equal(plain.map(rowsOf));
        const second = readBatches(bytes, { compression, lists, scratch });
        expect(second.map(rowsOf)).to.deep.equal(plain.map(rowsOf));
        expect(second.every(({ keptKeys }, i) => keptKeys === first[i].keptKeys)).to.equal(true);
        expect(list.flatMap((batch) => splitBatch(batch, 300, 3)).flatMap(rowsOf)).to.deep.equal(plain.flatMap(rowsOf));
        expect(() => readBatches(encodeBatches(ADDRESS, list, crc32c))).to.throw(RangeError, 'packed');
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  it('tells lists apart that differ in one text, and forgets rather than grows', () => {
    const texts = (i: number): string[] => Array.from({ length: 50 }, (_, k) => `host=${k === 7 ? i : k}`);
    const [batch] = fc.sample(batches(), { seed: 1, numRuns: 1 });
    for (let i = 0; i < 200; i++) {
      const made = kept({
        ...batch,
        series: new Uint32Array(batch.rows).fill(7),
        seriesKeys: TextDictionary.of(texts(i)),
      });
      const [read] = readBatches(encodeBatches(ADDRESS, [made], crc32c), { compression, lists });
      expect(read.seriesKeys.get(7)).to.equal(`host=${i}`);
    }
  });

  it('keeps every row when it splits, in order, within the size and the number of series', () => {
    fc.assert(
      fc.property(
        batches(),
        fc.integer({ min: 200, max: 2000 }),
        fc.integer({ min: 1, max: 40 }),
        (batch, bytesMax, seriesMax) => {
          const parts = splitBatch(batch, bytesMax, seriesMax);
          expect(parts.flatMap(rowsOf)).to.deep.equal(rowsOf(batch));
          for (const part of parts) {
            const encoded = encodeBatches(ADDRESS, [part], crc32c);
            if (part.rows === 1) continue;
            expect(encoded.length - 64).to.be.at.most(bytesMax);
            expect(unknownSeries(part)).to.be.at.most(seriesMax);
          }
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('finds every flipped bit of an envelope', () => {
    const bytes = encodeControl(ADDRESS, { type: 'drop database', database: 'd' }, crc32c);
    expect(readControl(bytes)).to.deep.equal({ type: 'drop database', database: 'd' });
    for (let i = 4; i < bytes.length; i++) {
      bytes[i] ^= 1 << (i & 7);
      expect(envelopeIntact(bytes, crc32c), `byte ${i}`).to.equal(false);
      bytes[i] ^= 1 << (i & 7);
    }
  });

  it('writes small whole numbers, times and series in few bytes', () => {
    const rows = 1000;
    const batch: Batch = {
      database: 'd',
      retentionPolicy: 'r',
      measurement: 'm',
      rows,
      seriesKeys: TextDictionary.of(['m,a=1', 'm,a=2']),
      series: Uint32Array.from({ length: rows }, (_, i) => i % 2),
      base: 0n,
      offsets: Float64Array.from({ length: rows }, (_, i) => Math.floor(i / 10) * 10e9),
      minTime: 0n,
      maxTime: 990_000_000_000n,
      columns: new Map([
        ['v', { type: 'float', values: Float64Array.from({ length: rows }, (_, i) => i % 100), present: null }],
      ]),
    };
    expect(encodeBatches(ADDRESS, [batch], crc32c).length).to.be.below(5 * rows);
  });

  it('packs what repeats, and refuses to read it without a compression', () => {
    const rows = 1000;
    const keys = Array.from({ length: rows }, (_, i) => `datacenter=eu-central-1,host=server-${i},team=platform`);
    const batch: Batch = {
      database: 'd',
      retentionPolicy: 'r',
      measurement: 'm',
      rows,
      seriesKeys: TextDictionary.of(keys),
      series: Uint32Array.from({ length: rows }, (_, i) => i),
      base: 0n,
      offsets: new Float64Array(rows),
      minTime: 0n,
      maxTime: 0n,
      columns: new Map([['v', { type: 'float', values: new Float64Array(rows), present: null }]]),
    };
    const packed = encodeBatches(ADDRESS, [batch], crc32c, packing);
    expect(packed.length).to.be.below(encodeBatches(ADDRESS, [batch], crc32c).length / 4);
    expect(readBatches(packed, { compression }).map(rowsOf)).to.deep.equal([batch].map(rowsOf));
    expect(() => readBatches(packed)).to.throw(RangeError, 'packed');
  });

  it('refuses a batch whose parts leave the message', () => {
    const [batch] = fc.sample(batches(), { seed: 1, numRuns: 1 });
    const bytes = encodeBatches(ADDRESS, [batch], crc32c);
    new DataView(bytes.buffer).setUint32(64 + 4, 1_000_000, true);
    expect(() => readBatches(bytes)).to.throw(RangeError, 'leaves the message');
  });
});

function kept(batch: Batch): Batch {
  return { ...batch, keptKeys: KeptTexts.pack(batch.seriesKeys, compression) };
}

function rowsOf(batch: Batch): unknown[] {
  return Array.from({ length: batch.rows }, (_, r) => ({
    measurement: `${batch.database}/${batch.retentionPolicy}/${batch.measurement}`,
    series: batch.seriesKeys.get(batch.series[r]),
    time: batch.base + BigInt(batch.offsets[r]),
    values: Object.fromEntries(
      [...batch.columns]
        .filter(([, c]) => c.present === null || c.present[r] === 1)
        .map(([name, c]) => [name, c.type === 'string' ? c.dictionary.get(c.values[r]) : c.values[r]]),
    ),
  }));
}

function batches(): fc.Arbitrary<Batch> {
  return fc
    .record({
      names: fc.tuple(fc.string({ minLength: 1 }), fc.string(), fc.string({ unit: 'binary', minLength: 1 })),
      base: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      unit: fc.constantFrom(1, 1000, 60_000_000_000),
      keys: fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }),
      rows: fc.array(fc.tuple(fc.nat(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.nat(), fc.boolean()), {
        minLength: 1,
        maxLength: 30,
      }),
    })
    .map(({ names, base, unit, keys, rows }) => {
      const offsets = Float64Array.from(rows, (r) => (unit === 1 ? r[1] : (r[1] % 70_000) * unit + 5));
      return {
        database: names[0],
        retentionPolicy: names[1],
        measurement: wellFormed(names[2]),
        rows: rows.length,
        seriesKeys: TextDictionary.of(keys),
        series: Uint32Array.from(rows, (r) => r[0] % keys.length),
        base,
        offsets,
        minTime: base + BigInt(Math.min(...offsets)),
        maxTime: base + BigInt(Math.max(...offsets)),
        columns: columnsOf(rows),
      };
    });
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}

function columnsOf(rows: [number, number, number, boolean][]): Map<string, Column> {
  const n = rows.map((r) => r[2]);
  const some = Uint8Array.from(rows, (r) => (r[3] ? 1 : 0));
  const texts = TextDictionary.of(['', 'a', 'ü€', 'x'.repeat(40)]);
  return new Map<string, Column>([
    ['float', { type: 'float', values: Float64Array.from(n, (v) => v / 3), present: null }],
    ['integer', { type: 'integer', values: Float64Array.from(n), present: some }],
    ['byte', { type: 'integer', values: Float64Array.from(n, (v) => (v % 256) - 128), present: null }],
    ['holes', { type: 'float', values: Float64Array.from(n, (v, i) => (some[i] ? v % 100 : NaN)), present: some }],
    ['short', { type: 'unsigned', values: Float64Array.from(n, (v) => v % 32_768), present: null }],
    ['zeros', { type: 'float', values: Float64Array.from(n, (v) => (v % 2 ? 0 : -0)), present: null }],
    ['odd', { type: 'float', values: Float64Array.from(n, (v) => [NaN, Infinity, 2 ** 31, 7][v % 4]), present: null }],
    ['wide', { type: 'integer', values: BigInt64Array.from(n, (v) => -(2n ** 62n) + BigInt(v)), present: null }],
    ['unsigned', { type: 'unsigned', values: BigUint64Array.from(n, (v) => 2n ** 63n + BigInt(v)), present: some }],
    ['boolean', { type: 'boolean', values: Uint8Array.from(n, (v) => v & 1), present: null }],
    ['string', { type: 'string', values: Uint32Array.from(n, (v) => v % 4), dictionary: texts, present: some }],
  ]);
}
