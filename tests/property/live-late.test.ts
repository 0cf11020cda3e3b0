/**
 * LATENESS … INTO: each point is in the row of its window or told as too late, over random streams with disorder and any number of
 * shards; never neither, and both only where a connection was lost or the operator killed as its window was given up.
 */
import { expect } from 'chai';
import { play, SCHEMA, type Step, scheduleOf } from '../support/live-schedules.ts';
import { LiveText, NOW_NS } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';

const RUNS = 25;
/** Which windows a query begins with that meets points is not its clauses' business. */
const SINCE = 'time >= 1699990000s';

describe('live queries that keep late points', function () {
  this.timeout(120_000);
  const seed = seedOfRun();

  for (const ends of [false, true]) {
    it(`lose none${ends ? ', over lost connections and kills' : ', and tell each once'}, ${RUNS} runs (seed ${seed})`, async () => {
      let late = 0;
      for (let run = 0; run < RUNS; run++) {
        const random = new Random(seed + run);
        const text = textOf(random);
        const live = new LiveText(text, SCHEMA, random.between(1, 3));
        const schedule = apart(scheduleOf(random));
        for (let from = 0; from < schedule.length; from += 5) {
          const part = schedule.slice(from, from + 5);
          if (ends && random.next() < 0.4) live.reconnect(random.next() < 0.5, () => play(live, part));
          else play(live, part);
          live.pass(random.pick([0, 4_000]));
        }
        live.pass(150_000);
        const where = `seed ${seed + run}: ${text}`;
        const told = sumsOf(live);
        const history = new Map([...(await live.history())].map(([key, [count]]) => [key, Number(count)]));
        for (const [key, count] of history) {
          const { inWindow, late: apart } = told.get(key) ?? { inWindow: 0, late: 0 };
          if (ends) expect(inWindow + apart, `${where} ${key}`).to.be.at.least(count);
          else expect(inWindow + apart, `${where} ${key}`).to.equal(count);
          expect(Math.max(inWindow, apart), `${where} ${key}`).to.be.at.most(count);
        }
        if (!ends) expect(Math.max(0, ...live.late.values()), where).to.be.at.most(1);
        late += live.late.size;
      }
      expect(late, 'late points').to.be.at.least(RUNS);
    });
  }
});

// private functions

function textOf(random: Random): string {
  const where = random.pick(['', " AND zone = 'x'", ' AND i > 0']);
  const emit = random.pick(['', ' EMIT ON CLOSE, ON LATE', ' EMIT ON UPDATE, ON LATE']);
  const clauses = `LATENESS ${random.pick([0, 5])}s INTO late${emit}`;
  return `SELECT count(v) FROM m WHERE ${SINCE}${where} GROUP BY time(10s), host fill(none) ${clauses}`;
}

/** No point is written twice: of one that is, both writes may be told. */
function apart(schedule: readonly Step[]): Step[] {
  let ms = 0n;
  return schedule.map(({ rows, passMs }) => ({
    rows: rows.map((row) => ({ ...row, time: row.time + 1_000_000n * ms++ })),
    passMs,
  }));
}

/** By window of a host: points in its row, and points told as late; each of those was told once. */
function sumsOf(live: LiveText): Map<string, { inWindow: number; late: number }> {
  const sums = new Map<string, { inWindow: number; late: number }>();
  for (const [key, [count]] of live.rows()) sums.set(key, { inWindow: Number(count), late: 0 });
  for (const text of live.late.keys()) {
    const [name, { host }, fields, time] = JSON.parse(text);
    if (!fields.includes('v')) continue;
    const second = Number(BigInt(time) / 10_000_000_000n - NOW_NS / 10_000_000_000n) * 10;
    const key = `${name}${JSON.stringify({ host })} ${second}`;
    const sum = sums.get(key) ?? { inWindow: 0, late: 0 };
    sums.set(key, { ...sum, late: sum.late + 1 });
  }
  return sums;
}
