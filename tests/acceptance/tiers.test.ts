/**
 * The real server beside the tests' own S3 server: old buckets move there, answers stay the same, through faults and kill -9; the cache
 * keeps its bound; what is dropped goes there too.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ask, eventually, metric, results, series, written } from '../support/api.ts';
import { LiveClient, rowsOf } from '../support/live-client.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { type S3Server, startS3 } from '../support/s3-server.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SHARDS = ['--shards', '2'];
const SMALL_HEADS = ['--head-bytes', '12288', '--log-keep-bytes', '0'];
const DAY_S = 86_400;
/** Points of these weeks are old, the last ones young. */
const WEEKS = 8;
/** Live, over all of history. */
const LIVE_QUESTIONS = [
  'SELECT count(v), sum(v), last(s) FROM m WHERE time >= 0 GROUP BY time(7d), host',
  'SELECT count(v), last(s) FROM m WHERE time >= 0',
  "SELECT v, s FROM m WHERE time >= 0 AND host = 'h3'",
  'SELECT count(v), last(s) FROM m WHERE time >= 0 GROUP BY session(6h), host',
];
const QUESTIONS = [
  'SELECT * FROM m',
  'SELECT count(v), sum(v), min(v), max(v), first(v), last(v) FROM m',
  'SELECT mean(v), count(w), last(s) FROM m GROUP BY time(7d), host fill(none)',
  "SELECT v, s FROM m WHERE host = 'h3' ORDER BY time DESC LIMIT 20",
  'SELECT w FROM m WHERE host =~ /h[12]/ AND v > 50 GROUP BY host',
  'SELECT percentile(v, 90), median(w) FROM m GROUP BY host',
  'SHOW TAG VALUES FROM m WITH KEY = host',
];

