/**
 * Everything at once over kill -9: stored queries that write, live subscribers that resume by their cursors, points that come late,
 * twice, and again because nobody answered; and a server that dies again and again. In the end what subscribers hold and what the
 * stored queries wrote is what the same SELECT says over history, and no row was ever told with one revision and two values.
 *
 *     KILLS=30 npx mocha tests/faults/live-kill.long.ts
 *
 * It takes minutes, and is not among the tests of `npm test`.
 */
import { expect } from 'chai';
import { eventually, series, write, written } from '../support/api.ts';
import { LiveClient, rowsOf } from '../support/live-client.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const KILLS = Number(process.env.KILLS ?? 100);
/** Between the first answer of a server and its end; live rows come once a second. */
const LIVES_MS = [0, 20, 100, 100, 1200];
const HOSTS = ['a', 'b', 'c', 'd'];
/** s; where windows of all widths begin. */
const T0 = 1_700_000_400;
/** Points are at most so late, s: far less than LATENESS. */
const LATE_MAX = 120;

/** No clock closes a window: whether it came first would differ from run to run. */
const CLAUSES = 'WATERMARK IDLE 1h LATENESS 10m UPDATE';

const STORED = [
  {
    create: `CREATE CONTINUOUS QUERY sums ON d BEGIN SELECT sum(v), count(v) INTO sums FROM m GROUP BY time(20s), host ${CLAUSES} END`,
    oracle: 'SELECT sum(v), count(v) FROM m WHERE $ GROUP BY time(20s), host fill(none)',
    kept: 'SELECT sum, count FROM sums WHERE $ GROUP BY host',
  },
  {
    create: `CREATE CONTINUOUS QUERY tops ON d BEGIN SELECT max(sum) INTO tops FROM sums GROUP BY time(1m) ${CLAUSES} END`,
    oracle: 'SELECT max(sum) FROM sums WHERE $ GROUP BY time(1m) fill(none)',
    kept: 'SELECT max FROM tops WHERE $',
  },
];

const LIVE = [
  { q: 'SELECT sum(v), max(v) FROM m GROUP BY time(10s), host', oracle: 'WHERE $ GROUP BY time(10s), host fill(none)' },
  { q: "SELECT mean(v) FROM m WHERE host = 'b' GROUP BY time(1m)", oracle: 'GROUP BY time(1m) fill(none)' },
  { q: 'SELECT last(v), count(v) FROM m GROUP BY hop(1m, 20s)', oracle: 'WHERE $ GROUP BY hop(1m, 20s) fill(none)' },
];

describe('stored queries, subscribers and late points', function () {
  this.timeout(KILLS * 30_000);

  it(`agree with history after ${KILLS} kills`, async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const flags = [...QUIET, '--shards', '2', '--workers', '2', '--data-dir', await temporaryDirectory()];
    const watched = LIVE.map(({ q }) => new Watched(q));
    const source = new Source(random);
    let server = await startServer(flags);
    try {
      await series(server, 'd', 'CREATE DATABASE d');
      for (const { create } of STORED) await series(server, 'd', create);
      await written(server, 'd', `m,host=a v=1 ${T0 * 1e9}`);
      for (let kill = 0; kill < KILLS; kill++) {
        const life = random.pick(LIVES_MS);
        const place = server;
        const writing = source.writeUntilDead(place);
        const watching = watched.map((one) => one.resume(place, seed));
        await Promise.race([Promise.all([...watching, source.answered()]), writing]);
        await new Promise((resolve) => setTimeout(resolve, life));
        await server.kill();
        await Promise.all([writing, ...watching]);
        for (const one of watched) one.keep(seed);
        server = await startServer(flags);
      }
      // one minute less: what stands behind it closes the windows of the query that reads what the other one writes
      const end = T0 + source.now - (source.now % 60) - 60;
      const range = `time >= ${T0}s AND time < ${end}s`;
      for (const one of watched) await one.resume(server, seed);
      // half an hour further on everything is closed, once more behind what the stored queries write
      const closing = HOSTS.map((host) => `m,host=${host} v=0 ${(T0 + source.now + 1800) * 1e9}`).join('\n');
      await written(server, 'd', closing);
      for (const [i, one] of watched.entries()) {
        const { q, oracle } = LIVE[i];
        const text = oracle.startsWith('WHERE') ? oracle : `AND $ ${oracle}`;
        await one.equals(server, `${q.slice(0, q.indexOf(' GROUP BY'))} ${text.replace('$', range)}`, end - 60, seed);
      }
      for (const { oracle, kept } of STORED) {
        const values = async (q: string): Promise<string> =>
          JSON.stringify((await series(server, 'd', q.replace('$', range))).map((one) => [one.tags, one.values]));
        const found = async (): Promise<readonly string[]> => [await values(oracle), await values(kept)];
        const [wanted, got] = await eventually(found, ([a, b]) => a === b && a !== '[]', 30_000).catch(found);
        expect(got, `${kept}, seed ${seed}`).to.equal(wanted);
        expect(wanted).to.not.equal('[]');
      }
      for (const one of watched) expect(one.revised, `${one.q}: a test of nothing, seed ${seed}`).to.be.greaterThan(0);
    } finally {
      for (const one of watched) one.close();
      await server.stop();
    }
  });
});

