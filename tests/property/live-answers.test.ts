/**
 * Live queries whose rows are not sums of cells: functions from row to row over windows, top and bottom, LIMIT, subqueries, over random
 * streams with disorder, overwrites, lost connections and kills: what a client holds in the end is the same SELECT over history.
 */
import { expect } from 'chai';
import { play, playApart, SCHEMA, scheduleOf } from '../support/live-schedules.ts';
import { inOrder, LiveText, NOW_NS } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';
import type { Row } from '../unit/query/support/array-source.ts';

const RUNS = 30;
/** In front of all points. */
const SINCE = 'time >= 1699990000s';
const INNER = `SELECT mean(v) AS a, max(i) AS b FROM m WHERE ${SINCE} GROUP BY time(10s), host fill(none)`;

describe('live queries over held rows', () => {
  const seed = seedOfRun();

  it(`hold what history says, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = textOf(random);
      const live = new LiveText(text, SCHEMA, random.between(1, 3));
      const schedule = scheduleOf(random);
      playApart(live, schedule, random, 5);
      live.pass(150_000);
      expect(inOrder(live.rows()), `seed ${seed + run}: ${text}`).to.deep.equal(inOrder(await live.history()));
      // the last window of some rows goes on, and so do totals
      if (!/rows\(3\)|SLIMIT/.test(text)) expect(live.finals().length, text).to.equal(live.held.size);
      expect(live.home.counters.tooLate).to.equal(0);
    }
  });

  it(`begun behind the clock, tell no window from the rows of one shard, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const windows = random.pick(['time(10s)', 'time(30s), host', 'time(1m)']);
      const text = `SELECT sum(v), count(v) FROM (SELECT v FROM m) GROUP BY ${windows} fill(none)`;
      const schedule = scheduleOf(random);
      const half = schedule.length >> 1;
      const before = schedule.slice(0, half).flatMap(({ rows }) => rows);
      const live = new LiveText(text, SCHEMA, random.between(2, 3), before);
      play(live, schedule.slice(half));
      live.pass(150_000);
      const history = await live.history();
      for (const [key, rows] of live.rows())
        expect(rows, `seed ${seed + run}: ${text} ${key}`).to.deep.equal(history.get(key));
    }
  });

  it('LIMIT holds what may be among the first rows', () => {
    for (const what of ['v', 'v FROM m WHERE v > 0', 'sum(v)']) {
      const from = what.includes('FROM') ? '' : ' FROM m';
      const windows = what === 'sum(v)' ? 'time(10s), host fill(none)' : 'host';
      const live = new LiveText(`SELECT ${what}${from} GROUP BY ${windows} LIMIT 3`, SCHEMA, 2);
      for (let at = 0; at < 100; at++) {
        live.write(rowAt(10 * at, 'a'), rowAt(10 * at + 1, at < 50 ? 'b' : 'c'));
        live.pass(10_000);
      }
      expect([...live.held.keys()].length, what).to.equal(9);
      // those of LATENESS, the clock's grace and the pause between two looks are not settled
      expect(live.home.cells, what).to.be.at.most(9 + 2 * 10);
      expect(live.home.cells, what).to.be.at.least(9);
      expect(live.home.leansOn(NOW_NS, NOW_NS), 'deletes of what was told are of interest').to.equal(true);
    }
  });
});

// private functions

function rowAt(second: number, host: string): Row {
  const time = NOW_NS + BigInt(second) * 1_000_000_000n;
  const tags = [['host', host] as const, ['zone', 'x'] as const];
  return { measurement: 'm', tags, time, fields: { v: { type: 'float', value: 1 } } };
}

function textOf(random: Random): string {
  const keys = random.pick(['', ', host']);
  const windows = random.pick(['time(10s)', 'time(30s)']);
  const limit = ` LIMIT ${random.between(2, 7)}${random.pick(['', ' OFFSET 2'])}`;
  const over = (what: string, rest = '') => `SELECT ${what} FROM m WHERE ${SINCE} GROUP BY ${windows}${keys}${rest}`;
  return random.pick([
    over('derivative(mean(v), 1s), difference(max(i))', ' fill(none)'),
    over('moving_average(sum(v), 3)', ' fill(none)'),
    over('cumulative_sum(count(v)), elapsed(last(v), 1s)', ' fill(none)'),
    `SELECT count(v), count(i), count(s) FROM m WHERE ${SINCE} GROUP BY host, zone SLIMIT ${random.between(1, 4)}${random.pick(['', ' SOFFSET 1'])}`,
    over('top(v, 2)'),
    over('top(v, 2)', limit),
    over('mean(v), count(i)', ` fill(none)${limit}`),
    over('moving_average(sum(v), 2)', ` fill(none)${limit}`),
    `SELECT v, i FROM m WHERE ${SINCE}${random.pick(['', ' AND i > 0', " AND zone = 'x'"])}${keys === '' ? '' : ' GROUP BY host'}${limit}`,
    `SELECT sum(a), max(b) FROM (${INNER}${limit}) GROUP BY ${windows} fill(none)`,
    `SELECT sum(a), max(b) FROM (${INNER}) GROUP BY ${windows}${keys} fill(none)${limit}`,
    `SELECT count(v), _end FROM m WHERE ${SINCE} GROUP BY ${random.pick(['session(7s)', 'rows(3)', 'sliding(9s)'])}${keys}${limit}`,
    `SELECT count(v) FROM (SELECT v FROM m WHERE ${SINCE} GROUP BY host${limit}) GROUP BY session(7s), host`,
    over('bottom(i, host, 1)'),
    `SELECT difference(v) FROM m WHERE ${SINCE}${keys === '' ? '' : ' GROUP BY host'}`,
    `SELECT sum(a), max(b) FROM (${INNER}) GROUP BY ${windows} fill(none)`,
    `SELECT difference(a) FROM (${INNER}) GROUP BY host`,
    `SELECT a - b AS c FROM (${INNER}) WHERE a > 20 GROUP BY host`,
    `SELECT count(d), sum(d) FROM (SELECT sum(v) AS d FROM m WHERE ${SINCE} GROUP BY session(7s), host) GROUP BY time(1m) fill(none)`,
    `SELECT sum(a), _end FROM (${INNER}) GROUP BY session(25s), host`,
    `SELECT max(d) FROM (SELECT difference(mean(v)) AS d FROM m WHERE ${SINCE} GROUP BY time(10s), host fill(none)) GROUP BY time(1m), host fill(none)`,
  ]);
}
