/** The order of rows against a plain sort: times at steps of any size, far apart, before 1970, the same for many rows. */
import { expect } from 'chai';
import { splitTime } from '../../../../../query/functions/slot-time.ts';
import { orderOfRows, type RowKeys } from '../../../../../query/runtime/raw/row-order.ts';
import { finished } from '../../../../../query/runtime/source/steps.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const CASES = 60;
const ROWS_MAX = 3_000;
const SERIES = 20;
/** ns: what rows are apart, or a multiple of it. */
const UNITS = [1n, 7n, 1_000n, 10_000_000_000n, 4_294_967_296n, 86_400_000_000_000n];
const SEED = seedOfRun();
/** Units that times lie within. */
const SPANS = [1, 50, 100_000, 2 ** 33];
/** ns: of all times together, which stay within 64 bits. */
const SPAN_MAX = 2n ** 62n;

describe(`order of rows (SEED=${SEED})`, () => {
  const random = new Random(SEED);

  it('is that of a sort by group, time and series', () => {
    for (let i = 0; i < CASES; i++) {
      const unit = random.pick(UNITS);
      const span = Math.min(random.pick(SPANS), Number(SPAN_MAX / unit));
      const first = random.pick([0n, -5_000_000_000n, 1_767_225_600_000_000_003n]);
      const rows = random.between(1, ROWS_MAX);
      const times = Array.from({ length: rows }, () => first + unit * BigInt(random.between(0, span)));
      const keys = keysOf(times, random);
      const expected = Array.from(times.keys()).sort(
        (a, b) =>
          keys.group[a] - keys.group[b] || compare(times[a], times[b]) || rankOf(keys, a) - rankOf(keys, b) || a - b,
      );
      expect(Array.from(finished(orderOfRows(keys, true))), `case ${i}`).to.deep.equal(expected);
    }
  });
});

// private functions

function keysOf(times: readonly bigint[], random: Random): RowKeys {
  const split = times.map(splitTime);
  const groups = random.between(1, 3);
  return {
    rows: times.length,
    group: Uint32Array.from(times, () => random.between(0, groups - 1)),
    groupRank: Uint32Array.of(0, 1, 2),
    series: Uint32Array.from(times, () => random.between(0, SERIES - 1)),
    seriesRank: Uint32Array.from({ length: SERIES }, (_, series) => SERIES - 1 - series),
    high: Float64Array.from(split, ({ high }) => high),
    low: Float64Array.from(split, ({ low }) => low),
  };
}

function rankOf({ series, seriesRank }: RowKeys, row: number): number {
  return seriesRank[series[row]];
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
