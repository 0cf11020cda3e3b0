/** Limits of a query over several shards, in InfluxDB's words. */
import { expect } from 'chai';
import { NO_LIMITS } from '../../../../../query/index.ts';
import { ArraySource, rowsOf } from '../../support/array-source.ts';
import { ask, NOW } from '../../support/ask.ts';

const SHARDS = ['a', 'b'].map(
  (host) =>
    new ArraySource(
      rowsOf(Array.from({ length: 10 }, (_, i) => `m,host=${host} v=${i},s="${'x'.repeat(100)}${i}" ${i}`).join('\n')),
    ),
);

describe('query/runtime: limits', () => {
  const cases: [string, object, string][] = [
    ['SELECT v FROM m', { pointsMax: 19 }, 'max-select-point limit exceeed: (20/19)'],
    ['SELECT sum(v) FROM m', { pointsMax: 19 }, 'max-select-point limit exceeed: (20/19)'],
    ['SELECT v FROM m', { pointsMax: 9 }, 'max-select-point limit exceeed: (10/9)'],
    ['SELECT v FROM m', { seriesMax: 1 }, 'max-select-series limit exceeded: (2/1)'],
    ['SELECT max(v) FROM m GROUP BY host', { seriesMax: 1 }, 'max-select-series limit exceeded: (2/1)'],
    [
      'SELECT max(v) FROM m WHERE time >= 0 AND time < 1h GROUP BY time(1ms)',
      { bucketsMax: 1000 },
      'max-select-buckets limit exceeded: (3600000/1000)',
    ],
    [
      'SELECT max(x) FROM (SELECT mean(v) AS x FROM m WHERE time >= 0 AND time < 1s GROUP BY time(100ns))',
      { bucketsMax: 1000 },
      'max-select-buckets limit exceeded: (10000000/1000)',
    ],
    ['SELECT s FROM m', { bytesMax: 1000 }, 'max-query-bytes limit exceeded'],
    ['SELECT max(v) FROM m GROUP BY time(1ns) fill(none)', { bytesMax: 400 }, 'max-query-bytes limit exceeded'],
    ['SELECT s FROM (SELECT s FROM m) WHERE v > 0', { bytesMax: 1000 }, 'max-query-bytes limit exceeded'],
  ];
  for (const [query, limits, message] of cases) {
    it(`${query}: ${message}`, async () => {
      const failure = await ask(query, SHARDS, NOW, { ...NO_LIMITS, ...limits }).catch((error: Error) => error.message);
      expect(failure).to.match(new RegExp(`^${message.replaceAll(/[()]/g, '\\$&')}`));
    });
  }

  it('let a query pass that keeps to them', async () => {
    const limits = { pointsMax: 20, seriesMax: 2, bucketsMax: 10, bytesMax: 1e6, partBytes: 1000 };
    const [{ values }] = await ask('SELECT sum(v) FROM m WHERE time >= 0 AND time < 10ns', SHARDS, NOW, limits);
    expect(values[0][1]).to.equal(90);
    expect((await ask('SELECT v FROM m', SHARDS, NOW, limits))[0].values).to.have.length(20);
  });
});
