/**
 * Live windows of rows, joins, and LIMIT, on the real server: what a client holds is the same SELECT over history, over late points, a
 * kill and a cursor.
 */
import { expect } from 'chai';
import { LiveTable } from '../../client/sdk/live-table.ts';
import { eventually, metric, series, written } from '../support/api.ts';
import { LiveClient, latestRows } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const SECOND = 1_000_000_000;
const CLAUSES = 'WATERMARK IDLE 1s LATENESS 1h UPDATE EMIT EVERY 50ms ON CHANGE, ON CLOSE, ON LATE';
const SINCE = 'time >= 1900000s';
const WINDOWS = ['session(10s)', 'state(s)', 'event(v > 6, v < 4)', 'rows(3, 2)', 'sliding(10s)'];
const JOINS = [
  `SELECT l.v, r.v FROM m AS l JOIN m AS r WITHIN 10s ON host WHERE ${SINCE} GROUP BY host`,
  `SELECT l.v, r.s FROM m AS l ASOF JOIN n AS r TOLERANCE 20s ON host WHERE ${SINCE} GROUP BY host`,
  `SELECT sum(l.v) FROM m AS l ASOF JOIN n AS r ON host WHERE ${SINCE} AND r.s = 'up' GROUP BY session(30s), host`,
];

const FIRST = [
  `SELECT v FROM m WHERE ${SINCE} GROUP BY host LIMIT 7 OFFSET 2`,
  `SELECT sum(v) FROM m WHERE ${SINCE} GROUP BY time(10s), host fill(none) LIMIT 3`,
  `SELECT sum(v), count(v) FROM m WHERE ${SINCE} GROUP BY host SLIMIT 2`,
];

