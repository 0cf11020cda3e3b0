/** What the server shows of itself in InfluxDB's words: SHOW STATS, SHOW DIAGNOSTICS, SHOW SHARDS, SHOW SUBSCRIPTIONS. */
import { expect } from 'chai';
import { eventually, results, series, written } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

describe('what the server shows of itself', () => {
  let server: TestServer;

  before(async () => {
    server = await startServer(['--telemetry-ms', '200', '--log-level', 'error', '--shards', '2']);
    await written(server, 'd', 'm v=1 1');
  });

  after(() => server.stop());

  it('shows its counters: a row for each series of _internal, without times', async () => {
    const shown = await eventually(
      async () => (await results(server, '', 'SHOW STATS'))[0].series ?? [],
      (found) => found.length > 3,
    );
    const names = new Set(shown.map(({ name }) => name));
    expect(names.size).to.be.greaterThan(1);
    for (const { columns, values, tags } of shown) {
      expect(columns).to.not.include('time');
      expect(values).to.have.length(1);
      expect(values[0]).to.not.include(null);
      expect(Object.values(tags ?? {})).to.not.include('');
    }
    const [one] = names;
    const alone = await series(server, '', `SHOW STATS FOR '${one}'`);
    expect(new Set(alone.map(({ name }) => name))).to.deep.equal(new Set([one]));
    expect(await results(server, '', "SHOW STATS FOR 'nothing'")).to.deep.equal([{ statement_id: 0 }]);
  });

  it('shows what it is', async () => {
    const shown = await series(server, '', 'SHOW DIAGNOSTICS');
    expect(shown.map(({ name }) => name)).to.deep.equal(['build', 'network', 'runtime', 'system']);
    const [build] = await series(server, '', "SHOW DIAGNOSTICS FOR 'build'");
    const { version } = (await (await fetch(`${server.http}/health`)).json()) as { version: string };
    expect(build.values[0][build.columns.indexOf('Version')]).to.equal(version);
  });

  it('shows its shards, which hold all times', async () => {
    const shown = await series(server, '', 'SHOW SHARDS');
    const own = shown.find(({ name }) => name === 'd')!;
    expect(own.columns.slice(0, 3)).to.deep.equal(['id', 'database', 'retention_policy']);
    expect(own.values).to.deep.equal([1, 2].map((id) => [id, 'd', 'autogen', 1, '', '', '', '']));
    const [groups] = await series(server, '', 'SHOW SHARD GROUPS');
    expect(groups.values).to.deep.include([1, 'd', 'autogen', '', '', '']);
  });

  it('shows no subscriptions, and says what there is instead', async () => {
    expect(await results(server, '', 'SHOW SUBSCRIPTIONS')).to.deep.equal([{ statement_id: 0 }]);
    const create = "CREATE SUBSCRIPTION s ON d.autogen DESTINATIONS ALL 'udp://127.0.0.1:9'";
    expect((await results(server, '', create))[0].error).to.include('watch a live query');
  });
});
