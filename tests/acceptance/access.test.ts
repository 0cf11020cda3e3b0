/** Users of the real server: over kills, in the SDK, and never in what is printed. What InfluxDB has too is in tests/differential. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Millrace } from '../../client/sdk/index.ts';
import { eventually, sendDatagrams } from '../support/api.ts';
import { runToEnd, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const PASSWORD = 'correct-horse-battery';

describe('access', () => {
  const flags = ['--auth', '--log-level', 'debug', '--shards', '2', '--telemetry-ms', '200'];
  let server: TestServer;

  before(async () => {
    flags.push('--data-dir', await temporaryDirectory());
    server = await startServer(flags);
    await say('', `CREATE USER ann WITH PASSWORD '${PASSWORD}' WITH ALL PRIVILEGES`);
    await say(`ann:${PASSWORD}`, "CREATE USER bob WITH PASSWORD 'b'");
    for (const name of ['d', 'e']) await say(`ann:${PASSWORD}`, `CREATE DATABASE ${name}`);
    await say(`ann:${PASSWORD}`, 'GRANT READ ON d TO bob');
  });

  after(() => server.stop());

  it('is as it was after kill -9', async () => {
    await server.kill();
    server = await startServer(flags);
    expect(await say(`ann:${PASSWORD}`, 'SHOW USERS')).to.include('["bob",false]');
    expect(await say('bob:b', 'SHOW DATABASES')).to.include('[["d"]]');
    expect(await say('bob:b', 'CREATE DATABASE f')).to.include('requires admin privilege');
    expect(await say('ann:wrong', 'SHOW USERS')).to.equal('{"error":"authorization failed"}');
  });

  it('lets the SDK in by its token: over HTTP, and live', async () => {
    const ann = new Millrace({ url: server.http, token: `ann:${PASSWORD}` });
    const bob = new Millrace({ url: server.http, token: 'bob:b' });
    const stranger = new Millrace({ url: server.http });
    try {
      await ann.write('d', 'm v=1 1');
      const refusals = await Promise.all(
        [bob.write('d', 'm v=2 2'), bob.query('e', 'SELECT v FROM m'), stranger.query('d', 'SELECT v FROM m')].map(
          (asked) => Promise.resolve(asked).then(String, (error: { code: string }) => error.code),
        ),
      );
      expect(refusals).to.deep.equal(['forbidden', 'forbidden', 'unauthorized']);
      expect((await bob.query('d', 'SELECT v FROM m', { epoch: 'ns' }))[0].series?.[0].values).to.deep.equal([[1, 1]]);
      expect(await firstEvent(bob, 'd')).to.equal('subscribed');
      expect(await firstEvent(bob, 'e')).to.equal('forbidden');
      expect(await firstEvent(stranger, 'd')).to.equal('unauthorized');
    } finally {
      for (const client of [ann, bob, stranger]) client.close();
    }
  });

  it('gives backups to administrators only, and lets nobody else restore', async () => {
    const clients = ['bob:b', undefined, `ann:${PASSWORD}`].map((token) => new Millrace({ url: server.http, token }));
    const [bob, stranger, ann] = clients;
    try {
      const codes = await Promise.all(
        [bob.backup(), stranger.backup(), bob.restoreDocuments('g', []), stranger.restoreDocuments('g', [])].map(
          (asked) => Promise.resolve(asked).then(String, (error: { code: string }) => error.code),
        ),
      );
      expect(codes).to.deep.equal(['forbidden', 'unauthorized', 'forbidden', 'unauthorized']);
      expect((await new Response(await ann.backup({ databases: ['d'] })).bytes()).length).to.be.greaterThan(1024);
      await ann.restoreDocuments('g', []);
      expect(await say(`ann:${PASSWORD}`, 'SHOW DATABASES')).to.include('["g"]');
    } finally {
      for (const client of clients) client.close();
    }
  });

  it('lets only administrators make the server speak to an address, by an alert', async () => {
    await say(`ann:${PASSWORD}`, 'GRANT ALL ON e TO bob');
    const create = 'CREATE ALERT a ON e (SELECT mean(v) FROM m GROUP BY time(1m)) WHEN mean > 1';
    const refusal = await say('bob:b', `${create} NOTIFY 'http://127.0.0.1:1/' WITH (secret = 'hidden')`);
    expect(refusal).to.include('requires admin privilege').and.not.include('hidden');
    expect(await say('bob:b', create)).to.equal('{"results":[{"statement_id":0}]}');
    expect(await say('bob:b', 'SHOW ALERTS ON e')).to.include('CREATE ALERT a ON e');
    // without a database, those of all that one may read
    expect(await say('bob:b', 'SHOW ALERTS'))
      .to.include('"name":"e"')
      .and.not.include('"name":"_internal"');
    expect(await say(`ann:${PASSWORD}`, 'SHOW ALERTS'))
      .to.include('CREATE ALERT a ON e')
      .and.include('"name":"_internal"');
    expect(await say('bob:b', 'DROP ALERT a ON e')).to.equal('{"results":[{"statement_id":0}]}');
    await say(`ann:${PASSWORD}`, 'REVOKE ALL ON e FROM bob');
    expect(await say('bob:b', 'SHOW ALERTS ON e')).to.include('requires READ on e');
  });

  it('does not stop datagrams, nor the server that reports on itself', async () => {
    await sendDatagrams(server.udp, ['m v=1 1']);
    const seen = (db: string, name: string) =>
      eventually(
        () => say(`ann:${PASSWORD}`, `SELECT count(*) FROM ${db}..${name}`),
        (text) => text.includes('"values"'),
      );
    await seen('udp', 'm');
    await seen('_internal', 'millrace');
  });

  it('never writes a password down', async () => {
    await say(`ann:${PASSWORD}`, `CREATE USER eve WITH PASSWORD '${PASSWORD}-2`);
    await say(`ann:${PASSWORD}`, `SET PASSWORD FOR nobody = '${PASSWORD}-3'`);
    expect(server.stderr()).to.not.include(PASSWORD);
    const names = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
    for (const entry of names.filter((file) => file.isFile())) {
      expect((await readFile(join(entry.parentPath, entry.name))).includes(PASSWORD), entry.name).to.equal(false);
    }
  });

  it('refuses a secret that has no effect', async () => {
    const { code, stderr } = await runToEnd(['--auth-token-secret', 'x', '--data-dir', await temporaryDirectory()]);
    expect([code, stderr]).to.deep.equal([1, 'millrace: auth-token-secret: has no effect without --auth\n']);
  });

  /** `who` = name:password, '' = nobody. */
  async function say(who: string, q: string): Promise<string> {
    const headers: Record<string, string> =
      who === '' ? {} : { authorization: `Basic ${Buffer.from(who).toString('base64')}` };
    const response = await fetch(`${server.http}/query`, { method: 'POST', headers, body: new URLSearchParams({ q }) });
    return (await response.text()).trim();
  }
});

// private functions

/** Op of the first event of a subscription, or the code of its error. */
async function firstEvent(client: Millrace, db: string): Promise<string> {
  try {
    for await (const event of client.subscribe(db, 'SELECT count(v) FROM m')) return event.op;
    return 'nothing';
  } catch (error) {
    return (error as { code: string }).code;
  }
}
