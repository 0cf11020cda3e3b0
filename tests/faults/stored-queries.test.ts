/**
 * Stored continuous queries and kill -9: points that come in order, late and twice, and a server that dies again and again, sometimes at
 * once behind an acknowledgement. In the end what the queries wrote is what the same SELECT says over history.
 */
import { expect } from 'chai';
import { eventually, type Series, series, written } from '../support/api.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const ROUNDS = 4;
const WRITES_A_ROUND = 10;
const HOSTS = ['a', 'b', 'c'];
/** Windows are final 10 minutes behind their end; no point is later than 3. */
const CLAUSES = 'WATERMARK IDLE 300ms LATENESS 10m DROP';
/** s; where windows of all widths begin. */
const T0 = 1_700_000_400;

/** What is stored, and the SELECT that its target has to equal. */
const STORED = [
  {
    target: 'means',
    text: 'CREATE CONTINUOUS QUERY means ON d BEGIN SELECT mean(v) INTO means FROM m GROUP BY time(1m), host $ END',
    oracle: 'SELECT mean(v) FROM m WHERE $ GROUP BY time(1m), host fill(none)',
    kept: 'SELECT mean FROM means WHERE $ GROUP BY host',
  },
  {
    target: 'counts',
    text: 'CREATE CONTINUOUS QUERY counts ON d RESAMPLE EVERY 100ms FOR 10m BEGIN SELECT count(v), last(v) INTO counts FROM m GROUP BY time(2m) WATERMARK IDLE 300ms END',
    oracle: 'SELECT count(v), last(v) FROM m WHERE $ GROUP BY time(2m) fill(none)',
    kept: 'SELECT count, last FROM counts WHERE $',
  },
  {
    target: 'tops',
    text: 'CREATE CONTINUOUS QUERY tops ON d BEGIN SELECT max(mean) INTO tops FROM means GROUP BY time(5m) $ END',
    oracle: 'SELECT max(mean) FROM means WHERE $ GROUP BY time(5m) fill(none)',
    kept: 'SELECT max FROM tops WHERE $',
  },
  {
    target: 'copies',
    text: 'CREATE CONTINUOUS QUERY copies ON d BEGIN SELECT v INTO copies FROM m GROUP BY host END',
    oracle: 'SELECT v FROM m WHERE $ GROUP BY host',
    kept: 'SELECT v FROM copies WHERE $ GROUP BY host',
  },
];

describe('stored continuous queries and kill -9', () => {
  it('change no final row', async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const dataDir = await temporaryDirectory();
    const flags = [...QUIET, '--shards', '2', '--workers', '2', '--data-dir', dataDir];
    let server = await startServer(flags);
    try {
      await series(server, 'd', 'CREATE DATABASE d');
      for (const { text } of STORED) await series(server, 'd', text.replace('$', CLAUSES));
      let now = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = random.between(8, WRITES_A_ROUND); i > 0; i--) {
          now += random.between(20, 60);
          await written(server, 'd', lines(random, now));
        }
        await new Promise((resolve) => setTimeout(resolve, random.pick([0, 0, 20, 300, 1500])));
        await server.kill();
        server = await startServer(flags);
      }
      const end = T0 + now - (now % 600);
      // a quarter of an hour further on everything is closed, and nothing frozen that could still change
      for (const host of HOSTS) await written(server, 'd', `m,host=${host} v=0 ${(T0 + now + 900) * 1e9}`);
      for (const one of STORED) await same(server, one, `time >= ${T0 - 600}s AND time < ${end}s`, seed);
    } finally {
      await server.stop();
    }
  });

  it('close a window by the clock though nothing comes after the restart', async () => {
    const flags = [...QUIET, '--shards', '2', '--workers', '2', '--data-dir', await temporaryDirectory()];
    const create =
      'CREATE CONTINUOUS QUERY q ON d BEGIN SELECT sum(v) INTO quiet FROM m GROUP BY time(2s) WATERMARK IDLE 100ms END';
    let server = await startServer(flags);
    try {
      await series(server, 'd', 'CREATE DATABASE d');
      await series(server, 'd', create);
      await written(server, 'd', `m v=1 ${T0 * 1e9}\nm v=2 ${(T0 + 2) * 1e9}\nm v=4 ${(T0 + 3) * 1e9}`);
      await eventually(
        () => series(server, 'd', 'SELECT sum FROM quiet'),
        ([found]) => found !== undefined,
      );
      await server.kill();
      server = await startServer(flags);
      const [{ values }] = await eventually(
        () => series(server, 'd', 'SELECT sum FROM quiet'),
        ([found]) => found?.values.length === 2,
      );
      expect(values.map(([, sum]) => sum)).to.deep.equal([1, 6]);
      const [[name, , state]] = (await series(server, 'd', 'SHOW CONTINUOUS QUERIES'))[0].values;
      expect([name, state]).to.deep.equal(['q', 'running']);
    } finally {
      await server.stop();
    }
  });
});

// private functions

function lines(random: Random, now: number): string {
  let text = '';
  for (let i = random.between(1, 8); i > 0; i--) {
    const seconds = now - (random.between(0, 3) === 0 ? random.between(0, 180) : random.between(0, 5));
    // few fractions: sums do not depend on the order in which they are made
    text += `m,host=${random.pick(HOSTS)} v=${random.between(0, 64) / 4} ${(T0 + seconds) * 1e9}\n`;
  }
  return text;
}

async function same(
  server: TestServer,
  { target, oracle, kept }: (typeof STORED)[number],
  range: string,
  seed: number,
): Promise<void> {
  const ask = async (q: string): Promise<unknown> => plain(await series(server, 'd', q.replace('$', range)));
  let expected = await ask(oracle);
  const found = await eventually(
    async () => {
      expected = await ask(oracle);
      return ask(kept);
    },
    (rows) => JSON.stringify(rows) === JSON.stringify(expected),
  ).catch(() => ask(kept));
  expect(found, `${target}, seed ${seed}`).to.deep.equal(expected);
  expect(found, `${target}: a test of nothing, seed ${seed}`).to.not.deep.equal([]);
}

function plain(answer: readonly Series[]): unknown {
  return answer.map(({ tags, values }) => ({ tags: tags ?? null, values }));
}
