/** Which rows of a block a LIMIT can need, beside a walk over each series. */
import { expect } from 'chai';
import type { Block } from '../../../../../model/index.ts';
import { NewestRows } from '../../../../../query/runtime/raw/newest-rows.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const SERIES = 9;
const ROUNDS = 300;

const seed = seedOfRun();

describe(`query/runtime: the newest rows of a block (SEED=${seed})`, () => {
  it('are the first or last of each series, in the order of the rows', () => {
    const random = new Random(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const page = random.between(1, 5);
      const descending = random.between(0, 1) === 1;
      const newest = new NewestRows(page, descending);
      for (let part = 0; part < 3; part++) {
        const block = made(random, random.between(0, 60));
        const rows = Uint32Array.from({ length: block.rows }, (_, row) => row).filter(() => random.between(0, 3) > 0);
        const expected = new Set<number>();
        for (let series = 0; series < SERIES; series++) {
          const own = [...rows].filter((row) => block.series[row] === series);
          for (const row of descending ? own.slice(-page) : own.slice(0, page)) expected.add(row);
        }
        const all = [...rows];
        const count = newest.narrow(block, rows, rows.length, SERIES);
        expect([...rows.subarray(0, count)]).to.deep.equal(all.filter((row) => expected.has(row)));
      }
    }
  });

  it('are all of them where a series is in no order of time', () => {
    const block = { ...made(new Random(seed), 4), series: new Uint32Array(4), offsets: Float64Array.of(3, 1, 2, 4) };
    const rows = Uint32Array.of(0, 1, 2, 3);
    expect(new NewestRows(1, false).narrow(block, rows, 4, SERIES)).to.equal(4);
    expect([...rows]).to.deep.equal([0, 1, 2, 3]);
  });
});

// private functions

/** Rows whose times ascend, of series as they come. */
function made(random: Random, rows: number): Block {
  return {
    rows,
    series: Uint32Array.from({ length: rows }, () => random.between(0, SERIES - 1)),
    base: 0n,
    offsets: Float64Array.from({ length: rows }, (_, row) => row),
    columns: new Map(),
    selection: null,
  };
}
