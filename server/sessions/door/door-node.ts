/**
 * The door on node:http and ws: for machines where uWebSockets.js has no binary, and the second witness of the conformance suite.
 * Slower, and stricter in one thing: Node's parser refuses more malformed heads before we see them.
 *
 * Longer than 300 lines because it mirrors `door-uws.ts` part by part: requests, answers, upgrades, sockets.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { BodyBuffers } from './body-buffers.ts';
import { BodyCollector, type BodyOptions } from './body-collector.ts';
import {
  type AnswerHeaders,
  BodyError,
  type Door,
  type DoorOptions,
  type DoorRequest,
  type DoorResponse,
  type DoorSocket,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  SOCKET_HIGH_WATER_BYTES,
  SOCKET_LOW_WATER_BYTES,
  SOCKET_PATH,
} from './door.ts';
import { headerMap, unsoundHandshake, unsoundHead } from './sound-head.ts';

/** As much as uWebSockets takes. */
const HEAD_BYTES_MAX = 16 * 1024;
const HEADER_LINES_MAX = 100;
/** How long the rest of a refused body is read and thrown away. */
const LINGER_MS = 500;
/** How often connections that have become idle are looked for while the door closes. */
const IDLE_POLL_MS = 10;

export async function openNodeDoor(options: DoorOptions): Promise<Door> {
  const { limits } = options;
  const buffers = new BodyBuffers();
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: limits.headTimeoutMs,
    // the rate of a body is watched by its collector; this is the last net
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headTimeoutMs),
    insecureHTTPParser: false,
    requireHostHeader: true,
  });
  let closing: Promise<void> | null = null;
  server.maxHeadersCount = HEADER_LINES_MAX;
  server.maxConnections = limits.connectionsMax;
  server.on('request', (incoming, outgoing) => {
    if (closing === null) take(incoming, outgoing, options, buffers);
    else refuseLate(outgoing);
  });
  server.on('checkContinue', (incoming, outgoing) => {
    if (closing !== null) {
      refuseLate(outgoing);
      return;
    }
    outgoing.writeContinue();
    take(incoming, outgoing, options, buffers);
  });
  server.on('clientError', refuseMalformed);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.socketFrameBytesMax,
    perMessageDeflate: false,
    clientTracking: true,
  });
  server.on('upgrade', (incoming, stream, head) => upgrade(incoming, stream, head, sockets, options));
  const heartbeat = setInterval(() => beat(sockets), limits.heartbeatMs);
  heartbeat.unref();
  await listening(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    adapter: 'node',
    host: options.host,
    port,
    close: () => (closing ??= close(server, sockets, heartbeat, limits.drainMs)),
  };
}

// private functions

function listening(server: Server, options: DoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(
  server: Server,
  sockets: WebSocketServer,
  heartbeat: NodeJS.Timeout,
  drainMs: number,
): Promise<void> {
  clearInterval(heartbeat);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets.clients) socket.close(1001, 'server is going away');
  // a connection kept alive is idle once its running answer has ended
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_POLL_MS);
  const cut = setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
  }, drainMs);
  await closed;
  clearTimeout(cut);
  clearInterval(idle);
  for (const socket of sockets.clients) socket.terminate();
}

/** A request on a connection kept alive, when the door is closing. */
function refuseLate(outgoing: ServerResponse): void {
  outgoing.writeHead(503, { Connection: 'close', 'Content-Type': 'application/json', 'Retry-After': '1' });
  outgoing.end('{"error":"server is going away"}\n');
}

function refuseMalformed(error: NodeJS.ErrnoException, stream: Duplex): void {
  if (error.code === 'ECONNRESET' || !stream.writable) {
    stream.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => stream.destroy());
}

function headerLines(incoming: IncomingMessage): [string, string][] {
  const lines: [string, string][] = [];
  const raw = incoming.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) lines.push([raw[i].toLowerCase(), raw[i + 1]]);
  return lines;
}

function take(incoming: IncomingMessage, outgoing: ServerResponse, options: DoorOptions, buffers: BodyBuffers): void {
  const lines = headerLines(incoming);
  const target = incoming.url ?? '';
  const unsound = incoming.httpVersionMajor === 1 ? unsoundHead(target, lines) : 'http version must be 1.1';
  outgoing.on('error', () => {});
  if (unsound !== null) {
    outgoing.writeHead(400, { Connection: 'close', 'Content-Type': 'application/json' });
    outgoing.end(`{"error":"${unsound}"}\n`);
    return;
  }
  const abort = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) abort.abort();
  });
  const mark = target.indexOf('?');
  const headers = headerMap(lines);
  const request: DoorRequest = {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers,
    signal: abort.signal,
    body: (bytesMax) => {
      const told = Number(headers.get('content-length') ?? -1);
      return collect(incoming, outgoing, { told, bytesMax, limits: options.limits, buffers });
    },
    giveBack: (buffer) => buffers.giveBack(buffer),
  };
  const response = new NodeResponse(outgoing, incoming, options.limits.stalledMs);
  options.handlers.handle(request, response).catch((error) => {
    options.log(`request failed: ${error instanceof Error ? error.stack : String(error)}`);
    if (outgoing.headersSent) outgoing.destroy();
    else response.reply(500, { 'Content-Type': 'application/json' }, '{"error":"internal error"}\n');
  });
}

function collect(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: Omit<BodyOptions, 'failed'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const collector = new BodyCollector({
    ...options,
    failed: (error) => {
      incoming.pause();
      if (error.code === 'too slow') outgoing.destroy();
    },
  });
  incoming.on('data', (chunk: Buffer) => collector.chunk(chunk));
  incoming.once('end', () => collector.end());
  const gone = () => collector.fail(new BodyError('aborted', 'client went away'));
  incoming.once('error', gone);
  incoming.once('close', gone);
  return collector.whole;
}

