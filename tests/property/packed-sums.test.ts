/** Sums of columns as they are stored are those of the numbers themselves, whatever their encoding, runs and stretches. */
import { expect } from 'chai';
import type { Column, Stretches } from '../../model/index.ts';
import { decodeColumn, encodeColumn, loadPacked } from '../../storage/buckets/column-block.ts';
import { PackedColumn } from '../../storage/buckets/packed-column.ts';
import { MemoryFiles } from '../../storage/index.ts';
import { Random, seedOfRun } from '../support/random.ts';

const ROUNDS = 400;
const SLOTS = 3;

const seed = seedOfRun();
const random = new Random(seed);
const { compression } = new MemoryFiles();

describe(`property: stretches of packed numbers have the sums of the numbers (seed ${seed})`, () => {
  for (const type of ['integer', 'float'] as const) {
    it(`${type}s, or they are left to be unpacked`, () => {
      const packed = new PackedColumn();
      let taken = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const rows = random.pick([128, 129, 2000, 7693, 8192, random.between(128, 8192)]);
        const starts = anyStarts(rows);
        const scale = type === 'float' ? 10 ** random.pick([0, 1, 2, 6, random.between(0, 15)]) : 1;
        const column: Column = { type, values: anyValues(rows, starts).map((value) => value / scale), present: null };
        const bytes = encodeColumn(column, 0, rows, starts, compression)!;
        const words = new Uint32Array(bytes.buffer);
        const decode = (): Column => decodeColumn(words, rows, starts, compression);
        if (!loadPacked(words, rows, starts, packed, decode)) continue;
        // asked again and again of the same numbers, as by several aggregates
        for (let call = 0; call < 3; call++) {
          const before = Array.from({ length: SLOTS }, () =>
            Math.floor((random.next() - 0.5) * 2 ** random.between(1, type === 'float' ? 30 : 53)),
          );
          if (checked(packed, column.values, anyStretches(rows, call === 2), before)) taken++;
        }
        expect({ ...packed }.values, 'and are left as they were').to.deep.equal(column.values);
      }
      expect(taken, 'some of them are').to.be.above(ROUNDS / 4);
    });
  }
});

// private functions

/** Whether stretches are added to what was there before: integers exactly, floats to almost twice the digits of a double. */
function checked(packed: PackedColumn, values: Column['values'], stretches: Stretches, before: number[]): boolean {
  const sums = Float64Array.from(before);
  const lost = new Float64Array(SLOTS);
  if (!packed.addStretches(stretches, { sums, lost })) {
    expect([...sums, ...lost]).to.deep.equal([...before, 0, 0, 0]);
    return false;
  }
  const exact = before.map(fixed);
  const sizes = before.map((sum) => fixed(Math.abs(sum)));
  for (let i = 0; i < stretches.count; i++) {
    const slot = stretches.slots[i];
    for (let row = stretches.from[i]; row < stretches.to[i]; row++) {
      exact[slot] += fixed(Number(values[row]));
      sizes[slot] += fixed(Math.abs(Number(values[row])));
    }
  }
  for (let slot = 0; slot < SLOTS; slot++) {
    const off = fixed(sums[slot]) + fixed(lost[slot]) - exact[slot];
    const bound = packed.type === 'float' ? sizes[slot] >> 85n : 0n;
    expect((off < 0n ? -off : off) <= bound, `${packed.type}s, off by ${off} of ${exact[slot]}`).to.equal(true);
  }
  return true;
}

/** A double as a whole number of 2^-160. */
function fixed(value: number): bigint {
  return BigInt(Math.round(value * 2 ** 160));
}

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
