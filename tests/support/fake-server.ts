/**
 * A server that speaks the surface of Millrace and knows nothing: HTTP and `/live` on a real port, answers from the test's own
 * functions. For tests of the client that need a server to misbehave on command (drop, go away, be slow). Serves `dist/console` too.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ClientFrame, PROTOCOL, type ServerFrame } from '../../client/protocol/index.ts';

const CONSOLE = join(fileURLToPath(import.meta.url), '../../../dist/console');
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export interface FakeSession {
  /** Everything this client has said, in order. */
  readonly frames: ClientFrame[];
  send(frame: ServerFrame): void;
  /** Ends the connection without a goodbye. */
  drop(): void;
}

export interface Asked {
  readonly db: string;
  readonly q: string;
  readonly parameters: URLSearchParams;
}

export interface Written {
  readonly parameters: URLSearchParams;
  readonly lines: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FakeServer {
  readonly url: string;
  readonly port: number;
  readonly sessions: FakeSession[];
  readonly written: Written[];
  stop(): Promise<void>;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface FakeOptions {
  readonly port?: number;
  /** Called for every frame of a client. */
  readonly live?: (session: FakeSession, frame: ClientFrame) => void;
  /** Answer of `/query`; default: one empty result. */
  readonly query?: (asked: Asked) => FakeAnswer;
  /** Answer of `/write`; default: 204 and a position. */
  readonly write?: (written: Written) => FakeAnswer;
  /** Default true: says welcome when a client comes. */
  readonly welcome?: boolean;
}

/** Address of a port that nobody listens on. */
export async function deadUrl(): Promise<string> {
  const server = await startFakeServer();
  await server.stop();
  return server.url;
}

export async function startFakeServer(options: FakeOptions = {}): Promise<FakeServer> {
  const sessions: FakeSession[] = [];
  const written: Written[] = [];
  const http = createServer((request, response) => {
    answer(request, response, options, written).catch((error) => response.writeHead(500).end(String(error)));
  });
  const sockets = new WebSocketServer({ server: http, path: '/live' });
  sockets.on('connection', (socket) => {
    const session = sessionOf(socket);
    sessions.push(session);
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as ClientFrame;
      session.frames.push(frame);
      if (frame.op === 'ping') session.send({ op: 'pong' });
      options.live?.(session, frame);
    });
    if (options.welcome !== false) session.send({ op: 'welcome', protocol: PROTOCOL, server: 'fake' });
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sessions,
    written,
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

// private functions

function sessionOf(socket: WebSocket): FakeSession {
  return {
    frames: [],
    send: (frame) => socket.send(JSON.stringify(frame)),
    drop: () => socket.terminate(),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: FakeOptions,
  written: Written[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const body = await bodyOf(request);
  if (url.pathname === '/ping')
    return reply(response, { status: 204, headers: { 'x-influxdb-version': '1.8.10-fake' } });
  if (url.pathname === '/write') {
    const entry = { parameters: url.searchParams, lines: body.toString(), headers: request.headers };
    written.push(entry);
    return reply(response, options.write?.(entry) ?? { status: 204, headers: { 'x-millrace-position': 'MS4x' } });
  }
  if (url.pathname === '/query') {
    const parameters = url.searchParams;
    for (const [key, value] of new URLSearchParams(body.toString())) parameters.set(key, value);
    const asked = { db: parameters.get('db') ?? '', q: parameters.get('q') ?? '', parameters };
    return reply(response, options.query?.(asked) ?? { status: 200, body: { results: [{ statement_id: 0 }] } });
  }
  const file = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
  if (!/^[\w.-]+$/.test(file)) return reply(response, { status: 404 });
  const contents = await readFile(join(CONSOLE, file)).catch(() => null);
  if (contents === null) return reply(response, { status: 404 });
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(contents);
}

function reply(response: ServerResponse, { status, headers = {}, body }: FakeAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}
