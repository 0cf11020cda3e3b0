/** The SDK against the real server: write, read one's own write, live rows, and a live query that outlives its server. */
import { expect } from 'chai';
import { type LiveEvent, LiveTable, Millrace, MillraceError, type Subscription } from '../../client/sdk/index.ts';
import { eventually } from '../support/api.ts';
import { deadUrl } from '../support/fake-server.ts';
import { startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

async function rowsUntil(subscription: Subscription, enough: (values: number[]) => boolean): Promise<number[]> {
  const values: number[] = [];
  while (!enough(values)) {
    const { value: event, done } = await subscription.next();
    if (done) throw new Error('the live query ended');
    if (event.op !== 'rows') continue;
    for (const series of event.series) for (const row of series.values) values.push(Number(row[1]));
  }
  return values;
}

describe('sdk and server', () => {
  let flags: string[];
  let server: TestServer;
  let client: Millrace;

  before(async () => {
    // A port that is named, not 0: only then may a server come back to it at once.
    flags = ['--data-dir', await temporaryDirectory(), '--http', new URL(await deadUrl()).host];
    server = await startServer(flags);
    client = new Millrace({ url: server.http });
  });
  after(async () => {
    client?.close();
    await server?.stop();
  });

  it('reads its own write, with every escape as it was', async () => {
    const tags = { 'k, =': 'v, =' };
    const position = await client.write('own', [
      { measurement: 'm, x', tags, fields: { f: 1.5, i: -7n, b: true, s: 'a "q" \\ b' }, time: new Date(1000) },
    ]);
    expect(position).to.not.equal('');
    const [result] = await client.query('own', 'SELECT * FROM "m, x"', { epoch: 'ms', after: position });
    expect(result.series).to.deep.equal([
      {
        name: 'm, x',
        columns: ['time', 'b', 'f', 'i', 'k, =', 's'],
        values: [[1000, true, 1.5, -7, 'v, =', 'a "q" \\ b']],
      },
    ]);
  });

  it('gives the server’s own words where it refuses', async () => {
    const parse = await client.query('own', 'SELECT x FORM m').catch((error) => error);
    expect(parse).to.be.instanceOf(MillraceError);
    expect([parse.code, parse.at]).to.deep.equal(['parse', 9]);
    const partial = await client.write('own', 'good x=1 1\nbad\nalso x=2 2').catch((error) => error);
    expect(partial).to.be.instanceOf(MillraceError);
    expect(partial.message).to.contain('bad');
    const [result] = await client.query('own', 'SELECT x FROM good, also', { epoch: 'ns' });
    expect(result.series?.length).to.equal(2);
    const live = await client
      .subscribe('own', 'SELECT x FORM m')
      .next()
      .catch((error) => error);
    expect([live.code, live.at]).to.deep.equal(['parse', 9]);
  });

  it('gives the snapshot and then what is written, once each', async () => {
    await client.write('tail', 'm v=1 1\nm v=2 2');
    const subscription = client.subscribe('tail', 'SELECT v FROM m WHERE time >= 0', { epoch: 'ns', mode: 'every' });
    expect(await rowsUntil(subscription, ({ length }) => length >= 2)).to.deep.equal([1, 2]);
    await client.write('tail', 'm v=3 3');
    await client.write('tail', 'm v=4 4');
    expect(await rowsUntil(subscription, ({ length }) => length >= 2)).to.deep.equal([3, 4]);
    await subscription.return();
  });

  it('live windows end equal to the same query over history', async () => {
    const q = 'SELECT sum(v) FROM w GROUP BY time(1s), host fill(none)';
    const table = new LiveTable();
    await client.query('windows', 'CREATE DATABASE windows');
    const subscription = client.subscribe('windows', q, { epoch: 'ms' });
    const following = (async () => {
      for await (const event of subscription) table.apply(event);
    })();
    const start = Math.floor(Date.now() / 1000) * 1000 - 5000;
    for (let i = 0; i < 50; i++) {
      await client.write('windows', `w,host=h${i % 2} v=${i} ${start + i * 100}`, { precision: 'ms' });
    }
    const [result] = await client.query(
      'windows',
      q.replace('FROM w', `FROM w WHERE time >= ${start}ms AND time < ${start + 5000}ms`),
      { epoch: 'ms' },
    );
    const wanted = result.series!.map(({ tags, values }) => [tags!.host, values]);
    await eventually(
      () => table.series().map(({ tags, rows }) => [tags.host, rows.map(({ values }) => values)]),
      (shown) => JSON.stringify(shown) === JSON.stringify(wanted),
    );
    await subscription.return();
    await following;
  });

  it('a live query outlives kill -9 of its server, without loss or repetition', async () => {
    await client.write('crash', 'm v=0 0');
    const subscription = client.subscribe('crash', 'SELECT v FROM m', { epoch: 'ns', mode: 'every', snapshot: false });
    let first: LiveEvent['op'] | undefined;
    while (first !== 'subscribed') first = (await subscription.next()).value?.op;
    for (let v = 1; v <= 5; v++) await client.write('crash', `m v=${v} ${v}`);
    expect(await rowsUntil(subscription, ({ length }) => length >= 5)).to.deep.equal([1, 2, 3, 4, 5]);
    await server.kill();
    server = await startServer(flags);
    for (let v = 6; v <= 10; v++) await client.write('crash', `m v=${v} ${v}`);
    expect(await rowsUntil(subscription, ({ length }) => length >= 5)).to.deep.equal([6, 7, 8, 9, 10]);
  });
});