function hasBody(incoming: IncomingMessage): boolean {
  const told = incoming.headers['content-length'];
  return incoming.headers['transfer-encoding'] !== undefined || (told !== undefined && told !== '0');
}

class NodeResponse implements DoorResponse {
  readonly #outgoing: ServerResponse;
  readonly #incoming: IncomingMessage;
  readonly #stalledMs: number;

  constructor(outgoing: ServerResponse, incoming: IncomingMessage, stalledMs: number) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    this.#stalledMs = stalledMs;
  }

  get started(): boolean {
    return this.#outgoing.headersSent;
  }

  reply(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    if (this.#outgoing.destroyed || this.started) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    // what is left of a body that was not read would be taken for the next request
    const unread = hasBody(this.#incoming) && !this.#incoming.complete;
    const length = status === 204 ? {} : { 'Content-Length': String(bytes.length) };
    this.#outgoing.writeHead(status, { ...headers, ...length, ...(unread ? { Connection: 'close' } : {}) });
    this.#outgoing.end(bytes);
    if (unread) {
      // discarding for a moment lets the answer arrive: cutting at once would reset the connection under it
      this.#incoming.resume();
      setTimeout(() => this.#incoming.destroy(), LINGER_MS).unref();
    }
  }

  start(status: number, headers: AnswerHeaders): void {
    if (this.#outgoing.destroyed) return;
    this.#outgoing.writeHead(status, headers);
    this.#outgoing.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#outgoing.destroyed || this.#outgoing.writableEnded) return true;
    this.#outgoing.write(bytes);
    return this.buffered() <= HIGH_WATER_BYTES;
  }

  give(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const outgoing = this.#outgoing;
      if (outgoing.destroyed || this.buffered() <= LOW_WATER_BYTES) {
        resolve();
        return;
      }
      const stalled = setTimeout(() => outgoing.destroy(), this.#stalledMs);
      const done = () => {
        clearTimeout(stalled);
        outgoing.off('drain', done);
        outgoing.off('close', done);
        resolve();
      };
      outgoing.once('drain', done);
      outgoing.once('close', done);
    });
  }

  onDrain(callback: () => void): void {
    this.#outgoing.on('drain', callback);
  }

  buffered(): number {
    return this.#outgoing.writableLength;
  }

  end(): void {
    if (!this.#outgoing.destroyed) this.#outgoing.end();
  }
}

function upgrade(
  incoming: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  sockets: WebSocketServer,
  options: DoorOptions,
): void {
  stream.on('error', () => {});
  const lines = headerLines(incoming);
  const headers = headerMap(lines);
  const target = incoming.url ?? '';
  const unsound = unsoundHead(target, lines);
  const handshake = unsoundHandshake(headers);
  const refused = options.handlers.refuseSocket(headers);
  if (unsound !== null) refuse(stream, 400, unsound);
  else if (target.split('?')[0] !== SOCKET_PATH || incoming.method !== 'GET') {
    refuse(stream, 404, `no socket here: connect to ${SOCKET_PATH}`);
  } else if ((headers.get('upgrade') ?? '').toLowerCase() !== 'websocket')
    refuse(stream, 400, 'can only upgrade to websocket');
  else if (handshake !== null) refuse(stream, handshake.status, handshake.message);
  else if (refused !== null) refuse(stream, 403, refused);
  else sockets.handleUpgrade(incoming, stream, head, (socket) => adopt(socket, options));
}

function refuse(stream: Duplex, status: number, message: string): void {
  const names: Record<number, string> = {
    400: 'Bad Request',
    403: 'Forbidden',
    404: 'Not Found',
    426: 'Upgrade Required',
  };
  const body = `{"error":"${message}"}\n`;
  const version = status === 426 ? 'Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n' : '';
  stream.end(
    `HTTP/1.1 ${status} ${names[status]}\r\nConnection: close\r\n${version}Content-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Pings missed by each socket. */
const missed = new WeakMap<WebSocket, number>();

function beat(sockets: WebSocketServer): void {
  for (const socket of sockets.clients) {
    const count = missed.get(socket) ?? 0;
    // a slow reader has not seen the ping yet: it is not dead
    if (count >= 2 && socket.bufferedAmount === 0) socket.terminate();
    else {
      missed.set(socket, count + 1);
      if (socket.bufferedAmount === 0) socket.ping();
    }
  }
}

function adopt(socket: WebSocket, options: DoorOptions): void {
  let backedUp = false;
  const doorSocket: DoorSocket = {
    send(frame) {
      if (socket.readyState !== socket.OPEN) return true;
      socket.send(frame, { binary: false }, () => {
        if (backedUp && socket.readyState === socket.OPEN && socket.bufferedAmount <= SOCKET_LOW_WATER_BYTES) {
          backedUp = false;
          listener.drain();
        }
      });
      if (socket.bufferedAmount > SOCKET_HIGH_WATER_BYTES) backedUp = true;
      return !backedUp;
    },
    buffered: () => socket.bufferedAmount,
    end(code, reason) {
      socket.close(code, reason);
      // a client that never answers the close must not keep the socket
      setTimeout(() => socket.terminate(), options.limits.headTimeoutMs).unref();
    },
  };
  const listener = options.handlers.openSocket(doorSocket);
  socket.on('message', (data) => {
    missed.set(socket, 0);
    listener.message(String(data));
  });
  socket.on('pong', () => missed.set(socket, 0));
  socket.on('error', () => {});
  socket.on('close', () => listener.closed());
}