describe('a server whose old buckets lie in object storage', () => {
  const seed = seedOfRun();
  const started: TestServer[] = [];
  let s3: S3Server;

  beforeEach(async () => {
    s3 = await startS3();
  });
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop();
    await s3.close();
  });

  async function start(flags: readonly string[]): Promise<TestServer> {
    const server = await startServer([...QUIET, ...SHARDS, ...flags], s3.environment);
    started.push(server);
    return server;
  }

  function tiered(after: string, prefix = 'cold', deadlineMs = 10_000): string[] {
    return [...SMALL_HEADS, '--tier', s3.url(prefix, deadlineMs), '--tier-after', after];
  }

  for (const where of ['S3', 'a directory']) {
    it(`moves them to ${where}, and answers as one that keeps everything in memory, also after kill -9 (seed ${seed})`, async () => {
      const tier = where === 'S3' ? s3.url('cold') : `file://${await temporaryDirectory()}`;
      const flags = [...SMALL_HEADS, '--tier', tier, '--tier-after', '10d', '--data-dir', await temporaryDirectory()];
      const plain = await start([]);
      let cold = await start(flags);
      for (const body of bodies(new Random(seed))) {
        await Promise.all([written(plain, 'db', body), written(cold, 'db', body)]);
      }
      await moved(cold);
      for (const moment of ['moved', 'after kill -9']) {
        for (const question of QUESTIONS) {
          const answer = await results(cold, 'db', question);
          expect(answer, `${question}, ${moment}`).to.deep.equal(await results(plain, 'db', question));
        }
        expect(await metric(cold, 'millrace_tier_buckets')).to.be.greaterThan(4);
        expect(await metric(cold, 'millrace_tier_read_bytes')).to.be.greaterThan(0);
        if (moment !== 'moved') break;
        await cold.kill();
        // no head is sealed now, so nothing new is to move
        cold = await start([...flags, '--head-bytes', '100000000']);
      }
      expect(await metric(cold, 'millrace_tier_moved'), 'nothing moves twice').to.equal(0);
    });
  }

  it(`loses nothing where it is killed while they move (seed ${seed})`, async () => {
    const random = new Random(seed);
    const flags = [...tiered('10d'), '--data-dir', await temporaryDirectory()];
    const plain = await start([]);
    const texts = bodies(random);
    s3.fault = () => ({ kind: 'slow', ms: random.between(0, 30) });
    let cold = await start(flags);
    for (const [n, body] of texts.entries()) {
      await Promise.all([written(plain, 'db', body), written(cold, 'db', body)]);
      if (n % 8 !== 7) continue;
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 1500)));
      await cold.kill();
      cold = await start(flags);
      const question = QUESTIONS[n % QUESTIONS.length];
      expect(await results(cold, 'db', question)).to.deep.equal(await results(plain, 'db', question));
    }
    s3.fault = () => null;
    await moved(cold);
    for (const question of QUESTIONS) {
      expect(await results(cold, 'db', question), question).to.deep.equal(await results(plain, 'db', question));
    }
    const buckets = await metric(cold, 'millrace_tier_buckets');
    // strays go behind the start, and what was merged when the manifest says so
    await eventually(
      () => s3.objects.size,
      (objects) => objects === buckets,
    );
    expect(s3.uploads.size).to.equal(0);
  });

  it('answers through passing faults; where there is no end to them, says so, and serves what is young', async () => {
    const cold = await start([...tiered('10d', 'cold', 1_500), '--tier-cache-bytes', '0']);
    const young = Math.floor(Date.now() / 1000) - 60;
    const texts = bodies(new Random(seed));
    for (const body of texts) await written(cold, 'db', body);
    await written(cold, 'db', `fresh v=1 ${young}000000000`);
    await moved(cold);
    const question = "SELECT count(v), count(w), count(s) FROM m WHERE host = 'h1'";
    const whole = await results(cold, 'db', question);
    let n = 0;
    s3.fault = ({ method }) =>
      method === 'GET' && n++ % 3 === 0 ? { kind: 'status', status: 503, code: 'SlowDown' } : null;
    expect(await results(cold, 'db', question)).to.deep.equal(whole);
    s3.fault = ({ method }) => (method === 'GET' && n++ % 3 === 0 ? { kind: 'cut' } : null);
    expect(await results(cold, 'db', 'SELECT sum(v), sum(w) FROM m')).to.have.length(1);
    expect(await metric(cold, 'millrace_tier_retries_total')).to.be.greaterThan(0);
    s3.fault = () => ({ kind: 'status', status: 500, code: 'InternalError' });
    const failed = await ask(cold, { db: 'db', q: 'SELECT max(v) FROM m GROUP BY host' });
    const text = await failed.text();
    expect(text).to.match(/500 InternalError; given up after \d+ attempts/);
    expect((await results(cold, 'db', 'SELECT * FROM fresh'))[0].series).to.have.length(1);
    await written(cold, 'db', 'fresh v=2');
    s3.fault = () => null;
    expect(await results(cold, 'db', question)).to.deep.equal(whole);
  });

  it('keeps fetched blocks within --tier-cache-bytes, and finds them there', async () => {
    const bound = 256 * 1024;
    const cold = await start([...tiered('10d'), '--tier-cache-bytes', String(bound)]);
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    await moved(cold);
    const narrow = 'FROM m WHERE time < now() - 40d AND time > now() - 41d GROUP BY host';
    for (const field of ['v', 'w', 's']) await results(cold, 'db', `SELECT count(${field}) ${narrow}`);
    expect(await metric(cold, 'millrace_tier_cache_hits')).to.be.greaterThan(0);
    for (const question of QUESTIONS) await results(cold, 'db', question);
    expect(await metric(cold, 'millrace_tier_cache_bytes')).to.be.within(1, bound);
    for (const shard of ['shard-0', 'shard-1']) {
      const { size } = await stat(join(cold.dataDir, 'shards', shard, 'tier', 'cache'));
      expect(size).to.be.at.most(bound / 2);
    }
  });

  it('removes the objects of what is dropped', async () => {
    const cold = await start(tiered('10d'));
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    await moved(cold);
    expect(s3.objects.size).to.be.greaterThan(4);
    await results(cold, '', 'DROP DATABASE db');
    await eventually(
      async () => s3.objects.size,
      (size) => size === 0,
    );
    expect(await metric(cold, 'millrace_tier_buckets')).to.equal(0);
  });

  it('removes the objects of what expires', async () => {
    const cold = await start([...tiered('10d'), '--retention-check-ms', '200']);
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    await moved(cold);
    const before = s3.objects.size;
    await results(cold, '', 'ALTER RETENTION POLICY autogen ON db DURATION 4w SHARD DURATION 1d');
    await eventually(
      async () => s3.objects.size,
      (size) => size > 0 && size < before,
    );
    const found = await results(cold, 'db', 'SELECT count(v) FROM m WHERE time < now() - 30d');
    expect(found[0].series).to.equal(undefined);
    expect((await results(cold, 'db', 'SELECT count(v) FROM m'))[0].series).to.have.length(1);
  });

  it('gives the space there back for rows that were deleted', async () => {
    const cold = await start(tiered('10d'));
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    await moved(cold);
    const [rowsBefore, bytesBefore] = [
      await metric(cold, 'millrace_bucket_rows'),
      await metric(cold, 'millrace_tier_bytes'),
    ];
    await results(cold, 'db', 'DELETE FROM m WHERE host =~ /h[0-6]/');
    const rows = (await series(cold, 'db', 'SELECT count(v) FROM m'))[0].values;
    await moved(cold);
    // 7 of 10 rows were deleted; a bucket that lost less than a tenth of its rows stays as it is for an hour
    expect(await metric(cold, 'millrace_bucket_rows')).to.be.lessThan(rowsBefore / 2);
    expect(await metric(cold, 'millrace_tier_bytes')).to.be.lessThan(bytesBefore);
    expect((await series(cold, 'db', 'SELECT count(v) FROM m'))[0].values).to.deep.equal(rows);
  });

  it('moves a measurement at the age that is said of it', async () => {
    const cold = await start([...SMALL_HEADS, '--tier', s3.url('cold')]);
    await results(cold, '', 'CREATE DATABASE db');
    await results(cold, 'db', "ALTER MEASUREMENT m WITH (tier_after = '10d')");
    for (const body of bodies(new Random(seed))) {
      await written(cold, 'db', body);
      await written(cold, 'db', body.replaceAll('m,', 'other,'));
    }
    await moved(cold);
    const names = await Promise.all(['m', 'other'].map((name) => results(cold, 'db', `SELECT count(v) FROM ${name}`)));
    expect(names[0][0].series![0].values).to.deep.equal(names[1][0].series![0].values);
    const requests = s3.requests.length;
    await results(cold, 'db', 'SELECT sum(w) FROM other');
    expect(s3.requests.length, 'nothing of it lies there').to.equal(requests);
  });

  it('moves what a retention policy keeps at the age that is said of the policy', async () => {
    const cold = await start([...SMALL_HEADS, '--tier', s3.url('cold')]);
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    const shown = async (): Promise<unknown> => (await series(cold, 'db', 'SHOW RETENTION POLICIES'))[0];
    const columns = ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'];
    const autogen = ['autogen', '0s', '168h0m0s', 1, true];
    expect(await shown()).to.deep.equal({ columns, values: [autogen] });
    await results(cold, 'db', "ALTER RETENTION POLICY autogen ON db WITH (tier_after = '10d')");
    expect(await shown()).to.deep.equal({ columns: [...columns, 'tier_after'], values: [[...autogen, '10d']] });
    await moved(cold);
    await results(cold, 'db', "ALTER RETENTION POLICY autogen ON db WITH (tier_after = '')");
    expect(await shown()).to.deep.equal({ columns, values: [autogen] });
    const [refused] = await results(cold, 'db', 'ALTER RETENTION POLICY autogen ON db WITH (size = 1)');
    expect(refused.error).to.equal('unknown option "size" of a retention policy: expected tier_after');
  });

  it(`gives a live query the history that lies there, and goes on from it (seed ${seed})`, async () => {
    const [plain, cold] = await Promise.all([start([]), start(tiered('10d'))]);
    for (const body of bodies(new Random(seed)))
      await Promise.all([written(plain, 'db', body), written(cold, 'db', body)]);
    await moved(cold);
    const clients = await Promise.all([plain, cold].map((server) => LiveClient.connect(server)));
    const asked = LIVE_QUESTIONS.map((q, i) => ({ db: 'db', q, id: `q${i}` }));
    for (const client of clients) for (const question of asked) await client.subscribed(question);
    const answers = (): Map<string, string>[] => clients.map((client) => answerOf(client, asked));
    expect(await metric(cold, 'millrace_live_brought_near_total')).to.be.greaterThan(0);
    expect(answers()[1]).to.deep.equal(answers()[0]);
    const second = Math.floor(Date.now() / 1000) + 60;
    for (const server of [plain, cold]) await written(server, 'db', `m,host=h3 v=1000,s="new" ${second}000000000`);
    const isTold = (): boolean => answers().every((answer) => [...answer.values()].some((row) => row.includes('new')));
    for (const client of clients) await client.until(isTold, 'the new row');
    await eventually(
      async () => answers(),
      ([near, far]) => JSON.stringify([...near].sort()) === JSON.stringify([...far].sort()),
    );
    for (const client of clients) client.close();
    expect(await metric(cold, 'millrace_live_refused_far_total')).to.equal(0);
  });

  it('ends a live query that would have to bring more near than the cache holds, in words, and counts it', async () => {
    const cold = await start([...tiered('10d'), '--tier-cache-bytes', '65536']);
    for (const body of bodies(new Random(seed))) await written(cold, 'db', body);
    await moved(cold);
    const client = await LiveClient.connect(cold);
    client.subscribe({ db: 'db', q: 'SELECT count(v) FROM m WHERE time >= 0 GROUP BY time(7d)' });
    const { message } = await client.first('error');
    expect(message).to.include('reaches into object storage');
    await client.subscribed({ db: 'db', id: 'young', q: 'SELECT v FROM m' });
    await written(cold, 'db', 'm,host=h1 v=5');
    await client.until(() => client.rows('young').length > 0, 'rows of the other query');
    client.close();
    expect(await metric(cold, 'millrace_live_refused_far_total')).to.be.greaterThan(0);
  });
});

