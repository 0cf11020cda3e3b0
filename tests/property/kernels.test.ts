/** Kernels and plain TypeScript unpack the same bits, whatever was packed: any width, length, base, step, scale; and add up alike. */
import { expect } from 'chai';
import { addStretches, kernelAdder, kernelMemory, PLAIN_ADDER, STRANDS } from '../../model/kernels/index.ts';
import { decodeIntegers, encodeIntegers } from '../../storage/buckets/integers.ts';
import { packedWords } from '../../storage/buckets/packing.ts';
import { WordWriter } from '../../storage/buckets/words.ts';
import { KERNEL_ROWS_MAX, KERNEL_ROWS_MIN, kernelUnpacker } from '../../storage/kernels/kernel-unpacker.ts';
import { PLAIN } from '../../storage/kernels/plain-unpacker.ts';
import type { Firsts } from '../../storage/kernels/unpacker.ts';
import { WEIGH_WIDTH_MAX } from '../../storage/kernels/weighing-kernel.ts';
import { Random, seedOfRun } from '../support/random.ts';

const ROUNDS = 20;
/** Words before what is packed, and behind it: neither may have a part in the result. */
const BEFORE = 3;
const BEHIND = 300;
/** What no result may touch. */
const UNTOUCHED = 7.25;

const seed = seedOfRun();
const random = new Random(seed);
const kernels = kernelUnpacker()!;
const memory = kernelMemory()!;
const lentDoubles = memory.lendDoubles(memory, KERNEL_ROWS_MAX)!;
const lentBytes = memory.lendBytes(memory, 0)!;
const lentWords = new Uint32Array(lentBytes.buffer, lentBytes.byteOffset, lentBytes.length / 4);
const NO_WORDS = new Uint32Array(0);

