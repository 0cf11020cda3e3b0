/** The newest windows of a series are the beginning of all its windows, and are answered without reading the others. */
import { expect } from 'chai';
import { NO_LIMITS } from '../../../../../query/index.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';
import { ArraySource, type Row } from '../../support/array-source.ts';
import { ask, NOW } from '../../support/ask.ts';

const SEED = seedOfRun();
const CASES = 400;
const MINUTE = 60_000_000_000n;
const CALLS = [
  'max(v)',
  'count(v)',
  'mean(v), count(w)',
  'min(w)',
  'last(v), w',
  'stddev(w), sum(v)',
  'percentile(v, 10)',
];
const FILLS = ['', 'fill(7)', 'fill(none)', 'fill(previous)', 'fill(linear)'];

describe(`query: newest windows (seed ${SEED})`, () => {
  it('are those of the whole answer', async () => {
    const random = new Random(SEED);
    for (let i = 0; i < CASES; i++) {
      const rows = Array.from({ length: random.between(0, 12) }, () => rowOf(random));
      const shards = [0, 1].map(
        (shard) =>
          new ArraySource(
            rows.filter(({ tags }) => tags[0][1] === `h${shard}`),
            3,
          ),
      );
      const bound = random.pick(['time < 25m', 'time < 20m', 'time >= 3m AND time < 18m']);
      const text = `SELECT ${random.pick(CALLS)} FROM m WHERE ${bound} GROUP BY time(1m) ${random.pick(FILLS)} ORDER BY time DESC`;
      const [limit, offset] = [random.between(1, 6), random.between(0, 3)];
      const all = await ask(text, shards);
      const some = await ask(`${text} LIMIT ${limit} OFFSET ${offset}`, shards);
      const values = all.flatMap((series) => series.values).slice(offset, offset + limit);
      expect(
        some.flatMap((series) => series.values),
        `${text} LIMIT ${limit} OFFSET ${offset} of ${JSON.stringify(rows, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
      ).to.deep.equal(values);
    }
  });

  it('are read alone', async () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => ({ ...rowOf(new Random(i)), time: BigInt(i) * MINUTE }));
    const shards = [new ArraySource(rows, 7)];
    const limits = { ...NO_LIMITS, pointsMax: 5 };
    const text = 'SELECT count(k) FROM m WHERE time < 1000m GROUP BY time(1m) ORDER BY time DESC';
    const [{ values }] = await ask(`${text} LIMIT 4 OFFSET 1`, shards, NOW, limits);
    expect(values).to.have.length(4);
    expect(await ask(text, shards, NOW, limits).catch((error) => error.message)).to.contain('max-select-point');
  });
});

// private functions

function rowOf(random: Random): Row {
  const field = (name: string) =>
    random.between(0, 2) === 0 ? {} : { [name]: { type: 'float' as const, value: random.between(-9, 9) } };
  return {
    measurement: 'm',
    tags: [['host', `h${random.between(0, 1)}`]],
    time: BigInt(random.between(0, 24)) * MINUTE + BigInt(random.between(0, 3)),
    fields: { k: { type: 'float', value: 1 }, ...field('v'), ...field('w') },
  };
}
