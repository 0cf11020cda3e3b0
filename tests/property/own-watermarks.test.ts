/**
 * WATERMARK … PER SERIES over random streams in which each series has a pace and a lag of its own. The oracle is the same query, without
 * PER SERIES, over the points of one series alone: rows, revisions and what was too late are the same (time rule 4, I5). And what
 * holds of every live query: rows are those of history (I1), also over lost connections and kills (I3, I4), the clock closes what a later
 * event would (I8), the number of shards changes nothing (I9).
 */
import { expect } from 'chai';
import { SCHEMA, type Step, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';

const RUNS = 25;
const SECOND = 1_000_000_000n;
const WINDOWS = ['time(10s)', 'time(7s)', 'hop(20s, 5s)'];
const FILLS = [' fill(none)', ' fill(none)', ' fill(0)'];
const EMITS = ['', ' EMIT ON CLOSE, ON LATE', ' EMIT ON CLOSE', ' EMIT FINAL', ' EMIT ON UPDATE, ON CLOSE, ON LATE'];

describe('live queries with a watermark for each series', function () {
  this.timeout(120_000);
  const seed = seedOfRun();

  it(`are what they are over each series alone, ${RUNS} runs (seed ${seed})`, () => {
    let [tooLate, exact] = [0, 0];
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const lateness = random.pick([0, 5, 60, 60]);
      const [windows, fill, emit] = [random.pick(WINDOWS), random.pick(FILLS), random.pick(EMITS)];
      const once = emit === ' EMIT ON CLOSE' ? '' : ` LATENESS ${lateness}s`;
      const delay = random.pick(['', ' DELAY 3s']);
      const text = (own: string): string =>
        `SELECT count(v), sum(i), _end FROM m GROUP BY ${windows}, host${fill}${
          delay === '' && own === '' ? '' : ` WATERMARK${delay}${own}`
        }${once}${emit}`;
      const schedule = apart(scheduleOf(random), random);
      const shards = 1;
      const all = ended(text(' PER SERIES'), shards, schedule);
      const where = `seed ${seed + run}: ${all.text}`;
      const expected = new Map<string, unknown>();
      const sums = { onTime: 0, late: 0, tooLate: 0 };
      for (const host of ['a', 'b', 'c']) {
        const own = ended(
          text(''),
          shards,
          schedule.map(({ rows, passMs }) => ({ rows: rows.filter((row) => hostOf(row) === host), passMs })),
        );
        for (const [key, value] of own.held) expected.set(key, value);
        for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += own.home.counters[name];
      }
      const { onTime, late, tooLate: dropped } = all.home.counters;
      // when a window can change no more is known by looking at it: what comes at that moment may be taken by one and not by the other
      if (lateness === 60 || once === '' || emit === ' EMIT FINAL') {
        expect(sortedBy(all.held), where).to.deep.equal(sortedBy(expected));
        expect({ onTime, late, tooLate: dropped }, where).to.deep.equal(sums);
        exact++;
      } else {
        expect([...all.held.keys()], where).to.include.members([...expected.keys()]);
        expect(dropped, where).to.be.at.most(sums.tooLate);
        expect(onTime + late + dropped, where).to.equal(sums.onTime + sums.late + sums.tooLate);
      }
      tooLate += dropped;
    }
    expect(tooLate, 'points that came too late').to.be.at.least(5);
    expect(exact, 'runs that are the same in all').to.be.at.least(RUNS / 5);
  });

  it(`I1, I3, I4: end with the rows of history, over lost connections and kills, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text =
        `SELECT count(v), sum(i), last(v) FROM m GROUP BY ${random.pick(WINDOWS)}, ` +
        `${random.pick(['host', 'host, zone'])} fill(none) WATERMARK PER SERIES${random.pick(EMITS.slice(0, 2))}`;
      const schedule = apart(scheduleOf(random), random);
      const live = new LiveText(text, SCHEMA, random.between(1, 3));
      for (let from = 0; from < schedule.length; from += 5) {
        const part = schedule.slice(from, from + 5);
        const what = random.between(1, 4);
        if (what <= 2) write(live, part);
        else live.reconnect(what === 4, () => write(live, part));
      }
      live.pass(150_000);
      const where = `seed ${seed + run}: ${text}`;
      expect(inOrder(live.rows()), where).to.deep.equal(inOrder(await live.history()));
      expect(live.finals().sort(), where).to.deep.equal([...live.rows().keys()].sort());
    }
  });

  it(`I8, I9: end alike by the clock and by events, over any number of shards, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = `SELECT count(v), sum(i) FROM m GROUP BY ${random.pick(WINDOWS)}, host, zone fill(none) WATERMARK PER SERIES`;
      const schedule = apart(scheduleOf(random), random);
      const one = ended(text, 1, schedule);
      expect(inOrder(ended(text, 3, schedule).rows()), `seed ${seed + run}: ${text}`).to.deep.equal(
        inOrder(one.rows()),
      );
    }
  });
});

// private functions

/** Each host is so much behind the others, some by far more than LATENESS; no series has a time twice. */
function apart(schedule: readonly Step[], random: Random): Step[] {
  const lags = new Map(['a', 'b', 'c'].map((host) => [host, BigInt(random.pick([0, 30, 400, 4000])) * SECOND]));
  let ms = 0n;
  return schedule.map(({ rows, passMs }) => ({
    rows: rows.map((row) => ({ ...row, time: row.time - lags.get(hostOf(row))! + 1_000_000n * (ms++ % 1000n) })),
    // what was written is told before the next, whoever else writes
    passMs: Math.max(1000, Math.round(passMs / 1000) * 1000),
  }));
}

function hostOf({ tags }: Step['rows'][number]): string {
  return tags.find(([key]) => key === 'host')![1];
}

function write(live: LiveText, schedule: readonly Step[]): void {
  for (const { rows, passMs } of schedule) {
    if (rows.length > 0) live.write(...rows);
    if (passMs > 0) live.pass(passMs);
  }
}

function ended(text: string, shards: number, schedule: readonly Step[]): LiveText {
  const live = new LiveText(text, SCHEMA, shards);
  write(live, schedule);
  live.pass(150_000);
  return live;
}

function sortedBy(held: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...held].sort(([a], [b]) => (a < b ? -1 : 1));
}
