/** Sums of whole numbers that are stored are those of the numbers themselves, whatever their encoding, runs and stretches. */
import { expect } from 'chai';
import type { Stretches } from '../../model/index.ts';
import { decodeIntegers, encodeIntegers } from '../../storage/buckets/integers.ts';
import { PackedIntegers } from '../../storage/buckets/packed-integers.ts';
import { WordWriter } from '../../storage/buckets/words.ts';
import { Random, seedOfRun } from '../support/random.ts';

const ROUNDS = 400;
const SLOTS = 3;

const seed = seedOfRun();
const random = new Random(seed);

describe(`property: stretches of packed numbers have the sums of the numbers (seed ${seed})`, () => {
  it('or are left to be unpacked', () => {
    const packed = new PackedIntegers();
    let taken = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const rows = random.pick([128, 129, 2000, 7693, 8192, random.between(128, 8192)]);
      const starts = anyStarts(rows);
      const values = anyValues(rows, starts);
      const into = new WordWriter();
      into.push(7);
      encodeIntegers(values, rows, into, starts);
      if (!packed.load(into.words, 1, rows, starts)) continue;
      // asked again and again of the same numbers, as by several aggregates
      for (let call = 0; call < 3; call++) {
        const stretches = anyStretches(rows, call === 2);
        const before = Array.from({ length: SLOTS }, () =>
          Math.floor((random.next() - 0.5) * 2 ** random.between(1, 53)),
        );
        const sums = Float64Array.from(before);
        const lost = new Float64Array(SLOTS);
        if (!packed.addStretches(stretches, { sums, lost })) {
          expect([...sums, ...lost]).to.deep.equal([...before, 0, 0, 0]);
          continue;
        }
        taken++;
        const exact = before.map(BigInt);
        for (let i = 0; i < stretches.count; i++) {
          for (let row = stretches.from[i]; row < stretches.to[i]; row++)
            exact[stretches.slots[i]] += BigInt(values[row]);
        }
        expect(Array.from(sums, BigInt), `${rows} rows, ${starts.length} runs`).to.deep.equal(exact);
        expect([...lost]).to.deep.equal([0, 0, 0]);
      }
      const unpacked = new Float64Array(rows);
      decodeIntegers({ words: into.words, at: 1 }, rows, unpacked, starts);
      expect(unpacked, 'and are left as they were').to.deep.equal(values);
    }
    expect(taken, 'some of them are').to.be.above(ROUNDS / 4);
  });
});

// private functions

function anyStarts(rows: number): Uint32Array {
  const cuts = Array.from({ length: random.pick([0, 0, 4, random.between(1, 300)]) }, () =>
    random.between(1, rows - 1),
  );
  return Uint32Array.from([...new Set([0, ...cuts])].sort((a, b) => a - b));
}

/** Walks, numbers about a middle, the same again and again; some with an outlier, some as great as numbers may be. */
function anyValues(rows: number, starts: Uint32Array): Float64Array {
  const reach = 2 ** random.pick([0, 1, 5, 11, random.between(1, 24)]);
  const unit = random.pick([1, 1, 10]);
  const first = Math.floor((random.next() - 0.5) * 2 ** random.pick([10, 30, 45, 53]));
  const isWalk = random.next() < 0.7;
  const isStart = new Set(starts);
  const values = new Float64Array(rows);
  let value = first;
  for (let i = 0; i < rows; i++) {
    if (isStart.has(i)) value = first + unit * random.between(-1_000, 1_000);
    else if (isWalk) value += unit * Math.floor((random.next() - 0.5) * reach);
    else value = first + unit * Math.floor(random.next() * reach);
    values[i] = value;
  }
  if (random.next() < 0.1) values[random.between(0, rows - 1)] += 2 ** 40;
  return values.map((v) => Math.max(-(2 ** 53) + 1, Math.min(2 ** 53 - 1, v)));
}

/** Most ascend and leave rows out; some do not. */
function anyStretches(rows: number, inAnyOrder: boolean): Stretches {
  const cuts = Array.from({ length: 2 * random.between(1, 12) }, () => random.between(0, rows));
  if (random.next() < 0.3) cuts.push(0, rows);
  if (!inAnyOrder) cuts.sort((a, b) => a - b);
  const pairs = cuts.flatMap((cut, i) => (i % 2 === 0 ? [[cut, cuts[i + 1]].sort((a, b) => a - b)] : []));
  return {
    count: pairs.length,
    from: Uint32Array.from(pairs, ([from]) => from),
    to: Uint32Array.from(pairs, ([, to]) => to),
    slots: Int32Array.from(pairs, () => random.between(0, SLOTS - 1)),
  };
}