// private functions

/** What the client was told last of each row, by query and key: its series and its time. */
function answerOf(client: LiveClient, asked: readonly { readonly id: string }[]): Map<string, string> {
  const told = new Map<string, string>();
  for (const { id } of asked) {
    for (const { series: name, values } of rowsOf(client.rows(id))) {
      told.set(`${id} ${name} ${values[0]}`, JSON.stringify(values));
    }
  }
  return told;
}

/** Some thousand points over weeks of the past, mostly in order. */
function bodies(random: Random): string[] {
  const now = Math.floor(Date.now() / 1000);
  const first = now - WEEKS * 7 * DAY_S;
  const lines = 1800;
  const each = 60;
  return Array.from({ length: lines / each }, (_, body) =>
    Array.from({ length: each }, (_, i) => {
      const n = body * each + i;
      const back = random.next() < 0.1 ? random.between(0, 5 * DAY_S) : 0;
      const second = first + Math.floor((n * (now - first)) / lines) - back;
      const fields = [`v=${random.between(0, 100)}`];
      if (random.next() < 0.5) fields.push(`w=${random.between(-5, 5)}i`);
      if (random.next() < 0.3) fields.push(`s="text ${random.between(0, 9)}"`);
      return `m,host=h${random.between(0, 9)} ${fields.join(',')} ${second}000000000`;
    }).join('\n'),
  );
}

/** Waits until nothing is sealed, merged or moved any more, and much has been moved. */
async function moved(server: TestServer): Promise<void> {
  await eventually(
    () => metric(server, 'millrace_shards_busy'),
    (busy) => busy === 0,
  );
  expect(await metric(server, 'millrace_tier_buckets')).to.be.greaterThan(4);
  for (const shard of await readdir(join(server.dataDir, 'shards'))) {
    await stat(join(server.dataDir, 'shards', shard, 'tier', 'id'));
  }
}
