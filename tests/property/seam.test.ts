/**
 * The seam between history and live, on the real server: while writers write to all shards at full speed, clients subscribe at random
 * moments. What each of them ends with is exactly what was written: no gap, nothing twice.
 */
import { expect } from 'chai';
import { metric, written } from '../support/api.ts';
import { LiveClient, latestRows, rowsOf } from '../support/live-client.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const WRITERS = 4;
const BODIES = 150;
const LINES = 20;
const HOSTS = 16;
const TAILS = 10;
const SUMS = 6;
const SECOND = 1_000_000_000;

describe('the seam', () => {
  const seed = seedOfRun();
  for (const [shards, door] of [
    ['1', 'uws'],
    ['4', 'uws'],
    ['3', 'node'],
  ]) {
    it(`has no gap and no point twice, ${shards} shards, door ${door} (seed ${seed})`, async () => {
      const server = await startServer([...QUIET, '--shards', shards, '--workers', '2', '--door', door]);
      try {
        await subscribeWhileWriting(server, new Random(seed + Number(shards)));
      } finally {
        await server.stop();
      }
    });
  }
});

// private functions

async function subscribeWhileWriting(server: TestServer, random: Random): Promise<void> {
  const total = WRITERS * BODIES * LINES;
  // every point has an id and a time of its own; the series decides the shard
  const line = (id: number): string => `m,host=h${id % HOSTS} id=${id}i ${SECOND + id * 1_000_000}`;
  const sums = new Map<string, number>();
  for (let id = 0; id < total; id++) {
    const window = `m ${SECOND + Math.floor((id * 1_000_000) / SECOND) * SECOND}`;
    sums.set(window, (sums.get(window) ?? 0) + id);
  }
  let next = 0;
  let stopped = false;
  const writers = Array.from({ length: WRITERS }, async () => {
    while (next < total && !stopped) {
      const first = next;
      next += LINES;
      await written(server, 'd', Array.from({ length: LINES }, (_, i) => line(first + i)).join('\n'));
    }
  });
  await written(server, 'd', line(total));
  const subscribe = async (q: string): Promise<LiveClient> => {
    // at a random amount written
    const after = random.between(0, total - LINES * WRITERS);
    while (next < after && !stopped) await new Promise((resolve) => setTimeout(resolve, 1));
    const client = await LiveClient.connect(server);
    client.subscribe({ db: 'd', q, mode: 'every' });
    return client;
  };
  const tails = Array.from({ length: TAILS }, () => subscribe('SELECT id FROM m WHERE time >= 1s'));
  const summers = Array.from({ length: SUMS }, () =>
    subscribe('SELECT sum(id) FROM m WHERE time >= 1s GROUP BY time(1s) fill(none)'),
  );
  try {
    const clients = await Promise.all([...tails, ...summers]);
    await Promise.all(writers);
    for (const client of clients.slice(0, TAILS)) {
      await client.until(() => countRows(client) > total, 'all points');
      const ids = rowsOf(client.rows()).map(({ values }) => Number(values[1]));
      expect(new Set(ids).size, 'points seen once').to.equal(ids.length);
      expect(ids.length).to.equal(total + 1);
    }
    sums.set(`m ${SECOND + Math.floor((total * 1_000_000) / SECOND) * SECOND}`, total);
    for (const client of clients.slice(TAILS)) {
      const seen = (): string[] =>
        [...latestRows(client.rows())].map(([key, { values }]) => `${key} ${values[1]}`).sort();
      const wanted = [...sums].map(([key, sum]) => `${key} ${sum}`).sort();
      await client
        .until(() => seen().join('\n') === wanted.join('\n'), 'the sums that were written')
        .catch(() => expect(seen()).to.deep.equal(wanted));
    }
    expect(await metric(server, 'millrace_live_queries')).to.equal(2);
  } finally {
    stopped = true;
    for (const opening of [...tails, ...summers])
      opening.then(
        (client) => client.close(),
        () => {},
      );
  }
}

function countRows(client: LiveClient): number {
  return client.rows().reduce((n, { series }) => n + series.reduce((m, { values }) => m + values.length, 0), 0);
}
