/**
 * What every door must do, with real sockets: raw ones where bytes matter, `ws` for WebSockets. An adapter's test file calls
 * `doorConformance` with its opener. Times are only waited for, never measured.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import {
  BodyError,
  DOOR_LIMITS,
  type Door,
  type DoorHandlers,
  type DoorLimits,
  type DoorOptions,
  type DoorRequest,
  type DoorResponse,
  type DoorSocket,
  SOCKET_HIGH_WATER_BYTES,
} from '../../server/sessions/door/door.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const BODY_BYTES_MAX = 1_000_000;
const HEAD = 'Host: localhost\r\n';

type Seen = {
  requests: string[];
  aborts: number;
  bodyErrors: string[];
  sockets: DoorSocket[];
  closed: number;
  drains: number;
  /** Most bytes that waited in a streamed answer. */
  bufferedMax: number;
  written: number;
};

/** `blind`: vectors that the adapter's parser lets through without a sign, so that nobody can tell. */
export function doorConformance(
  name: string,
  open: (options: DoorOptions) => Promise<Door>,
  blind: readonly string[] = [],
): void {
  describe(`door: ${name}`, () => {
    let door: Door;
    let seen: Seen;

    async function start(limits: Partial<DoorLimits> = {}): Promise<void> {
      seen = {
        requests: [],
        aborts: 0,
        bodyErrors: [],
        sockets: [],
        closed: 0,
        drains: 0,
        bufferedMax: 0,
        written: 0,
      };
      door = await open({
        host: '127.0.0.1',
        port: 0,
        limits: { ...DOOR_LIMITS, drainMs: 300, ...limits },
        handlers: handlers(seen),
        log: () => {},
      });
    }

    afterEach(async () => {
      await door.close();
      await door.close();
    });

    it('answers methods, paths, query strings and headers', async () => {
      await start();
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const answer = await fetch(`http://127.0.0.1:${door.port}/echo/%41?a=1&b=%20`, {
          method,
          headers: { 'X-Some': 'Value' },
        });
        expect(await answer.json()).to.include({ method, path: '/echo/%41', query: 'a=1&b=%20', some: 'Value' });
      }
    });

    it('gives HEAD the head alone, with the length', async () => {
      await start();
      const text = await raw(
        `HEAD /echo HTTP/1.1\r\n${HEAD}\r\nGET /echo HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`,
      );
      const [first, rest] = text.split('\r\n\r\n', 2);
      expect(first)
        .to.match(/^HTTP\/1\.1 200/)
        .and.match(/content-length: [1-9]/i);
      expect(rest).to.match(/^HTTP\/1\.1 200/);
    });

    it('serves requests one after another and pipelined on one connection', async () => {
      await start();
      const one = (n: number) => `GET /echo?n=${n} HTTP/1.1\r\n${HEAD}\r\n`;
      const text = await raw(one(1) + one(2) + one(3), { until: (t) => t.includes('n=3') });
      expect(text.indexOf('n=1')).to.be.greaterThan(-1);
      expect(text.indexOf('n=2')).to.be.greaterThan(text.indexOf('n=1'));
      expect(text.indexOf('n=3')).to.be.greaterThan(text.indexOf('n=2'));
    });

    it('reads bodies whole, big and chunked, in cuts of any size', async () => {
      await start();
      const big = Buffer.alloc(BODY_BYTES_MAX, 'abcdefg');
      const answer = await fetch(`http://127.0.0.1:${door.port}/body`, { method: 'POST', body: big });
      expect(await answer.json()).to.deep.equal({ bytes: big.length, sum: sum(big) });
      const socket = await dial();
      socket.write(`POST /body HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      for (const part of ['5\r\nhe', 'llo\r', '\n1\r\n!\r\n', '0\r\n\r', '\n']) {
        socket.write(part);
        await sleep(5);
      }
      const text = await readUntil(socket, (t) => t.includes('}'));
      expect(text).to.include(`{"bytes":6,"sum":${sum(Buffer.from('hello!'))}}`);
    });

    it('refuses a body over the limit with 413, told or not told beforehand', async () => {
      await start();
      const told = await raw(`POST /body HTTP/1.1\r\n${HEAD}Content-Length: 900000000\r\n\r\nabc`, { until: isHead });
      expect(told).to.match(/^HTTP\/1\.1 413/);
      const socket = await dial();
      socket.write(`POST /body HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const answer = readUntil(socket, (t) => t.includes('413'));
      for (let i = 0; i < 32 && !socket.destroyed; i++) {
        socket.write(chunk);
        await sleep(1);
      }
      expect(await answer).to.match(/^HTTP\/1\.1 413/);
    });

    it('tells of a client that goes away in the middle of its body, and of one that waits for no answer', async () => {
      await start();
      const socket = await dial();
      socket.write(`POST /body HTTP/1.1\r\n${HEAD}Content-Length: 1000\r\n\r\nabc`);
      await until(() => seen.requests.length === 1);
      socket.destroy();
      await until(() => seen.bodyErrors.length === 1);
      expect(seen.bodyErrors).to.deep.equal(['aborted']);
      const idle = await dial();
      idle.write(`GET /never HTTP/1.1\r\n${HEAD}\r\n`);
      await until(() => seen.requests.length === 2);
      idle.destroy();
      await until(() => seen.aborts >= 1);
    });

    it('gives up a body that comes too slowly, and a head that never ends', async () => {
      await start({ bodyGraceMs: 100, headTimeoutMs: 1000 });
      const body = await dial();
      body.write(`POST /body HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\nabc`);
      await until(() => seen.bodyErrors.length === 1);
      expect(seen.bodyErrors).to.deep.equal(['too slow']);
      body.resume();
      await until(() => body.destroyed || body.readableEnded);
      const head = await dial();
      head.resume();
      head.write('GET / HTTP/1.1\r\nHost: local');
      await until(() => head.destroyed || head.readableEnded);
    });

    it('holds back a streamed answer for a slow reader, and ends it whole', async () => {
      await start();
      const socket = await dial();
      socket.pause();
      socket.write(`GET /stream?pieces=200 HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
      await until(() => seen.drains > 0 || seen.bufferedMax > 64 * 1024);
      await sleep(100);
      const stuckAt = seen.written;
      await sleep(100);
      expect(seen.written).to.equal(stuckAt);
      expect(stuckAt).to.be.lessThan(200);
      expect(seen.bufferedMax).to.be.lessThan(512 * 1024);
      socket.resume();
      const text = await readUntil(socket, (t) => t.endsWith('0\r\n\r\n'));
      expect(text.split('#').length - 1).to.equal(200 * 64 * 1024);
    });

    it('refuses heads that can be read in two ways, and malformed ones', async () => {
      await start();
      const post = (headers: string, body = 'hello') => `POST /body HTTP/1.1\r\n${HEAD}${headers}\r\n\r\n${body}`;
      const vectors: Record<string, string> = {
        'no host': 'GET /echo HTTP/1.1\r\n\r\n',
        'two hosts': `GET /echo HTTP/1.1\r\n${HEAD}Host: other\r\n\r\n`,
        'same host twice': `GET /echo HTTP/1.1\r\n${HEAD}${HEAD}\r\n`,
        'two hosts in one': 'GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n',
        'host with a path': 'GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n',
        'host with user': 'GET /echo HTTP/1.1\r\nHost: a@b\r\n\r\n',
        'absolute address': `GET http://other/echo HTTP/1.1\r\n${HEAD}\r\n`,
        'authority address': `CONNECT other:80 HTTP/1.1\r\n${HEAD}\r\n`,
        'address without slash': `GET echo HTTP/1.1\r\n${HEAD}\r\n`,
        'length and chunks': post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
        'chunks and length': post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'),
        'two lengths': post('Content-Length: 5\r\nContent-Length: 6'),
        'same length twice': post('Content-Length: 5\r\nContent-Length: 5'),
        'lengths in one': post('Content-Length: 5, 5'),
        'length with plus': post('Content-Length: +5'),
        'negative length': post('Content-Length: -5'),
        'hex length': post('Content-Length: 0x5'),
        'length with letters': post('Content-Length: 5a'),
        'huge length': post('Content-Length: 99999999999999999999'),
        'unknown coding': post('Transfer-Encoding: xchunked', '0\r\n\r\n'),
        'coding twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
        'coding with identity': post('Transfer-Encoding: identity, chunked', '0\r\n\r\n'),
        'coding gzip': post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
        'coding quoted': post('Transfer-Encoding: "chunked"', '0\r\n\r\n'),
        'folded header': `GET /echo HTTP/1.1\r\n${HEAD}X: a\r\n b\r\n\r\n`,
        'folded length': post('Content-Length:\r\n 5'),
        'space before colon': post('Content-Length : 5'),
        'space before coding': post('Transfer-Encoding : chunked', '0\r\n\r\n'),
        'bare line feeds': 'GET /echo HTTP/1.1\nHost: a\n\n',
        'bare carriage return': `GET /echo HTTP/1.1\r\n${HEAD}X: a\rb: c\r\n\r\n`,
        'nul in a header': `GET /echo HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`,
        'nul in the address': `GET /echo\0 HTTP/1.1\r\n${HEAD}\r\n`,
        'header without name': `GET /echo HTTP/1.1\r\n${HEAD}: x\r\n\r\n`,
        'header without colon': `GET /echo HTTP/1.1\r\n${HEAD}nonsense\r\n\r\n`,
        'chunk size of letters': post('Transfer-Encoding: chunked', 'zz\r\nhello\r\n0\r\n\r\n'),
        'chunk size negative': post('Transfer-Encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n'),
        'chunk size with 0x': post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'),
        'chunk too long': post('Transfer-Encoding: chunked', '3\r\nhello\r\n0\r\n\r\n'),
        'chunk size huge': post('Transfer-Encoding: chunked', 'ffffffffffffffffff\r\nhello\r\n0\r\n\r\n'),
        'unknown version': `GET /echo HTTP/3.7\r\n${HEAD}\r\n`,
        'no version': `GET /echo\r\n${HEAD}\r\n`,
        'header of 17 KB': `GET /echo HTTP/1.1\r\n${HEAD}X: ${'a'.repeat(17_000)}\r\n\r\n`,
      };
      const through: string[] = [];
      for (const [vector, bytes] of Object.entries(vectors)) {
        const before = seen.requests.length;
        const text = await raw(bytes, { isLast: true });
        if (seen.requests.length > before) await sleep(50);
        const bodyFailed = seen.bodyErrors.splice(0).length > 0;
        const refused = text === '' || /^HTTP\/1\.1 (400|404|431|505)/.test(text);
        if (!refused || (seen.requests.length > before && !bodyFailed)) through.push(`${vector}: ${text.slice(0, 60)}`);
      }
      expect(through.filter((line) => !blind.includes(line.split(':')[0]))).to.deep.equal([]);
      expect(Object.keys(vectors).length).to.be.at.least(40);
      expect((await fetch(`http://127.0.0.1:${door.port}/echo`)).status).to.equal(200);
    });

    it('lets no more connections in than allowed', async () => {
      await start({ connectionsMax: 3 });
      const held: Socket[] = [];
      for (let i = 0; i < 3; i++) {
        const socket = await dial();
        socket.write(`GET /echo HTTP/1.1\r\n${HEAD}\r\n`);
        await once(socket, 'data');
        held.push(socket);
      }
      const fourth = await raw(`GET /echo HTTP/1.1\r\n${HEAD}\r\n`);
      expect(fourth).to.equal('');
      for (const socket of held) socket.destroy();
    });

    it('echoes texts on a socket, whole and fragmented', async () => {
      await start();
      const client = await dialSocket();
      client.send('hello');
      expect(await nextText(client)).to.equal('hello');
      client.send('frag', { fin: false });
      client.send('mented', { fin: true });
      expect(await nextText(client)).to.equal('fragmented');
      client.send(Buffer.from('bytes'));
      expect(await nextText(client)).to.equal('bytes');
      client.close(1000);
      await until(() => seen.closed === 1);
    });

    it('closes with the code and reason given', async () => {
      await start();
      const client = await dialSocket();
      const closed = once(client, 'close');
      client.send('close me');
      const [code, reason] = await closed;
      expect([code, String(reason)]).to.deep.equal([4321, 'as you wish']);
      await until(() => seen.closed === 1);
    });

    it('closes the connection for frames that break the protocol', async () => {
      await start();
      const frames: Record<string, number[]> = {
        unmasked: [0x81, 0x02, 0x68, 0x69],
        'reserved bits': [0xf1, 0x80, 0, 0, 0, 0],
        'unknown opcode': [0x83, 0x80, 0, 0, 0, 0],
        'long ping': [0x89, 0xfe, 0x00, 0x80, 0, 0, 0, 0, ...Array(128).fill(0)],
        'fragmented ping': [0x09, 0x80, 0, 0, 0, 0],
        'continuation of nothing': [0x80, 0x80, 0, 0, 0, 0],
        'bad utf-8': [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
        'too long': [0x81, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
      };
      const survived: string[] = [];
      for (const [vector, bytes] of Object.entries(frames)) {
        const socket = await rawSocket();
        socket.write(Buffer.from(bytes));
        const patienceMs = blind.includes(vector) ? 500 : PATIENCE_MS;
        const gone = await closes(socket, patienceMs);
        if (!gone) survived.push(vector);
        socket.destroy();
      }
      expect(survived.filter((vector) => !blind.includes(vector))).to.deep.equal([]);
    });

    it('upgrades only at its path and only sound handshakes', async () => {
      await start();
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
      const ask = (path: string, lines: string) =>
        raw(`GET ${path} HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`, {
          until: isHead,
        });
      expect(await ask('/other', `${key}Sec-WebSocket-Version: 13\r\n`)).to.match(/^HTTP\/1\.1 (404|426)/);
      expect(await ask('/live', 'Sec-WebSocket-Version: 13\r\n')).to.match(/^HTTP\/1\.1 (400|426)/);
      expect(await ask('/live', `${key}Sec-WebSocket-Version: 8\r\n`)).to.match(/^HTTP\/1\.1 426/);
      expect(await ask('/live', `${key}Sec-WebSocket-Version: 13\r\nOrigin: http://evil\r\n`)).to.match(
        /^HTTP\/1\.1 403/,
      );
      expect(await ask('/live', `${key}Sec-WebSocket-Version: 13\r\n`)).to.match(/^HTTP\/1\.1 101/);
    });

    it('says when a socket backs up and when it has drained, and loses nothing', async () => {
      await start();
      const client = await dialSocket();
      const socket = seen.sockets[0];
      client.pause();
      const frame = Buffer.alloc(64 * 1024, 'x');
      let sent = 0;
      while (socket.send(frame) && sent < 1000) sent++;
      sent++;
      expect(sent).to.be.lessThan(1000);
      expect(socket.buffered()).to.be.greaterThan(SOCKET_HIGH_WATER_BYTES); // the kernel may have taken a part of the last frame
      let got = 0;
      client.on('message', () => got++);
      client.resume();
      await until(() => seen.drains > 0 && got === sent);
      expect(socket.buffered()).to.equal(0);
      expect(socket.send(frame)).to.equal(true);
    });

    it('pings, and closes sockets that never answer', async () => {
      await start({ heartbeatMs: 50 });
      const client = await dialSocket();
      await once(client, 'ping');
      await sleep(300);
      expect(client.readyState).to.equal(WebSocket.OPEN);
      const dead = await rawSocket();
      expect(await closes(dead, PATIENCE_MS)).to.equal(true);
      client.terminate();
    });

    it('closes: sockets are told, running answers end, nobody new gets in', async () => {
      await start({ drainMs: 3000 });
      const client = await dialSocket();
      const closed = once(client, 'close');
      const slow = fetch(`http://127.0.0.1:${door.port}/later?ms=150`, { headers: { Connection: 'close' } });
      await until(() => seen.requests.includes('/later'));
      const done = door.close();
      expect((await closed)[0]).to.equal(1001);
      expect((await slow).status).to.equal(200);
      await done;
      expect(
        await dial().then(
          (s) => once(s, 'close').then(() => 'refused'),
          () => 'refused',
        ),
      ).to.equal('refused');
    });

    function dial(): Promise<Socket> {
      return new Promise((resolve, reject) => {
        const socket = connect(door.port, '127.0.0.1', () => resolve(socket));
        socket.once('error', reject);
      });
    }

    /**
     * Sends bytes, and the end of the stream where they are the last, and gives what came back until the server closes or `until` holds.
     */
    async function raw(bytes: string, options: { until?: (text: string) => boolean; isLast?: boolean } = {}) {
      const socket = await dial();
      socket.on('error', () => {});
      socket.write(Buffer.from(bytes, 'latin1'));
      if (options.isLast) socket.end();
      return readUntil(socket, options.until ?? (() => false));
    }

    async function dialSocket(): Promise<WebSocket> {
      const client = new WebSocket(`ws://127.0.0.1:${door.port}/live`);
      const before = seen.sockets.length;
      await once(client, 'open');
      await until(() => seen.sockets.length > before);
      return client;
    }

    async function rawSocket(): Promise<Socket> {
      const socket = await dial();
      socket.on('error', () => {});
      socket.write(
        `GET /live HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
      await once(socket, 'data');
      socket.resume();
      return socket;
    }
  });
}

// private functions

function handlers(seen: Seen): DoorHandlers {
  return {
    async handle(request, response) {
      seen.requests.push(request.path);
      request.signal.addEventListener('abort', () => seen.aborts++);
      if (request.path === '/body') await countBody(request, response, seen);
      else if (request.path === '/stream') await stream(request, response, seen);
      else if (request.path === '/later') {
        await sleep(Number(new URLSearchParams(request.query).get('ms')));
        response.reply(200, {}, 'late');
      } else if (request.path.startsWith('/echo')) {
        const { method, path, query, headers } = request;
        response.reply(200, { 'X-A': 'b' }, `${JSON.stringify({ method, path, query, some: headers.get('x-some') })}`);
      }
    },
    refuseSocket: (headers) => (headers.has('origin') ? 'no' : null),
    openSocket(socket) {
      seen.sockets.push(socket);
      return {
        message(text) {
          if (text === 'close me') socket.end(4321, 'as you wish');
          else socket.send(new TextEncoder().encode(text));
        },
        drain: () => seen.drains++,
        closed: () => seen.closed++,
      };
    },
  };
}

async function countBody(request: DoorRequest, response: DoorResponse, seen: Seen): Promise<void> {
  try {
    const body = await request.body(BODY_BYTES_MAX);
    response.reply(200, {}, JSON.stringify({ bytes: body.length, sum: sum(body) }));
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    seen.bodyErrors.push(error.code);
    response.reply(error.code === 'too large' ? 413 : 400, {}, error.code);
  }
}

async function stream(request: DoorRequest, response: DoorResponse, seen: Seen): Promise<void> {
  const pieces = Number(new URLSearchParams(request.query).get('pieces'));
  const piece = new Uint8Array(64 * 1024).fill(0x23);
  response.start(200, { 'Content-Type': 'text/plain' });
  for (let i = 0; i < pieces && !request.signal.aborted; i++) {
    const room = i % 2 === 0 ? response.write(piece) : response.give(piece.slice());
    seen.written++;
    seen.bufferedMax = Math.max(seen.bufferedMax, response.buffered());
    if (!room) {
      await response.drained();
      seen.drains++;
    } else if (i % 16 === 0) await sleep(0);
  }
  response.end();
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const byte of bytes) total = (total * 31 + byte) % 1_000_003;
  return total;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${holds}`);
    await sleep(5);
  }
}

function closes(socket: Socket, withinMs: number): Promise<boolean> {
  return Promise.race([once(socket, 'close').then(() => true), sleep(withinMs, false, { ref: false })]);
}

/** A head is there, of whatever status. */
function isHead(text: string): boolean {
  return text.includes('\r\n\r\n');
}

function readUntil(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const parts: string[] = [];
    let tail = '';
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parts.join(''));
    };
    const timer = setTimeout(done, PATIENCE_MS);
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      parts.push(text);
      tail = (tail + text).slice(-4096);
      if (enough(tail)) done();
    });
    socket.on('error', () => {});
    socket.on('close', done);
  });
}

async function nextText(client: WebSocket): Promise<string> {
  const [data, binary] = await once(client, 'message');
  expect(binary).to.equal(false);
  return String(data);
}
