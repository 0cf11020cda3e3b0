/** Retention policies of the real server: what they are after a kill and a sealing, and where writes and queries go. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { eventually, metric, results, series, write, written } from '../support/api.ts';
import { LiveClient } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const POLICY_COLUMNS = ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'];
/** Heads so small that documents have to come out of the manifest. */
const SEALING = ['--head-bytes', '4096', '--log-keep-bytes', '0'];

describe('retention policies', () => {
  for (const flags of [[], SEALING]) {
    it(`are what they were after kill -9 ${flags.join(' ')}`, async () => {
      const all = [...QUIET, ...flags, '--data-dir', await temporaryDirectory(), '--shards', '2'];
      let server = await startServer(all);
      await ask(server, 'CREATE DATABASE a WITH DURATION 3d REPLICATION 2 SHARD DURATION 2h NAME short');
      await ask(server, 'CREATE DATABASE b');
      for (let n = 0; n < 20; n++) await written(server, 'b', linesOf(n * 500, 500));
      const now = BigInt(Date.now()) * 1_000_000n;
      await written(server, 'a', `m v=1i ${now}`);
      await server.kill();
      server = await startServer(all);
      try {
        expect(await policies(server, 'a')).to.deep.equal([['short', '72h0m0s', '2h0m0s', 2, true]]);
        expect(await policies(server, 'b')).to.deep.equal([['autogen', '0s', '168h0m0s', 1, true]]);
        expect((await series(server, 'a', 'SELECT v FROM m'))[0].values).to.have.length(1);
        expect((await series(server, 'a', 'SELECT v FROM a.short.m'))[0].values).to.have.length(1);
        // types of fields are known for every policy
        expect(await (await write(server, 'a', `m v="text" ${now}`)).text()).to.include('field type conflict');
      } finally {
        await server.stop();
      }
    });
  }

  it('take no points from before their reach, and count those', async () => {
    const server = await startServer([...QUIET, '--shards', '3']);
    try {
      await ask(server, 'CREATE DATABASE d WITH DURATION 2h NAME short');
      const now = BigInt(Date.now()) * 1_000_000n;
      const lines = [`m,host=a v=1,s="x" 1`, `m,host=b v=2,s="y" ${now}`, 'm,host=a v=3 2', `n,host=c s="é" ${now}`];
      const refused = await write(server, 'd', lines.join('\n'));
      expect([refused.status, await refused.text()]).to.deep.equal([
        400,
        '{"error":"partial write: points beyond retention policy dropped=2"}\n',
      ]);
      const [m, n] = await series(server, 'd', 'SELECT * FROM m, n');
      expect(m.values).to.deep.equal([[Number(now), 'b', 'y', 2]]);
      expect(n.values).to.deep.equal([[Number(now), 'c', 'é', null]]);
      expect(await (await write(server, 'd', 'm v=1 1\nm v=', {})).text()).to.include("line 2: unable to parse 'm v='");
      expect(await metric(server, 'millrace_points_rejected_total{door="http",reason="retention"}')).to.equal(3);
    } finally {
      await server.stop();
    }
  });

  it('lead writes, queries, INTO and SHOW to the default, live ones too', async () => {
    const server = await startServer([...QUIET, '--shards', '2']);
    try {
      await ask(server, 'CREATE DATABASE d');
      await written(server, 'd', 'm,host=a v=1 1');
      await ask(server, 'CREATE RETENTION POLICY other ON d DURATION INF REPLICATION 1');
      await written(server, 'd', 'm,host=b v=2 2', { rp: 'other' });
      const values = async (q: string): Promise<unknown> => (await series(server, 'd', q)).flatMap((s) => s.values);
      expect(await values('SELECT v FROM m')).to.deep.equal([[1, 1]]);
      const client = await LiveClient.connect(server);
      await client.subscribed({ db: 'd', q: 'SELECT sum(v) FROM m', epoch: 'ns' });
      await client.until(() => JSON.stringify(client.rows()).includes('[[0,1]]'));
      await ask(server, 'ALTER RETENTION POLICY other ON d DEFAULT');
      await client.until(() => JSON.stringify(client.rows()).includes('[[0,2]]'));
      client.close();
      expect(await values('SELECT v FROM m')).to.deep.equal([[2, 2]]);
      expect(await values('SELECT v FROM autogen.m')).to.deep.equal([[1, 1]]);
      expect(await values('SHOW TAG VALUES WITH KEY = host')).to.deep.equal([
        ['host', 'a'],
        ['host', 'b'],
      ]);
      await results(server, 'd', 'SELECT v INTO copy FROM autogen.m');
      expect(await values('SELECT v FROM other.copy')).to.deep.equal([[1, 1]]);
      await ask(server, 'DROP RETENTION POLICY other ON d');
      expect(await ask(server, 'SELECT v FROM d.other.m')).to.equal('retention policy not found: other');
    } finally {
      await server.stop();
    }
  });

  it('let go of spans that are older than they keep, for good: memory, disk, kill -9', async () => {
    const flags = [...QUIET, ...SEALING, '--retention-check-ms', '50', '--data-dir', await temporaryDirectory()];
    let server = await startServer([...flags, '--shards', '2']);
    try {
      await ask(server, 'CREATE DATABASE d');
      const now = BigInt(Date.now()) * 1_000_000n;
      const day = 86_400_000_000_000n;
      for (let n = 0; n < 30; n++) {
        const lines = Array.from({ length: 300 }, (_, i) => {
          const time = now - 40n * day + BigInt(n * 300 + i) * 1_000_000_000n;
          return `m,host=h${i % 9} v=${Math.random()},t="${Math.random()}" ${time}`;
        });
        await written(server, 'd', lines.join('\n'));
      }
      await written(server, 'd', `m,host=new v=1 ${now}\nold,host=h1 v=1 ${now - 39n * day}`);
      await eventually(
        () => metric(server, 'millrace_buckets'),
        (buckets) => buckets > 5,
      );
      const before = await bytesIn(server.dataDir, 'buckets');
      expect(await count(server)).to.equal(9001);
      const client = await LiveClient.connect(server);
      await client.subscribed({ db: 'd', q: 'SELECT count(v) FROM m', epoch: 'ns' });
      await client.until(() => JSON.stringify(client.rows().at(-1) ?? null).includes('[[0,9001]]'));
      await ask(server, 'ALTER RETENTION POLICY autogen ON d DURATION 2d SHARD DURATION 1d');
      await client.until(() => JSON.stringify(client.rows().at(-1) ?? null).includes('[[0,1]]'));
      client.close();
      await eventually(
        () => count(server),
        (rows) => rows === 1,
      );
      await eventually(
        () => bytesIn(server.dataDir, 'buckets'),
        (bytes) => bytes < before / 10,
      );
      expect((await series(server, 'd', 'SHOW SERIES'))[0].values).to.deep.equal([['m,host=new']]);
      expect((await series(server, 'd', 'SHOW MEASUREMENTS'))[0].values).to.deep.equal([['m']]);
      expect(await metric(server, 'millrace_expiries_total')).to.be.greaterThan(0);
      await server.kill();
      server = await startServer(flags);
      expect(await count(server)).to.equal(1);
      // kept for longer again, old points can be written again
      await ask(server, 'ALTER RETENTION POLICY autogen ON d DURATION INF');
      await written(server, 'd', `m,host=h1 v=1 ${now - 40n * day}`);
      expect(await count(server)).to.equal(2);
    } finally {
      await server.stop();
    }
  });

  it('take what was written to them along when they are dropped', async () => {
    const flags = [...QUIET, '--data-dir', await temporaryDirectory()];
    let server = await startServer(flags);
    try {
      await ask(server, 'CREATE DATABASE d');
      await ask(server, 'CREATE RETENTION POLICY p ON d DURATION INF REPLICATION 1');
      await written(server, 'd', 'm v=1 1');
      await written(server, 'd', 'm v="text" 2\nn v=1 1', { rp: 'p' });
      await ask(server, 'DROP RETENTION POLICY p ON d');
      await ask(server, 'CREATE RETENTION POLICY p ON d DURATION INF REPLICATION 1');
      // types of fields go along
      await written(server, 'd', 'm v=2 2\nother v=1 1', { rp: 'p' });
      await ask(server, 'DROP RETENTION POLICY p ON d');
      await server.kill();
      server = await startServer(flags);
      await ask(server, 'CREATE RETENTION POLICY p ON d DURATION INF REPLICATION 1');
      expect(await series(server, 'd', 'SELECT * FROM p.m, p.other')).to.deep.equal([]);
      expect((await series(server, 'd', 'SHOW MEASUREMENTS'))[0].values).to.deep.equal([['m']]);
      await written(server, 'd', 'm v=3 3', { rp: 'p' });
      expect((await series(server, 'd', 'SELECT * FROM p.m'))[0].values).to.deep.equal([[3, 3]]);
      expect((await series(server, 'd', 'SELECT * FROM m'))[0].values).to.deep.equal([[1, 1]]);
    } finally {
      await server.stop();
    }
  });

  it('refuse what InfluxDB refuses, in its words', async () => {
    const server = await startServer(QUIET);
    try {
      await ask(server, 'CREATE DATABASE d');
      const refused = await write(server, 'd', 'm v=1 1', { rp: 'nope' });
      expect([refused.status, await refused.text()]).to.deep.equal([
        400,
        '{"error":"retention policy not found: nope"}\n',
      ]);
      expect(await ask(server, 'SELECT * FROM d.nope.m')).to.equal('retention policy not found: nope');
      expect(await ask(server, 'CREATE DATABASE "a/b"')).to.equal('invalid name');
      expect(await ask(server, 'CREATE DATABASE e WITH DURATION 30m')).to.equal(
        'retention policy duration must be at least 1h0m0s',
      );
      expect(await ask(server, 'CREATE DATABASE d WITH DURATION 1d')).to.equal(
        'retention policy conflicts with an existing policy',
      );
      expect(await ask(server, 'CREATE DATABASE d WITH REPLICATION 1')).to.equal(null);
    } finally {
      await server.stop();
    }
  });
});

// private functions

/** The error of a statement; null = none. */
async function ask(server: TestServer, q: string): Promise<string | null> {
  const [{ error }] = await results(server, '', q);
  return error ?? null;
}

async function policies(server: TestServer, database: string): Promise<unknown> {
  const [{ columns, values }] = await series(server, database, 'SHOW RETENTION POLICIES');
  expect(columns).to.deep.equal(POLICY_COLUMNS);
  return values;
}

async function count(server: TestServer): Promise<number> {
  const [counted] = await series(server, 'd', 'SELECT count(v) FROM m');
  return Number(counted?.values[0][1] ?? 0);
}

/** Of all files in folders of this name. */
async function bytesIn(directory: string, folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || basename(entry.parentPath) !== folder) continue;
    // a file may go between the two calls
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}

function linesOf(from: number, count: number): string {
  return Array.from({ length: count }, (_, i) => `m,host=h${i % 7} v=${from + i}i ${from + i}`).join('\n');
}
