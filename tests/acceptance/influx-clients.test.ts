/** The npm clients `influx` (1.x) and `@influxdata/influxdb-client` (its write API), unmodified, against the real server. */
import { HttpError, InfluxDB as InfluxDB2, Point } from '@influxdata/influxdb-client';
import { expect } from 'chai';
import { FieldType, InfluxDB } from 'influx';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

describe('npm clients of InfluxDB', () => {
  let server: TestServer;
  let client: InfluxDB;

  before(async () => {
    server = await startServer(QUIET);
    const { hostname, port } = new URL(server.http);
    client = new InfluxDB({
      host: hostname,
      port: Number(port),
      database: 'node',
      schema: [
        {
          measurement: 'cpu',
          fields: { usage: FieldType.FLOAT, n: FieldType.INTEGER, s: FieldType.STRING, ok: FieldType.BOOLEAN },
          tags: ['host'],
        },
      ],
    });
    await client.createDatabase('node');
  });

  after(() => server?.stop());

  describe('influx', () => {
    before(() =>
      client.writePoints([
        {
          measurement: 'cpu',
          tags: { host: 'a b' },
          fields: { usage: 1.5, n: 3, s: 'x "y"', ok: true },
          timestamp: new Date(1_000),
        },
        {
          measurement: 'cpu',
          tags: { host: 'c' },
          fields: { usage: 2, n: 4, s: 'z', ok: false },
          timestamp: new Date(2_000),
        },
        { measurement: 'cpu', tags: { host: 'c' }, fields: { usage: 5 }, timestamp: new Date(3_000) },
      ]),
    );

    it('finds the server, and the database that it made', async () => {
      const [host] = await client.ping(5_000);
      expect(host.online).to.equal(true);
      expect(host.version).to.be.a('string');
      expect(await client.getDatabaseNames()).to.include('node');
    });

    it('reads what it wrote', async () => {
      const rows = await client.query<Record<string, unknown>>('SELECT * FROM cpu');
      const plain = rows.map((row) => ({ ...row, time: (row.time as Date).toISOString() }));
      expect(plain).to.deep.equal([
        { time: '1970-01-01T00:00:01.000Z', host: 'a b', n: 3, ok: true, s: 'x "y"', usage: 1.5 },
        { time: '1970-01-01T00:00:02.000Z', host: 'c', n: 4, ok: false, s: 'z', usage: 2 },
        { time: '1970-01-01T00:00:03.000Z', host: 'c', n: null, ok: null, s: null, usage: 5 },
      ]);
    });

    it('binds placeholders, asks several statements, groups', async () => {
      const bound = await client.query('SELECT usage FROM cpu WHERE host = $h', { placeholders: { h: 'c' } });
      expect(bound.length).to.equal(2);
      const both = await client.query<{ first?: number; last?: number }>([
        'SELECT first(usage) FROM cpu',
        'SELECT last(usage) FROM cpu',
      ]);
      expect(both.map(([row]) => row.first ?? row.last)).to.deep.equal([1.5, 5]);
      const grouped = await client.query<{ max: number }>('SELECT max(usage) FROM cpu GROUP BY host');
      expect(grouped.groups().map(({ tags, rows }) => [tags.host, rows[0].max])).to.deep.equal([
        ['a b', 1.5],
        ['c', 5],
      ]);
    });

    it('shows what there is', async () => {
      expect(await client.getMeasurements()).to.include('cpu');
      expect(await client.getSeries()).to.include.members(['cpu,host=a\\ b', 'cpu,host=c']);
      const [policy] = await client.showRetentionPolicies();
      expect([policy.name, policy.duration]).to.deep.equal(['autogen', '0s']);
    });

    it('is told what is wrong', async () => {
      const failure = await client.query('SELECT * FRM cpu').then(
        () => '',
        (error: Error) => error.message,
      );
      expect(failure).to.include('found FRM, expected FROM');
    });

    it('makes and drops databases', async () => {
      await client.createDatabase('gone');
      await client.dropDatabase('gone');
      expect(await client.getDatabaseNames()).to.not.include('gone');
    });
  });

  describe('@influxdata/influxdb-client', () => {
    for (const gzipThreshold of [0, 1_000_000]) {
      it(`writes points and lines, ${gzipThreshold === 0 ? 'packed' : 'plain'}`, async () => {
        const measurement = `v2_${gzipThreshold}`;
        const writer = new InfluxDB2({ url: server.http, token: 'user:password' }).getWriteApi(
          '',
          'node/autogen',
          'ms',
          {
            gzipThreshold,
            maxRetries: 0,
          },
        );
        writer.useDefaultTags({ zone: 'z' });
        const point = new Point(measurement).tag('host', 'a').floatField('f', 1.5).intField('i', 7);
        writer.writePoint(point.stringField('s', 'x').booleanField('b', true).timestamp(new Date(5_000)));
        writer.writeRecord(`${measurement},host=b f=2 6000`);
        await writer.close();
        const { results } = (await client.queryRaw(`SELECT * FROM ${measurement}`, { precision: 'ms' })) as {
          results: { series: unknown[] }[];
        };
        expect(results[0].series).to.deep.equal([
          {
            name: measurement,
            columns: ['time', 'b', 'f', 'host', 'i', 's', 'zone'],
            values: [
              [5_000, true, 1.5, 'a', 7, 'x', 'z'],
              [6_000, null, 2, 'b', null, null, null],
            ],
          },
        ]);
      });
    }

    it('is told what is wrong with a line', async () => {
      let failure: unknown;
      const writer = new InfluxDB2({ url: server.http, token: 't' }).getWriteApi('', 'node', 'ns', {
        maxRetries: 0,
        writeFailed: (error) => {
          failure = error;
          return Promise.resolve();
        },
      });
      writer.writeRecord('broken v=');
      await writer.close();
      expect(failure).to.be.instanceOf(HttpError);
      expect((failure as HttpError).statusCode).to.equal(400);
      expect((failure as HttpError).body).to.include("unable to parse 'broken v=': missing field value");
    });
  });
});
