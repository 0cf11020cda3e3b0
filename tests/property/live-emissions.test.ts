/**
 * Whatever EMIT says, live rows end as those of history: over random streams with disorder, on any number of shards, over lost
 * connections and kills. Lists without ON LATE are told of streams whose disorder is inside DELAY, and send each final row once.
 */
import { expect } from 'chai';
import { playApart, SCHEMA, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';

const RUNS = 25;
const OPEN = [
  'ON UPDATE',
  'EVERY 700ms ON CHANGE',
  'EVERY 5s',
  'EVERY 3 ROWS',
  'EVERY 2s ON CHANGE, EVERY 7s, EVERY 4 ROWS',
];

describe('live queries and EMIT', () => {
  const seed = seedOfRun();

  it(`end as history has them, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const emit = random.pick(['FINAL', ...listsOf(random.pick(OPEN)), 'ON CLOSE', 'ON CLOSE, ON LATE']);
      const isLate = emit.includes('LATE') || emit === 'FINAL';
      const text = `${queryOf(random)}${isLate ? '' : ' WATERMARK DELAY 1m'} EMIT ${emit}`;
      const live = new LiveText(text, SCHEMA, random.between(1, 3));
      const schedule = scheduleOf(random);
      playApart(live, schedule, random, 6);
      live.pass(220_000);
      const where = `seed ${seed + run}: ${text}`;
      expect(inOrder(live.rows()), where).to.deep.equal(inOrder(await live.history()));
      expect(live.home.counters.tooLate, where).to.equal(0);
      if (!emit.includes('LATE')) expect(live.home.counters.revised, where).to.equal(0);
      if (/FINAL|CLOSE/.test(emit)) expect(live.finals().length, where).to.equal(live.held.size);
      if (emit === 'FINAL' || emit === 'ON CLOSE') expect(live.provisional, where).to.equal(0);
    }
  });
});

// private functions

function listsOf(open: string): string[] {
  return [open, `${open}, ON CLOSE`, `ON LATE, ${open}`, `ON CLOSE, ${open}, ON LATE`];
}

function queryOf(random: Random): string {
  const keys = random.pick(['', ', host']);
  const window = random.pick(['time(10s)', 'time(25s)', 'hop(30s, 10s)', 'session(9s)', 'sliding(20s)']);
  return `SELECT count(v), sum(v), max(i) FROM m GROUP BY ${window}${keys} fill(none)`;
}
