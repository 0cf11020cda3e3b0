/**
 * The properties that hold of every live query, whichever way it is kept (cells, held rows, joins): any order of arrival within
 * LATENESS ends alike (I2), windows of one kind are those of another where they say the same (I6, I7), the clock closes what a later
 * event would (I8), the number of shards changes nothing (I9); and the same messages at the same steps tell the same frames to the bit,
 * whatever the clock of the machine says. That they equal history (I1) is held by the tests beside this one.
 */
import { expect } from 'chai';
import { play, SCHEMA, type Step, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';
import type { Row } from '../unit/query/support/array-source.ts';

const RUNS = 8;
const SECOND = 1_000_000_000n;
/** Points come at most so much later than newer ones. */
const BEHIND_MAX = 40n * SECOND;
/** What no row to come changes is final in all of these. */
const QUERIES = [
  'SELECT sum(v), count(i) FROM m GROUP BY time(10s), host fill(none)',
  'SELECT max(v) FROM m GROUP BY hop(1m, 15s), zone fill(none)',
  `SELECT sum(i), mean(v) FROM m WHERE host = 'a' GROUP BY hop(25s, 10s), zone fill(none)`,
  'SELECT count(v) FROM m GROUP BY windows(time(10s), time(15s)), host fill(none)',
  'SELECT count(v), sum(i) FROM m GROUP BY session(7s), host',
  'SELECT count(v), max(i) FROM m GROUP BY sliding(12s), host',
  'SELECT difference(sum(v)) FROM m GROUP BY time(10s), host fill(none)',
  'SELECT max(d) FROM (SELECT mean(v) AS d FROM m GROUP BY time(5s), host fill(none)) GROUP BY time(30s) fill(none)',
  'SELECT a.v, b.i FROM m AS a JOIN m AS b WITHIN 4s ON host',
  'SELECT a.v, b.v FROM m AS a ASOF JOIN m AS b TOLERANCE 9s ON zone WHERE a.i > 0 GROUP BY zone',
  'SELECT sum(a.v), count(b.i) FROM m AS a JOIN m AS b WITHIN 2s ON host GROUP BY time(20s), host fill(none)',
];
/** Two that say the same. */
const ALIKE: readonly (readonly [string, string])[] = [
  [
    'SELECT sum(v), count(i) FROM m GROUP BY hop(10s, 10s), host',
    'SELECT sum(v), count(i) FROM m GROUP BY time(10s), host',
  ],
  [
    `SELECT sum(i) FROM m WHERE host = 'a' GROUP BY hop(7s, 7s), zone`,
    `SELECT sum(i) FROM m WHERE host = 'a' GROUP BY time(7s), zone`,
  ],
  ['SELECT median(v) FROM m GROUP BY hop(7s, 7s)', 'SELECT median(v) FROM m GROUP BY time(7s)'],
  // counts only grow: the last of cumulate says the most
  [
    'SELECT max(c) FROM (SELECT count(i) AS c FROM m GROUP BY cumulate(30s, 10s), host fill(none)) GROUP BY time(30s), host',
    'SELECT count(i) AS max FROM m GROUP BY time(30s), host',
  ],
  [
    'SELECT sum(s) FROM (SELECT sum(i) AS s FROM m GROUP BY time(10s), host fill(none)) GROUP BY time(1m), host',
    'SELECT sum(i) FROM m GROUP BY time(1m), host',
  ],
];

describe('live queries of every kind', () => {
  const seed = seedOfRun();

  it(`I2: any order within lateness ends alike, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = random.pick(QUERIES);
      const shards = random.between(1, 3);
      const schedule = distinct(scheduleOf(random));
      const one = ended(text, shards, schedule);
      const other = ended(text, shards, shuffled(schedule, random));
      expect(rowsOf(other), `seed ${seed + run}: ${text}`).to.deep.equal(rowsOf(one));
    }
  });

  it(`I6, I7: windows that say the same end alike, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const [text, same] = random.pick(ALIKE);
      const schedule = scheduleOf(random);
      const shards = random.between(1, 3);
      const rows = rowsOf(ended(`${text} fill(none)`, shards, schedule));
      expect(rows, `seed ${seed + run}: ${text}`).to.deep.equal(rowsOf(ended(`${same} fill(none)`, shards, schedule)));
    }
  });

  it(`I8: the clock closes what a later event would, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = random.pick(QUERIES);
      const schedule = scheduleOf(random);
      const byClock = ended(text, 1, schedule);
      const byEvent = new LiveText(text, SCHEMA, 1);
      play(byEvent, schedule);
      const rows = schedule.flatMap((step) => step.rows);
      const last = rows.reduce((a, b) => (b.time > a.time ? b : a));
      byEvent.write({ ...last, time: last.time + 200n * SECOND });
      byEvent.pass(3000);
      const finals = new Set(byEvent.finals());
      for (const [key, { rows: values }] of byClock.held) {
        expect(finals.has(key), `seed ${seed + run}: ${text}: ${key}`).to.equal(true);
        expect(byEvent.held.get(key)?.rows, `seed ${seed + run}: ${text}: ${key}`).to.deep.equal(values);
      }
    }
  });

  it(`I9: the number of shards changes no final row, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = random.pick(QUERIES);
      const schedule = scheduleOf(random);
      const one = rowsOf(ended(text, 1, schedule));
      for (const shards of [2, 5]) {
        expect(rowsOf(ended(text, shards, schedule)), `seed ${seed + run}: ${shards} shards: ${text}`).to.deep.equal(
          one,
        );
      }
    }
  });

  it(`a run is repeated to the bit from its messages and steps, by another clock, ${RUNS} runs (seed ${seed})`, () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = random.pick(QUERIES);
      const shards = random.between(1, 3);
      const schedule = scheduleOf(random);
      const lost = schedule.map(() => random.between(0, 9));
      const recorded = withLosses(text, shards, schedule, lost);
      const repeated = elsewhere(random, () => withLosses(text, shards, schedule, lost));
      expect(repeated.told, `seed ${seed + run}: ${text}`).to.deep.equal(recorded.told);
      expect(recorded.told.length, text).to.be.at.least(1);
    }
  });
});