describe(`property: kernels unpack what plain TypeScript unpacks (seed ${seed})`, () => {
  it('there are kernels', () => expect(kernelUnpacker()).to.not.equal(null));

  it('numbers and their sums, of every width', () => {
    for (let width = 0; width <= 53; width++) {
      for (let round = 0; round < ROUNDS; round++) {
        const n = length();
        const words = anyWords(packedWords(n, width));
        const step = random.pick([1, 10, 1 + Math.floor(random.next() * 2 ** Math.max(0, 20 - width))]);
        const base = Math.floor((random.next() - 0.5) * 2 ** random.pick([width, random.between(1, 40)]));
        const line = { base, step, scale: 10 ** random.pick([0, 1, 3, random.between(0, 15), 15]) };
        const what = `width ${width}, n ${n}, ${JSON.stringify(line)}`;
        // sums stay below 2^53 for both as long as those of the greatest numbers do
        const isSummed = width <= 32 && n * (Math.abs(base) + step * 2 ** width) < 2 ** 51;
        const runs = anyRuns(n, 2 ** random.pick([10, 31, 50, 53]));
        same(what, n, words, (unpacker, out, from) => unpacker.numbers(from, BEFORE, n, width, out, line));
        if (isSummed)
          same(`sums, ${what}`, n, words, (u, out, from) => u.sums(from, BEFORE, n, width, out, line, runs));
      }
    }
  });

  it('sums of what stays packed, of every width', () => {
    for (let width = 0; width <= WEIGH_WIDTH_MAX; width++) {
      for (let round = 0; round < ROUNDS; round++) {
        const n = length();
        const words = anyWords(packedWords(n, width));
        if (round === 0) words.fill(2 ** 32 - 1);
        const [from, to] = [random.between(0, n), random.between(0, n)].sort((a, b) => a - b);
        const weighed = (unpacker: typeof PLAIN, source: Uint32Array): number[] => {
          const out = new Float64Array(2);
          unpacker.weigh(source, BEFORE, n, width, from, to, out);
          return [...out];
        };
        const near = lentWords.subarray(0, words.length);
        near.set(words);
        const expected = weighed(PLAIN, words);
        const what = `width ${width}, n ${n}, rows ${from} … ${to}`;
        expect(weighed(kernels, words), what).to.deep.equal(expected);
        expect(weighed(kernels, near), `${what}, in the kernels' memory`).to.deep.equal(expected);
      }
    }
  });

  it('sums of quotients of what stays packed, but for their last digits', function () {
    if (!kernels.hasQuotients) this.skip();
    for (let width = 0; width <= WEIGH_WIDTH_MAX; width++) {
      for (let round = 0; round < ROUNDS; round++) {
        const n = length();
        const words = anyWords(packedWords(n, width));
        const range = { from: random.between(0, n >> 1), to: random.between(n >> 1, n) };
        const before = random.pick([null, random.between(-(2 ** 20), 2 ** 20)]);
        // what is added up stays within 32 bits
        const base = before === null ? random.between(-(2 ** 30), 2 ** 30) : -Math.floor(2 ** (width - 1));
        if (before !== null && n * 2 ** width > 2 ** 30) continue;
        const line = { base, step: 1, scale: 10 ** random.between(0, 15) };
        const [plain, found] = [PLAIN, kernels].map((unpacker) => {
          const out = new Float64Array(3);
          unpacker.quotients(words, BEFORE, n, width, range, line, before, out);
          return out;
        });
        const what = `width ${width}, n ${n}, rows ${range.from} … ${range.to}, ${JSON.stringify(line)}`;
        const size = (n * (Math.abs(base) + 2 ** width * (before === null ? 1 : n) + 2 ** 20)) / line.scale;
        expect(Math.abs(plain[0] - found[0] + (plain[1] - found[1])), what).to.be.at.most(size * 2 ** -85);
        if (before !== null) expect(found[2], what).to.equal(plain[2]);
      }
    }
  });

  it('64-bit patterns and numbers, of every width', () => {
    for (let width = 0; width <= 64; width++) {
      for (let round = 0; round < ROUNDS; round++) {
        const n = length();
        const words = anyWords(packedWords(n, width));
        const shift = Math.min(63, random.between(0, 64 - width));
        const base = BigInt.asIntN(
          64,
          (BigInt(random.between(0, 2 ** 32)) << 32n) | BigInt(random.between(0, 2 ** 31)),
        );
        const isDelta = random.next() < 0.5;
        same(`width ${width}, n ${n}, shift ${shift}`, n, words, (u, out, from) =>
          u.xors(from, BEFORE, n, width, shift, out),
        );
        same(`width ${width}, n ${n}, base ${base}, ${isDelta}`, n, words, (unpacker, out, from) =>
          unpacker.wide(from, BEFORE, n, width, base, isDelta, new BigInt64Array(out.buffer, out.byteOffset)),
        );
      }
    }
  });

  it('planes of bytes', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const n = length();
      const planes = new Uint8Array(anyWords(2 * n).buffer, 4, 8 * n);
      same(`n ${n}`, n, NO_WORDS, (unpacker, out) => unpacker.bytePlanes(planes, n, out));
    }
  });

  it('stretches of doubles have the same sums, wherever they are', () => {
    const adder = kernelAdder()!;
    const lent = lentDoubles;
    for (let round = 0; round < 10 * ROUNDS; round++) {
      const reach = 2 ** random.between(0, 60);
      const isWhole = random.next() < 0.5;
      const values = new Float64Array(lent.length).map(() => {
        const value = (random.next() - 0.5) * reach;
        return isWhole ? Math.round(value) : value;
      });
      lent.set(values);
      const n = random.pick([1, 7, 64, 513, random.between(1, lent.length)]);
      const from = random.between(0, lent.length - n);
      for (const array of [values, lent]) {
        if (!adder.near(array, from, from + n)) continue;
        const [plain, kernel] = [PLAIN_ADDER, adder].map((by) => {
          const out = new Float64Array(2 * STRANDS);
          by.doubles(array, from, n, out);
          const wholes = new Float64Array(4);
          by.wholes(array, from, n, wholes);
          const size = wholes[2] + wholes[3];
          const isExact = isWhole && size < 2 ** 53;
          return [new BigInt64Array(out.buffer), isExact ? [wholes[0] + wholes[1], size] : size >= 2 ** 53];
        });
        expect(kernel, `n ${n}, from ${from}, reach ${reach}`).to.deep.equal(plain);
      }
    }
  });

  it('and these are their sums', () => {
    for (let round = 0; round < ROUNDS; round++) {
      // with sums that a double does not hold
      const values = new Float64Array(random.between(1, 3_000)).map(() =>
        Math.round((random.next() - 0.5) * 2 ** random.between(0, 60)),
      );
      const cuts = Array.from({ length: random.between(0, 40) }, () => random.between(0, values.length));
      const edges = [0, ...cuts.sort((a, b) => a - b), values.length];
      const stretches = {
        count: edges.length - 1,
        from: Uint32Array.from(edges.slice(0, -1)),
        to: Uint32Array.from(edges.slice(1)),
        slots: Int32Array.from(edges.slice(1), () => random.between(0, 3)),
      };
      const exact = [0n, 0n, 0n, 0n];
      for (let i = 0; i < stretches.count; i++) {
        for (let row = edges[i]; row < edges[i + 1]; row++) exact[stretches.slots[i]] += BigInt(values[row]);
      }
      for (const isWhole of [false, true]) {
        const into = { sums: new Float64Array(4), lost: new Float64Array(4) };
        addStretches(values, stretches, isWhole, into);
        const found = exact.map((_, slot) => BigInt(into.sums[slot]) + BigInt(into.lost[slot]));
        expect(found).to.deep.equal(exact);
      }
    }
  });

  it('and numbers that take each other away do not overflow', () => {
    const values = new Float64Array(1_000).map((_, i) => (i % 2 === 0 ? 1e308 : -1e308));
    values[999] = 7;
    const into = { sums: new Float64Array(1), lost: new Float64Array(1) };
    const all = { count: 1, from: Uint32Array.of(0), to: Uint32Array.of(values.length), slots: Int32Array.of(0) };
    addStretches(values, all, false, into);
    expect(into.sums[0] + into.lost[0]).to.equal(1e308 + 7);
  });

  it('and long columns come back, up to the greatest numbers', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const n = length();
      const reach = 2 ** random.between(1, 40);
      const walk = new Float64Array(n);
      let value = random.pick([0, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]);
      for (let i = 0; i < n; i++) {
        walk[i] = value;
        const step = Math.floor(random.next() * reach) * random.pick([1, 3]);
        value += value > 0 ? -step : step;
      }
      for (const values of [walk, walk.map((v) => Math.sign(v) * (Math.abs(v) % 1e6)), descending(n)]) {
        const into = new WordWriter();
        encodeIntegers(values, n, into);
        const out = new Float64Array(n);
        decodeIntegers({ words: into.words, at: 0 }, n, out);
        expect(firstDifference(out, values), `n ${n}, reach ${reach}`).to.equal(null);
      }
    }
  });
});

