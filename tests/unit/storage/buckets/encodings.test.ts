/** Each encoding gives back exactly what it was given, for any numbers; and takes little room for the ones it was made for. */
import { expect } from 'chai';
import fc from 'fast-check';
import { type Column, TextDictionary } from '../../../../model/index.ts';
import { decodeColumn, decodeRuns, encodeColumn, encodeRuns } from '../../../../storage/buckets/column-block.ts';
import { decodeFloats, encodeFloats } from '../../../../storage/buckets/floats.ts';
import { decodeIntegers, encodeIntegers } from '../../../../storage/buckets/integers.ts';
import { pack, packedWords } from '../../../../storage/buckets/packing.ts';
import { unpack } from '../../../../storage/buckets/unpacking.ts';
import { decodeWide, encodeWide } from '../../../../storage/buckets/wide-integers.ts';
import { WordWriter } from '../../../../storage/buckets/words.ts';
import { MemoryFiles } from '../../../../storage/index.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const seed = seedOfRun();
const zstd = new MemoryFiles().compression;
const run = { seed, numRuns: 300 };

const wholes = fc.oneof(
  fc.array(fc.integer({ min: -MAX, max: MAX }), { minLength: 1, maxLength: 200 }),
  fc.array(fc.constantFrom(0, 1, -1, MAX, -MAX, 2 ** 53, -(2 ** 53), 2 ** 52, 2 ** 32, -(2 ** 31)), {
    minLength: 1,
    maxLength: 200,
  }),
  fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 500 }).map(walk),
  fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 40, maxLength: 300 }),
      fc.integer({ min: -MAX, max: MAX }),
    )
    .map(([a, outlier]) => a.map((v, i) => (i % 37 === 5 ? outlier : v))),
  fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 90 }),
      fc.integer({ min: 1, max: 10 ** 9 }),
    )
    .map(([a, step]) => a.map((v) => v * step)),
  fc
    .array(fc.tuple(fc.integer(), fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 12 })
    .map((runs) => runs.flatMap(([v, n]) => Array<number>(n).fill(v))),
);

const doubles = fc.oneof(
  fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 150 }),
  fc.array(fc.constantFrom(-0, 0, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 1e15, 0.1, 1 / 3), {
    minLength: 1,
    maxLength: 150,
  }),
  fc
    .array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 1, maxLength: 300 })
    .map((a) => a.map((v) => v / 100)),
  fc
    .tuple(
      fc.array(fc.integer({ min: 0, max: 9999 }), { minLength: 40, maxLength: 300 }),
      fc.constantFrom(-0, Infinity, 1 / 3),
    )
    .map(([a, odd]) => a.map((v, i) => (i % 41 === 0 ? odd : v / 1000))),
  fc
    .array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 3 })
    .map((a) => Array.from({ length: 100 }, (_, i) => a[i % a.length])),
  fc
    .tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 300 }))
    .map(([e, n]) => Array.from({ length: n }, (_, i) => (i + 1) * 2 ** e)),
);

