/** Batches, envelopes and splitting: what is written is read back, whatever the columns. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Batch,
  type Column,
  crc32c,
  encodeBatches,
  encodeControl,
  envelopeIntact,
  readBatches,
  readControl,
  readEnvelopeHeader,
  splitBatch,
  TextDictionary,
} from '../../../model/index.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const ADDRESS = { producer: 7, number: 3, shard: 2, generation: 1 };

describe(`batch and envelope (seed ${SEED})`, () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.array(batches(), { minLength: 1, maxLength: 4 }), (list) => {
        const bytes = encodeBatches(ADDRESS, list, crc32c);
        expect(envelopeIntact(bytes, crc32c)).to.equal(true);
        expect(readEnvelopeHeader(bytes)).to.include({ ...ADDRESS, kind: 'batches', batches: list.length });
        expect(readBatches(bytes).map(rowsOf)).to.deep.equal(list.map(rowsOf));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('keeps every row when it splits, in order, within the size', () => {
    fc.assert(
      fc.property(batches(), fc.integer({ min: 200, max: 2000 }), (batch, bytesMax) => {
        const parts = splitBatch(batch, bytesMax);
        expect(parts.flatMap(rowsOf)).to.deep.equal(rowsOf(batch));
        for (const part of parts) {
          const encoded = encodeBatches(ADDRESS, [part], crc32c);
          if (part.rows > 1) expect(encoded.length - 56).to.be.at.most(bytesMax);
        }
      }),
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

  it('refuses a batch whose parts leave the message', () => {
    const [batch] = fc.sample(batches(), { seed: 1, numRuns: 1 });
    const bytes = encodeBatches(ADDRESS, [batch], crc32c);
    new DataView(bytes.buffer).setUint32(56 + 4, 1_000_000, true);
    expect(() => readBatches(bytes)).to.throw(RangeError, 'leaves the message');
  });
});

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
      keys: fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 5 }),
      rows: fc.array(fc.tuple(fc.nat(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.nat(), fc.boolean()), {
        minLength: 1,
        maxLength: 30,
      }),
    })
    .map(({ names, base, keys, rows }) => {
      const offsets = Float64Array.from(rows, (r) => r[1]);
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
    ['wide', { type: 'integer', values: BigInt64Array.from(n, (v) => -(2n ** 62n) + BigInt(v)), present: null }],
    ['unsigned', { type: 'unsigned', values: BigUint64Array.from(n, (v) => 2n ** 63n + BigInt(v)), present: some }],
    ['boolean', { type: 'boolean', values: Uint8Array.from(n, (v) => v & 1), present: null }],
    ['string', { type: 'string', values: Uint32Array.from(n, (v) => v % 4), dictionary: texts, present: some }],
  ]);
}
