/**
 * LATENESS … RECOMPUTE: however late points come, rows end as those of history, over overwrites, any number of shards, lost connections
 * and kills; no revision has two values.
 */
import { expect } from 'chai';
import { playApart, SCHEMA, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';

const RUNS = 25;

describe('live queries that recompute', () => {
  const seed = seedOfRun();

  it(`end as history has them, ${RUNS} runs (seed ${seed})`, async () => {
    let late = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = textOf(random);
      const live = new LiveText(text, SCHEMA, random.between(1, 3));
      // a stream that is there: what was before the query is not told
      const schedule = scheduleOf(random);
      playApart(live, schedule, random, 6);
      live.pass(150_000);
      const where = `seed ${seed + run}: ${text}`;
      expect(inOrder(live.rows()), where).to.deep.equal(inOrder(await live.history()));
      expect(live.home.counters.tooLate, where).to.equal(0);
      late += live.home.counters.late;
    }
    expect(late, 'late points').to.be.at.least(RUNS);
  });
});

// private functions

function textOf(random: Random): string {
  const keys = random.pick(['', ', host', ', zone']);
  const window = random.pick(['time(10s)', 'time(25s)', 'time(1m)', 'hop(30s, 10s)', 'windows(time(5s), time(20s))']);
  const where = random.pick(['', "WHERE zone = 'x' "]);
  const emit = random.pick(['', ' EMIT ON CLOSE, ON LATE', ' EMIT ON UPDATE, ON LATE']);
  return `SELECT count(v), sum(v), max(i) FROM m ${where}GROUP BY ${window}${keys} fill(none) LATENESS ${random.pick([0, 5])}s UPDATE RECOMPUTE${emit}`;
}