// private functions

/** Bodies in order; one that was not answered is sent again to the next server, as a client would. */
class Source {
  /** s behind T0 */
  now = 0;
  readonly #random: Random;
  #unanswered: string | null = null;
  #told: () => void = () => {};
  #answered: Promise<void> = Promise.resolve();

  constructor(random: Random) {
    this.#random = random;
  }

  async writeUntilDead(server: TestServer): Promise<void> {
    this.#answered = new Promise((resolve) => (this.#told = resolve));
    for (;;) {
      this.#unanswered ??= this.#body();
      const response = await write(server, 'd', this.#unanswered).catch(() => null);
      if (response === null) return;
      const text = await response.text().catch(() => null);
      if (text === null) return;
      if (response.status !== 204) throw new Error(`a write was answered ${response.status} ${text}`);
      this.#unanswered = null;
      this.#told();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The server of now has taken a body. */
  answered(): Promise<void> {
    return this.#answered;
  }

  #body(): string {
    this.now += this.#random.between(0, 12);
    return Array.from({ length: this.#random.between(1, 10) }, () => {
      const late = this.#random.between(0, 3) === 0 ? this.#random.between(0, LATE_MAX) : 0;
      // few fractions: sums do not depend on the order in which they are made
      const value = this.#random.between(0, 64) / 4;
      return `m,host=${this.#random.pick(HOSTS)} v=${value} ${(T0 + Math.max(0, this.now - late)) * 1e9}`;
    }).join('\n');
  }
}

/** A live query as its client sees it over all of its connections. */
class Watched {
  readonly q: string;
  /** Final rows that replaced final rows. */
  revised = 0;
  #client: LiveClient | null = null;
  #cursor = '';
  /** By window and revision: values of the final row. */
  readonly #told = new Map<string, string>();
  /** By window: its newest row. */
  readonly #newest = new Map<string, string>();

  constructor(q: string) {
    this.q = q;
  }

  /** Resolves when the server has answered, or is gone. */
  async resume(server: TestServer, seed: number): Promise<void> {
    this.keep(seed);
    const since = this.#cursor === '' ? {} : { since: this.#cursor };
    try {
      const client = await LiveClient.connect(server);
      this.#client = client;
      client.subscribe({ db: 'd', q: `${this.q} ${CLAUSES}`, mode: 'every', ...since });
      const closed = new Promise<void>((resolve) => client.socket.once('close', () => resolve()));
      await Promise.race([client.first('subscribed'), closed]);
    } catch (error) {
      if (server.process.exitCode === null && server.process.signalCode === null) throw error;
    }
  }

  /** Takes what has come and lets the connection go. */
  keep(seed: number): void {
    if (this.#client === null) return;
    this.#take(this.#client, seed);
    this.close();
  }

  /** Windows that begin before `end` are the same there and here. */
  async equals(server: TestServer, oracle: string, end: number, seed: number): Promise<void> {
    const wanted = (await series(server, 'd', oracle))
      .flatMap(({ tags, values }) => values.map((row) => [`${Object.values(tags ?? {})} ${row[0]}`, row] as const))
      .filter(([, [time]]) => Number(time) < end * 1e9)
      .map(([key, row]) => `${key} ${row.slice(1)}`)
      .sort();
    const client = this.#client!;
    const held = (): string[] => {
      this.#take(client, seed);
      return [...this.#newest]
        .filter(([key]) => Number(key.split(' ')[1]) < end * 1e9)
        .map(([key, values]) => `${key} ${values}`)
        .sort();
    };
    await client
      .until(() => held().join('\n') === wanted.join('\n'), `rows of ${oracle}`, 30_000)
      .catch(() => expect(held(), `${this.q}, seed ${seed}`).to.deep.equal(wanted));
    expect(wanted.length).to.be.greaterThan(0);
  }

  close(): void {
    this.#client?.cut();
    this.#client = null;
  }

  #take(client: LiveClient, seed: number): void {
    expect(
      client.frames.filter(({ op }) => op === 'error' || op === 'gap' || op === 'reset'),
      `${this.q}, seed ${seed}`,
    ).to.deep.equal([]);
    for (const { series: name, values, final, rev } of rowsOf(client.rows())) {
      const key = `${name.split('=')[1] ?? ''} ${values[0]}`;
      const text = String(values.slice(1));
      this.#newest.set(key, text);
      if (!final) continue;
      const told = this.#told.get(`${key} ${rev}`);
      expect(told ?? text, `${this.q}: ${key}, revision ${rev}, seed ${seed}`).to.equal(text);
      if (told === undefined && rev > 0) this.revised++;
      this.#told.set(`${key} ${rev}`, text);
    }
    this.#cursor = client.cursor() || this.#cursor;
    client.frames.length = 0;
  }
}
