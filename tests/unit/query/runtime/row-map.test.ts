/** RowMap: how many rows are thought to lie where. */
import { expect } from 'chai';
import { RowMap } from '../../../../query/runtime/row-map.ts';

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
});
