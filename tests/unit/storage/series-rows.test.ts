/** Rows of a chunk by series, beside a walk over all of them. */
import { expect } from 'chai';
import { SeriesRows } from '../../../storage/head/series-rows.ts';
import { Random, seedOfRun } from '../../support/random.ts';

const ROWS = 20_000;

const seed = seedOfRun();

describe(`rows of a chunk by series (SEED=${seed})`, () => {
  for (const seriesMax of [0, 40, 3_000, 5_000_000]) {
    it(`finds the rows of up to ${seriesMax + 1} series, while rows come`, () => {
      const random = new Random(seed);
      const series = Uint32Array.from({ length: ROWS }, () => random.between(0, seriesMax));
      const offsets = Float64Array.from({ length: ROWS }, () => random.between(0, 1_000));
      const index = new SeriesRows();
      for (const rows of [1, 100, 4_096, 4_097, 9_000, 5_000, 12_000, ROWS]) {
        // who pinned the chunk before it grew has shorter arrays
        const chunk = { rows, series: series.slice(0, rows), offsets: offsets.slice(0, rows) };
        for (let ask = 0; ask < 5; ask++) {
          const some = Array.from({ length: random.between(1, 20) }, () => series[random.between(0, rows - 1)]);
          const list = Uint32Array.from(new Set([...some, seriesMax + 1])).sort();
          const low = random.between(0, 500);
          const high = random.between(400, 1_000);
          const wanted = new Set(list);
          const expected = [...chunk.series.keys()].filter(
            (row) => wanted.has(series[row]) && offsets[row] >= low && offsets[row] <= high,
          );
          expect([...index.select(chunk, list, low, high)]).to.deep.equal(expected);
        }
      }
    });
  }
});
