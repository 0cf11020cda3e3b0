/**
 * Live windows of rows (session, state, event, rows, sliding) over random streams with disorder, ties, overwrites and any number of
 * shards: what a client holds in the end is the same SELECT over history, which windows-oracle.test.ts holds equal to brute force; over
 * connections that end, over kills, in any order within lateness.
 */
import { expect } from 'chai';
import { LiveText, NOW_NS, type Schema } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';
import type { Row } from '../unit/query/support/array-source.ts';

const RUNS = 15;
/** The stream begins so long before the clock, s. */
const BEGIN = 400;
/** Points come at most so late, ms: 20 s below LATENESS are the clock's part. */
const BEHIND_MAX = 40_000;
const SCHEMA: Schema = {
  m: { fields: { v: 'float', i: 'integer', s: 'string' }, tagKeys: ['host', 'zone'] },
};
const COLUMNS = '_start, _end, _count, count(v), sum(v), min(v), max(i), median(v)';

describe('live windows of rows', function () {
  this.timeout(120_000);
  const seed = seedOfRun();

  it(`are those of history in the end, ${RUNS} runs (seed ${seed})`, async () => {
    for (
      let run = Number(process.env.ONLY ?? 0);
      run < (process.env.ONLY ? Number(process.env.ONLY) + 1 : RUNS);
      run++
    ) {
      const random = new Random(seed + run);
      const live = new LiveText(textOf(random), SCHEMA, random.between(1, 3));
      play(live, random, scheduleOf(random));
      await expectHistory(live, `seed ${seed + run}`);
    }
  });

  it(`go on over lost connections and kills, ${RUNS} runs (seed ${seed})`, async () => {
    for (
      let run = Number(process.env.ONLY ?? 0);
      run < (process.env.ONLY ? Number(process.env.ONLY) + 1 : RUNS);
      run++
    ) {
      const random = new Random(seed + run);
      const live = new LiveText(textOf(random), SCHEMA, random.between(1, 3));
      const schedule = scheduleOf(random);
      for (let from = 0; from < schedule.length; from += 5) {
        const part = schedule.slice(from, from + 5);
        const what = random.between(0, 3);
        if (what < 2) play(live, random, part);
        else live.reconnect(what === 3, () => play(live, random, part));
      }
      await expectHistory(live, `seed ${seed + run}`);
    }
  });
});

// private functions

async function expectHistory(live: LiveText, message: string): Promise<void> {
  // longer than the longest gap, and than it takes to be idle
  live.pass(150_000);
  const history = await live.history();
  const shown = (rows: ReadonlyMap<string, readonly string[]>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  expect(shown(live.rows()), `${message}: ${live.text}`).to.deep.equal(shown(history));
  expect(live.home.counters.tooLate, message).to.equal(0);
  if (/session|sliding/.test(live.text)) expect(live.finals().length, message).to.equal(history.size);
}

function textOf(random: Random): string {
  const seconds = random.between(1, 60);
  const longest = random.next() < 0.5 ? '' : `, ${random.between(1, 200)}s`;
  const window = random.pick([
    `session(${seconds}s${longest})`,
    'state("s")',
    `event(v > ${random.between(0, 90)}, v < ${random.between(10, 100)})`,
    `rows(${random.between(1, 9)}, ${random.between(1, 9)})`,
    `sliding(${seconds}s)`,
  ]);
  const keys = random.pick(['', ', host', ', host, zone', ', *']);
  const where = random.pick(['', '', "WHERE zone = 'x' ", 'WHERE v > 20 ']);
  return `SELECT ${COLUMNS} FROM m ${where}GROUP BY ${window}${keys}`;
}

interface Step {
  readonly rows: readonly Row[];
  readonly passMs: number;
}

function scheduleOf(random: Random): Step[] {
  let greatest = -BEGIN * 1000;
  return Array.from({ length: random.between(5, 25) }, () => {
    greatest += random.pick([500, 3_000, 20_000]) * random.next();
    const rows = Array.from({ length: random.between(1, 5) }, (_, n) => {
      const behind = n === 0 || random.next() < 0.5 ? 0 : random.between(0, BEHIND_MAX);
      const ms = Math.floor((greatest - behind) / 1000) * 1000;
      return rowOf(random, NOW_NS + BigInt(ms) * 1_000_000n);
    });
    return { rows, passMs: random.pick([0, 0, 30, 500, 1000, 2500]) };
  });
}

function rowOf(random: Random, time: bigint): Row {
  const some = <T>(chance: number, value: T): T[] => (random.next() < chance ? [value] : []);
  const fields = [
    ...some(0.8, ['v', { type: 'float' as const, value: random.between(0, 400) / 4 }] as const),
    ...some(0.5, ['i', { type: 'integer' as const, value: random.between(-50, 50) }] as const),
    ['s', { type: 'string' as const, value: random.pick(['up', 'down', 'slow']) }] as const,
  ];
  const kept = fields.filter(([name]) => name !== 's' || random.next() < 0.5);
  return {
    measurement: 'm',
    tags: [
      ['host', random.pick(['a', 'b', 'c'])],
      ['zone', random.pick(['x', 'y'])],
    ],
    time,
    fields: Object.fromEntries(kept.length === 0 ? fields.slice(-1) : kept),
  };
}

function play(live: LiveText, _random: Random, schedule: readonly Step[]): void {
  for (const { rows, passMs } of schedule) {
    live.write(...rows);
    if (passMs > 0) live.pass(passMs);
  }
}
