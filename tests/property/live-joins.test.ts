/**
 * Live joins against two nested loops: random joins of each kind over random streams of both sides, with disorder, overwrites, a side
 * that is silent, lost connections and kills. What a client holds in the end is what the loops say, and the same SELECT over history.
 */
import { expect } from 'chai';
import { seriesKey, type Tags } from '../../model/index.ts';
import { asofPairs, intervalPairs, type Pair, type Point, windowPairs } from '../support/join-oracle.ts';
import { playApart, type Step } from '../support/live-schedules.ts';
import { inOrder, LiveText, NOW_NS, type Schema } from '../support/live-texts.ts';
import { Random, seedOfRun } from '../support/random.ts';
import type { Row } from '../unit/query/support/array-source.ts';

const RUNS = 20;
const SECOND = 1_000_000_000n;
/** The stream begins so long before the clock, s. */
const BEGIN = 400;
/** Points come at most so late, s: LATENESS is 60 s, and the clock may move W by 20. */
const BEHIND_MAX = 40;

const SCHEMA: Schema = {
  a: { fields: { x: 'integer', z: 'integer' }, tagKeys: ['host', 'dc'] },
  b: { fields: { y: 'integer', w: 'integer' }, tagKeys: ['host', 'kind'] },
};

interface Case {
  readonly text: string;
  readonly columns: readonly string[];
  readonly pairs: (a: readonly Point[], b: readonly Point[]) => Pair[];
}

/** In front of all points. */
const SINCE = 'time >= 1699990000s';
const SUMS = `(SELECT sum(x) AS x FROM a WHERE ${SINCE} GROUP BY time(10s), host) AS a`;
const NESTED = [
  'SELECT count(x), max(y) FROM a JOIN b WITHIN 5s ON host GROUP BY time(30s), host fill(none)',
  'SELECT mean(x) FROM a ASOF JOIN b TOLERANCE 20s ON host WHERE y > 3 GROUP BY hop(1m, 20s), kind fill(none)',
  `SELECT difference(y) FROM a ASOF JOIN b ON host WHERE ${SINCE} GROUP BY host`,
  `SELECT sum(d) FROM (SELECT x - y AS d FROM a JOIN b WITHIN 3s ON host WHERE ${SINCE} GROUP BY host) GROUP BY time(10s), host fill(none)`,
  'SELECT count(x), _end FROM (SELECT x, y FROM a JOIN b WITHIN 2s ON host GROUP BY host) GROUP BY session(15s), host',
  `SELECT a.x, t.y FROM ${SUMS} ASOF JOIN (SELECT max(y) AS y FROM b WHERE ${SINCE} GROUP BY time(7s), host) AS t ON host`,
  `SELECT a.x, b.y FROM ${SUMS} JOIN b WITHIN 12s ON host WHERE ${SINCE}`,
  'SELECT a.x, b.y, c.z FROM a JOIN b WITHIN 4s ON host JOIN a AS c WITHIN 6s ON host',
  'SELECT l.x, r.x FROM a AS l ASOF JOIN a AS r TOLERANCE 1m ON dc WHERE l.z > 2',
  `SELECT max(p), min(q) FROM (SELECT a.x AS p, b.y AS q FROM ${SUMS} JOIN (SELECT last(y) AS y FROM b WHERE ${SINCE} GROUP BY time(10s), host) AS b ON WINDOW, host FILL(0)) GROUP BY time(1m) fill(none)`,
];

describe('live joins', () => {
  const seed = seedOfRun();

  it(`hold what nested loops and history say, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const { text, columns, pairs } = caseOf(random);
      const { live, schedule } = played(random, text);
      const held = await agreed(live, `seed ${seed + run}: ${text}`);
      const rows = schedule.flatMap((step) => step.rows);
      const expected = pairs(pointsOf(rows, 'a'), pointsOf(rows, 'b')).map(
        ({ time, values }) => `${Number(time - NOW_NS) / 1e9} ${columns.map((c) => values[c] ?? missing(c)).join(' ')}`,
      );
      const found = held.flatMap(([key, texts]) => texts.map((row) => `${key.split(' ').at(-1)} ${row}`));
      expect(found.sort(), `seed ${seed + run}: ${text}`).to.deep.equal(expected.sort());
    }
  });

  it(`under and over other things hold what history says, ${RUNS} runs (seed ${seed})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run);
      const text = random.pick(NESTED);
      await agreed(played(random, text).live, `seed ${seed + run}: ${text}`);
    }
  });
});

// private functions