describe(`bucket encodings (seed ${seed})`, () => {
  it('pack numbers of every width and many lengths', () => {
    const random = new Random(seed);
    for (let width = 0; width <= 53; width++) {
      for (const n of [1, 2, 31, 32, 33, 64, 100, 1000]) {
        const values = Float64Array.from(
          { length: n },
          () =>
            Math.floor(random.next() * 2 ** Math.min(width, 32)) +
            (width > 32 ? Math.floor(random.next() * 2 ** (width - 32)) * 2 ** 32 : 0),
        );
        if (width > 0) values[n - 1] = 2 ** width - 1;
        const into = new WordWriter();
        into.push(7);
        pack(values, n, width, into);
        expect(into.length).to.equal(1 + packedWords(n, width));
        const out = new Float64Array(n);
        const from = { words: into.words, at: 1 };
        unpack(from, n, width, out);
        expect(from.at).to.equal(into.length);
        if (!same(out, values)) expect(out, `width ${width}, n ${n}`).to.deep.equal(values);
      }
    }
  });

  it('whole numbers', () => {
    fc.assert(
      fc.property(wholes, fc.array(fc.nat(), { maxLength: 9 }), (list, cuts) => {
        const values = Float64Array.from(list);
        const starts = startsOf(cuts, values.length);
        const into = new WordWriter();
        encodeIntegers(values, values.length, into, starts);
        const out = new Float64Array(values.length);
        const from = { words: into.words, at: 0 };
        decodeIntegers(from, values.length, out, starts);
        return from.at === into.length && same(out, values);
      }),
      run,
    );
  });

  it('doubles, −0 and infinities too', () => {
    fc.assert(
      fc.property(doubles, fc.array(fc.nat(), { maxLength: 9 }), (list, cuts) => {
        const values = Float64Array.from(list);
        const starts = startsOf(cuts, values.length);
        const into = new WordWriter();
        encodeFloats(values, values.length, into, starts, zstd);
        const out = new Float64Array(values.length);
        const from = { words: into.words, at: 0 };
        decodeFloats(from, values.length, out, starts, zstd);
        return from.at === into.length && sameBits(out, values);
      }),
      run,
    );
  });

  it('64-bit numbers', () => {
    const extremes = fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n, 2n ** 53n + 1n, -(2n ** 31n), 2n ** 32n);
    const any = fc.oneof(extremes, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    const rising = fc
      .array(fc.bigInt({ min: 0n, max: 5000n }), { minLength: 1, maxLength: 99 })
      .map((a) => a.map((v, i) => 2n ** 60n + BigInt(i) * 1_000_000n + v));
    fc.assert(
      fc.property(fc.oneof(fc.array(any, { minLength: 1, maxLength: 99 }), rising), (list) => {
        const values = BigInt64Array.from(list);
        const into = new WordWriter();
        encodeWide(values, values.length, into);
        const signed = new BigInt64Array(values.length);
        const unsigned = new BigUint64Array(values.length);
        decodeWide({ words: into.words, at: 0 }, values.length, signed);
        decodeWide({ words: into.words, at: 0 }, values.length, unsigned);
        return values.every((v, i) => signed[i] === v && unsigned[i] === BigInt.asUintN(64, v));
      }),
      run,
    );
  });

  it('columns with rows that lack the field, a part of the rows given', () => {
    const rows = fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 6 })), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(rows, fc.nat(), fc.array(fc.nat(), { maxLength: 9 }), (list, skip, cuts) => {
        const from = skip % list.length;
        const n = list.length - from;
        const present = Uint8Array.from(list, ([p]) => (p ? 1 : 0));
        const numbers = list.map(([, v]) => v);
        const dictionary = TextDictionary.of(['', 'a', 'é', 'long '.repeat(50), 'd', 'e', 'f']);
        const columns: Column[] = [
          { type: 'float', values: Float64Array.from(numbers, (v) => v / 7), present },
          { type: 'integer', values: Float64Array.from(numbers), present },
          { type: 'unsigned', values: BigUint64Array.from(numbers, (v) => 2n ** 64n - 1n - BigInt(v)), present },
          { type: 'integer', values: BigInt64Array.from(numbers, (v) => -BigInt(v)), present },
          { type: 'boolean', values: Uint8Array.from(numbers, (v) => v & 1), present },
          { type: 'string', values: Uint32Array.from(numbers), dictionary, present },
        ];
        const starts = startsOf(cuts, n);
        for (const column of columns) {
          const bytes = encodeColumn(column, from, list.length, starts, zstd);
          if (bytes === null) {
            expect(present.subarray(from).includes(1)).to.equal(false);
            continue;
          }
          const out = decodeColumn(new Uint32Array(bytes.buffer), n, starts, zstd);
          expect(out.type).to.equal(column.type);
          for (let i = 0; i < n; i++) {
            expect(out.present === null || out.present[i] === 1).to.equal(present[from + i] === 1);
            if (present[from + i] === 1) expect(text(out, i)).to.equal(text(column, from + i));
          }
        }
      }),
      { seed, numRuns: 100 },
    );
  });

  it('runs of series', () => {
    const runs = { series: Uint32Array.of(3, 4, 90, 2 ** 32 - 1), starts: Uint32Array.of(0, 1, 5, 6) };
    expect(decodeRuns(new Uint32Array(encodeRuns(runs, 20).buffer))).to.deep.equal(runs);
  });

  it('take little room for what they were made for', () => {
    const random = new Random(seed);
    const n = 4096;
    const steps = Float64Array.from(walk(Array.from({ length: n }, () => random.between(-2, 2))));
    expect(bytesPerValue(steps)).to.be.below(0.4);
    expect(bytesPerValue(Float64Array.from({ length: n }, (_, i) => i * 1e10))).to.be.below(0.02);
    expect(bytesPerValue(steps.map((v, i) => (i % 500 === 7 ? 1e12 : v)))).to.be.below(0.5);
    const decimals = new WordWriter();
    encodeFloats(
      steps.map((v) => v / 10),
      n,
      decimals,
      new Uint32Array(1),
      zstd,
    );
    expect((4 * decimals.length) / n).to.be.below(0.4);
    const lines = Array.from({ length: n }, (_, i) => `GET /api/v2/items/${(i * 7919) % 5000} 200 in ${i % 90} ms`);
    const dictionary = TextDictionary.of(lines);
    const column: Column = { type: 'string', values: Uint32Array.from(lines, (_, i) => i), dictionary, present: null };
    const bytes = encodeColumn(column, 0, n, new Uint32Array(1), zstd)!;
    expect(bytes.length / dictionary.bytes.length).to.be.below(0.3);
    const out = decodeColumn(new Uint32Array(bytes.buffer), n, new Uint32Array(1), zstd);
    for (let i = 0; i < n; i++) expect(text(out, i)).to.equal(lines[i]);
  });
});

// private functions

function bytesPerValue(values: Float64Array): number {
  const into = new WordWriter();
  encodeIntegers(values, values.length, into);
  return (4 * into.length) / values.length;
}

function walk(steps: readonly number[]): number[] {
  let at = 1000;
  return steps.map((step) => (at += step));
}

function startsOf(cuts: readonly number[], n: number): Uint32Array {
  return Uint32Array.from([...new Set([0, ...cuts.map((cut) => cut % n)])].sort((a, b) => a - b));
}

function same(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

function sameBits(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}

function text(column: Column, row: number): string {
  return column.type === 'string' ? column.dictionary.get(column.values[row]) : String(column.values[row]);
}
