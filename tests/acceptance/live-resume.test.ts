/** Cursors on the real server: what a client missed comes exactly once, whether it lost its connection, its server, or its patience. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { eventually, metric, written } from '../support/api.ts';
import { LiveClient, latestRows, rowsOf } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SECOND = 1_000_000_000;
const TAIL = 'SELECT "id" FROM "m"';
const SUMS = 'SELECT sum("id") FROM "m" GROUP BY time(1s), "host"';

describe('resuming', () => {
  let server: TestServer;
  let flags: string[];
  let next = 1;

  before(async () => {
    flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', '3'];
    server = await startServer(flags);
    await put(1);
  });

  after(() => server.stop());

  /** Writes points whose ids are the next ones; their ids. */
  async function put(points: number): Promise<number[]> {
    const ids = Array.from({ length: points }, () => next++);
    const lines = ids.map((id) => `m,host=h${id % 8} id=${id}i ${SECOND + id * 1_000_000}`);
    await written(server, 'd', lines.join('\n'));
    return ids;
  }

  function idsOf(client: LiveClient): number[] {
    return rowsOf(client.rows()).map(({ values }) => Number(values[1]));
  }

  async function joined(since: string, q = TAIL): Promise<LiveClient> {
    const client = await LiveClient.connect(server);
    await client.subscribed({ db: 'd', q, since, mode: 'every' });
    return client;
  }

  it('gives a tail exactly what it missed', async () => {
    const first = await LiveClient.connect(server);
    await first.subscribed({ db: 'd', q: TAIL });
    const seen = await put(20);
    await first.until(() => idsOf(first).length === 20);
    expect(idsOf(first)).to.have.members(seen);
    const since = first.cursor();
    first.cut();
    const missed = [...(await put(15)), ...(await put(15))];
    const second = await joined(since);
    await second.until(() => idsOf(second).length >= 30);
    const live = await put(5);
    await second.until(() => idsOf(second).length >= 35);
    expect(idsOf(second)).to.have.members([...missed, ...live]);
    expect(second.frames.map(({ op }) => op)).to.not.include('reset');
    second.close();
  });

  it('gives exactly what was missed from any frame on', async () => {
    const whole = await LiveClient.connect(server);
    await whole.subscribed({ db: 'd', q: TAIL, mode: 'every' });
    for (let i = 0; i < 30; i++) await put(3);
    await whole.until(() => idsOf(whole).length === 90);
    const frames = whole.rows();
    for (const at of [0, 1, frames.length >> 1, frames.length - 2]) {
      const rest = await joined(frames[at].cursor);
      const wanted = rowsOf(frames.slice(at + 1)).map(({ values }) => Number(values[1]));
      await rest.until(() => idsOf(rest).length >= wanted.length);
      expect(idsOf(rest), `from frame ${at}`).to.have.members(wanted);
      rest.close();
    }
    whole.close();
  });

  it('joins connections that are lost again and again under concurrent writes into one', async () => {
    const steady = await LiveClient.connect(server);
    await steady.subscribed({ db: 'd', q: TAIL, mode: 'every' });
    const seen: number[] = [];
    const sent: number[] = [];
    let flaky = await LiveClient.connect(server);
    await flaky.subscribed({ db: 'd', q: TAIL, mode: 'every' });
    let writing = true;
    const writer = (async () => {
      while (writing) sent.push(...(await put(7)));
    })();
    for (let round = 0; round < 15; round++) {
      const from = flaky.frames.length;
      await flaky.until(() => flaky.frames.length > from + round && flaky.cursor() !== '');
      flaky.cut();
      // what came behind the last cursor is not counted: the next connection brings it
      seen.push(...idsOf(flaky));
      flaky = await joined(flaky.cursor());
    }
    writing = false;
    await writer;
    await steady.until(() => idsOf(steady).length >= sent.length);
    await flaky.until(() => seen.length + idsOf(flaky).length >= sent.length);
    seen.push(...idsOf(flaky));
    expect(new Set(seen).size, 'seen once').to.equal(seen.length);
    expect(seen.toSorted((a, b) => a - b)).to.deep.equal(sent.toSorted((a, b) => a - b));
    expect(idsOf(steady).toSorted((a, b) => a - b)).to.deep.equal(seen.toSorted((a, b) => a - b));
    flaky.close();
    steady.close();
  });

  it('goes on after a restart of the server: points of a tail, and the windows that were touched', async () => {
    const first = await LiveClient.connect(server);
    await first.subscribed({ id: 'tail', db: 'd', q: TAIL, mode: 'every' });
    await first.subscribed({ id: 'sums', db: 'd', q: SUMS, mode: 'every' });
    const before = await put(10);
    await first.until(() => rowsOf(first.rows('tail')).length === before.length);
    await first.until(() => rowsOf(first.rows('sums')).length > 0);
    await first.first('progress', () => true, { from: first.frames.length });
    const cursors = { tail: first.cursor('tail'), sums: first.cursor('sums') };
    first.cut();
    const missed = await put(10);
    await server.kill();
    server = await startServer(flags);
    const more = await put(10);
    const second = await LiveClient.connect(server);
    second.subscribe({ id: 'tail', db: 'd', q: TAIL, since: cursors.tail, mode: 'every' });
    second.subscribe({ id: 'sums', db: 'd', q: SUMS, since: cursors.sums, mode: 'every' });
    const tail = (): number[] => rowsOf(second.rows('tail')).map(({ values }) => Number(values[1]));
    await second.until(() => tail().length >= 20);
    expect(tail()).to.have.members([...missed, ...more]);
    expect(second.frames.map(({ op }) => op)).to.not.include('reset');
    // everything happened in few windows: each that was touched has its whole sum
    const sums = new Map<string, number>();
    for (let id = 1; id < next; id++) {
      const key = `m,host=h${id % 8} ${SECOND + Math.floor((id * 1_000_000) / SECOND) * SECOND}`;
      sums.set(key, (sums.get(key) ?? 0) + id);
    }
    const touched = new Set(
      [...missed, ...more].map((id) => `m,host=h${id % 8} ${SECOND + Math.floor((id * 1_000_000) / SECOND) * SECOND}`),
    );
    await second.until(() =>
      [...touched].every((key) => latestRows(second.rows('sums')).get(key)?.values[1] === sums.get(key)),
    );
    second.close();
  });

  it('says so where a cursor is of no use, and starts anew', async () => {
    const client = await joined('nonsense', `${TAIL} WHERE time >= 0`);
    const { reason } = await client.first('reset');
    expect(reason).to.include('cursor');
    await client.first('rows', ({ phase }) => phase === 'snapshot');
    await client.until(() => idsOf(client).length === next - 1);
    client.close();
  });
});

