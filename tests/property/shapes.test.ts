/**
 * ShapeParser says what parse() says: for random statements whose literals change, and for texts that are then broken at random.
 * Prints its seed; SEED repeats it.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { parse, print, QueryError, ShapeParser } from '../../query/language/index.ts';
import { statements } from '../support/arbitrary-statements.ts';
import { otherLiterals } from '../support/other-literals.ts';
import { Random, seedOfRun } from '../support/random.ts';

const SEED = seedOfRun();
/** What dashboards and benchmarks ask. */
const TEXTS = [
  "SELECT max(usage_user) FROM cpu WHERE (hostname = 'host_1' OR hostname = 'host_2') AND time >= '2016-01-01T00:17:08Z' AND time < '2016-01-01T01:17:08Z' GROUP BY time(1m)",
  'SELECT mean("value"), max(v) FROM "rp"."cpu" WHERE time >= 1456789012345ms and time <= 1456789912345ms GROUP BY time(10s), "host" fill(-1) ORDER BY time DESC LIMIT 5 OFFSET 3 SLIMIT 2',
  'SELECT a + 2.5, -3 * b, - 4, -1.0, percentile(c, 95.5) FROM m WHERE host =~ /^web\\d+\\/x/ AND region !~ /eu/ AND n > -5 AND t < now() - 1h',
  "SHOW TAG VALUES FROM cpu WITH KEY = host WHERE region = 'eu' LIMIT 10; SELECT v FROM m WHERE a = '2020-01-01' GROUP BY time(1h, 5m)",
  "SELECT mean(v) FROM (SELECT max(u) AS v FROM m WHERE x = 'y' GROUP BY time(5m)) WHERE time > 0 tz('Europe/Berlin')",
  "SELECT mean(v) FROM m GROUP BY time(1d, '2020-01-01T00:00:00Z')",
  "SELECT mean(v) FROM m GROUP BY time(1d, 'x'), hop(10m, 1m), rows(100, 10) WATERMARK DELAY 5s LATENESS 1m UPDATE EMIT EVERY 100 ROWS, EVERY 2s",
  'SELECT v FROM m WHERE t > 9223372036854775807 AND u < 9223372036854775808 AND w = -9223372036854775808 AND x = 99999999999999999999',
  "SELECT v FROM m WHERE a = 5 AND b = 1h30m AND c = 'it\\'s' AND d = 0.5",
  'KILL QUERY 5',
  "SELECT v FROM m WHERE s = '<0>' AND n = 4000000000000000",
  'DELETE FROM m WHERE time < 5',
];

describe(`language, shapes (SEED=${SEED})`, () => {
  it('give what the grammar gives when literals change', () => {
    const shapes = new ShapeParser();
    const random = new Random(SEED);
    for (let round = 0; round < 60; round++) {
      for (const text of TEXTS) same(shapes, round === 0 ? text : otherLiterals(text, random));
    }
    expect(shapes.hits).to.be.above(150);
  });

  it('give what the grammar gives for random statements', () => {
    const shapes = new ShapeParser();
    const random = new Random(SEED);
    fc.assert(
      fc.property(fc.oneof(statements.asking, statements.administering), (statement) => {
        const text = print(statement);
        for (let round = 0; round < 4; round++) same(shapes, round < 1 ? text : otherLiterals(text, random));
      }),
      { seed: SEED, numRuns: 200 },
    );
    expect(shapes.hits).to.be.above(40);
  });

  it('refuse what the grammar refuses when texts are broken', () => {
    const shapes = new ShapeParser();
    const random = new Random(SEED);
    for (const text of TEXTS) for (let round = 0; round < 3; round++) same(shapes, text);
    for (let round = 0; round < 600; round++) {
      const text = random.pick(TEXTS);
      const at = Math.floor(random.next() * text.length);
      const added = random.pick(['', "'", '"', '/', '.', '-', '5', 'h', ' ', '$', '\n', '\\', 'é', '\u0001']);
      same(shapes, text.slice(0, at) + added + text.slice(at + Math.floor(random.next() * 3)));
    }
  });
});

// private functions

function same(shapes: ShapeParser, text: string): void {
  expect(
    attempt(() => shapes.parse(text)),
    text,
  ).to.deep.equal(attempt(() => parse(text)));
}

function attempt(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { refused: error.message, at: error.at };
  }
}