// private functions

/** A client that loses its connection, or its server, at some steps. */
function withLosses(text: string, shards: number, schedule: readonly Step[], lost: readonly number[]): LiveText {
  const live = new LiveText(text, SCHEMA, shards);
  for (const [n, step] of schedule.entries()) {
    if (lost[n] > 1) play(live, [step]);
    else live.reconnect(lost[n] === 1, () => play(live, [step]));
  }
  live.pass(150_000);
  return live;
}

/** On a machine whose clocks say something else each time, and whose chances fall otherwise. */
function elsewhere<T>(random: Random, act: () => T): T {
  const { now } = Date;
  const { random: chance } = Math;
  const monotonic = performance.now.bind(performance);
  Date.now = () => now() + random.between(-(10 ** 9), 10 ** 9);
  Math.random = () => random.next();
  performance.now = () => random.between(0, 10 ** 9);
  try {
    return act();
  } finally {
    Date.now = now;
    Math.random = chance;
    performance.now = monotonic;
  }
}

/** The query when everything is final, and nothing was too late. */
function ended(text: string, shards: number, schedule: readonly Step[]): LiveText {
  const live = new LiveText(text, SCHEMA, shards);
  play(live, schedule);
  live.pass(150_000);
  expect(live.finals().length, text).to.equal(live.held.size);
  expect(live.home.counters.tooLate, text).to.equal(0);
  return live;
}

function rowsOf(live: LiveText): (readonly [string, readonly string[]])[] {
  return inOrder(live.rows());
}

/** No series has a time twice: which of two values counts depends on their order. */
function distinct(schedule: readonly Step[]): Step[] {
  const taken = new Set<string>();
  return schedule.map(({ rows, passMs }) => ({
    passMs,
    rows: rows.filter(({ tags, time }) => {
      const key = `${tags} ${time}`;
      return !taken.has(key) && taken.add(key);
    }),
  }));
}

/** The same rows in another order, none so late that it does not count; time passes as it did. */
function shuffled(schedule: readonly Step[], random: Random): Step[] {
  const left = schedule.flatMap(({ rows }) => rows).sort((a, b) => (a.time < b.time ? -1 : 1));
  return schedule.map(({ rows, passMs }, step) => {
    const isLast = step === schedule.length - 1;
    const taken: Row[] = [];
    while (left.length > 0 && (isLast || taken.length < rows.length)) {
      const near = left.filter(({ time }) => time <= left[0].time + BEHIND_MAX);
      taken.push(...left.splice(left.indexOf(random.pick(near)), 1));
    }
    return { rows: taken, passMs };
  });
}
