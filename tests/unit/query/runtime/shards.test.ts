/** I9: the number of shards, the order of blocks and their size change nothing in an answer. */
import { expect } from 'chai';
import fc from 'fast-check';
import { NO_LIMITS } from '../../../../query/index.ts';
import { ArraySource, type Row } from '../support/array-source.ts';
import { ask, NOW } from '../support/ask.ts';

const SEED = Date.now() & 0x7fffffff;

const QUERIES = [
  'SELECT count(v), sum(v), mean(v), stddev(v), spread(v), median(v) FROM m WHERE time < 10m GROUP BY time(1m), host',
  'SELECT min(v), max(v), first(v), last(v), mode(v) FROM m GROUP BY dc',
  'SELECT sum(n), mean(n), spread(n), percentile(n, 60), count(distinct(n)) FROM m WHERE v > -1 GROUP BY host',
  'SELECT max(v), n, host FROM m',
  'SELECT distinct(n) FROM m GROUP BY dc',
  'SELECT last(s), mode(s), count(s) FROM m WHERE time < 10m GROUP BY time(2m) fill(previous)',
  'SELECT * FROM m',
  'SELECT count(v), mean(n), sum(n), min(v), max(n), first(v), last(n), spread(n) FROM m WHERE time < 10m GROUP BY time(5m), host',
  'SELECT sum(n), count(s), max(v) FROM m GROUP BY host, dc',
  'SELECT first(n) FROM m WHERE time >= 1m AND time < 8m',
  'SELECT v, n FROM m GROUP BY dc ORDER BY time DESC LIMIT 3 OFFSET 1',
  'SELECT v, s FROM m GROUP BY host, dc',
  'SELECT * FROM m ORDER BY time DESC',
  'SELECT n FROM m WHERE v > 0 LIMIT 4',
  'SELECT * FROM m GROUP BY * ORDER BY time DESC LIMIT 1',
  'SELECT n, dc FROM m ORDER BY time DESC LIMIT 2 OFFSET 3',
  'SELECT k FROM m WHERE time > 1m AND time < 6m GROUP BY host SLIMIT 1 SOFFSET 1',
  'SELECT max(k) FROM (SELECT k, n FROM m WHERE n > 0 GROUP BY host) GROUP BY host',
];

const row: fc.Arbitrary<Row> = fc.record({
  measurement: fc.constant('m'),
  tags: fc
    .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', 'x', 'y'))
    .map(([host, dc]) => [['host', host] as const, ['dc', dc] as const]),
  time: fc.integer({ min: 0, max: 20 }).map((n) => BigInt(n) * 30_000_000_000n),
  fields: fc
    .tuple(
      fc.option(fc.constantFrom(0.1, 0.2, 0.3, -1.7, 1e9, -1e9, 5, 3.3), { nil: null }),
      fc.option(fc.constantFrom(1, 2, 3, -4, 9007199254740991, 9007199254740993n), { nil: null }),
      fc.option(fc.constantFrom('p', 'q', 'r'), { nil: null }),
    )
    .map(([v, n, s]) => ({
      k: { type: 'float' as const, value: 1 },
      ...(v === null ? {} : { v: { type: 'float' as const, value: v } }),
      ...(n === null ? {} : { n: { type: 'integer' as const, value: n } }),
      ...(s === null ? {} : { s: { type: 'string' as const, value: s } }),
    })),
});

describe('query: sharding', () => {
  it(`k shards answer as one, whatever is held at a time (seed ${SEED})`, async () => {
    const bytes = fc.constantFrom(1, 300, 1_000, 3_000, NO_LIMITS.partBytes);
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 60 }),
        fc.integer({ min: 2, max: 4 }),
        bytes,
        async (rows, k, partBytes) => {
          const shards = Array.from({ length: k }, (_, s) => rows.filter((r) => shardOf(r, k) === s));
          const unique = [...new Map(rows.map((r) => [`${r.tags} ${r.time}`, r])).values()];
          const reversed = shards.map((part) => unique.filter((r) => part.includes(r)).reverse());
          for (const query of QUERIES) {
            const one = await ask(query, [new ArraySource(unique, 7)]);
            const many = await ask(
              query,
              reversed.map((part) => new ArraySource(part, 2)),
              NOW,
              { ...NO_LIMITS, partBytes },
            );
            expect(many, query).to.deep.equal(one);
          }
        },
      ),
      { seed: SEED, numRuns: 60 },
    );
  });
});

// private functions

function shardOf({ tags }: Row, shards: number): number {
  return [...String(tags)].reduce((sum, c) => sum + c.charCodeAt(0), 0) % shards;
}