describe('live windows of rows, and joins', () => {
  let server: TestServer;
  let flags: string[];
  const clients: LiveClient[] = [];

  before(async () => {
    flags = [...QUIET, '--data-dir', await temporaryDirectory(), '--shards', '3'];
    server = await startServer(flags);
  });

  after(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });

  async function connected(): Promise<LiveClient> {
    const client = await LiveClient.connect(server);
    clients.push(client);
    return client;
  }

  it('a late point joins two sessions: one row is withdrawn, the other sent again', async () => {
    await written(server, 'joined', `m,host=a v=0 ${SECOND}`);
    const client = await connected();
    await client.subscribed({ db: 'joined', q: `SELECT sum(v) FROM m GROUP BY session(10s), host ${CLAUSES}` });
    const at = (s: number) => (1_000_000 + s) * SECOND;
    await written(server, 'joined', `m,host=a v=1 ${at(0)}\nm,host=a v=2 ${at(15)}\nm,host=a v=9 ${at(100)}`);
    const row = (time: number, v: number) => (f: { final: boolean; series: { values: unknown[][] }[] }) =>
      f.final && f.series.some(({ values }) => values.some(([t, value]) => t === time && value === v));
    await client.first('rows', row(at(0), 1));
    await client.first('rows', row(at(15), 2));
    await written(server, 'joined', `m,host=a v=4 ${at(8)}`);
    const gone = await client.first('delete', ({ series: keys }) => keys.length > 0);
    expect(gone.series).to.deep.equal([`["m",{"host":"a"},${at(15)}]`]);
    const again = await client.first('rows', row(at(0), 7));
    expect(again.rev).to.equal(1);
  });

  it('points are counted as on time, late, dropped and ahead, by windows of time and of rows', async () => {
    const second = 1_000_000_000;
    const at = (s: number, host = 'a') => `c,host=${host} v=1 ${(1_000_000 + s) * second}`;
    await written(server, 'counted', at(0));
    const client = await connected();
    const clauses = 'WATERMARK IDLE 1h LATENESS 30s UPDATE EMIT EVERY 50ms ON CHANGE, ON CLOSE, ON LATE';
    for (const window of ['time(10s)', 'session(5s)']) {
      await client.subscribed({
        id: window,
        db: 'counted',
        q: `SELECT count(v) FROM c GROUP BY ${window}, host ${clauses}`,
      });
    }
    const shown = async (...names: string[]): Promise<number[][]> => {
      const [, live] = await series(server, 'counted', 'SHOW QUERIES');
      const own = live.values.filter((row) => row[live.columns.indexOf('database')] === 'counted');
      return own.map((row) => names.map((name) => Number(row[live.columns.indexOf(name)])));
    };
    const counted = () => shown('on_time', 'late', 'dropped', 'ahead');
    const total = async (name: string) => metric(server, `millrace_live_${name}_total`);
    const before = await total('points_on_time');
    await written(server, 'counted', [at(20), at(100)].join('\n'));
    await written(server, 'counted', `c,host=z v=1 ${(Date.now() + 3_600_000) * 1_000_000}`);
    await eventually(counted, (rows) => rows.every(([onTime, , , ahead]) => onTime === 3 && ahead === 1));
    // shards are asked first for what they had before: only then do windows close
    const watermarks = async () => (await shown('lag_ms')).map(([lag]) => Date.now() - lag);
    await eventually(watermarks, (times) => times.every((time) => time >= 1_000_099_000));
    await written(server, 'counted', at(81, 'late'));
    await eventually(counted, (rows) => rows.every(([, late]) => late === 1));
    // a while after the watermark has passed the end of a window and LATENESS, its points change it no more
    let times = 0;
    const dropped = async (): Promise<number[][]> => {
      await written(server, 'counted', at(30 + times++ / 1000, 'dropped'));
      return counted();
    };
    await eventually(dropped, (rows) => rows.every(([, , dropped]) => dropped >= 1));
    const rows = await eventually(counted, (rows) => rows.every((row) => row[0] + row[1] + row[2] === 4 + times));
    expect(await total('points_on_time')).to.equal(before + rows[0][0] + rows[1][0]);
    expect(await total('points_dropped')).to.be.at.least(rows[0][2] + rows[1][2]);
    expect(await total('points_ahead')).to.be.at.least(2);
    expect(await metric(server, 'millrace_live_held_rows_most')).to.be.at.least(1);
    expect(await metric(server, 'millrace_live_leaf_rows_most')).to.be.at.least(1);
  });

  it('a query that begins behind the clock tells no window from the part of one shard', async () => {
    const at = (s: number) => (1_000_000 + s) * SECOND;
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f'];
    await written(server, 'behind', hosts.map((host) => `m,host=${host} v=1 ${at(5)}`).join('\n'));
    const client = await connected();
    const windows = ['time(10s)', 'hop(20s, 10s)', 'windows(time(10s), time(1m))'];
    for (const window of windows) {
      const text = `SELECT sum(v) FROM m GROUP BY ${window} ${CLAUSES}`;
      await client.subscribed({ id: window, db: 'behind', q: text });
    }
    await written(server, 'behind', `m,host=a v=1 ${at(6)}`);
    await written(server, 'behind', `m,host=a v=0 ${at(200)}`);
    for (const window of windows) {
      const first = () =>
        client
          .rows(window)
          .flatMap(({ final, series: tables }) =>
            tables.flatMap(({ values }) => values.filter(([time]) => time === at(0)).map(([, v]) => [v, final])),
          );
      await client.until(() => first().some(([, final]) => final === true), `the first window of ${window}`);
      expect(new Set(first().map(([v]) => v)), window).to.deep.equal(new Set([7]));
    }
  });

  it('a window that is long over is computed again where LATENESS says so', async () => {
    await written(server, 'again', `m,host=a,zone=x v=0 ${SECOND}`);
    const client = await connected();
    const droppedBefore = await metric(server, 'millrace_live_points_dropped_total');
    const clauses = 'WATERMARK IDLE 1s LATENESS 5s UPDATE RECOMPUTE EMIT ON UPDATE, ON CLOSE, ON LATE';
    await client.subscribed({ db: 'again', q: `SELECT sum(v) FROM m GROUP BY time(10s), zone ${clauses}` });
    const at = (s: number) => (1_000_000 + s) * SECOND;
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f'];
    const write = (s: number, v: number) =>
      written(server, 'again', hosts.map((host) => `m,host=${host},zone=x v=${v} ${at(s)}`).join('\n'));
    for (let s = 0; s < 100; s += 10) await write(s, 1);
    const value = (s: number) => {
      const row = [...latestRows(client.rows('s')).values()].find(({ values }) => values[0] === at(s));
      return row?.final ? Number(row.values[1]) : null;
    };
    await client.until(() => value(20) === 6, 'the row of a window that is closed');
    // its points come in late until the window is known to be long over: each is in the row, whichever way it went
    let times = 0;
    const late = async (): Promise<number> => {
      await written(server, 'again', `m,host=${hosts[times % 6]},zone=x v=1 ${at(21) + ++times}`);
      const [, live] = await series(server, 'again', 'SHOW QUERIES');
      const row = live.values.find((one) => one[live.columns.indexOf('database')] === 'again')!;
      return Number(row[live.columns.indexOf('panes')]);
    };
    const before = await late();
    await eventually(late, (panes) => panes < before);
    await written(server, 'again', `m,host=b,zone=x v=100 ${at(25)}\nm,host=c,zone=x v=50 ${at(20)}`);
    await client.until(() => value(20) === 155 + times, 'all that came late is in the row');
    expect(await metric(server, 'millrace_live_points_dropped_total')).to.equal(droppedBefore);
  });

  it('all kinds hold what history says, also behind a kill, from a cursor', async () => {
    const lines = (from: number, to: number, step: number) => {
      const some: string[] = [];
      for (let i = from; i < to; i += step) {
        const time = 2_000_000 + i * 3 + (i % 7 === 0 ? 12 : 0);
        if (i % 4 === 0) some.push(`n,host=h${i % 3} s="${i % 8 === 0 ? 'up' : 'down'}" ${(time - 1) * SECOND}`);
        some.push(`m,host=h${i % 3} v=${(i * 7) % 10},s="${i % 11 < 6 ? 'up' : 'down'}" ${time * SECOND}`);
      }
      return some.join('\n');
    };
    await written(server, 'kinds', lines(0, 40, 1));
    const queries = [
      ...WINDOWS.map((window) => `SELECT sum(v), count(v) FROM m WHERE ${SINCE} GROUP BY ${window}, host`),
      ...JOINS,
      ...FIRST,
    ];
    const tables = queries.map(() => new LiveTable());
    let client = await connected();
    const follow = (from: string[]) =>
      Promise.all(
        queries.map((q, n) =>
          client.subscribed({
            id: `${n}`,
            db: 'kinds',
            q: `${q} ${CLAUSES}`,
            mode: 'every',
            ...(from[n] && { since: from[n] }),
          }),
        ),
      );
    let seen = 0;
    const read = () => {
      for (; seen < client.frames.length; seen++) {
        const frame = client.frames[seen];
        if (frame.op === 'rows' || frame.op === 'delete' || frame.op === 'reset') tables[Number(frame.id)].apply(frame);
      }
    };
    const agree = () =>
      eventually(
        async () => {
          read();
          return Promise.all(
            queries.map(async (q, n) => {
              const history = (await series(server, 'kinds', q)).map(({ tags, values }) => [tags, values]);
              const held = tables[n].series().map(({ tags, rows }) => [tags, rows.map(({ values }) => values)]);
              return JSON.stringify(held) === JSON.stringify(history)
                ? 'equal'
                : `${q}\n${JSON.stringify(held)}\n${JSON.stringify(history)}`;
            }),
          );
        },
        (all) => all.every((one) => one === 'equal'),
      );
    await follow([]);
    await agree();
    await written(server, 'kinds', lines(40, 80, 2));
    await agree();
    const cursors = queries.map((_, n) => client.cursor(`${n}`));
    await written(server, 'kinds', lines(41, 90, 2));
    await server.kill();
    server = await startServer(flags);
    client = await connected();
    seen = 0;
    await follow(cursors);
    await agree();
    // a series that comes before all others, and a row before those of one
    await written(
      server,
      'kinds',
      `${lines(90, 100, 1)}\nm,host=a v=1 ${2_000_300 * SECOND}\nm,host=h1 v=3 ${2_000_001 * SECOND}`,
    );
    await agree();
    expect(await metric(server, 'millrace_live_joined_rows_most')).to.be.at.least(1);
  });
});
