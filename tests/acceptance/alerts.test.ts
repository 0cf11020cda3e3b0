/** Alerts on the real server: statements, levels, points that a live query follows, webhooks that fail, and a kill in the middle. */
import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { eventually, metric, type Series, series, written } from '../support/api.ts';
import { LiveClient } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';
import { TestHook } from '../support/webhook.ts';

/** A shard without points holds the others up for so long. */
const IDLE = 'WATERMARK IDLE 200ms';
/** Old enough that no clock closes a window of it at once. */
const T0 = 1_700_000_040_000_000_000n;
const MEANS = `SELECT mean(v) FROM m GROUP BY time(1m), host ${IDLE}`;

describe('alerts', () => {
  let server: TestServer;
  let hook: TestHook;
  let flags: string[];

  before(async () => {
    flags = [...QUIET, '--shards', '2', '--workers', '2', '--data-dir', await temporaryDirectory()];
    server = await startServer(flags);
  });
  beforeEach(async () => {
    hook = await TestHook.open();
  });
  afterEach(() => hook.close());
  after(() => server.stop());

  it('are created, shown, replaced and dropped', async () => {
    await query('CREATE DATABASE s', 's');
    const create = `CREATE ALERT hot ON s (${MEANS}) WHEN mean > 9 FOR 5m LEVEL 'critical' UNTIL mean < 5`;
    await query(`${create} WITH (secret = 'nobody sees me')`, 's');
    await query(`${create} WITH (secret = 'nobody sees me')`, 's');
    const named = create.replace('FROM m', 'FROM s.autogen.m');
    expect(await shown('s')).to.deep.equal([['hot', named, 'ok', 0, 0, 0, 0, 0, '']]);
    expect(await refused(create, 's')).to.equal('alert already exists: s.hot');
    await query(create.replace('CREATE', 'CREATE OR REPLACE').replace('> 9', '> 8'), 's');
    expect((await shown('s'))[0][1]).to.include('mean > 8');
    await query('DROP ALERT hot ON s', 's');
    expect(await shown('s')).to.deep.equal([]);
    expect(await refused('DROP ALERT hot ON s', 's')).to.equal('alert not found: s.hot');
  });

  it('refuse what they could never judge, and say why', async () => {
    await query('CREATE DATABASE s', 's');
    const create = (select: string, rest: string): Promise<string> =>
      refused(`CREATE ALERT a ON (${select}) ${rest}`, 's');
    expect(await create('SELECT v FROM m', 'WHEN v > 1')).to.include('expected GROUP BY time(…)');
    expect(await create(`${MEANS} EMIT EVERY 1s`, 'WHEN mean > 1')).to.include('expected ON CLOSE or FINAL');
    expect(await create(MEANS, 'WHEN max > 1')).to.equal(
      'a condition of an alert names "max": expected one of "mean", "host"',
    );
    expect(await create(MEANS, 'WHEN mean(v) > 1')).to.include('is about columns: found mean(), expected mean');
    expect(await create(MEANS, "WHEN mean > 1 NOTIFY 'ftp://x'")).to.include('expected an http or https URL');
    expect(await create(MEANS, 'WHEN mean > 1 REMIND EVERY 1h')).to.include('reminders go to webhooks only');
    expect(await create(MEANS, "WHEN mean > 2 LEVEL 'x' ELSE WHEN mean > 1 LEVEL 'x'")).to.include('two levels');
    expect(await create(MEANS, "WHEN mean > 1 LEVEL 'ok'")).to.include('cannot be called');
    expect(await create(MEANS, "WHEN mean > 1 WITH (colour = 'red')")).to.include('expected secret');
    const itself = 'SELECT count(level) FROM _alerts GROUP BY time(1m)';
    expect(await create(itself, 'WHEN count > 1')).to.include('cannot read "_alerts"');
    expect(await create(MEANS.replace('FROM m', 'FROM nope..m'), 'WHEN mean > 1')).to.equal('database not found: nope');
    expect(await create(`${MEANS} ORDER BY time DESC`.replace(` ${IDLE}`, ''), 'WHEN mean > 1')).to.include('ORDER BY');
  });

  it('judge each series by its windows, write the changes, tell live queries and signed webhooks', async () => {
    await query('CREATE DATABASE d', 'd');
    await query(
      `CREATE ALERT hot ON d (${MEANS}) WHEN mean > 90 FOR 2m LEVEL 'critical' UNTIL mean < 50` +
        ` ELSE WHEN mean > 70 LEVEL 'warning' NOTIFY '${hook.url}' WITH (secret = 'key')`,
      'd',
    );
    const client = await LiveClient.connect(server);
    await client.subscribed({ db: 'd', q: 'SELECT level, row FROM _alerts GROUP BY *' });
    // minute by minute: a goes up to critical, down into its hysteresis, and ends; b only warns
    const a = [95, 95, 60, 75, 40];
    const b = [10, 80, 80, 80, 80];
    for (const [minute, v] of a.entries()) {
      await written(server, 'd', point('a', minute * 60, v) + point('b', minute * 60, b[minute]));
    }
    await written(server, 'd', point('a', 300, 40) + point('b', 300, 80));
    const changes = await eventually(
      () => changesOf('hot'),
      (found) => found.length >= 4,
    );
    expect(changes).to.deep.equal([
      [at(60), 'warning', 'a', 'ok', '{"mean":95}'],
      [at(120), 'critical', 'a', 'warning', '{"mean":95}'],
      [at(120), 'warning', 'b', 'ok', '{"mean":80}'],
      [at(300), 'ok', 'a', 'critical', '{"mean":40}'],
    ]);
    const frame = await client.first('rows', ({ series: [one] }) =>
      one?.values.some(([, level]) => level === 'critical'),
    );
    expect(frame.series[0].tags).to.deep.equal({ _alert: 'hot', host: 'a' });
    await eventually(
      () => hook.received.length,
      (count) => count >= 4,
    );
    const [first] = hook.received.filter(({ body }) => body.series.tags.host === 'a' && body.level === 'critical');
    expect(first.body).to.deep.include({
      alert: 'hot',
      database: 'd',
      series: { name: 'm', tags: { host: 'a' } },
      previous: 'warning',
      reason: 'condition',
      time: '2023-11-14T22:15:00Z',
      at: '2023-11-14T22:16:00Z',
      row: { mean: 95 },
    });
    const [, seconds, sum] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(first.headers['x-millrace-signature']))!;
    expect(sum).to.equal(createHmac('sha256', 'key').update(`${seconds}.${first.text}`).digest('hex'));
    expect(first.headers['x-millrace-delivery']).to.equal(first.body.id);
    // the hook has them before the server has heard that it has
    const [status] = await eventually(
      () => shown('d'),
      ([found]) => found[6] === 0,
    );
    expect(status.slice(2)).to.deep.equal(['warning', 2, 0, 1, 0, 0, '']);
    expect(await metric(server, 'millrace_alert_deliveries_total{outcome="delivered"}')).to.equal(4);
    await query('DROP ALERT hot ON d', 'd');
    client.close();
  });

  it('judge windows of every kind, each by what is new in it', async () => {
    await query('CREATE DATABASE kinds', 'kinds');
    const line = (second: number, v: number) => `m,host=a v=${v},s="${v > 5 ? 'high' : 'low'}" ${at(second)}\n`;
    // the measurement is there, and the stream has a time
    await written(server, 'kinds', line(-1000, 1) + line(-990, 1));
    const kinds = {
      hop: 'hop(2m, 1m)',
      sliding: 'sliding(90s)',
      cumulate: 'cumulate(4m, 1m)',
      windows: 'windows(time(1m), time(2m))',
      session: 'session(30s)',
      state: 'state(s)',
      event: 'event(v > 5, v < 5)',
      rows: 'rows(2)',
    };
    for (const [name, window] of Object.entries(kinds)) {
      const select = `SELECT sum(v) AS total FROM m GROUP BY ${window}, host ${IDLE}`;
      await query(`CREATE ALERT ${name} ON kinds (${select}) WHEN total > 9 FOR 40s`, 'kinds');
    }
    await written(
      server,
      'kinds',
      [0, 50, 60, 100, 140, 200].map((s, i) => line(s, [1, 10, 10, 10, 1, 1][i])).join(''),
    );
    await written(server, 'kinds', line(900, 1) + line(1000, 1) + line(1100, 7) + line(1200, 1));
    const levels = async (name: string): Promise<unknown[][]> => {
      const text = `SELECT level, row FROM _alerts WHERE _alert = '${name}' GROUP BY host, "window"`;
      const found = await series(server, 'kinds', text);
      return found.flatMap(({ tags, values }) =>
        values.map(([time, level, row]) => [(Number(time) - Number(at(0))) / 1e9, level, tags?.window ?? '', row]),
      );
    };
    const told: Record<string, unknown[][]> = {};
    for (const name of Object.keys(kinds)) {
      const [on, off] = await eventually(
        () => levels(name),
        (found) => found.length >= 2,
      );
      told[name] = [on, off];
    }
    expect(told).to.deep.equal({
      // the last minute of each is new
      hop: [
        [60, 'alert', '', '{"total":11}'],
        [240, 'ok', '', '{"total":2}'],
      ],
      // what is new is its last row
      sliding: [
        [100, 'alert', '', '{"total":30}'],
        [200, 'ok', '', '{"total":2}'],
      ],
      cumulate: [
        [60, 'alert', '', '{"total":11}'],
        [180, 'ok', '', '{"total":1}'],
      ],
      windows: [
        [60, 'alert', '1m', '{"total":11}'],
        [180, 'ok', '1m', '{"total":1}'],
      ],
      session: [
        [90, 'alert', '', '{"total":20}'],
        [170, 'ok', '', '{"total":1}'],
      ],
      state: [
        [100, 'alert', '', '{"total":30}'],
        [1000, 'ok', '', '{"total":4}'],
      ],
      event: [
        [140, 'alert', '', '{"total":31}'],
        [1200, 'ok', '', '{"total":8}'],
      ],
      rows: [
        [50, 'alert', '', '{"total":11}'],
        [200, 'ok', '', '{"total":2}'],
      ],
    });
    for (const name of Object.keys(kinds)) await query(`DROP ALERT ${name} ON kinds`, 'kinds');
  });

  it('say that a series is silent, by its stream’s time, and that it is back', async () => {
    await query('CREATE DATABASE quiet', 'quiet');
    await query(
      `CREATE ALERT beat ON quiet (SELECT count(v) FROM m GROUP BY time(1s), host ${IDLE}) WHEN count > 100` +
        ` NO DATA FOR 1s LEVEL 'lost' REMIND EVERY 1s NOTIFY '${hook.url}'`,
      'quiet',
    );
    await written(server, 'quiet', point('a', 0, 1));
    await eventually(
      () => hook.received.map(({ body }) => body.reason),
      (reasons) => reasons.includes('reminder'),
    );
    expect(hook.received[0].body).to.include({ level: 'lost', previous: 'ok', reason: 'no data' });
    expect((await changesOf('beat', 'quiet')).map(([time, level]) => [time, level])).to.deep.equal([[at(2), 'lost']]);
    await written(server, 'quiet', point('a', 100, 1));
    await eventually(
      () => hook.received.map(({ body }) => body.level),
      (levels) => levels.includes('ok'),
    );
    await query('DROP ALERT beat ON quiet', 'quiet');
  });

  it('tell a webhook that fails again and again in order, and give up on a refusal', async () => {
    await query('CREATE DATABASE f', 'f');
    await query(`CREATE ALERT hot ON f (${MEANS}) WHEN mean > 9 NOTIFY '${hook.url}'`, 'f');
    hook.answers = [500, 'reset', 204, 404];
    await written(server, 'f', point('a', 0, 10) + point('a', 60, 1));
    await eventually(
      () => hook.received.length,
      (count) => count >= 1,
    );
    await written(server, 'f', point('a', 120, 1));
    await eventually(
      () => hook.received.length,
      (count) => count >= 4,
    );
    expect(hook.received.map(({ body }) => body.level)).to.deep.equal(['alert', 'alert', 'alert', 'ok']);
    expect(new Set(hook.received.map(({ body }) => body.id)).size).to.equal(2);
    const [status] = await eventually(
      () => shown('f'),
      ([found]) => found[6] === 0 && String(found[8]).includes('404'),
    );
    expect(status.slice(6)).to.deep.equal([0, 3, 'status 404']);
    expect(await metric(server, 'millrace_alert_deliveries_total{outcome="refused"}')).to.equal(1);
    await query('DROP ALERT hot ON f', 'f');
  });

  it('go on after a kill as if nothing had happened: what was pending, and what was not delivered', async () => {
    await query('CREATE DATABASE k', 'k');
    const create = (name: string, rest: string): Promise<unknown> =>
      query(`CREATE ALERT ${name} ON k (${MEANS}) ${rest}`, 'k');
    await create('slow', 'WHEN mean > 9 FOR 3m');
    await create('told', `WHEN mean > 9 NOTIFY '${hook.url}'`);
    await hook.close();
    await written(server, 'k', point('a', 0, 10) + point('a', 60, 10) + point('a', 120, 10));
    await eventually(
      () => shown('k'),
      (found) => found[0][4] === 1 && found[1][6] === 1,
    );
    await server.kill();
    server = await startServer(flags);
    await hook.reopen();
    await eventually(
      () => hook.received.length,
      (count) => count >= 1,
    );
    expect(hook.received[0].body).to.include({ alert: 'told', level: 'alert', previous: 'ok' });
    expect(await changesOf('slow', 'k')).to.deep.equal([]);
    await written(server, 'k', point('a', 180, 10));
    await eventually(
      () => changesOf('slow', 'k'),
      (found) => found.length > 0,
    );
    expect(await changesOf('slow', 'k')).to.deep.equal([[at(180), 'alert', 'a', 'ok', '{"mean":10}']]);
    expect(await changesOf('told', 'k')).to.deep.equal([[at(60), 'alert', 'a', 'ok', '{"mean":10}']]);
    expect(new Set(hook.received.map(({ body }) => body.id)).size, 'the same notification, if twice').to.equal(1);
    // and over an orderly stop
    await server.stop();
    server = await startServer(flags);
    await written(server, 'k', point('a', 240, 1) + point('a', 300, 1));
    await eventually(
      () => changesOf('slow', 'k'),
      (found) => found.length > 1,
    );
    expect((await changesOf('slow', 'k'))[1]).to.deep.equal([at(300), 'ok', 'a', 'alert', '{"mean":1}']);
  });

  function query(q: string, db: string): Promise<readonly Series[]> {
    return series(server, db, q);
  }

  async function refused(q: string, db: string): Promise<string> {
    return series(server, db, q).then(
      (answer) => `answered: ${JSON.stringify(answer)}`,
      (error: Error) => error.message,
    );
  }

  async function shown(db: string): Promise<Series['values']> {
    return (await query(`SHOW ALERTS ON ${db}`, db))[0].values ?? [];
  }

  async function changesOf(alert: string, db = 'd'): Promise<Series['values']> {
    const q = `SELECT level, host, previous, row FROM _alerts WHERE _alert = '${alert}'`;
    return (await query(q, db))[0]?.values ?? [];
  }
});

// private functions

function point(host: string, seconds: number, v: number): string {
  return `m,host=${host} v=${v} ${at(seconds)}\n`;
}

/** ns. Not a number that JavaScript keeps whole by chance: multiples of a second are. */
function at(seconds: number): number {
  return Number(T0 + BigInt(seconds) * 1_000_000_000n);
}
