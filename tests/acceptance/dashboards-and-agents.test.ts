/**
 * What Grafana's InfluxDB data source and Telegraf's output send, request by request, as they send it: no client library between. The
 * server asks who somebody is, as theirs do.
 */

import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const ANN = `Basic ${Buffer.from('ann:x').toString('base64')}`;
const FORM = 'application/x-www-form-urlencoded';
const LINES = ['cpu,host=a,region=eu usage=1.5,n=3i 60000', 'cpu,host=b usage=2 120000', 'mem,host=a used=7i 60000'];

describe('what dashboards and agents send', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--auth']);
    const created = await post('/query', { q: "CREATE USER ann WITH PASSWORD 'x' WITH ALL PRIVILEGES" }, {});
    expect(created.status).to.equal(200);
  });

  after(() => server?.stop());

  describe('Telegraf', () => {
    const headers = { authorization: ANN, 'user-agent': 'Telegraf/1.30.0 Go/1.22.1' };

    it('makes its database, as often as it starts', async () => {
      for (let start = 0; start < 2; start++) {
        const response = await post('/query', { q: 'CREATE DATABASE "telegraf"' }, headers);
        expect(response.status).to.equal(200);
        expect(await response.json()).to.deep.equal({ results: [{ statement_id: 0 }] });
      }
    });

    it('is told the version and that all is well', async () => {
      const response = await fetch(`${server.http}/ping`, { headers: { 'user-agent': headers['user-agent'] } });
      expect(response.status).to.equal(204);
      expect(response.headers.get('x-influxdb-version')).to.match(/^1\.8\./);
    });

    it('writes a packed batch, with its consistency and precision', async () => {
      for (const consistency of ['any', 'one']) {
        const response = await fetch(
          `${server.http}/write?${new URLSearchParams({ consistency, db: 'telegraf', precision: 'ms', rp: '' })}`,
          {
            method: 'POST',
            headers: { ...headers, 'content-encoding': 'gzip', 'content-type': 'text/plain; charset=utf-8' },
            body: gzipSync(`${LINES.join('\n')}\n`),
          },
        );
        expect([response.status, await response.text()]).to.deep.equal([204, '']);
      }
    });

    it('hears what it looks for in an error: that its database is not there, and which field conflicts', async () => {
      const lost = await write('nowhere', 'cpu usage=1 1', headers);
      expect(lost.status).to.equal(404);
      expect(await lost.text()).to.include('database not found');
      const conflict = await write('telegraf', 'cpu,host=a usage="text" 180000', headers);
      expect(conflict.status).to.equal(400);
      expect(await conflict.text()).to.include('field type conflict');
    });
  });

  describe('Grafana', () => {
    const headers = { authorization: ANN, accept: 'application/json, text/plain, */*', 'user-agent': 'Grafana/10.4.1' };

    it('saves and tests a data source', async () => {
      expect(await asked('SHOW DATABASES')).to.deep.equal([['databases', ['name'], [['telegraf']]]]);
      expect(await asked('SHOW MEASUREMENTS LIMIT 1')).to.deep.equal([['measurements', ['name'], [['cpu']]]]);
      expect(await asked('SHOW RETENTION POLICIES on "telegraf"')).to.have.length(1);
    });

    it('fills the lists of its query editor and of template variables', async () => {
      expect(await asked('SHOW TAG KEYS FROM "cpu"')).to.deep.equal([['cpu', ['tagKey'], [['host'], ['region']]]]);
      expect(await asked(`SHOW TAG VALUES FROM "cpu" WITH KEY = "host" WHERE "region" =~ /^(eu|us)$/`)).to.deep.equal([
        ['cpu', ['key', 'value'], [['host', 'a']]],
      ]);
      expect(await asked('SHOW FIELD KEYS FROM "autogen"."cpu"')).to.deep.equal([
        [
          'cpu',
          ['fieldKey', 'fieldType'],
          [
            ['n', 'integer'],
            ['usage', 'float'],
          ],
        ],
      ]);
      expect(await asked('SHOW MEASUREMENTS WITH MEASUREMENT =~ /(?i)CP/ LIMIT 100')).to.deep.equal([
        ['measurements', ['name'], [['cpu']]],
      ]);
    });

    it('draws a panel of two queries in one request', async () => {
      const q = [
        `SELECT mean("usage") FROM "cpu" WHERE ("host" =~ /^(a|b)$/) AND time >= 0ms and time <= 180000ms GROUP BY time(1m), "host"::tag fill(null)`,
        'SELECT last("used") FROM "mem" WHERE time >= 0ms and time <= 180000ms GROUP BY time(1m) fill(none) ORDER BY time ASC',
      ].join(';\n');
      expect(await asked(q)).to.deep.equal([
        [
          'cpu',
          ['time', 'mean'],
          [
            [0, null],
            [60_000, 1.5],
            [120_000, null],
            [180_000, null],
          ],
        ],
        [
          'cpu',
          ['time', 'mean'],
          [
            [0, null],
            [60_000, null],
            [120_000, 2],
            [180_000, null],
          ],
        ],
        ['mem', ['time', 'last'], [[60_000, 7]]],
      ]);
    });

    it('hears that a query is wrong, and that nobody is known', async () => {
      const wrong = await get({ q: 'SELECT mean(usage FROM cpu' }, headers);
      expect(wrong.status).to.equal(400);
      expect(((await wrong.json()) as { error: string }).error).to.match(/^error parsing query: found FROM, expected/);
      const nobody = await get({ q: 'SHOW DATABASES' }, { accept: headers.accept });
      expect(nobody.status).to.equal(401);
      expect(nobody.headers.get('www-authenticate')).to.include('Basic');
    });

    /** The series of all results, the same by GET, by POST and with the password in the address. */
    async function asked(q: string): Promise<unknown[]> {
      const { authorization, ...anonymous } = headers;
      const responses = [
        await get({ q }, headers),
        await post('/query?db=telegraf&epoch=ms', { q }, headers),
        await get({ q, u: 'ann', p: 'x' }, anonymous),
      ];
      expect(authorization).to.equal(ANN);
      const texts = await Promise.all(responses.map((response) => response.text()));
      expect(responses.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
      expect(responses[0].headers.get('content-type')).to.equal('application/json');
      expect(new Set(texts).size).to.equal(1);
      const { results } = JSON.parse(texts[0]) as { results: { series: Record<string, unknown>[] }[] };
      return results.flatMap(({ series }) => series.map(({ name, columns, values }) => [name, columns, values]));
    }
  });

  function get(parameters: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>>) {
    const query = new URLSearchParams({ db: 'telegraf', epoch: 'ms', ...parameters });
    return fetch(`${server.http}/query?${query}`, { headers });
  }

  function post(path: string, form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>>) {
    const body = String(new URLSearchParams(form));
    return fetch(server.http + path, { method: 'POST', headers: { ...headers, 'content-type': FORM }, body });
  }

  function write(db: string, body: string, headers: Readonly<Record<string, string>>) {
    return fetch(`${server.http}/write?${new URLSearchParams({ db, precision: 'ms' })}`, {
      method: 'POST',
      headers,
      body,
    });
  }
});
