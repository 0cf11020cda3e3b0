/** `/live` on the real server: snapshots, windows, tails, controls, mistakes, and the same frames as events and as lines. */
import { connect } from 'node:net';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { eventually, metric, results, series, written } from '../support/api.ts';
import { LiveClient, latestRows, rowsOf } from '../support/live-client.ts';
import { QUIET, startServer, type TestServer } from '../support/server.ts';

const SECOND = 1_000_000_000;
const SUMS = 'SELECT sum("v") FROM "m" GROUP BY time(1s), "host"';

describe('live queries', () => {
  let server: TestServer;
  let clients: LiveClient[];
  let databases = 0;
  /** A database of its own for each test. */
  let db: string;

  before(async () => {
    server = await startServer([...QUIET, '--shards', '3']);
  });

  after(() => server.stop());

  beforeEach(async () => {
    clients = [];
    db = `d${++databases}`;
    await results(server, '', `CREATE DATABASE "${db}"`);
  });

  afterEach(() => {
    for (const client of clients) client.close();
  });

  async function connected(): Promise<LiveClient> {
    const client = await LiveClient.connect(server);
    clients.push(client);
    return client;
  }

  it('gives a tail its history and then every point once', async () => {
    await written(server, db, `m,host=a v=1 ${SECOND}\nm,host=b v=2 ${2 * SECOND}`);
    const client = await connected();
    const { query } = await client.subscribed({ db, q: 'select v from m where time >= 0' });
    expect(query).to.equal('SELECT v FROM m WHERE time >= 0');
    await written(server, db, `m,host=a v=3 ${3 * SECOND}\nm,host=b v=4 ${4 * SECOND}`);
    await client.until(() => rowsOf(client.rows()).length >= 4);
    const [snapshot, ...live] = client.rows();
    expect(snapshot.phase).to.equal('snapshot');
    expect(rowsOf([snapshot]).map(({ values }) => values)).to.deep.equal([
      [SECOND, 1],
      [2 * SECOND, 2],
    ]);
    expect(new Set(live.map(({ phase }) => phase))).to.deep.equal(new Set(['live']));
    const values = rowsOf(live).map(({ values }) => values);
    expect(values).to.have.deep.members([
      [3 * SECOND, 3],
      [4 * SECOND, 4],
    ]);
  });

  it('tells a tail each point once and with its fields, however soon after each other these appear', async () => {
    await written(server, db, `m,host=a v=0 ${SECOND}`);
    const client = await connected();
    await client.subscribed({ db, q: 'SELECT * FROM m', mode: 'every' });
    const fields = Array.from({ length: 24 }, (_, i) => `f${i}`);
    for (const [i, field] of fields.entries()) {
      await written(server, db, `m,host=${'abcdef'[i % 6]} v=1,${field}=${i} ${SECOND + i + 1}`);
    }
    // before each reset and behind it
    const told = () =>
      client.frames
        .flatMap((frame) => (frame.op === 'rows' && frame.phase === 'live' ? frame.series : []))
        .flatMap(({ columns, values }) =>
          values.map((row) => {
            const i = Number(row[0]) - SECOND - 1;
            return [i, row[columns.indexOf(`f${i}`)]];
          }),
        );
    await client.until(() => new Set(told().map(([i]) => i)).size === fields.length, 'every point');
    expect(told().sort(([a], [b]) => Number(a) - Number(b))).to.deep.equal(fields.map((_, i) => [i, i]));
  });

  it('names a series once for who asks so, and tells who comes later of those that are named', async () => {
    const lines = (v: number): string => ['a', 'b'].map((host) => `m,host=${host} v=${v} ${SECOND + v}`).join('\n');
    const q = 'SELECT v FROM m GROUP BY host';
    const [first, plain, later] = [await connected(), await connected(), await connected()];
    await written(server, db, lines(0));
    await first.subscribed({ db, q, refs: true, mode: 'every' });
    await plain.subscribed({ db, q, mode: 'every' });
    await written(server, db, lines(1));
    await first.until(() => first.rows().flatMap(({ series }) => series).length >= 2);
    await later.subscribed({ db, q, refs: true, mode: 'every' });
    const told = await later.first('series');
    expect(told.from).to.equal(0);
    expect(told.series.map(({ tags }) => tags!.host)).to.have.members(['a', 'b']);
    await written(server, db, lines(2));
    for (const client of [first, later]) {
      await client.until(() => client.rows().flatMap(({ refs }) => refs ?? []).length === 2);
      const rows = client.rows().flatMap(({ refs }) => refs ?? []);
      const hosts = rows.map(([ref]) => told.series[ref].tags!.host);
      expect(hosts).to.have.members(['a', 'b']);
      expect(rows.map(([, ...row]) => row)).to.deep.equal([
        [SECOND + 2, 2],
        [SECOND + 2, 2],
      ]);
    }
    await plain.until(() => rowsOf(plain.rows()).filter(({ values }) => values[1] === 2).length === 2);
    expect(
      plain.rows().some(({ refs, series }) => refs !== undefined || series.some(({ ref }) => ref !== undefined)),
    ).to.equal(false);
  });

  it('moves the queries of a group to one watermark', async () => {
    const SECONDS = 12;
    const client = await connected();
    const point = (name: string, second: number): string => `${name} v=1 ${second * SECOND}`;
    await written(server, db, `${point('a', 1)}\n${point('b', 1)}`);
    for (const name of ['a', 'b']) {
      await client.subscribed({ id: name, db, q: `SELECT sum(v) FROM ${name} GROUP BY time(1s)`, group: 'dash' });
    }
    // from now on each is known to have points
    await written(server, db, `${point('a', 2)}\n${point('b', 2)}`);
    for (const name of ['a', 'b']) await client.first('progress', (f) => f.id === name && f.watermark !== null);
    const from = client.frames.length;
    for (let second = 3; second <= SECONDS; second++) {
      await written(server, db, point(second % 2 === 0 ? 'a' : 'b', second));
      await written(server, db, point(second % 2 === 0 ? 'b' : 'a', second));
    }
    const far = await client.first('group', ({ watermarkMs }) => watermarkMs === SECONDS * 1000);
    expect(far.group).to.equal('dash');
    // on a machine that stood still for seconds one of them is waited for no longer
    const parted = await metric(server, 'millrace_live_groups_parted_total');
    const closed = { a: 0, b: 0 };
    let groups = 0;
    for (const frame of client.frames) {
      if (frame.op === 'rows' && frame.final) {
        const id = frame.id as 'a' | 'b';
        for (const { values } of frame.series)
          for (const [time] of values) closed[id] = Math.max(closed[id], Number(time) / SECOND + 1);
      } else if (frame.op === 'group' && client.frames.indexOf(frame) >= from) {
        groups++;
        if (parted === 0) {
          const both = [closed.a, closed.b].map((second) => second * 1000);
          expect(both, 'what is closed where the group is').to.deep.equal([frame.watermarkMs, frame.watermarkMs]);
        }
      }
    }
    expect(groups).to.be.greaterThan(0);
  });

  it('gives no snapshot where none is wanted', async () => {
    await written(server, db, `m v=1 ${SECOND}`);
    const client = await connected();
    await client.subscribed({ db, q: 'SELECT v FROM m WHERE time >= 0', snapshot: false });
    await client.first('progress');
    await written(server, db, `m v=2 ${2 * SECOND}`);
    await client.first('rows');
    expect(rowsOf(client.rows()).map(({ values }) => values)).to.deep.equal([[2 * SECOND, 2]]);
  });

  it('closes a window by a later event, and corrects it for a late point', async () => {
    const client = await connected();
    await client.subscribed({ db, q: SUMS });
    await written(server, db, `m,host=a v=1 ${SECOND}\nm,host=a v=2 ${SECOND + 1}`);
    await client.first('rows', (f) => !f.final && rowsOf([f]).some(({ values }) => values[1] === 3));
    await written(server, db, `m,host=b v=10 ${3 * SECOND}`);
    const closed = await client.first('rows', (f) => f.final);
    expect(rowsOf([closed])).to.deep.equal([{ series: 'm,host=a', values: [SECOND, 3], final: true, rev: 0 }]);
    await written(server, db, `m,host=a v=4 ${SECOND + 2}`);
    const corrected = await client.first('rows', (f) => f.rev > 0);
    expect(rowsOf([corrected])).to.deep.equal([{ series: 'm,host=a', values: [SECOND, 7], final: true, rev: 1 }]);
  });

  it('corrects for a point that is written again with another value', async () => {
    const client = await connected();
    await client.subscribed({ db, q: SUMS });
    await written(server, db, `m,host=a v=1 ${SECOND}\nm,host=a v=2 ${SECOND + 1}`);
    await written(server, db, `m,host=a v=5 ${SECOND}`);
    await written(server, db, `m,host=a v=1 ${5 * SECOND}`);
    await client.until(() => latestRows(client.rows()).get(`m,host=a ${SECOND}`)?.final === true);
    expect(latestRows(client.rows()).get(`m,host=a ${SECOND}`)?.values[1]).to.equal(7);
  });

  it('closes the windows of a quiet stream by the clock', async () => {
    const client = await connected();
    await client.subscribed({ db, q: SUMS });
    await written(server, db, `m,host=a v=1 ${SECOND}`);
    // nothing follows: after IDLE (10 s) the stream's time goes on at the clock's pace
    const closed = await client.first('rows', (f) => f.final);
    expect(rowsOf([closed])[0]).to.deep.include({ series: 'm,host=a', values: [SECOND, 1] });
    const told = client.frames.filter((f) => f.op === 'progress');
    expect(told.length, 'progress frames meanwhile').to.be.at.least(5);
    expect(Number(told.at(-1)?.op === 'progress' && told.at(-1)?.watermark)).to.be.at.least(SECOND);
  });

  it('tells quiet from stalled', async () => {
    const client = await connected();
    await client.subscribed({ db, q: SUMS });
    const first = await client.first('progress');
    await client.first('progress', () => true, { from: client.frames.indexOf(first) + 1 });
    expect(first.cursor).to.not.equal('');
  });

  it('shows measurements and fields that appear after it was asked', async () => {
    const client = await connected();
    await client.subscribed({ id: 'tail', db, q: 'SELECT * FROM "m"' });
    await client.subscribed({ id: 'sums', db, q: 'SELECT sum(*) FROM "m" GROUP BY time(1s)' });
    await written(server, db, `m a=1 ${SECOND}`);
    await client.until(() => rowsOf(client.rows('tail')).length === 1);
    await written(server, db, `m,host=x a=2,b=3 ${SECOND + 1}`);
    await client.until(() => client.rows('tail').some(({ series }) => series[0]?.columns.join() === 'time,a,b,host'));
    await written(server, db, `m a=1 ${9 * SECOND}`);
    await client.until(() => {
      const row = latestRows(client.rows('sums')).get(`m ${SECOND}`);
      return row?.final === true && row.values.join() === [SECOND, 3, 3].join();
    });
    const tail = rowsOf(client.rows('tail')).map(({ values }) => values);
    expect(tail.filter((values) => values[0] === SECOND + 1)).to.deep.equal([[SECOND + 1, 2, 3, 'x']]);
  });

  it('runs one operator for the same query, whoever asks and however it is spelled', async () => {
    const [a, b] = [await connected(), await connected()];
    const q = 'SELECT max(v) FROM shared GROUP BY time(1m)';
    await a.subscribed({ id: 'one', db, q });
    await a.subscribed({ id: 'two', db, q: 'select   MAX(v) from shared group by time(60s)', epoch: 'ms' });
    await b.subscribed({ db, q });
    const [, { columns, values }] = await series(server, db, 'SHOW QUERIES');
    const shared = values.filter((row) => String(row[columns.indexOf('query')]).includes('shared'));
    expect(shared.map((row) => row[columns.indexOf('subscribers')])).to.deep.equal([3]);
    await written(server, db, `shared v=3 ${60 * SECOND}\nshared v=7 ${61 * SECOND}\nshared v=0 ${130 * SECOND}`);
    const final = async (client: LiveClient, id: string): Promise<unknown> =>
      rowsOf([await client.first('rows', (f) => f.id === id && f.final)])[0].values;
    expect(await final(a, 'one')).to.deep.equal([60 * SECOND, 7]);
    expect(await final(a, 'two')).to.deep.equal([60_000, 7]);
    expect(await final(b, 's')).to.deep.equal([60 * SECOND, 7]);
  });

  it('holds a paused subscription, and ends one that is unsubscribed', async () => {
    const client = await connected();
    const q = 'SELECT v FROM m';
    await client.subscribed({ id: 'paused', db, q });
    await client.subscribed({ id: 'ended', db, q });
    await client.subscribed({ id: 'other', db, q });
    client.send({ op: 'pause', id: 'paused' });
    client.send({ op: 'unsubscribe', id: 'ended' });
    client.send({ op: 'ping' });
    await client.first('pong');
    for (let i = 1; i <= 20; i++) await written(server, db, `m v=${i} ${i * SECOND}`);
    await client.until(() => rowsOf(client.rows('other')).length === 20);
    expect(rowsOf(client.rows('paused')).length).to.equal(0);
    client.send({ op: 'resume', id: 'paused' });
    await client.until(() => rowsOf(client.rows('paused')).length === 20);
    expect(rowsOf(client.rows('ended')).length).to.equal(0);
    expect(rowsOf(client.rows('paused')).map(({ values }) => values[1])).to.deep.equal(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it('keeps to maxHz, conflating in mode latest, and says so', async () => {
    const client = await connected();
    await client.subscribed({ db, q: 'SELECT last(v) FROM m GROUP BY time(1h)', maxHz: 0.4 });
    for (let i = 1; i <= 30; i++) {
      await written(server, db, `m v=${i} ${i * SECOND}`);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await client.until(() => rowsOf(client.rows()).at(-1)?.values[1] === 30);
    const status = client.frames.filter((f) => f.op === 'status');
    expect(status.length).to.be.at.least(1);
    client.send({ op: 'update', id: 's', maxHz: 0 });
    await written(server, db, `m v=31 ${31 * SECOND}`);
    await client.until(() => rowsOf(client.rows()).at(-1)?.values[1] === 31);
  });

  it('takes writes and queries on the same socket', async () => {
    const client = await connected();
    client.send({ op: 'write', id: 'w', db, precision: 's', lines: 'm v=1 1\nm v=2 2' });
    const { position } = await client.first('written');
    expect(position).to.match(/^[\w-]+$/);
    client.send({ op: 'query', id: 'q', db, q: 'SELECT sum(v) FROM m', epoch: 's' });
    const { results } = await client.first('result');
    expect(JSON.stringify(results)).to.include('"values":[[0,3]]');
    client.send({ op: 'write', id: 'bad', db, lines: 'm v=1 1\nnothing' });
    expect(await client.first('error')).to.include({ id: 'bad', code: 'partial write' });
  });

  it('ends subscriptions of a database that is dropped, or goes on empty', async () => {
    const client = await connected();
    await written(server, db, `m v=1 ${SECOND}`);
    await client.subscribed({ db, q: 'SELECT v FROM m WHERE time >= 0' });
    await results(server, '', `DROP DATABASE "${db}"`);
    await written(server, db, `m v="another type" ${SECOND}`);
    // it ends where it is planned anew while there is no such database
    const hasEnded = (): boolean => client.frames.some((frame) => frame.op === 'error' && frame.id === 's');
    await client.until(() => hasEnded() || rowsOf(client.rows()).some(({ values }) => values[1] === 'another type'));
    client.send({ op: 'ping' });
    await client.first('pong');
  });

  describe('mistakes', () => {
    for (const [text, words] of [
      ['not json', 'frame is not json'],
      ['[]', 'frame must be a json object'],
      ['null', 'frame must be a json object'],
      ['{}', 'unknown op'],
      ['{"op":"__proto__"}', 'unknown op'],
      ['{"op":"subscribe","id":"s"}', 'subscribe needs "db"'],
      ['{"op":"subscribe","id":7,"db":"d","q":"x"}', '"id" of subscribe must be a text'],
      ['{"op":"subscribe","id":"s","db":"d","q":"x","mode":"some"}', '"mode" of subscribe must be'],
      ['{"op":"subscribe","id":"s","db":"d","q":"x","maxHz":-1}', '"maxHz" of subscribe must be'],
    ] as const) {
      it(`answers ${text} with an error and keeps the socket`, async () => {
        const client = await connected();
        client.socket.send(text);
        const error = await client.first('error');
        expect(error.code).to.equal('bad frame');
        expect(error.message).to.include(words);
        client.send({ op: 'ping' });
        await client.first('pong');
      });
    }

    for (const [q, code, words, at] of [
      ['SELECT v FRM m', 'parse', 'found FRM, expected FROM', 9],
      ['SELECT v FROM m; SELECT v FROM m', 'invalid query', 'one SELECT', undefined],
      ['SHOW DATABASES', 'invalid query', 'one SELECT', undefined],
      ['SELECT nothing(v) FROM m', 'invalid query', 'undefined function nothing()', undefined],
      ['SELECT v FROM m OFFSET 5', 'invalid query', 'OFFSET without LIMIT', undefined],
      ['SELECT mean(v) FROM m GROUP BY time(1m), host SLIMIT 5', 'invalid query', 'a new series may take', undefined],
      ['SELECT v FROM other..m', 'invalid query', 'its own database', undefined],
    ] as const) {
      it(`refuses "${q}" in words`, async () => {
        const client = await connected();
        client.subscribe({ db, q });
        const error = await client.first('error');
        expect(error).to.include({ id: 's', code });
        expect(error.message).to.include(words);
        expect(error.at).to.equal(at);
        client.subscribe({ db, q: 'SELECT v FROM m' });
        await client.first('subscribed');
      });
    }

    it('refuses an unknown database, and ids that are taken or unknown', async () => {
      const client = await connected();
      client.subscribe({ db: 'no such', q: 'SELECT v FROM m' });
      expect((await client.first('error')).code).to.equal('database not found');
      await client.subscribed({ db, q: 'SELECT v FROM m' });
      client.subscribe({ db, q: 'SELECT v FROM m' });
      await client.first('error', ({ code }) => code === 'bad frame');
      client.send({ op: 'pause', id: 'never' });
      await client.first('error', ({ code }) => code === 'unknown subscription');
    });

    it('survives sockets that vanish, half-open or broken', async () => {
      const { hostname, port } = new URL(server.http);
      const handshake =
        `GET /live HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
      const raw = (bytes: Uint8Array | string): Promise<void> =>
        new Promise((resolve) => {
          const socket = connect(Number(port), hostname);
          socket.on('error', () => resolve());
          socket.on('close', () => resolve());
          socket.once('data', () => {
            socket.write(bytes);
            setTimeout(() => socket.destroy(), 100);
          });
          socket.write(handshake);
        });
      await Promise.all([
        raw(''),
        raw(Uint8Array.of(0x81, 0x05, 1, 2, 3, 4, 5)), // not masked
        raw(Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe)), // not UTF-8
        raw(Uint8Array.of(0xc1, 0x80, 0, 0, 0, 0)), // reserved bit
        raw(Uint8Array.of(0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)), // 4 GiB announced
        raw(Uint8Array.of(0x01, 0x81)), // a fragment cut off
      ]);
      const gone = await connected();
      await gone.subscribed({ db, q: 'SELECT v FROM m' });
      gone.cut();
      await eventually(
        () => metric(server, 'millrace_sessions'),
        (n) => n === 0,
      );
      const client = await connected();
      await client.subscribed({ db, q: 'SELECT v FROM m' });
      await written(server, db, 'm v=1 1');
      await client.until(() => rowsOf(client.rows()).length === 1);
    });

    it('closes a socket for a frame beyond the limit, and only that socket', async () => {
      const [large, other] = [await connected(), await connected()];
      const closed = new Promise((resolve) => large.socket.once('close', resolve));
      large.socket.send(`{"op":"ping","pad":"${'x'.repeat(2 * 1024 * 1024)}"}`);
      await closed;
      other.send({ op: 'ping' });
      await other.first('pong');
    });
  });

  it('gives the same frames as events and as lines', async () => {
    await written(server, db, `m v=1 ${SECOND}`);
    const q = 'SELECT v FROM m WHERE time >= 0';
    const search = new URLSearchParams({ db, q, epoch: 'ns' });
    const lines = await stream(`${server.http}/live?${search}`, {});
    const events = await stream(`${server.http}/live?${search}`, { Accept: 'text/event-stream' });
    expect(lines.type).to.equal('application/x-ndjson');
    expect(events.type).to.equal('text/event-stream');
    await lines.until((text) => text.includes('"snapshot"'));
    await events.until((text) => text.includes('"snapshot"'));
    await written(server, db, `m v=2 ${2 * SECOND}`);
    await lines.until((text) => text.includes(`[${2 * SECOND},2]`));
    await events.until((text) => text.includes(`[${2 * SECOND},2]`));
    const frames = lines.text().trim().split('\n');
    for (const frame of frames) expect(JSON.parse(frame)).to.have.property('op');
    const told = events
      .text()
      .split('\n\n')
      .filter((event) => event.includes('data: '));
    expect(told.map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)).op)).to.include.members([
      'welcome',
      'subscribed',
      'rows',
    ]);
    const id = /^id: (\S+)$/m.exec(events.text().slice(events.text().lastIndexOf('id: ')))?.[1];
    events.end();
    await written(server, db, `m v=3 ${3 * SECOND}`);
    const again = await stream(`${server.http}/live?${search}`, {
      Accept: 'text/event-stream',
      'Last-Event-ID': id ?? '',
    });
    await again.until((text) => text.includes(`[${3 * SECOND},3]`));
    expect(again.text())
      .to.not.include(`[${2 * SECOND},2]`)
      .and.not.include('"snapshot"');
    lines.end();
    again.end();
    expect((await fetch(`${server.http}/live?db=${db}`)).status).to.equal(400);
    const broken = await fetch(`${server.http}/live?${new URLSearchParams({ db, q: 'SELECT v FRM m' })}`);
    expect([broken.status, await broken.text()].join(' ')).to.match(/^400 .*error parsing query/);
  });

  it('agrees with history once all windows are closed', async () => {
    const client = await connected();
    await client.subscribed({ db, q: SUMS });
    for (let i = 0; i < 40; i++) {
      const lines = ['a', 'b', 'c', 'd'].map((host, h) => `m,host=${host} v=${i * h} ${SECOND + i * 250_000_000 + h}`);
      await written(server, db, lines.join('\n'));
    }
    const ends = ['a', 'b', 'c', 'd'].map((host) => `m,host=${host} v=0 ${100 * SECOND}`);
    await written(server, db, ends.join('\n'));
    const history = await series(
      server,
      db,
      `SELECT sum("v") FROM "m" WHERE time >= 1s AND time < 11s GROUP BY time(1s), "host" fill(none)`,
    );
    const wanted = history.flatMap(({ tags, values }) => values.map((row) => [`m,host=${tags?.host}`, ...row]));
    const finals = (): unknown[] =>
      [...latestRows(client.rows()).values()]
        .filter(({ final, values }) => final && values[1] !== null && Number(values[0]) < 11 * SECOND)
        .map(({ series, values }) => [series, ...values]);
    await client.until(() => finals().length === wanted.length);
    expect(finals()).to.have.deep.members(wanted);
  });
});

describe('a server that goes away', () => {
  it('tells live clients when to come back, and ends their streams', async () => {
    const server = await startServer(QUIET);
    await written(server, 'd', 'm v=1');
    const client = await LiveClient.connect(server);
    await client.subscribed({ db: 'd', q: 'SELECT v FROM m' });
    const lines = await stream(`${server.http}/live?db=d&q=SELECT+v+FROM+m`, {});
    await lines.until((text) => text.includes('"subscribed"'));
    const closed = new Promise<number>((resolve) => client.socket.once('close', resolve));
    expect(await server.stop()).to.equal(0);
    expect(await closed).to.equal(1001);
    expect((await client.first('goaway')).retryAfterMs).to.be.at.least(1);
    await lines.until((text) => text.includes('"goaway"'));
  });

  it('refuses sockets of other origins', async () => {
    const server = await startServer(QUIET);
    try {
      const socket = new WebSocket(`${server.http.replace('http', 'ws')}/live`, { origin: 'http://elsewhere.example' });
      const status = await new Promise((resolve) => {
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.once('open', () => resolve('open'));
        socket.on('error', () => {});
      });
      expect(status).to.equal(403);
    } finally {
      await server.stop();
    }
  });
});

// private functions

interface TextStream {
  readonly type: string | null;
  text(): string;
  until(condition: (text: string) => boolean): Promise<unknown>;
  end(): void;
}

async function stream(url: string, headers: Record<string, string>): Promise<TextStream> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  let text = '';
  const decoder = new TextDecoder();
  (async () => {
    for await (const piece of response.body!) text += decoder.decode(piece, { stream: true });
  })().catch(() => {});
  return {
    type: response.headers.get('content-type'),
    text: () => text,
    until: (condition) => eventually(() => text, condition),
    end: () => abort.abort(),
  };
}
