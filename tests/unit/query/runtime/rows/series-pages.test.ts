/** SeriesPages beside a Map: near and far series, upwards, downwards and in any order. */
import { expect } from 'chai';
import { SeriesPages, UNKNOWN } from '../../../../../query/runtime/rows/series-pages.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

describe('query/runtime: series pages', () => {
  const seed = seedOfRun();

  it(`have the number last set of each series, and none of any other (SEED=${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const pages = new SeriesPages();
      const numbers = new Map<number, number>();
      const last = [10, 2_000, 3_000_000][round % 3];
      const met = Array.from({ length: random.between(1, 40) }, () => random.between(0, last));
      if (round % 4 === 1) met.sort((a, b) => b - a);
      for (const series of met) {
        expect(pages.of(series)).to.equal(numbers.get(series) ?? UNKNOWN);
        const number = random.between(-1, 100);
        numbers.set(series, number);
        pages.set(series, number);
      }
      for (const [series, number] of numbers) expect(pages.of(series)).to.equal(number);
      for (let n = 0; n < 20; n++) {
        const series = random.between(0, last + 2_000);
        expect(pages.of(series)).to.equal(numbers.get(series) ?? UNKNOWN);
      }
    }
  });
});
