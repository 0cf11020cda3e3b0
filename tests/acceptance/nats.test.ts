/** The server on a real nats-server: the same writes, queries and live queries, through a broker that dies and comes back. */
import { expect } from 'chai';
import { eventually, series, write, written } from '../support/api.ts';
import { LiveClient, rowsOf } from '../support/live-client.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SECOND = 1_000_000_000;

describe('a server on JetStream', () => {
  let nats: NatsServer;
  let server: TestServer;
  let flags: string[];

  before(async () => {
    nats = await startNats();
    flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--nats', `nats://${nats.server}`, '--shards', '2'];
    server = await startServer(flags);
  });

  after(async () => {
    await server?.stop();
    await nats?.stop();
  });

  it('writes, answers and lives as the embedded one does', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `m,host=h${i % 10} id=${i}i ${SECOND + i}`).join('\n');
    const after = await written(server, 'd', lines);
    expect(
      (await series(server, 'd', 'SELECT count("id"), sum("id") FROM "m"', { after }))[0].values[0].slice(1),
    ).to.eql([100, 4950]);
    const live = await LiveClient.connect(server);
    await live.subscribed({ db: 'd', q: 'SELECT "id" FROM "m" WHERE time >= 0', mode: 'every' });
    await written(server, 'd', `m,host=h1 id=100i ${SECOND + 100}`);
    await live.until(() => rowsOf(live.rows()).length === 101);
    live.close();
  });

  it('rides through kill -9 of the broker while writing: nothing acknowledged is lost', async () => {
    const acknowledged = new Set<number>();
    let next = 1;
    let writing = true;
    const live = await LiveClient.connect(server);
    await live.subscribed({ db: 'd', q: 'SELECT "id" FROM "kill"', mode: 'every' });
    const writers = Array.from({ length: 4 }, async () => {
      while (writing) {
        const ids = Array.from({ length: 5 }, () => next++);
        const lines = ids.map((id) => `kill,host=h${id % 7} id=${id}i ${SECOND + id}`).join('\n');
        const response = await write(server, 'd', lines);
        expect(response.status).to.be.oneOf([204, 503]);
        if (response.status === 204) for (const id of ids) acknowledged.add(id);
        else await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    const more = (points: number): Promise<number> => {
      const before = acknowledged.size;
      return eventually(
        () => acknowledged.size,
        (size) => size >= before + points,
      );
    };
    await more(100);
    await nats.kill();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await nats.start();
    await more(100);
    writing = false;
    await Promise.all(writers);
    const [{ values }] = await series(server, 'd', 'SELECT "id" FROM "kill"');
    const ids = values.map((row) => Number(row[1]));
    const kept = new Set(ids);
    expect(kept.size, 'nothing twice').to.equal(ids.length);
    expect([...acknowledged].filter((id) => !kept.has(id))).to.deep.equal([]);
    await live.until(() => rowsOf(live.rows()).length >= ids.length, 'every point at the live tail');
    const seen = rowsOf(live.rows()).map(({ values }) => Number(values[1]));
    expect(new Set(seen).size, 'seen once').to.equal(seen.length);
    live.close();
  });

  it('finds everything in its own log after a restart', async () => {
    const sums = (): Promise<unknown> =>
      Promise.all(['m', 'kill'].map((name) => series(server, 'd', `SELECT count("id"), sum("id") FROM "${name}"`)));
    const before = await sums();
    await server.kill();
    server = await startServer(flags);
    expect(await sums()).to.deep.equal(before);
    await written(server, 'd', `m,host=h1 id=1000i ${SECOND + 1000}`);
    expect((await series(server, 'd', 'SELECT last("id") FROM "m"'))[0].values[0][1]).to.equal(1000);
  });
});