// private functions

type Unpack = (unpacker: typeof PLAIN, out: Float64Array<ArrayBuffer>, words: Uint32Array) => void;

/** All give the same bits, and write n results: behind these only arrays are written to that are the kernels' own. */
function same(what: string, n: number, words: Uint32Array, unpack: Unpack): void {
  const [plain, kernel] = [PLAIN, kernels].map((unpacker) => {
    const out = new Float64Array(n + 1).fill(UNTOUCHED);
    unpack(unpacker, out, words);
    return new BigInt64Array(out.buffer);
  });
  expect(kernel[n], what).to.equal(plain[n]);
  expect(firstDifference(kernel, plain), what).to.equal(null);
  const near = lentWords.subarray(0, words.length);
  near.set(words);
  unpack(kernels, lentDoubles.subarray(0, n), near);
  const inPlace = new BigInt64Array(lentDoubles.buffer, lentDoubles.byteOffset, n);
  expect(firstDifference(inPlace, plain.subarray(0, n)), `${what}, in the kernels' memory`).to.equal(null);
}

function firstDifference<T>(found: ArrayLike<T>, expected: ArrayLike<T>): object | null {
  for (let at = 0; at < expected.length; at++) {
    if (found[at] !== expected[at]) return { at, found: String(found[at]), expected: String(expected[at]) };
  }
  return null;
}

function length(): number {
  return random.pick([
    1,
    31,
    32,
    33,
    127,
    128,
    129,
    159,
    161,
    7693,
    KERNEL_ROWS_MAX,
    random.between(KERNEL_ROWS_MIN, KERNEL_ROWS_MAX),
  ]);
}

/** One run in half of the cases, else up to some hundred, next to each other too. */
function anyRuns(n: number, reach: number): Firsts {
  const count = random.pick([1, random.between(1, 5), random.between(1, 400)]);
  const cuts = Array.from({ length: count - 1 }, () => random.between(0, n - 1));
  const starts = Uint32Array.from([...new Set([0, ...cuts])].sort((a, b) => a - b));
  return { starts, firsts: Float64Array.from(starts, () => Math.floor((random.next() - 0.5) * reach)) };
}

function anyWords(count: number): Uint32Array {
  return Uint32Array.from({ length: BEFORE + count + BEHIND }, () => Math.floor(random.next() * 2 ** 32));
}

/** By twos from the greatest number on, so that a running sum that began a step above it would be rounded. */
function descending(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => Number.MAX_SAFE_INTEGER - 2 * i);
}
