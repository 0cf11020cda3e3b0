/**
 * Continuous = historical on the real server: random points (disorder within lateness, overwrites, sparse fields, several series)
 * go through HTTP in random batches while live windows run; when all windows are final, their last rows are those of the same SELECT
 * over history.
 */
import { expect } from 'chai';
import { series, written } from '../support/api.ts';
import { LiveClient, latestRows, seriesName } from '../support/live-client.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const SECOND = 1_000_000_000;
const RUNS = 3;
const POINTS = 400;
/** Of event time; points are at most so much older than the newest before them, well inside LATENESS (1 minute). */
const DISORDER_S = 20;
const SPAN_S = 120;
/** Aligned to every window below. */
const START_S = 3600;
const HOSTS = ['a', 'b', 'c', 'd', 'e'];
const SERVERS: Readonly<Record<string, readonly string[]>> = {
  'one shard': ['--shards', '1'],
  'three shards': ['--shards', '3'],
  'shards that seal and clean all the time': ['--shards', '2', '--head-bytes', '4096', '--log-keep-bytes', '0'],
};
const QUERIES = [
  'SELECT count("i"), sum("f"), mean("f") FROM "m" WHERE_ GROUP BY time(5s), "host" fill(none)',
  'SELECT min("f"), max("f"), spread("f"), first("i"), last("i") FROM "m" WHERE_ GROUP BY time(10s) fill(none)',
  'SELECT percentile("f", 75), median("i"), stddev("f") FROM "m" WHERE_ GROUP BY time(30s), "zone" fill(none)',
  `SELECT sum("f") / count("f") + max("i") FROM "m" WHERE_ AND "host" =~ /[a-c]/ AND "f" > 20 GROUP BY time(5s) fill(none)`,
  'SELECT count("s"), last("s") FROM "m" WHERE_ GROUP BY time(20s), * fill(none)',
  'SELECT count("i"), mean("f"), median("f"), _count FROM "m" WHERE_ GROUP BY hop(20s, 7s), "host" fill(none)',
  'SELECT sum("f"), max("i"), _end FROM "m" WHERE_ GROUP BY cumulate(60s, 15s), "zone" fill(none)',
  'SELECT sum("f"), last("i"), _end FROM "m" WHERE_ GROUP BY windows(time(10s), time(1m)), "zone" fill(none)',
  'SELECT count("s"), mode(fingerprint("s")) FROM "m" WHERE_ GROUP BY time(20s), "zone", fingerprint("s") fill(none)',
  'SELECT e.count / t.count, t.sum FROM (SELECT count("f") FROM "m" WHERE "f" > 50 GROUP BY time(10s), "host") AS e ' +
    'JOIN (SELECT count("f"), sum("i") FROM "m" GROUP BY time(10s), "host") AS t ON WINDOW, "host" FILL(0) WHERE_ GROUP BY "host"',
  'SELECT x.max - y.min FROM (SELECT max("f") FROM "m" WHERE "zone" = \'z0\' GROUP BY time(5s)) AS x ' +
    'JOIN (SELECT min("i") FROM "m" WHERE "zone" = \'z1\' GROUP BY time(5s)) AS y ON WINDOW WHERE_',
];

describe('continuous = historical', () => {
  const seed = seedOfRun();

  for (const [where, flags] of Object.entries(SERVERS)) {
    it(`on ${where}, ${RUNS} runs (seed ${seed})`, async () => {
      const server = await startServer([...QUIET, ...flags]);
      try {
        for (let run = 0; run < RUNS; run++) await checkRun(server, `d${run}`, new Random(seed + run));
      } finally {
        await server.stop();
      }
    });
  }
});

// private functions

