/**
 * Live windows of rows (session, state, event, rows, sliding) over random streams with disorder, ties, overwrites and any number of
 * shards: what a client holds in the end is the same SELECT over history, which windows-oracle.test.ts holds equal to brute force; over
 * connections that end, over kills, in any order within lateness.
 */
import { expect } from 'chai';
import { play, playApart, SCHEMA, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';

const RUNS = 15;
/** A little before the first rows, or among them. */
const NEAR = 1_699_999_630;
const COLUMNS = '_start, _end, _count, count(v), sum(v), min(v), max(i), median(v)';

describe('live windows of rows', () => {
  const seed = seedOfRun();

  it(`are those of history in the end, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const live = new LiveText(textOf(random), SCHEMA, random.between(1, 3));
      play(live, scheduleOf(random));
      await expectHistory(live, `seed ${seed + run}`);
    }
  });

  it(`go on over lost connections and kills, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const live = new LiveText(textOf(random), SCHEMA, random.between(1, 3));
      const schedule = scheduleOf(random);
      playApart(live, schedule, random, 4);
      await expectHistory(live, `seed ${seed + run}`);
    }
  });
});

// private functions

async function expectHistory(live: LiveText, message: string): Promise<void> {
  // longer than the longest gap, and than it takes to be idle
  live.pass(150_000);
  const history = await live.history();
  expect(inOrder(live.rows()), `${message}: ${live.text}`).to.deep.equal(inOrder(history));
  expect(live.home.counters.tooLate, message).to.equal(0);
  if (/session|sliding/.test(live.text)) expect(live.finals().length, message).to.equal(history.size);
}

function textOf(random: Random): string {
  const seconds = random.between(1, 60);
  const longest = random.next() < 0.5 ? '' : `, ${random.between(1, 200)}s`;
  const window = random.pick([
    `session(${seconds}s${longest})`,
    `session(${seconds}s${longest}, v > ${random.between(0, 90)}, v < ${random.between(10, 100)})`,
    'state("s")',
    `event(v > ${random.between(0, 90)}, v < ${random.between(10, 100)})`,
    `rows(${random.between(1, 9)}, ${random.between(1, 9)})`,
    `sliding(${seconds}s)`,
  ]);
  const keys = random.pick(['', ', host', ', host, zone', ', *']);
  const where = random.pick(['', '', "WHERE zone = 'x' ", 'WHERE v > 20 ', `WHERE time >= ${NEAR}s `]);
  return `SELECT ${COLUMNS} FROM m ${where}GROUP BY ${window}${keys}`;
}
