/** Datagrams on the real server: good lines can be asked for, and every loss is counted by its reason. */
import { expect } from 'chai';
import { eventually, metric, results, sendDatagrams, series } from '../support/api.ts';
import { LiveClient, rowsOf } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

describe('datagrams', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer([...QUIET, '--udp-database', 'datagrams', '--shards', '2']);
  });

  after(() => server.stop());

  it('end in the database of the door, one or more lines each', async () => {
    const lines = Array.from(
      { length: 100 },
      (_, i) => `m,host=h${i % 10} v=${i}i ${2 * i + 1}\nm,host=x v=1i ${2 * i + 2}`,
    );
    await sendDatagrams(server.udp, lines);
    const count = (): Promise<unknown> =>
      results(server, 'datagrams', 'SELECT count("v"), sum("v") FROM "m"').then(
        ([{ series: found }]) => found?.[0].values[0].slice(1) ?? [0],
      );
    await eventually(count, (counted) => JSON.stringify(counted) === '[200,5050]');
    expect(await metric(server, 'millrace_datagrams_in_total')).to.equal(100);
    expect(await metric(server, 'millrace_points_in_total{door="udp"}')).to.equal(200);
  });

  it('reach live queries', async () => {
    const client = await LiveClient.connect(server);
    await client.subscribed({ db: 'datagrams', q: 'SELECT "v" FROM "live"' });
    await sendDatagrams(server.udp, ['live v=1 1', 'live v=2 2']);
    await client.until(() => rowsOf(client.rows()).length === 2);
    client.close();
  });

  it('are counted where lines are malformed; good lines beside them are kept', async () => {
    const dropped = 'millrace_datagrams_dropped_total{reason="malformed"}';
    const before = await metric(server, dropped);
    await sendDatagrams(server.udp, [
      'good v=1 1\nno fields\ngood v=2 2',
      'garbage',
      new Uint8Array([0, 255, 254, 10, 13]),
      'cut s="never closed',
      'good v=3 3',
    ]);
    await eventually(
      async () => (await series(server, 'datagrams', 'SELECT count("v") FROM "good"'))[0]?.values[0][1] ?? 0,
      (count) => count === 3,
    );
    await eventually(
      () => metric(server, dropped),
      (count) => count >= before + 4,
    );
  });

  it('do not stop the door when they are empty or as large as can be', async () => {
    const text = 'x'.repeat(60_000);
    await sendDatagrams(server.udp, ['', `large s="${text}" 1`, 'after v=1 1']);
    await eventually(
      async () => (await series(server, 'datagrams', 'SELECT "v" FROM "after"'))[0]?.values.length ?? 0,
      (rows) => rows === 1,
    );
    const [{ values }] = await series(server, 'datagrams', 'SELECT "s" FROM "large"');
    expect(String(values[0][1]).length).to.equal(text.length);
  });
});