async function checkRun(server: TestServer, db: string, random: Random): Promise<void> {
  await written(server, db, `m,host=a,zone=z0 f=1,i=1i,s="x" ${START_S * SECOND}`);
  const client = await LiveClient.connect(server);
  try {
    const [early, late] = [true, false].map((first) =>
      QUERIES.filter((q, n) => (n < 3 || /hop|windows/.test(q)) === first),
    );
    const subscribe = (q: string): Promise<unknown> =>
      client.subscribed({ id: idOf(q), db, q: q.replace('WHERE_', `WHERE time >= ${START_S}s`) });
    for (const q of early) await subscribe(q);
    const lines = randomLines(random);
    for (let at = 0; at < lines.length; ) {
      const size = random.between(1, 25);
      await written(server, db, lines.slice(at, at + size).join('\n'));
      at += size;
      if (random.next() < 0.2) await new Promise((resolve) => setTimeout(resolve, random.between(1, 30)));
      // some start in the middle
      if (late.length > 0 && at > lines.length / 3) await subscribe(late.pop()!);
    }
    while (late.length > 0) await subscribe(late.pop()!);
    // event time goes on in every series, so that all windows before close
    const end = START_S + SPAN_S + 600;
    const ends = HOSTS.flatMap((host) => ['z0', 'z1'].map((zone) => `m,host=${host},zone=${zone} f=0 ${end * SECOND}`));
    await written(server, db, ends.join('\n'));
    for (const q of QUERIES) await checkQuery(server, client, db, q);
  } finally {
    client.close();
  }
}

async function checkQuery(server: TestServer, client: LiveClient, db: string, q: string): Promise<void> {
  const bounds = `WHERE time >= ${START_S}s AND time < ${START_S + SPAN_S + 30}s`;
  const found = await series(server, db, q.replace('WHERE_', bounds));
  // a row of nulls says of a window what no row says: nothing is in it
  const wanted = found
    .flatMap(({ name, tags, values }) =>
      values.filter(hasValue).map((row) => `${seriesName(name, tags)} ${JSON.stringify(row)}`),
    )
    .sort();
  const rows = () =>
    [...latestRows(client.rows(idOf(q))).values()].filter(
      ({ values }) => Number(values[0]) < (START_S + SPAN_S + 30) * SECOND,
    );
  const seen = (): string[] =>
    rows()
      .filter(({ values }) => hasValue(values))
      .map(({ series, values }) => `${series} ${JSON.stringify(values)}`)
      .sort();
  expect(wanted.length, q).to.be.at.least(4);
  await client
    .until(() => rows().every(({ final }) => final) && seen().join('\n') === wanted.join('\n'), q)
    .catch(() => expect(seen(), q).to.deep.equal(wanted));
  expect(
    rows().every(({ final }) => final),
    `${q}: all final`,
  ).to.equal(true);
}

function idOf(q: string): string {
  return String(QUERIES.indexOf(q));
}

function hasValue(row: readonly unknown[]): boolean {
  return row.slice(1).some((value) => value !== null);
}

function randomLines(random: Random): string[] {
  const lines: string[] = [];
  const times: number[] = [];
  for (let i = 0; i < POINTS; i++) {
    const newest = START_S + (SPAN_S * i) / POINTS;
    const again = times.length > 0 && random.next() < 0.15;
    // a time that has been there already may overwrite a point
    const recent = times.slice(-20);
    const time = again ? random.pick(recent) : Math.max(START_S, newest - random.next() ** 3 * DISORDER_S);
    times.push(time);
    const fields = [
      random.next() < 0.8 ? `f=${random.between(0, 400) / 4}` : '',
      random.next() < 0.6 ? `i=${random.between(-50, 50)}i` : '',
      random.next() < 0.3 ? `s="${random.pick(['t', 'u', 'of '])}${random.between(0, 9)}"` : '',
    ].filter((field) => field !== '');
    if (fields.length === 0) fields.push('f=7');
    const tags = `host=${random.pick(HOSTS)},zone=z${random.between(0, 1)}`;
    lines.push(`m,${tags} ${fields.join(',')} ${Math.floor(time * 10) * (SECOND / 10)}`);
  }
  return lines;
}
