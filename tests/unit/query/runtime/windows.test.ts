/** Window widths that take different arithmetic, times before the epoch, tables longer than one piece. */
import { expect } from 'chai';
import { ArraySource, rowsOf } from '../support/array-source.ts';
import { ask } from '../support/ask.ts';

const WEEK = 7n * 24n * 3600n * 1_000_000_000n;

describe('query/runtime: windows', () => {
  it('puts rows into windows of a year and of a nanosecond', async () => {
    const source = new ArraySource(rowsOf(`m v=1 ${-WEEK}\nm v=2 0\nm v=4 ${51n * WEEK}\nm v=8 ${52n * WEEK}`), 1);
    const yearly = await ask('SELECT sum(v) FROM m GROUP BY time(52w) fill(none)', [source]);
    expect(yearly[0].values.map(([, sum]) => sum)).to.deep.equal([1, 6, 8]);
    const narrow = await ask('SELECT sum(v) FROM m WHERE time >= -2 AND time <= 2 GROUP BY time(1ns)', [source]);
    expect(narrow[0].values).to.deep.equal([
      [-2, null],
      [-1, null],
      [0, 2],
      [1, null],
      [2, null],
    ]);
  });

  it('answers more rows than fit one table, in order, LIMIT or not', async () => {
    const lines = Array.from({ length: 25_000 }, (_, i) => `m,h=${i % 3} v=${i} ${i}`).reverse();
    const rows = rowsOf(lines.join('\n'));
    const shards = [0, 1].map(
      (s) =>
        new ArraySource(
          rows.filter(({ tags }) => (tags[0][1] === '0') === (s === 0)),
          999,
        ),
    );
    const [all] = await ask('SELECT v FROM m', shards);
    expect(all.values.length).to.equal(25_000);
    expect(all.values.every(([time, v], i) => time === i && v === i)).to.equal(true);
    const [some] = await ask('SELECT v FROM m ORDER BY time DESC LIMIT 3 OFFSET 2', shards);
    expect(some.values.map(([, v]) => v)).to.deep.equal([24_997, 24_996, 24_995]);
  });

  it('refuses more buckets than it may make', async () => {
    const source = new ArraySource(rowsOf('m v=1 0'));
    const error = await ask('SELECT mean(v) FROM m WHERE time >= 0 AND time < 1h GROUP BY time(100ns)', [source]).then(
      () => null,
      (e: Error) => e.message,
    );
    expect(error).to.match(/^max-select-buckets limit exceeded/);
  });
});
