/** Orders that InfluxDB 1.6.7 left equal values in: asked for with percentile, rank by rank. */
import { expect } from 'chai';
import { sortUnstable } from '../../../../query/functions/unstable-order.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

/** `order`: the places, in `values`, of the items that came out. */
const SEEN: readonly { values: readonly number[]; order: readonly number[] }[] = [
  {
    values: [0, 1, 0, 0, 2, 0, 1, 2, 2, 0, 1, 2, 0, 2, 0, 1, 0, 2, 0, 2, 0, 2, 0, 1, 0, 2, 0, 0, 1, 0],
    order: [
      18, 24, 2, 3, 29, 5, 20, 0, 16, 9, 22, 27, 12, 26, 14, 10, 15, 28, 6, 23, 1, 7, 21, 19, 17, 25, 13, 11, 8, 4,
    ],
  },
  {
    values: [
      4, 1, 2, 0, 3, 3, 1, 0, 3, 3, 2, 1, 3, 4, 3, 1, 4, 2, 2, 0, 2, 3, 3, 3, 1, 0, 3, 0, 1, 1, 1, 4, 1, 1, 1, 4, 2, 4,
      0, 2, 1, 2, 4, 3, 2, 2, 4, 3, 3,
    ],
    order: [
      7, 25, 27, 3, 38, 19, 33, 6, 34, 32, 30, 11, 29, 28, 40, 15, 1, 24, 36, 10, 20, 45, 44, 41, 17, 2, 18, 39, 26, 14,
      48, 47, 9, 8, 5, 21, 22, 43, 4, 12, 23, 16, 42, 37, 0, 35, 46, 31, 13,
    ],
  },
  {
    values: [
      3, 4, 4, 0, 0, 4, 0, 1, 1, 3, 3, 0, 0, 1, 1, 4, 3, 4, 4, 2, 2, 1, 1, 1, 4, 3, 3, 2, 1, 2, 1, 0, 1, 1, 4, 0, 0, 2,
      3, 1, 2, 4, 2, 1, 2, 3, 2, 1, 4, 1, 3, 1, 2, 2, 1, 0, 4, 4, 2, 0,
    ],
    order: [
      12, 11, 31, 3, 4, 35, 6, 59, 36, 55, 7, 54, 51, 30, 21, 47, 43, 39, 8, 49, 33, 14, 22, 23, 32, 28, 13, 46, 52, 29,
      58, 53, 27, 20, 44, 19, 42, 37, 40, 10, 38, 26, 25, 16, 9, 45, 0, 50, 34, 48, 15, 17, 24, 18, 5, 2, 56, 57, 41, 1,
    ],
  },
];
const SEED = seedOfRun();

describe(`query/functions: the order of an unstable sort (SEED=${SEED})`, () => {
  for (const { values, order } of SEEN) {
    it(`leaves ${values.length} values as InfluxDB does`, () => {
      expect([...sorted(values)]).to.deep.equal(order);
    });
  }

  it('sorts, whatever comes', () => {
    const random = new Random(SEED);
    for (let i = 0; i < 200; i++) {
      const length = random.between(0, 400);
      const distinct = random.between(1, 500);
      const shape = random.pick([
        () => random.between(1, distinct),
        (at: number) => at,
        (at: number) => -at,
        (at: number) => at % 7,
        (at: number) => Math.min(at, length - at),
      ]);
      const values = Array.from({ length }, (_, at) => shape(at));
      const out = Array.from(sorted(values), (at) => values[at]);
      expect(out).to.deep.equal([...values].sort((a, b) => a - b));
    }
  });
});

// private functions

function sorted(values: readonly number[]): Uint32Array {
  const items = Uint32Array.from(values.keys());
  sortUnstable(items, (a, b) => values[a] < values[b]);
  return items;
}
