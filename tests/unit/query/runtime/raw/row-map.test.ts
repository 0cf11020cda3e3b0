/** RowMap: how many rows are thought to lie where. */
import { expect } from 'chai';
import { RowMap } from '../../../../../query/runtime/raw/row-map.ts';

const YEAR = 31_536_000_000_000_000n;
const ALL = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

describe('row map', () => {
  it('counts rows that lie centuries apart', () => {
    const map = RowMap.of(ALL, (each) => {
      for (const year of [-20n, -1n, 0n, 1n, 31n, 200n]) each(year * YEAR, year * YEAR, 1);
    })!;
    expect(map.rows).to.be.closeTo(6, 0.01);
    expect(map.rowsBefore(30n * YEAR)).to.be.closeTo(4, 0.01);
    expect(map.timeAt(4.5) / YEAR).to.equal(31n);
  });

  it('takes the part of an extent that a range has', () => {
    const map = RowMap.of({ min: 0n, max: 49n }, (each) => each(-50n, 49n, 100))!;
    expect(map.rows).to.equal(50);
    expect(RowMap.of({ min: 0n, max: 49n }, (each) => each(50n, 60n, 3))).to.equal(null);
  });

  it('is cut where extents end, if little goes on there', () => {
    const extents = [
      [0n, 999n, 1_000],
      // begins a little before the first has ended
      [990n, 1_999n, 1_000],
      [2_000n, 2_999n, 1_000],
      // all the time
      [0n, 2_999n, 100],
    ] as const;
    const map = RowMap.of(ALL, (each) => {
      for (const [min, max, rows] of extents) each(min, max, rows);
    })!;
    expect(map.edgeAfter(0, 500, 5_000, false)).to.equal(1_999n);
    expect(map.edgeAfter(0, 500, 1_500, false)).to.equal(null);
    expect(map.edgeAfter(0, 500, 5_000, true)).to.equal(2_000n);
    expect(map.edgeAfter(map.rowsBefore(1_999n), 500, 5_000, false)).to.equal(2_999n);
    expect(map.edgeAfter(0, Number.NaN, 5_000, false)).to.equal(null);
  });
});
