/**
 * Alerts and kill -9: points in order, a server that dies again and again, sometimes at once behind an acknowledgement, and a webhook that
 * fails now and then. In the end the levels are those that the windows of history say, and the webhook has heard of all of them.
 */
import { expect } from 'chai';
import { eventually, series, written } from '../support/api.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';
import { TestHook } from '../support/webhook.ts';

const ROUNDS = 3;
const WRITES_A_ROUND = 20;
const HOSTS = ['a', 'b', 'c'];
/** s. */
const T0 = 1_700_000_040;
const MEANS = 'SELECT mean(v) FROM m GROUP BY time(1m), host';

type Changes = (readonly [at: number, level: string])[];

describe('alerts and kill -9', () => {
  it('change no level, and lose no notification', async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const hook = await TestHook.open();
    const flags = [...QUIET, '--shards', '2', '--workers', '2', '--data-dir', await temporaryDirectory()];
    let server = await startServer(flags);
    try {
      await series(server, 'd', 'CREATE DATABASE d');
      await series(
        server,
        'd',
        `CREATE ALERT hot ON d (${MEANS} WATERMARK IDLE 300ms LATENESS 10m DROP)` +
          ` WHEN mean > 70 FOR 3m LEVEL 'critical' UNTIL mean < 40 ELSE WHEN mean > 60 LEVEL 'warning' NOTIFY '${hook.url}'`,
      );
      let now = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = random.between(10, WRITES_A_ROUND); i > 0; i--) {
          now += random.between(10, 40);
          hook.answers = [random.pick([204, 204, 204, 500, 'reset'] as const)];
          await written(server, 'd', lines(random, now));
        }
        await new Promise((resolve) => setTimeout(resolve, random.pick([0, 0, 20, 300, 1500])));
        await server.kill();
        server = await startServer(flags);
      }
      hook.answers = [];
      for (const host of HOSTS) await written(server, 'd', `m,host=${host} v=0 ${(T0 + now + 60) * 1e9}`);
      for (const host of HOSTS) await written(server, 'd', `m,host=${host} v=0 ${(T0 + now + 240) * 1e9}`);
      let changes = 0;
      for (const host of HOSTS) {
        const wanted = await expected(server, host, T0 + now + 180);
        changes += wanted.length;
        const said = (levels: Changes): string => JSON.stringify(levels);
        const found = await eventually(
          () => told(server, host),
          (levels) => said(levels) === said(wanted),
        ).catch((error: Error) => error.message);
        expect(found, `SEED=${seed} host ${host}`).to.deep.equal(wanted);
        const heard = (): Changes => {
          const bodies = hook.received.map(({ body }) => body).filter((body) => body.series.tags.host === host);
          return bodies.map(({ at, level }) => [Date.parse(at) / 1000, level]);
        };
        const last = wanted.at(-1)?.[0];
        await eventually(heard, (levels) => last === undefined || levels.some(([at]) => at === last));
        const times = new Set(heard().map(([at]) => at));
        expect(
          wanted.filter(([at]) => !times.has(at)),
          `SEED=${seed} host ${host}: not told`,
        ).to.deep.equal([]);
      }
      expect(changes, `SEED=${seed}: a run in which nothing happens proves nothing`).to.be.greaterThan(HOSTS.length);
    } finally {
      await server.stop();
      await hook.close();
    }
  });
});

// private functions

/** Each host stays high or low for some time, so that every level is reached. */
function lines(random: Random, now: number): string {
  return HOSTS.filter(() => random.next() < 0.9)
    .map((host, i) => {
      const high = Math.floor(now / 240 + i) % 2 === 0;
      return `m,host=${host} v=${random.between(high ? 55 : 20, high ? 100 : 75)} ${(T0 + now) * 1e9}\n`;
    })
    .join('');
}

/** From the windows of history, by a plain reading of the statement. */
async function expected(server: TestServer, host: string, before: number): Promise<Changes> {
  const q = `SELECT mean(v) FROM m WHERE host = '${host}' AND time >= ${T0}s AND time < ${before}s GROUP BY time(1m) fill(none)`;
  const [{ values }] = await series(server, 'd', q, { epoch: 's' });
  let since: number | null = null;
  let critical = false;
  const levels: Changes = values.map(([time, value]) => {
    const [start, mean] = [Number(time), Number(value)];
    if (critical) critical = !(mean < 40);
    else if (mean > 70 && !(mean < 40)) {
      since ??= start;
      critical = start + 60 - since >= 180;
    } else since = null;
    if (critical) since = null;
    return [start + 60, critical ? 'critical' : mean > 60 ? 'warning' : 'ok'];
  });
  return effective(levels);
}

async function told(server: TestServer, host: string): Promise<Changes> {
  const q = `SELECT level FROM _alerts WHERE host = '${host}'`;
  const [found] = await series(server, 'd', q, { epoch: 's' });
  return effective((found?.values ?? []).map(([time, level]) => [Number(time), String(level)]));
}

/** Without those that say what was so before: a window that was revised may have changed the level there and back. */
function effective(levels: Changes): Changes {
  let before = 'ok';
  return levels.filter(([, level]) => {
    const changes = level !== before;
    before = level;
    return changes;
  });
}
