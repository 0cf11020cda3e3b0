/** Metadata and advice of the real server: said by statement, shown, and there after a kill. */
import { expect } from 'chai';
import { results, series } from '../support/api.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const COLUMNS = ['series', 'unit', 'description', 'metadata', 'bucket_bytes', 'bucket_width', 'tier_after'];

describe('metadata', () => {
  const flags = [...QUIET, '--shards', '2'];
  let server: TestServer;

  before(async () => {
    flags.push('--data-dir', await temporaryDirectory());
    server = await startServer(flags);
    await results(server, '', 'CREATE DATABASE d');
  });

  after(() => server.stop());

  it('is what was said last, of a measurement and of a series, after kill -9 too', async () => {
    await say(`ALTER MEASUREMENT cpu WITH (unit = 'ms', description = 'it\\'s', metadata = '{"a":[1,"é"]}')`);
    await say(`ALTER SERIES FROM cpu WHERE host = 'a b' AND dc = 'x' ON d WITH (unit = 's')`);
    await say(`ALTER MEASUREMENT cpu WITH (bucket_bytes = '1MB', bucket_width = '1h', unit = '')`);
    await say(`ALTER MEASUREMENT disk WITH (bucket_width = 90m, tier_after = '7d')`);
    const wanted = [
      {
        name: 'cpu',
        columns: COLUMNS,
        values: [
          ['', '', "it's", '{"a":[1,"é"]}', 1048576, '1h', ''],
          ['dc=x,host=a\\ b', 's', '', '', null, '', ''],
        ],
      },
      { name: 'disk', columns: COLUMNS, values: [['', '', '', '', null, '90m', '1w']] },
    ];
    expect(await series(server, 'd', 'SHOW METADATA')).to.deep.equal(wanted);
    expect(await series(server, '', 'SHOW METADATA ON d FROM disk')).to.deep.equal([wanted[1]]);
    await server.kill();
    server = await startServer(flags);
    expect(await series(server, 'd', 'SHOW METADATA')).to.deep.equal(wanted);
    await say(`ALTER MEASUREMENT disk WITH (bucket_width = '', tier_after = '')`);
    expect(await series(server, 'd', 'SHOW METADATA FROM disk')).to.deep.equal([]);
  });

  it('is read and said over HTTP as well', async () => {
    const at = (parameters: Record<string, string>): string =>
      `${server.http}/api/v1/metadata?${new URLSearchParams(parameters)}`;
    const put = (parameters: Record<string, string>, body: unknown): Promise<Response> =>
      fetch(at(parameters), { method: 'PUT', body: JSON.stringify(body) });
    const net = { db: 'd', measurement: 'net' };
    expect((await put(net, { unit: 'B', metadata: { owner: ['ops'] } })).status).to.equal(204);
    expect((await put({ ...net, series: 'if=eth0,host=a' }, { description: 'uplink' })).status).to.equal(204);
    await say("ALTER MEASUREMENT net WITH (bucket_bytes = '2MB')");
    const wanted = [
      { measurement: 'net', series: null, bucketBytes: 2097152, unit: 'B', metadata: { owner: ['ops'] } },
      { measurement: 'net', series: 'host=a,if=eth0', description: 'uplink' },
    ];
    expect(await (await fetch(at(net))).json()).to.deep.equal({ metadata: wanted });
    const one = await fetch(at({ ...net, series: 'host=a,if=eth0' }));
    expect(await one.json()).to.deep.equal({ metadata: [wanted[1]] });
    expect((await series(server, 'd', 'SHOW METADATA FROM net'))[0].values[1]).to.include('uplink');
    expect((await put({ ...net, series: 'if=eth0,host=a' }, {})).status).to.equal(204);
    expect(await (await fetch(at(net))).json()).to.deep.equal({ metadata: [wanted[0]] });
    const refused = await Promise.all([
      put({ db: 'nope', measurement: 'm' }, { unit: 's' }),
      put({ db: 'd' }, { unit: 's' }),
      put(net, { unit: 1 }),
      put(net, [1]),
      put({ ...net, series: 'nonsense' }, { unit: 's' }),
      put(net, { description: 'x'.repeat(70_000) }),
    ]);
    expect(refused.map(({ status }) => status)).to.deep.equal([404, 400, 400, 400, 400, 400]);
  });

  it('is refused with what was wrong and what was expected', async () => {
    const refused: readonly (readonly [string, string])[] = [
      [
        'ALTER MEASUREMENT m WITH (size = 1)',
        'unknown option "size": expected unit, description, metadata, bucket_bytes, bucket_width or tier_after',
      ],
      ["ALTER MEASUREMENT m WITH (bucket_bytes = '1KB')", "bucket_bytes: expected 64KB to 1GB, got '1KB'"],
      ["ALTER MEASUREMENT m WITH (bucket_width = '1y')", "bucket_width: expected a duration of 1m to 52d, got '1y'"],
      ["ALTER MEASUREMENT m WITH (tier_after = '1s')", "tier_after: expected a duration of 1m to 520w, got '1s'"],
      ['ALTER MEASUREMENT m WITH (unit = 1)', 'unit: expected a text in quotes, got 1'],
      [
        "ALTER SERIES FROM m WHERE a =~ /x/ WITH (unit = 's')",
        "a series is named by tag = 'value' AND …, not by a =~ /x/",
      ],
      [
        "ALTER SERIES FROM m WHERE a = 'x' WITH (bucket_bytes = '1MB')",
        'unknown option "bucket_bytes": expected unit, description or metadata',
      ],
      ["ALTER MEASUREMENT m ON nope WITH (unit = 's')", 'database not found: nope'],
    ];
    for (const [q, error] of refused) expect((await results(server, 'd', q))[0].error, q).to.equal(error);
    const [{ error }] = await results(server, 'd', "ALTER MEASUREMENT m WITH (metadata = '{')");
    expect(error).to.match(/^metadata: expected JSON in quotes: /);
  });

  async function say(q: string): Promise<void> {
    const [{ error }] = await results(server, 'd', q);
    expect(error, q).to.equal(undefined);
  }
});
