/** The routes and transports over real sockets on both doors, with a played engine. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { gunzipBody } from '../../../../server/ingest/index.ts';
import { EngineError, openSessions, type Sessions } from '../../../../server/sessions/index.ts';
import { PATIENCE_MS } from '../../../support/patience.ts';
import { FakeEngine, piecesOf } from './support/fake-engine.ts';

for (const adapter of ['uws', 'node'] as const) {
  describe(`sessions on ${adapter}`, () => {
    let engine: FakeEngine;
    let sessions: Sessions;
    let directory: string;
    let url: string;
    const lines: string[] = [];

    beforeEach(async () => {
      engine = new FakeEngine();
      directory = await mkdtemp(join(tmpdir(), 'millrace-console-'));
      sessions = await openSessions({
        host: '127.0.0.1',
        port: 0,
        engine,
        version: '1.8.10-millrace',
        gunzip: gunzipBody,
        metrics: () => 'millrace_up 1\n',
        vars: async () => ({ up: 1 }),
        consoleDirectory: directory,
        sdkFile: join(directory, 'sdk.js'),
        log: (line) => lines.push(line),
        adapter,
        origins: ['http://friend.example'],
        bodyBytesMax: 100_000,
        limits: { drainMs: 200 },
      });
      url = `http://127.0.0.1:${sessions.port}`;
    });

    afterEach(async () => {
      await sessions.close();
      await rm(directory, { recursive: true });
      expect(sessions.counters).to.include({ clients: 0, subscriptions: 0 });
    });

    it('ping, health, ready, metrics, vars', async () => {
      const ping = await fetch(`${url}/ping`);
      expect(ping.status).to.equal(204);
      expect(ping.headers.get('x-influxdb-version')).to.equal('1.8.10-millrace');
      expect((await fetch(`${url}/ping`, { method: 'HEAD' })).status).to.equal(204);
      expect(await (await fetch(`${url}/ping?verbose=true`)).json()).to.deep.equal({ version: '1.8.10-millrace' });
      expect(await (await fetch(`${url}/health`)).json()).to.include({ status: 'pass' });
      engine.ready = false;
      expect((await fetch(`${url}/health`)).status).to.equal(503);
      expect((await fetch(`${url}/ready`)).status).to.equal(503);
      expect(await (await fetch(`${url}/metrics`)).text()).to.equal('millrace_up 1\n');
      expect(await (await fetch(`${url}/debug/vars`)).json()).to.deep.equal({ up: 1 });
    });

    it('asks on every route who it is, but for those that are open on purpose', async () => {
      engine.guarded = true;
      engine.users = { ann: 'x' };
      const basic = `Basic ${Buffer.from('ann:x').toString('base64')}`;
      for (const [path, { methods, access }] of sessions.routes) {
        for (const method of methods) {
          const init = { method, body: { POST: 'm v=1', PUT: '{}' }[method] };
          const ask = (headers = {}) => fetch(`${url}${path}?db=d&q=SELECT%201&bucket=d`, { ...init, headers });
          const without = await ask();
          expect(without.status === 401, `${method} ${path}`).to.equal(access !== 'open');
          expect(without.headers.get('www-authenticate')).to.equal(access === 'open' ? null : 'Basic realm="InfluxDB"');
          await without.body?.cancel();
          const withUser = await ask({ authorization: basic });
          expect(withUser.status, `${method} ${path}`).to.not.equal(401);
          await withUser.body?.cancel();
        }
      }
      const open = [...sessions.routes].filter(([, { access }]) => access === 'open').map(([path]) => path);
      expect(open).to.deep.equal(['/ping', '/health', '/ready', '/sdk.js']);
      expect(engine.said.map(({ request }) => request.user)).to.deep.equal(['ann']);
      expect(engine.writes.map(({ user, text }) => [user, text])).to.deep.equal(Array(2).fill(['ann', 'm v=1']));
      const scripted = await fetch(`${url}/query?q=x`, { headers: { 'sec-fetch-dest': 'empty' } });
      expect([scripted.status, scripted.headers.get('www-authenticate')]).to.deep.equal([401, null]);
      for (const authorization of [basic, 'Token ann:x', 'basic YW5uOng=']) {
        expect((await fetch(`${url}/query?q=x`, { headers: { authorization } })).status).to.equal(200);
      }
      expect((await fetch(`${url}/query?q=x&u=ann&p=x`)).status).to.equal(200);
      engine.users = {};
      expect((await fetch(`${url}/metrics`)).status).to.equal(403);
      expect((await fetch(`${url}/query?q=x`)).status).to.equal(200);
      expect(engine.queries.at(-1)?.user).to.equal('');
    });

    it('writes: parameters, gzip, and every way it can end', async () => {
      const write = (query: string, init: RequestInit = {}) =>
        fetch(`${url}/write?${query}`, { method: 'POST', body: 'cpu v=1', ...init });
      const kept = await write('db=d&rp=r&precision=ms&consistency=all');
      expect([kept.status, kept.headers.get('x-millrace-position'), await kept.text()]).to.deep.equal([204, 'p1', '']);
      expect(engine.writes[0]).to.include({ database: 'd', retentionPolicy: 'r', precision: 'ms', ack: 'quorum' });
      const headers = { 'Content-Encoding': 'gzip' };
      expect((await write('db=d&ack=queued', { body: gzipSync('mem v=2'), headers })).status).to.equal(204);
      expect(engine.writes[1]).to.include({ text: 'mem v=2', ack: 'queued', precision: 'ns' });
      const bomb = await write('db=d', { body: gzipSync('x'.repeat(1_000_000)), headers });
      expect((await told(bomb))[0]).to.equal(413);
      expect((await told(await write('db=d', { headers })))[0]).to.equal(400);
      expect(await told(await write(''))).to.deep.equal([400, 'database is required']);
      expect(await told(await write('db=missing'))).to.deep.equal([404, 'database not found: "missing"']);
      expect((await told(await write('db=d&precision=x')))[0]).to.equal(400);
      expect((await told(await write('db=d&ack=x')))[0]).to.equal(400);
      expect((await told(await write('db=d', { body: 'x'.repeat(100_001) })))[0]).to.equal(413);
      expect((await told(await write('db=d', { headers: { 'Content-Encoding': 'br' } })))[0]).to.equal(400);
      expect(await told(await write('db=bug'))).to.deep.equal([500, 'internal error']);
      expect(lines.join()).to.include('secret');
      engine.outcome = { ...engine.outcome, position: 'p2', partial: 'partial write: line 3: no dropped=1' };
      const partial = await write('db=d');
      expect(partial.headers.get('x-millrace-position')).to.equal('p2');
      expect(await told(partial)).to.deep.equal([400, 'partial write: line 3: no dropped=1']);
      engine.refusal = new EngineError('busy', 'queue is full');
      const busy = await write('db=d');
      expect(busy.headers.get('retry-after')).to.equal('1');
      expect(await told(busy)).to.deep.equal([503, 'queue is full']);
      expect((await told(await fetch(`${url}/write?db=d`)))[0]).to.equal(405);
    });

    it('metadata: asked, said, and said badly', async () => {
      const place = `${url}/api/v1/metadata?db=d&measurement=cpu&series=host%3Da`;
      expect(await (await fetch(place)).json()).to.deep.equal({
        metadata: [{ measurement: 'cpu', series: 'host=a', unit: 'ms' }],
      });
      const request = { user: null, database: 'd', measurement: 'cpu', series: 'host=a' };
      expect((await fetch(place, { method: 'PUT', body: '{"unit":"s"}' })).status).to.equal(204);
      expect(engine.said).to.deep.equal([{ request, said: { unit: 's' } }]);
      expect((await told(await fetch(place, { method: 'PUT', body: '{' })))[0]).to.equal(400);
      expect((await fetch(`${url}/api/v1/metadata`)).status).to.equal(400);
      expect((await fetch(place, { method: 'POST' })).status).to.equal(405);
    });

    it('writes of version 2', async () => {
      const write = (query: string) => fetch(`${url}/api/v2/write?${query}`, { method: 'POST', body: 'cpu v=1' });
      expect((await write('bucket=d/r&precision=us')).status).to.equal(204);
      expect(engine.writes[0]).to.include({ database: 'd', retentionPolicy: 'r', precision: 'us' });
      expect((await write('bucket=d')).status).to.equal(204);
      expect((await write('bucket=d&precision=h')).status).to.equal(400);
      expect((await write('')).status).to.equal(400);
    });

    it('queries: by GET, by form, in every format', async () => {
      const get = await fetch(
        `${url}/query?db=d&q=SELECT%201&epoch=ms&pretty=true&chunked=true&chunk_size=7&params=%7B%7D`,
      );
      expect(get.headers.get('content-type')).to.equal('application/json');
      expect(await get.text()).to.equal('{"results":[{"statement_id":0}]}\n');
      expect(engine.queries[0]).to.deep.equal({
        user: null,
        text: 'SELECT 1',
        database: 'd',
        format: 'json',
        epoch: 'ms',
        pretty: true,
        chunkRows: 7,
        params: '{}',
        after: '',
        readOnly: true,
      });
      const body = new URLSearchParams({ q: 'SELECT 2', db: 'other', after: 'p1' });
      const post = await fetch(`${url}/query?db=d`, { method: 'POST', body, headers: { Accept: 'application/csv' } });
      expect(post.headers.get('content-type')).to.equal('text/csv');
      expect(engine.queries[1]).to.include({
        text: 'SELECT 2',
        database: 'd',
        after: 'p1',
        format: 'csv',
        readOnly: false,
      });
      for (const [type, format] of [
        ['x-msgpack', 'msgpack'],
        ['x-ndjson', 'ndjson'],
      ]) {
        await fetch(`${url}/query?q=x`, { headers: { Accept: `application/${type}` } });
        expect(engine.queries.at(-1)!.format).to.equal(format);
      }
      expect(await told(await fetch(`${url}/query`))).to.deep.equal([400, 'missing required parameter "q"']);
      engine.refusal = new EngineError('parse', 'found EOF, expected SELECT at line 1, char 1');
      const parse = await fetch(`${url}/query?q=x`);
      expect(parse.headers.get('x-influxdb-error')).to.include('error parsing query');
      expect(await told(parse)).to.deep.equal([
        400,
        'error parsing query: found EOF, expected SELECT at line 1, char 1',
      ]);
    });

    it('streams long answers, and cuts one that fails in the middle', async () => {
      const piece = 'x'.repeat(70_000);
      engine.pieces = () => piecesOf(...Array<string>(50).fill(piece));
      expect(await (await fetch(`${url}/query?q=x`)).text()).to.have.length(3_500_000);
      engine.pieces = async function* () {
        yield* piecesOf(piece, piece);
        throw new Error('worker died');
      };
      let failed = false;
      await fetch(`${url}/query?q=x`)
        .then((r) => r.text())
        .catch(() => (failed = true));
      expect(failed).to.equal(true);
    });

    it('tells the engine when the client of a query goes away', async () => {
      let aborted = false;
      engine.pieces = async function* (_, signal) {
        yield* piecesOf('a', 'b');
        await once(signal, 'abort');
        aborted = true;
      };
      const abort = new AbortController();
      const answer = await fetch(`${url}/query?q=x`, { signal: abort.signal });
      await answer.body!.getReader().read();
      abort.abort();
      await until(() => aborted);
    });

    it('backups out, and their parts back in', async () => {
      const given = await fetch(`${url}/backup?since=p1&db=a&db=b`);
      expect([given.headers.get('content-type'), await given.text()]).to.deep.equal([
        'application/x-tar',
        'an archive',
      ]);
      expect(engine.backups).to.deep.equal([{ user: null, since: 'p1', databases: ['a', 'b'] }]);
      const send = (query: string, type: string, body: string) =>
        fetch(`${url}/restore?${query}`, { method: 'POST', headers: { 'Content-Type': type }, body });
      const bucket = await send('db=d&name=x.bucket', 'application/octet-stream', 'bytes');
      expect(await bucket.json()).to.deep.equal({ rows: 7 });
      expect(engine.restored[0]).to.deep.equal({
        user: null,
        database: 'd',
        content: { name: 'x.bucket', choice: {}, body: new Uint8Array(Buffer.from('bytes')) },
      });
      const documents = [{ kind: 'metadata', database: 'other', name: 'm', body: { unit: 's' } }];
      expect((await send('db=d', 'application/json', JSON.stringify(documents))).status).to.equal(200);
      expect(engine.restored[1]).to.deep.equal({ user: null, database: 'd', content: { documents } });
      for (const [type, body] of [
        ['text/plain', 'x'],
        ['application/json', '{'],
        ['application/json', '[{"kind":1}]'],
      ]) {
        expect((await told(await send('db=d', type, body)))[0]).to.equal(400);
      }
      expect((await fetch(`${url}/restore?db=d`)).status).to.equal(405);
      engine.refusal = new EngineError('busy', 'backups are under way');
      expect((await told(await fetch(`${url}/backup`)))[0]).to.equal(503);
    });

    it('serves the console and the sdk, or says that they are not built', async () => {
      expect((await told(await fetch(`${url}/`)))[0]).to.equal(503);
      expect((await told(await fetch(`${url}/sdk.js`)))[0]).to.equal(503);
      await writeFile(join(directory, 'index.html'), '<p>');
      await writeFile(join(directory, 'sdk.js'), 'export {}');
      await mkdir(join(directory, 'assets'));
      await writeFile(join(directory, 'assets/main-ABCDEF12.js'), '1');
      const index = await fetch(`${url}/`);
      expect(index.headers.get('content-type')).to.equal('text/html; charset=utf-8');
      expect(index.headers.get('cache-control')).to.equal('no-cache');
      const tag = index.headers.get('etag')!;
      expect((await fetch(`${url}/`, { headers: { 'If-None-Match': tag } })).status).to.equal(304);
      const script = await fetch(`${url}/assets/main-ABCDEF12.js`);
      expect(script.headers.get('cache-control')).to.include('immutable');
      expect((await fetch(`${url}/sdk.js`)).headers.get('content-type')).to.include('javascript');
      for (const path of ['/..%2f..%2fetc/passwd', '/%2e%2e/x.js', '/.git/config', '/assets/', '/nope.js', '/nope']) {
        expect((await fetch(url + path)).status, path).to.equal(404);
      }
    });

    it('keeps pages of other sites out, and lets listed ones in', async () => {
      const ask = (Origin: string) => fetch(`${url}/ping`, { headers: { Origin } });
      expect((await ask('http://evil.example')).status).to.equal(403);
      expect((await ask(url)).status).to.equal(204);
      const friend = await ask('http://friend.example');
      expect(friend.headers.get('access-control-allow-origin')).to.equal('http://friend.example');
      expect(engine.writes).to.have.length(0);
    });

    it('live over a websocket', async () => {
      const { client, frames } = await dial();
      await until(() => frames.length === 1);
      client.send('{"op":"subscribe","id":"s1","db":"d","q":"SELECT v FROM cpu"}');
      await until(() => engine.feeds.length === 1 && frames.length === 2);
      engine.feeds[0].rows('["t1",1]', 'c1');
      client.send('{"op":"write","id":"w","db":"d","lines":"cpu v=1"}');
      client.send('{"op":"ping"}');
      client.send('garbage');
      await until(() => frames.length === 6);
      expect(frames.map((f) => f.op).sort()).to.deep.equal([
        'error',
        'pong',
        'rows',
        'subscribed',
        'welcome',
        'written',
      ]);
      expect(sessions.counters).to.include({ clients: 1, subscriptions: 1 });
      client.terminate();
      await until(() => engine.feeds[0].closed);
    });

    it('live: a stopped reader costs a bounded amount, is not cut off, holds up nobody, and gets everything in the end', async () => {
      const slow = await dial();
      const quick = await dial();
      for (const [i, { client }] of [slow, quick].entries()) {
        client.send('{"op":"subscribe","id":"s1","db":"d","q":"q","mode":"every"}');
        await until(() => engine.feeds.length === i + 1);
      }
      const [slowFeed, quickFeed] = engine.feeds;
      slow.client.pause();
      const wide = `"${'x'.repeat(20_000)}"`;
      let sent = 0;
      while (!slowFeed.closed && sent < 5000) {
        sent++;
        slowFeed.rows(`["t${sent}",${wide}]`, `c${sent}`);
        quickFeed.rows(`["t${sent}",${wide}]`, `c${sent}`);
        if (sent % 10 === 0) await until(() => rows(quick.frames).length === sent);
      }
      expect(slowFeed.closed).to.equal(true);
      expect(quickFeed.closed).to.equal(false);
      slow.client.resume();
      await until(() => engine.feeds.length === 3);
      const since = Number(engine.feeds[2].request.since.slice(1));
      for (let i = since + 1; i <= sent; i++) engine.feeds[2].rows(`["t${i}",1]`, `c${i}`);
      await until(() => rows(slow.frames).length === sent);
      expect(rows(slow.frames).map((f) => f.cursor)).to.deep.equal(Array.from({ length: sent }, (_, i) => `c${i + 1}`));
      slow.client.terminate();
      quick.client.terminate();
      await until(() => sessions.counters.clients === 0);
    });

    it('live without upgrade: lines, and events with their cursor', async () => {
      const abort = new AbortController();
      const reply = await fetch(`${url}/live?db=d&q=SELECT&epoch=ms&snapshot=false`, { signal: abort.signal });
      expect(reply.headers.get('content-type')).to.equal('application/x-ndjson');
      const text = collect(reply);
      await until(() => engine.feeds.length === 1);
      expect(engine.feeds[0].request).to.include({ database: 'd', text: 'SELECT', epoch: 'ms', snapshot: false });
      await sleep(20);
      engine.feeds[0].rows('[1,1]', 'c1');
      await until(() => text().includes('"cursor":"c1"'));
      for (const line of text().trim().split('\n')) JSON.parse(line);
      const headers = { Accept: 'text/event-stream', 'Last-Event-ID': 'c7' };
      const events = await fetch(`${url}/live?db=d&q=SELECT`, { headers, signal: abort.signal });
      expect(events.headers.get('content-type')).to.equal('text/event-stream');
      const stream = collect(events);
      await until(() => engine.feeds.length === 2);
      expect(engine.feeds[1].request.since).to.equal('c7');
      await sleep(20);
      engine.feeds[1].rows('[1,1]', 'c8');
      await until(() => stream().includes('id: c8\ndata: {"op":"rows"'));
      abort.abort();
      await until(() => engine.feeds.every((feed) => feed.closed));
      expect((await told(await fetch(`${url}/live?db=d`)))[0]).to.equal(400);
    });

    it('answers a stream that cannot begin with a status', async () => {
      engine.refusal = new EngineError('database not found', 'database not found: d');
      const reply = await fetch(`${url}/live?db=d&q=SELECT`);
      engine.refusal = null;
      expect([reply.status, await reply.json()]).to.deep.equal([404, { error: 'database not found: d' }]);
    });

    it('says goodbye before it closes', async () => {
      const { client, frames } = await dial();
      await until(() => frames.length === 1);
      const closed = once(client, 'close');
      await sessions.close();
      expect((await closed)[0]).to.equal(1001);
      expect(frames.at(-1)).to.deep.equal({ op: 'goaway', retryAfterMs: 1000 });
    });

    async function dial(): Promise<{ client: WebSocket; frames: Record<string, unknown>[] }> {
      const client = new WebSocket(`ws://127.0.0.1:${sessions.port}/live`);
      const frames: Record<string, unknown>[] = [];
      client.on('message', (data) => frames.push(JSON.parse(String(data))));
      client.on('error', () => {});
      await once(client, 'open');
      return { client, frames };
    }
  });
}

// private functions

async function told(answer: Response): Promise<[number, string]> {
  return [answer.status, ((await answer.json()) as { error: string }).error];
}

function rows(frames: Record<string, unknown>[]): Record<string, unknown>[] {
  return frames.filter((frame) => frame.op === 'rows');
}

function collect(answer: Response): () => string {
  let text = '';
  void (async () => {
    const decoder = new TextDecoder();
    for await (const piece of answer.body!) text += decoder.decode(piece, { stream: true });
  })().catch(() => {});
  return () => text;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${holds}`);
    await sleep(5);
  }
}
