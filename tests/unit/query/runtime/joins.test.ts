/** What a join holds: of the right side the rows within reach, which count against the limit of a query, and no others. */
import { expect } from 'chai';
import { NO_LIMITS } from '../../../../query/index.ts';
import { ArraySource, rowsOf } from '../support/array-source.ts';
import { ask, NOW } from '../support/ask.ts';

const ROWS = 200_000;
/** Holds some tables of 10,000 rows, not all of 20. */
const LIMITS = { ...NO_LIMITS, bytesMax: 2_000_000, partBytes: 500_000 };

describe('what a join holds', () => {
  const lines = Array.from({ length: ROWS }, (_, i) => `b v=${i} ${i}000`);
  const shards = [new ArraySource(rowsOf(['a u=1 0', `a u=2 ${ROWS}000`, ...lines].join('\n')), 10_000)];

  it('is what lies within reach', async () => {
    const [series] = await ask('SELECT count(v) FROM a JOIN b WITHIN 1ms', shards, NOW, LIMITS);
    expect(series.values).to.deep.equal([[0, 2_001]]);
  });

  it('is one row of an as-of join, however far it is', async () => {
    const [series] = await ask('SELECT u, v FROM a ASOF JOIN b', shards, NOW, LIMITS);
    expect(series.values).to.deep.equal([
      [0, 1, 0],
      [ROWS * 1000, 2, ROWS - 1],
    ]);
  });

  it('is refused where it is too much', async () => {
    const asked = ask('SELECT count(v) FROM a JOIN b WITHIN 1s', shards, NOW, LIMITS);
    const error = await asked.then(() => null).catch((e: Error) => e.message);
    expect(error).to.contain('max-query-bytes limit exceeded');
  });
});