/** A client of the query over a random stream, with lost connections and kills, until everything is final. */
function played(random: Random, text: string): { live: LiveText; schedule: Step[] } {
  const live = new LiveText(text, SCHEMA, random.between(1, 3));
  const schedule = scheduleOf(random);
  playApart(live, schedule, random, 5);
  live.pass(150_000);
  return { live, schedule };
}

/** What the client holds; it is that of history, and final. */
async function agreed(live: LiveText, name: string): Promise<(readonly [string, readonly string[]])[]> {
  const held = inOrder(live.rows());
  expect(held, name).to.deep.equal(inOrder(await live.history()));
  expect(live.finals().length, name).to.equal(live.held.size);
  expect(live.home.counters.tooLate, name).to.equal(0);
  return held;
}

function caseOf(random: Random): Case {
  const hasKey = random.next() < 0.7;
  const on = hasKey ? ' ON host' : '';
  const by = hasKey && random.next() < 0.5 ? ' GROUP BY host' : '';
  const columns = ['x', 'y', 'dc', 'kind'];
  const kind = random.pick(['interval', 'asof', 'window']);
  if (kind === 'interval') {
    const within = random.pick([0, 1, 5, 30]);
    const text = `SELECT x, y, dc, kind FROM a JOIN b WITHIN ${within}s${on}${by}`;
    return { text, columns, pairs: (a, b) => intervalPairs(a, b, BigInt(within) * SECOND, hasKey) };
  }
  if (kind === 'asof') {
    const tolerance = random.pick([null, 0, 7, 90]);
    const within = tolerance === null ? '' : ` TOLERANCE ${tolerance}s`;
    const reach = tolerance === null ? null : BigInt(tolerance) * SECOND;
    const text = `SELECT x, y, dc, kind FROM a ASOF JOIN b${within}${on}${by}`;
    return { text, columns, pairs: (a, b) => asofPairs(a, b, reach, hasKey) };
  }
  const fill = random.pick([null, 'null', 'previous', 7] as const);
  const side = (sum: string, from: string): string =>
    `(SELECT sum(${sum}) AS ${sum} FROM ${from} GROUP BY time(10s)${hasKey ? ', host' : ''})`;
  const joined = `${side('x', 'a')} AS a JOIN ${side('y', 'b')} AS b ON WINDOW${hasKey ? ', host' : ''}`;
  const text = `SELECT x, y FROM ${joined}${fill === null ? '' : ` FILL(${fill})`}${by}`;
  return { text, columns: ['x', 'y'], pairs: (a, b) => windowPairs(a, b, fill, hasKey) };
}

function missing(column: string): string {
  return column.length > 1 ? '' : 'null';
}

function scheduleOf(random: Random): Step[] {
  let greatest = -BEGIN;
  // one side may be silent for long
  const share = random.pick([0.5, 0.5, 0.9, 0.02]);
  return Array.from({ length: random.between(5, 25) }, () => {
    greatest += random.pick([1, 3, 20]) * random.next();
    const rows = Array.from({ length: random.between(1, 5) }, (_, n): Row => {
      const behind = n === 0 || random.next() < 0.5 ? 0 : random.between(0, BEHIND_MAX);
      const time = NOW_NS + BigInt(Math.floor(greatest - behind)) * SECOND;
      return random.next() < share
        ? rowOf(random, time, 'a', 'dc', 'x', 'z')
        : rowOf(random, time, 'b', 'kind', 'y', 'w');
    });
    return { rows, passMs: random.pick([0, 0, 30, 500, 1000, 2500]) };
  });
}

function rowOf(random: Random, time: bigint, measurement: string, tag: string, ...fields: string[]): Row {
  const some = fields.filter(() => random.next() < 0.7);
  const kept = some.length === 0 ? fields.slice(0, 1) : some;
  const tags: Tags = [
    [tag, `${tag[0]}${random.between(1, 2)}`],
    ['host', `h${random.between(1, 2)}`],
  ];
  return {
    measurement,
    tags: tags.filter(() => random.next() < 0.9).sort(([a], [b]) => (a < b ? -1 : 1)),
    time,
    fields: Object.fromEntries(kept.map((name) => [name, { type: 'integer' as const, value: random.between(0, 9) }])),
  };
}

/** What was written of a measurement, the later value of a field in place of the earlier. */
function pointsOf(rows: readonly Row[], measurement: string): Point[] {
  const points = new Map<string, Point>();
  for (const { tags, time, fields, ...row } of rows) {
    if (row.measurement !== measurement) continue;
    const key = seriesKey(tags);
    const before = points.get(`${key} ${time}`)?.values ?? Object.fromEntries(tags);
    const written = Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, Number(value)]));
    points.set(`${key} ${time}`, { key, time, values: { ...before, ...written } });
  }
  return [...points.values()];
}
