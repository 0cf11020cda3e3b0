/**
 * What works long asks for its turn often, so that a query that is given up stops soon and others come between: counted in turns, as
 * time is not the same on every machine.
 */
import { expect } from 'chai';
import {
  answerOf,
  historicalShard,
  mergeSchemas,
  NO_LIMITS,
  type Plan,
  parse,
  planSelect,
  type SelectStatement,
} from '../../../../query/index.ts';
import { ArraySource, rowsOf } from '../support/array-source.ts';
import { NOW } from '../support/ask.ts';

const WINDOWS = 300;
const GROUPS = 20_000;
/** Groups that are sorted, or merged, in one step. */
const STEP = 4_096;
const SOURCE = new ArraySource(
  rowsOf(
    Array.from({ length: WINDOWS }, (_, i) => [
      `m v=${50 + (i % 7) * 3 + (i % 24)} ${i}000000000`,
      `n v=${i % 11} ${i}000000000`,
    ])
      .flat()
      .concat(Array.from({ length: GROUPS }, (_, i) => `g,host=h${(i * 7919) % GROUPS} v=${i} ${i}`))
      .join('\n'),
  ),
  10_000,
);

describe('turns', () => {
  for (const [text, least] of [
    // sixteen searches of up to 1,000 rounds
    ['SELECT holt_winters(mean(v), 5, 24) FROM m WHERE time >= 0 AND time < 300s GROUP BY time(1s)', 2_000],
    // sorted in five parts, which are merged three times; then a table each
    ['SELECT count(v) FROM g GROUP BY host', GROUPS + 4 + 3 * Math.floor(GROUPS / STEP)],
    // rows of new series a few at a time, on the shard too
    ['SELECT v FROM g', GROUPS / STEP],
    // put in order of time
    ['SELECT top(v, 15000) FROM g', GROUPS / STEP + 15_000 / STEP],
    // a batch of pairs each
    ['SELECT count(m.v) FROM m JOIN n WITHIN 300s', (WINDOWS * WINDOWS) / 8_192],
  ] as const) {
    it(`${text} asks at least ${Math.ceil(least)} times`, async () => {
      expect(await asked(text, Number.POSITIVE_INFINITY)).to.be.at.least(least);
    });

    it(`${text} ends when it is given up`, async () => {
      expect(await asked(text, 5)).to.equal(5);
    });
  }
});

// private functions

/** How often a query asks for its turn at home, where it is given up at the `most`-th time. */
async function asked(text: string, most: number): Promise<number> {
  let turns = 0;
  const turn = (): null => {
    if (++turns >= most) throw new Error('given up');
    return null;
  };
  const statement = parse(text)[0] as SelectStatement;
  const plan = planSelect(statement, {
    database: 'db',
    defaultRetentionPolicy: 'autogen',
    now: NOW,
    schemas: (...wanted) => mergeSchemas([SOURCE.describe(...wanted)]),
  });
  const ask = (leaf: Plan) => [historicalShard(leaf, SOURCE, () => null, NO_LIMITS)];
  try {
    for await (const _ of answerOf(plan, ask, turn, NO_LIMITS));
  } catch (error) {
    expect((error as Error).message).to.equal('given up');
  }
  return turns;
}
