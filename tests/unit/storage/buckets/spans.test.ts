/** Which blocks are read together: neighbours, and times that lie in an earlier chunk. */
import { expect } from 'chai';
import { Ranges, spansOf } from '../../../../storage/buckets/spans.ts';

const FAR = 100_000;

describe('spans of blocks', () => {
  it('are of blocks with little between them', () => {
    const places = [part(0, 100), part(100, 50), part(1_000, 50), part(FAR, 10)];
    expect(spansOf(places)).to.deep.equal([
      { first: 0, last: 2, length: 1_050 },
      { first: 3, last: 3, length: 10 },
    ]);
  });

  it('reach to the end of the longest block, though a later one ends before it', () => {
    expect(spansOf([part(32, 500_000), part(64, 8), part(500_032, 8)])).to.deep.equal([
      { first: 0, last: 2, length: 500_008 },
    ]);
  });

  it('are made of ranges that have grown together, in order', () => {
    const ranges = new Ranges();
    for (const [at, length] of [
      [FAR, 10],
      [FAR + 10, 20],
      [0, 8],
      [FAR + 30, 0],
      [FAR + 30, 5],
      [FAR + 30, 5],
    ]) {
      ranges.add(at, length);
    }
    expect(ranges.ascending()).to.deep.equal([part(0, 8), part(FAR, 30), part(FAR + 30, 5)]);
  });
});

// private functions

function part(at: number, length: number): { at: number; length: number } {
  return { at, length };
}
