/**
 * The real server with heads so small that nearly everything is in buckets: the same answers as from memory, before and after kill -9;
 * disk space that comes back; snapshots that join the stream without a seam; cursors that are older than the log.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, metric, results, series, written } from '../support/api.ts';
import { LiveClient, rowsOf } from '../support/live-client.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SEALING = [...QUIET, '--shards', '2', '--head-bytes', '8192', '--log-keep-bytes', '0'];
const BODIES = 60;
const LINES = 50;
const QUESTIONS = [
  'SELECT * FROM m',
  'SELECT count(v), sum(v), min(v), max(v), first(v), last(v) FROM m',
  'SELECT mean(v), count(w), last(s) FROM m GROUP BY time(20s), host fill(none)',
  "SELECT v, s FROM m WHERE host = 'h3' ORDER BY time DESC LIMIT 20",
  'SELECT v FROM m WHERE time >= 100s AND time < 200s AND v > 50',
  'SELECT percentile(v, 90), median(w) FROM m WHERE host =~ /h[12]/ GROUP BY host',
  'SHOW TAG VALUES FROM m WITH KEY = host',
  'SHOW FIELD KEYS FROM m',
];

describe('a server that seals all the time', () => {
  const seed = seedOfRun();
  const started: TestServer[] = [];

  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop();
  });

  async function start(flags: readonly string[]): Promise<TestServer> {
    const server = await startServer(flags);
    started.push(server);
    return server;
  }

  it('cuts buckets as a measurement or its policy says, and those that are there follow', async () => {
    const server = await start([...QUIET, '--shards', '1', '--head-bytes', '65536', '--log-keep-bytes', '0']);
    const hour = 3_600;
    const body = (name: string): string =>
      Array.from({ length: 6_000 }, (_, i) => `${name} v=${i}i ${i * 7}`).join('\n');
    await written(server, 'db', body('wide'), { precision: 's' });
    await written(server, 'db', body('narrow'), { precision: 's' });
    await results(server, 'db', `CREATE RETENTION POLICY p ON db DURATION INF REPLICATION 1 SHARD DURATION 1h`);
    await results(server, 'db', `ALTER MEASUREMENT narrow ON db WITH (bucket_width = '1h')`);
    await written(server, 'db', body('under'), { precision: 's', rp: 'p' });
    await eventually(
      async () => {
        // a head is weighed when something comes
        await written(server, 'db', 'other v=1 1');
        return metric(server, 'millrace_buckets');
      },
      (buckets) => buckets >= 2 * Math.floor((6_000 * 7) / hour),
    );
    for (const name of ['wide', 'narrow', 'p.under']) {
      expect((await series(server, 'db', `SELECT count(v), sum(v) FROM ${name}`))[0].values[0].slice(1)).to.deep.equal([
        6_000,
        (6_000 * 5_999) / 2,
      ]);
    }
  });

  it('settles by itself when nothing more is written: few buckets, whatever was left behind', async () => {
    const server = await start([...QUIET, '--shards', '1', '--head-bytes', '65536', '--log-keep-bytes', '0']);
    let bodies = 0;
    while ((await metric(server, 'millrace_sealings')) < 3) {
      const lines = Array.from({ length: 500 }, (_, i) => `m,host=h${i % 50} v=${i}i ${bodies * 500 + i}`);
      await written(server, 'db', lines.join('\n'));
      bodies++;
    }
    // four would be merged while more come
    expect(await metric(server, 'millrace_buckets')).to.be.within(2, 3);
    await eventually(
      () => metric(server, 'millrace_buckets'),
      (buckets) => buckets === 1,
    );
    expect((await series(server, 'db', 'SELECT count(v) FROM m'))[0].values[0][1]).to.equal(bodies * 500);
  });

  it(`answers as one that keeps everything in memory, also after kill -9 (seed ${seed})`, async () => {
    const flags = [...SEALING, '--data-dir', await temporaryDirectory()];
    const plain = await start([...QUIET, '--shards', '2']);
    let sealing = await start(flags);
    const random = new Random(seed);
    for (let n = 0; n < BODIES; n++) {
      const body = Array.from({ length: LINES }, (_, i) => lineOf(random, n * LINES + i)).join('\n');
      await Promise.all([written(plain, 'db', body), written(sealing, 'db', body)]);
    }
    expect(await metric(sealing, 'millrace_sealings')).to.be.greaterThan(2);
    await eventually(
      () => metric(sealing, 'millrace_bucket_merges'),
      (merges) => merges > 0,
    );
    expect(await metric(plain, 'millrace_buckets')).to.equal(0);
    for (const moment of ['sealed', 'after kill -9']) {
      for (const question of QUESTIONS) {
        const answer = await results(sealing, 'db', question);
        expect(answer, `${question}, ${moment}`).to.deep.equal(await results(plain, 'db', question));
      }
      if (moment !== 'sealed') break;
      await sealing.kill();
      sealing = await start(flags);
    }
    expect(await metric(sealing, 'millrace_buckets')).to.be.greaterThan(1);
  });

  it('gives the disk back when a database is dropped', async () => {
    const server = await start(SEALING);
    for (let n = 0; n < BODIES; n++) {
      const body = Array.from({ length: LINES }, (_, i) => `m,host=h${i} v=${Math.random()} ${n}`).join('\n');
      await written(server, n % 10 === 9 ? 'kept' : 'gone', body);
    }
    const full = await eventually(
      () => bucketBytes(server),
      (bytes) => bytes > 20_000,
    );
    await results(server, '', 'DROP DATABASE gone');
    await eventually(
      () => bucketBytes(server),
      (bytes) => bytes < full / 3,
    );
    expect((await series(server, 'kept', 'SELECT count(v) FROM m'))[0].values[0][1]).to.equal((BODIES / 10) * LINES);
  });

  it('joins history and stream without a seam while heads are sealed', async () => {
    const server = await start(SEALING);
    const total = 120;
    const writing = (async () => {
      for (let n = 1; n <= total; n++) {
        await written(server, 'db', Array.from({ length: 20 }, (_, i) => `m,host=h${i} v=${n} ${n}`).join('\n'));
      }
    })();
    const clients: LiveClient[] = [];
    for (let c = 0; c < 5; c++) {
      await eventually(
        () => series(server, 'db', 'SELECT count(v) FROM m').catch(() => []),
        (found) => Number(found[0]?.values[0][1] ?? 0) > c * 400,
      );
      const client = await LiveClient.connect(server);
      clients.push(client);
      client.subscribe({ db: 'db', q: 'SELECT v FROM m WHERE time >= 0 GROUP BY host', mode: 'every' });
    }
    await writing;
    for (const client of clients) {
      const seen = (): string[] => rowsOf(client.rows()).map(({ series: name, values }) => `${name} ${values[1]}`);
      await client.until(() => seen().length >= total * 20, 'all rows');
      expect(new Set(seen()).size, 'each once').to.equal(total * 20);
      expect(seen().length, 'none twice').to.equal(total * 20);
      client.close();
    }
    expect(await metric(server, 'millrace_sealings')).to.be.greaterThan(0);
  });

  it('begins anew for a cursor whose place in the log is gone', async () => {
    const flags = [...SEALING, '--shards', '1', '--data-dir', await temporaryDirectory()];
    let server = await start(flags);
    const log = join(server.dataDir, 'shards', 'shard-0', 'log');
    const q = 'SELECT count(v) FROM m WHERE time >= 0 AND time < 10s GROUP BY time(10s) fill(none)';
    await written(server, 'db', 'm v=1 1');
    const first = await LiveClient.connect(server);
    await first.subscribed({ db: 'db', q });
    const since = first.cursor();
    first.cut();
    const [oldest] = await readdir(log);
    await written(server, 'db', 'm v=1 2');
    for (let n = 0; (await readdir(log)).includes(oldest); n++) {
      expect(n).to.be.lessThan(100);
      const lines = Array.from({ length: 4000 }, (_, i) => `filler v=${i},w=${i * n} ${n * 4000 + i}`);
      await written(server, 'db', lines.join('\n'));
    }
    // the running query would know what it had sent
    await server.kill();
    server = await start(flags);
    const second = await LiveClient.connect(server);
    second.subscribe({ db: 'db', q, since });
    await second.first('reset');
    await second.until(() => rowsOf(second.rows()).some(({ values }) => values[1] === 2), 'both points');
    second.close();
  });
});

// private functions

/** Mostly in order, some late, some again, some sparse. */
function lineOf(random: Random, n: number): string {
  const back = random.next() < 0.2 ? random.between(0, 200) : 0;
  const second = Math.max(0, Math.floor(n / 10) - back);
  const fields = [`v=${random.between(0, 100)}`];
  if (random.next() < 0.5) fields.push(`w=${random.between(-5, 5)}i`);
  if (random.next() < 0.3) fields.push(`s="text ${random.between(0, 9)}"`);
  return `m,host=h${random.between(0, 9)} ${fields.join(',')} ${BigInt(second) * 1_000_000_000n}`;
}

async function bucketBytes(server: TestServer): Promise<number> {
  let total = 0;
  for (const shard of await readdir(join(server.dataDir, 'shards'))) {
    const directory = join(server.dataDir, 'shards', shard, 'buckets');
    for (const name of await readdir(directory)) {
      total += (await stat(join(directory, name)).catch(() => ({ size: 0 }))).size;
    }
  }
  return total;
}
