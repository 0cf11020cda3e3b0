/** WITH (retain, state_ttl): what a snapshot holds, at once and after a start, what fill() makes no more rows of, and what is refused. */
import { expect } from 'chai';
import { assertLive, parse, type SelectStatement } from '../../../../query/index.ts';
import { keptOptions } from '../../../../query/language/kept-options.ts';
import { play, SCHEMA, scheduleOf } from '../../../support/live-schedules.ts';
import { inOrder, LiveText, NOW_NS } from '../../../support/live-texts.ts';
import { Random, seedOfRun } from '../../../support/random.ts';
import type { Row } from '../support/array-source.ts';
import { seriesOf } from '../support/ask.ts';

const RUNS = 20;
const WINDOWS = { 'time(10s)': 10, 'hop(20s, 10s)': 20 };

describe('what a live query keeps', function () {
  this.timeout(60_000);
  const seed = seedOfRun();

  it(`retain: a snapshot has the windows that ended so long ago, as history has them, ${RUNS} runs (seed ${seed})`, async () => {
    let kept = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const [windows, widthS] = random.pick(Object.entries(WINDOWS));
      const retainS = random.pick([30, 60]);
      const text = `SELECT count(v), _end FROM m GROUP BY ${windows}, host fill(none) LATENESS 5s WITH (retain = ${retainS}s)`;
      const live = new LiveText(text, SCHEMA, random.between(1, 3));
      play(live, scheduleOf(random));
      live.pass(random.pick([15_000, 30_000]));
      const where = `seed ${seed + run}: ${text}`;
      const at = Number(live.home.watermark! - NOW_NS) / 1e9;
      const ended = (key: string): number => Number(key.split(' ').at(-1)) + widthS;
      const snapshot = seriesOf(live.home.subscribe(live.nowMs).snapshot.flatMap(({ tables }) => tables));
      const shown = snapshot.flatMap(({ tags, values }) =>
        values.map(([time, ...rest]) => [
          `m${JSON.stringify(tags ?? {})} ${(Number(time) - Number(NOW_NS)) / 1e9}`,
          [rest.map((value) => `${value}`).join(' ')],
        ]),
      ) as [string, string[]][];
      const old = shown.filter(([key]) => ended(key) <= at - retainS);
      expect(old, `${where}: rows of windows that ended before`).to.deep.equal([]);
      const history = await live.history();
      const due = [...live.held].filter(([key, { final }]) => final && ended(key) > at - retainS && ended(key) <= at);
      for (const [key, { rows }] of due) {
        const found = shown.filter(([name]) => name === key).flatMap(([, texts]) => texts);
        expect(found, `${where}: ${key}`).to.have.lengthOf(1);
        // what came too late for the row is in the state that a snapshot is made of, if it came before that was let go
        const counts = [rows, found, history.get(key)!].map(([row]) => Number.parseInt(row, 10));
        expect(counts, `${where}: ${key}`).to.deep.equal(counts.toSorted((a, b) => a - b));
      }
      kept += due.length;
    }
    expect(kept, 'rows kept').to.be.at.least(RUNS);
  });

  it('retain: a query that begins reads what it keeps', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => point(-10 * i));
    for (const windows of ['time(10s)', 'hop(20s, 10s)']) {
      const text = `SELECT count(v) FROM m GROUP BY ${windows}, host fill(none)`;
      const kept = new LiveText(`${text} WITH (retain = 200s)`, SCHEMA, 2, rows);
      const open = new LiveText(text, SCHEMA, 2, rows);
      expect(open.held.size, windows).to.be.below(kept.held.size / 2);
      const history = await kept.history();
      const expected = [...history].filter(([key]) => Number(key.split(' ').at(-1)) + 10 > -200);
      const shown = inOrder(kept.rows()).filter(([key]) => Number(key.split(' ').at(-1)) + 10 > -200);
      expect(shown, windows).to.deep.equal(expected.sort(([a], [b]) => (a < b ? -1 : 1)));
      expect(expected.length).to.be.at.least(20);
    }
  });

  it('state_ttl: fill() makes no more rows of a series that was silent for so long', () => {
    let letGo = 0;
    const rowsOf = (options: string): number => {
      const text = `SELECT count(v) FROM m GROUP BY time(10s), host fill(0) LATENESS 5s EMIT ON CLOSE, ON LATE${options}`;
      const live = new LiveText(text, SCHEMA, 1);
      live.write(point(0));
      live.pass(200_000);
      ({ letGo } = live.home.counters);
      return live.held.size;
    };
    expect(rowsOf('')).to.equal(11);
    expect(rowsOf(' WITH (state_ttl = 40s)')).to.equal(5);
    expect(letGo).to.equal(1);
    expect(rowsOf(' WITH (state_ttl = 1d)')).to.equal(11);
  });

  it('is refused where it means nothing, with what was expected', () => {
    const refused = {
      'WITH (retain = 0s)': 'expected a duration above zero (1h), found 0s',
      "WITH (retain = '1h')": "found '1h'",
      'WITH (retain = 1h, retain = 2h)': 'option "retain" of a live query is said twice',
      'WITH (keep = 1h)': 'unknown option "keep" of a live query: expected retain (1h) or state_ttl (1d)',
      'WITH (toString = 1h)': 'unknown option "toString"',
    };
    for (const [options, message] of Object.entries(refused)) {
      expect(() => keptOptions(optionsOf(options)), options).to.throw(message);
    }
    const live = {
      'SELECT v FROM m WITH (retain = 1h)': 'retain keeps windows that have ended, and it has none',
      'SELECT sum(v) FROM m WITH (retain = 1h)': 'retain keeps windows that have ended, and it has none',
      'SELECT sum(v) FROM m GROUP BY session(5s) WITH (retain = 1h)': 'retain keeps windows that have ended',
      'SELECT sum(v) FROM m WHERE time > now() - 1h GROUP BY time(1m) WITH (retain = 1h)': 'expected one of them',
      'SELECT sum(v) FROM m WITH (state_ttl = 1h)': 'which history still has',
      'SELECT sum(v) FROM m GROUP BY time(1m) WITH (state_ttl = 1m)':
        'takes to settle (a window and LATENESS, 120000ms)',
      'SELECT mean(s) FROM (SELECT sum(v) AS s FROM m GROUP BY time(1m) WITH (retain = 1h)) GROUP BY time(1h)':
        'put it at the end of the query',
    };
    for (const [text, message] of Object.entries(live)) {
      expect(() => new LiveText(text, SCHEMA, 1), text).to.throw(message);
    }
  });

  it('a stored query is refused when it is created, not only when it runs', () => {
    const text = (window: string) => `SELECT sum(v) FROM m GROUP BY ${window} LATENESS 5m UPDATE WITH (state_ttl = 1h)`;
    for (const window of ['time(1h)', 'time(1mo)', 'hop(56m, 1m)', 'cumulate(1d, 1h)', 'windows(time(1m), time(1h))']) {
      const statement = parse(text(window))[0] as SelectStatement;
      expect(() => assertLive(statement), window).to.throw('state_ttl must not be less than');
    }
    expect(() => assertLive(parse(text('hop(55m, 1m)'))[0] as SelectStatement)).to.not.throw();
  });
});

// private functions

function optionsOf(text: string): SelectStatement['options'] {
  return (parse(`SELECT v FROM m ${text}`)[0] as SelectStatement).options;
}

function point(second: number): Row {
  return {
    measurement: 'm',
    tags: [
      ['host', 'a'],
      ['zone', 'x'],
    ],
    time: NOW_NS + BigInt(second) * 1_000_000_000n,
    fields: { v: { type: 'float', value: 1 } },
  };
}