describe('a reader that stops reading', () => {
  const BODIES = 200;
  const LINES = 300;

  it('costs bounded memory, slows nobody, and misses nothing in mode every', async () => {
    const server = await startServer([...QUIET, '--shards', '2']);
    try {
      const pad = 'x'.repeat(500);
      const line = (id: number): string => `m,host=h${id % 8} id=${id}i,pad="${pad}" ${SECOND + id}`;
      await written(server, 'd', line(0));
      const [stalled, other] = [await LiveClient.connect(server), await LiveClient.connect(server)];
      const q = 'SELECT "id", "pad" FROM "m"';
      await stalled.subscribed({ db: 'd', q, mode: 'every' });
      await other.subscribed({ db: 'd', q, mode: 'every' });
      stalled.socket.pause();
      const total = BODIES * LINES;
      const before = await residentBytes(server);
      for (let body = 0; body < BODIES; body++) {
        const first = 1 + body * LINES;
        await written(server, 'd', Array.from({ length: LINES }, (_, i) => line(first + i)).join('\n'));
      }
      const count = (client: LiveClient): number =>
        client.rows().reduce((n, { series }) => n + series.reduce((m, { values }) => m + values.length, 0), 0);
      await other.until(() => count(other) >= total, 'all points at the reader that reads');
      expect(count(stalled), 'while it does not read').to.be.lessThan(total);
      // the head holds 30 MB of points, and a reader's frames are no less; this leaves room for them once and for garbage
      expect((await residentBytes(server)) - before).to.be.lessThan(300 * 1024 * 1024);
      stalled.socket.resume();
      await stalled.until(() => count(stalled) >= total, 'all points at the reader that stopped');
      const ids = rowsOf(stalled.rows()).map(({ values }) => Number(values[1]));
      expect(new Set(ids).size, 'seen once').to.equal(ids.length);
      expect(ids.length).to.equal(total);
      expect(stalled.frames.some(({ op }) => op === 'status')).to.equal(true);
      stalled.close();
      other.close();
    } finally {
      await server.stop();
    }
  });

  it('gets the newest rows in mode latest, and is told how many it did not see', async () => {
    const server = await startServer([...QUIET, '--shards', '2']);
    try {
      // so few that they are held even for a client that has read nothing for long
      const hosts = 20;
      const lines = (v: number): string =>
        Array.from({ length: hosts }, (_, h) => `m,host=${'h'.repeat(20)}${h} v=${v}i ${SECOND + v}`).join('\n');
      await written(server, 'd', lines(1));
      const client = await LiveClient.connect(server);
      await client.subscribed({ db: 'd', q: 'SELECT last("v") FROM "m" WHERE time >= 0 GROUP BY time(1h), "host"' });
      // what the sockets between us hold is filled by another subscription first
      await written(server, 'd', 'filler pad="" 1');
      await client.subscribed({ id: 'filler', db: 'd', q: 'SELECT "pad" FROM "filler"', mode: 'every' });
      client.socket.pause();
      const pad = 'x'.repeat(1000);
      for (let body = 0; body < 100; body++) {
        const fill = Array.from({ length: 200 }, (_, i) => `filler pad="${pad}" ${body * 200 + i + 2}`);
        await written(server, 'd', fill.join('\n'));
      }
      const frames = (): Promise<number> => metric(server, 'millrace_frames_conflated_total');
      let v = 1;
      await eventually(
        async () => {
          await written(server, 'd', lines(++v));
          return frames();
        },
        (conflated) => conflated > hosts,
      );
      client.socket.resume();
      await client.until(() => {
        const rows = [...latestRows(client.rows()).values()];
        return rows.length === hosts && rows.every(({ values }) => values[1] === v);
      }, 'the newest rows');
      const told = client.frames.filter((f) => f.op === 'status');
      expect(told.some((f) => f.op === 'status' && f.conflated > 0)).to.equal(true);
      client.close();
    } finally {
      await server.stop();
    }
  });
});

// private functions

async function residentBytes({ process: { pid } }: TestServer): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
