/**
 * The door on uWebSockets.js: the one file that knows it. Its facts that shape this code: a request is readable only inside the
 * call that brings it; chunks of a body die when the call returns; `publish` drops for slow sockets without a word and is never used;
 * an answer's `onWritable` replaces its own draining, so what waits in it moves on only when something more is written.
 *
 * Longer than 300 lines because a vendor lives in one file: requests, answers and sockets share its types and its quirks.
 */

import {
  App,
  type HttpRequest,
  type HttpResponse,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import assert from 'node:assert';
import { BodyBuffers } from './body-buffers.ts';
import { BodyCollector } from './body-collector.ts';
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
  type SocketListener,
} from './door.ts';
import { headerMap, unsoundHandshake, unsoundHead } from './sound-head.ts';
import { statusLine } from './status-line.ts';

type SocketData = { listener: SocketListener; socket: UwsSocket; missed: number };

/** Frames of one socket that wait for the end of a turn: what uWebSockets.js puts into one call. */
const TURN_BYTES_MAX = 16 * 1024;
/** A socket may hold this much before uWebSockets drops frames; sessions hold back long before, at SOCKET_HIGH_WATER_BYTES. */
const SOCKET_BUFFER_BYTES_MAX = 64 * 1024 * 1024;
/** Never by uWebSockets itself: our own heartbeat decides who is dead. Its largest value. */
const UWS_IDLE_TIMEOUT_SECONDS = 960;
/** What uWebSockets.js gathers in one `cork` for one call to the system; what does not fit, and all behind it, is several calls each. */
const CORK_BYTES = 16 * 1024;
/** Around each write of an answer: its length, and two ends of line. */
const FRAME_BYTES = 16;
/**
 * Writes are cut so that each is one call with its frame, and little waits inside uWebSockets, where it moves on only when something more
 * is written.
 */
const SLICE_BYTES = CORK_BYTES - FRAME_BYTES;
/** Stands in between the handshake and `open`. */
const UNOPENED: SocketListener = { message() {}, drain() {}, closed() {} };

export async function openUwsDoor(options: DoorOptions): Promise<Door> {
  const { limits } = options;
  const app = App();
  const sockets = new Set<WebSocket<SocketData>>();
  const answers = new Set<UwsResponse>();
  const buffers = new BodyBuffers();
  let connections = 0;
  // biome-ignore lint/suspicious/useIterableCallbackReturn: no array's filter, but a watch on connections
  app.filter((res, change) => {
    connections += change;
    if (change > 0 && connections > limits.connectionsMax) res.close();
  });
  app.ws<SocketData>(SOCKET_PATH, {
    maxPayloadLength: limits.socketFrameBytesMax,
    maxBackpressure: SOCKET_BUFFER_BYTES_MAX,
    closeOnBackpressureLimit: false,
    idleTimeout: UWS_IDLE_TIMEOUT_SECONDS,
    sendPingsAutomatically: false,
    upgrade: (res, req, context) => upgrade(res, req, context, options),
    open(ws) {
      sockets.add(ws);
      const data = ws.getUserData();
      data.socket.ws = ws;
      data.listener = options.handlers.openSocket(data.socket);
    },
    message(ws, message) {
      const data = ws.getUserData();
      data.missed = 0;
      data.listener.message(Buffer.from(message).toString());
    },
    drain(ws) {
      const { socket, listener } = ws.getUserData();
      if (socket.backedUp && ws.getBufferedAmount() <= SOCKET_LOW_WATER_BYTES) {
        socket.backedUp = false;
        listener.drain();
      }
    },
    pong(ws) {
      ws.getUserData().missed = 0;
    },
    close(ws) {
      sockets.delete(ws);
      const { socket, listener } = ws.getUserData();
      socket.ws = null;
      listener.closed();
    },
  });
  let closing: Promise<void> | null = null;
  app.any('/*', (res, req) => {
    if (closing === null) take(res, req, options, answers, buffers);
    else refuse(res, 503, 'server is going away');
  });
  const heartbeat = setInterval(() => beat(sockets), limits.heartbeatMs);
  heartbeat.unref();
  const listener = await listening(app, options);
  return {
    adapter: 'uws',
    host: options.host,
    port: us_socket_local_port(listener as never),
    close: () => (closing ??= close(app, listener, sockets, answers, heartbeat, limits.drainMs)),
  };
}

// private functions

function listening(app: ReturnType<typeof App>, options: DoorOptions): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    app.listen(options.host, options.port, (token) => {
      const taken = (): Error => new Error(`cannot listen on ${options.host}:${options.port}: is it in use?`);
      if (token === false) reject(Object.assign(taken(), { code: 'EADDRINUSE' }));
      else resolve(token);
    });
  });
}

async function close(
  app: ReturnType<typeof App>,
  listener: us_listen_socket,
  sockets: Set<WebSocket<SocketData>>,
  answers: Set<UwsResponse>,
  heartbeat: NodeJS.Timeout,
  drainMs: number,
): Promise<void> {
  clearInterval(heartbeat);
  us_listen_socket_close(listener);
  for (const ws of [...sockets]) ws.end(1001, 'server is going away');
  const deadline = performance.now() + drainMs;
  while (answers.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  // what was ended may still be on its way through the kernel
  await new Promise((resolve) => setTimeout(resolve, 10));
  app.close();
}

function headerLines(req: HttpRequest): [string, string][] {
  const lines: [string, string][] = [];
  req.forEach((name, value) => {
    lines.push([name, value]);
  });
  return lines;
}

function refuse(res: HttpResponse, status: number, message: string): void {
  res.cork(() => {
    res.writeStatus(statusLine(status)).writeHeader('Content-Type', 'application/json');
    if (status === 503) res.writeHeader('Retry-After', '1');
    if (status === 426) res.writeHeader('Upgrade', 'websocket').writeHeader('Sec-WebSocket-Version', '13');
    res.writeHeader('Connection', 'close').end(`{"error":"${message}"}\n`, true);
  });
}

function take(
  res: HttpResponse,
  req: HttpRequest,
  options: DoorOptions,
  answers: Set<UwsResponse>,
  buffers: BodyBuffers,
): void {
  const lines = headerLines(req);
  const path = req.getUrl();
  const unsound = unsoundHead(path, lines);
  if (unsound !== null) {
    refuse(res, 400, unsound);
    return;
  }
  const headers = headerMap(lines);
  if ((headers.get('upgrade') ?? '').toLowerCase() === 'websocket') {
    // uWebSockets brings no upgrade without a key to `upgrade` below
    const handshake = path === SOCKET_PATH ? unsoundHandshake(headers) : null;
    if (handshake !== null) refuse(res, handshake.status, handshake.message);
    else refuse(res, 404, `no socket here: connect to ${SOCKET_PATH}`);
    return;
  }
  const abort = new AbortController();
  const method = req.getCaseSensitiveMethod();
  const told = headers.get('content-length');
  const hasBody = headers.has('transfer-encoding') || (told !== undefined && told !== '0');
  const response = new UwsResponse(res, method === 'HEAD', hasBody, options.limits.stalledMs, () =>
    answers.delete(response),
  );
  answers.add(response);
  let collector: BodyCollector | null = null;
  res.onAborted(() => {
    response.gone();
    collector?.fail(new BodyError('aborted', 'client went away'));
    abort.abort();
  });
  const request: DoorRequest = {
    method,
    path,
    query: req.getQuery() ?? '',
    headers,
    signal: abort.signal,
    body(bytesMax) {
      if (response.isGone()) return Promise.reject(new BodyError('aborted', 'client went away'));
      collector = new BodyCollector({
        told: Number(told ?? -1),
        bytesMax,
        limits: options.limits,
        buffers,
        failed: (error) => {
          if (error.code === 'too slow') response.cut();
        },
      });
      assert(!passed, 'a body is asked for in the turn of handle');
      if (!hasBody) collector.end();
      return collector.whole;
    },
    giveBack: (buffer) => buffers.giveBack(buffer),
  };
  let passed = false;
  if (hasBody) {
    res.onData((chunk, last) => {
      passed = true;
      collector?.chunk(new Uint8Array(chunk));
      if (last) {
        response.bodyRead = true;
        collector?.end();
      }
    });
  }
  options.handlers.handle(request, response).catch((error) => {
    options.log(`request failed: ${error instanceof Error ? error.stack : String(error)}`);
    if (response.started) response.cut();
    else response.reply(500, { 'Content-Type': 'application/json' }, '{"error":"internal error"}\n');
  });
}

class UwsResponse implements DoorResponse {
  bodyRead: boolean;
  started = false;
  #over = false;
  readonly #res: HttpResponse;
  readonly #head: boolean;
  readonly #stalledMs: number;
  readonly #finished: () => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Buffers of what waits that nobody else has. */
  readonly #own = new Set<ArrayBufferLike>();
  /** uWebSockets holds bytes that wait for the client. */
  #full = false;
  #ending = false;
  #filler = '';
  #drainCallbacks: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  constructor(res: HttpResponse, head: boolean, hasBody: boolean, stalledMs: number, finished: () => void) {
    this.#res = res;
    this.#head = head;
    this.bodyRead = !hasBody;
    this.#stalledMs = stalledMs;
    this.#finished = finished;
  }

  reply(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    if (this.#over || this.started) return;
    this.started = true;
    const res = this.#res;
    const closes = !this.bodyRead;
    res.cork(() => {
      res.writeStatus(statusLine(status));
      for (const name in headers) res.writeHeader(name, headers[name]);
      if (closes) res.writeHeader('Connection', 'close');
      // the length is written as a header: told to `endWithoutBody` it leaves the answer open
      if (this.#head) res.writeHeader('Content-Length', String(Buffer.byteLength(body)));
      if (this.#head || ((status === 204 || status === 304) && !closes)) res.endWithoutBody();
      else res.end(body, closes);
    });
    this.#finish();
  }

  start(status: number, headers: AnswerHeaders, filler = ''): void {
    if (this.#over || this.started) return;
    this.started = true;
    this.#filler = filler;
    const res = this.#res;
    res.cork(() => {
      res.writeStatus(statusLine(status));
      for (const name in headers) res.writeHeader(name, headers[name]);
      if (this.#head) res.endWithoutBody();
      else if (filler !== '') res.write(filler);
    });
    if (this.#head) this.#finish();
    else {
      res.onWritable(() => {
        this.#writable();
        return true;
      });
    }
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || bytes.length === 0) return true;
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) this.#queue.push(bytes.subarray(at, at + SLICE_BYTES));
    this.#queuedBytes += bytes.length;
    if (!this.#full) this.#pump();
    return this.#queuedBytes <= HIGH_WATER_BYTES;
  }

  give(bytes: Uint8Array): boolean {
    if (!this.#over && bytes.length > 0) this.#own.add(bytes.buffer);
    return this.write(bytes);
  }

  drained(): Promise<void> {
    if (this.#over || this.#queuedBytes <= LOW_WATER_BYTES) return Promise.resolve();
    return new Promise((resolve) => {
      const stalled = setTimeout(() => this.cut(), this.#stalledMs);
      this.#waiting.push(() => {
        clearTimeout(stalled);
        resolve();
      });
    });
  }

  onDrain(callback: () => void): void {
    this.#drainCallbacks.push(callback);
  }

  buffered(): number {
    return this.#queuedBytes;
  }

  end(): void {
    if (this.#over) return;
    this.#ending = true;
    if (!this.#full) this.#pump();
  }

  /** The client is gone: nothing may be called on the answer any more. */
  gone(): void {
    if (this.#over) return;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#finish();
  }

  isGone(): boolean {
    return this.#over;
  }

  cut(): void {
    if (!this.#over) this.#res.close();
  }

  // private functions

  #pump(): void {
    do {
      this.#res.cork(() => {
        for (let room = CORK_BYTES; this.#queue.length > 0 && !this.#full; ) {
          room -= this.#queue[0].length + FRAME_BYTES;
          if (room < 0) return;
          const slice = this.#queue.shift()!;
          this.#queuedBytes -= slice.length;
          this.#full = !this.#res.write(slice);
          const { buffer } = slice;
          if (this.#queue[0]?.buffer !== buffer && this.#own.delete(buffer)) letGo(buffer);
        }
        if (this.#ending && this.#queue.length === 0) {
          this.#res.end(undefined, !this.bodyRead);
          this.#finish();
        }
      });
    } while (this.#queue.length > 0 && !this.#full && !this.#over);
  }

  #writable(): void {
    if (this.#over) return;
    this.#full = false;
    if (this.#queue.length > 0 || this.#ending) this.#pump();
    else if (this.#filler !== '') this.#full = !this.#res.write(this.#filler);
    if (this.#over || this.#queuedBytes > LOW_WATER_BYTES) return;
    this.#wake();
    for (const callback of this.#drainCallbacks) callback();
  }

  #finish(): void {
    this.#over = true;
    this.#wake();
    this.#finished();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t, options: DoorOptions): void {
  const lines = headerLines(req);
  const headers = headerMap(lines);
  const unsound = unsoundHead(req.getUrl(), lines);
  const handshake = unsoundHandshake(headers);
  const refused = options.handlers.refuseSocket(headers);
  if (unsound !== null) refuse(res, 400, unsound);
  else if (handshake !== null) refuse(res, handshake.status, handshake.message);
  else if (refused !== null) refuse(res, 403, refused);
  else {
    const data: SocketData = { listener: UNOPENED, socket: new UwsSocket(), missed: 0 };
    res.upgrade(data, headers.get('sec-websocket-key')!, headers.get('sec-websocket-protocol') ?? '', '', context);
  }
}

class UwsSocket implements DoorSocket {
  /** null before it opens and after it has closed. */
  ws: WebSocket<SocketData> | null = null;
  backedUp = false;
  /** To be sent when this turn ends. */
  #frames: Uint8Array[] = [];
  #bytes = 0;

  /** Frames of one turn leave together: what many small ones cost is the calls to the system. */
  send(frame: Uint8Array): boolean {
    if (this.ws === null) return true;
    if (this.#frames.push(frame) === 1) queueMicrotask(() => this.#flush());
    this.#bytes += frame.length;
    if (this.#bytes > TURN_BYTES_MAX) this.#flush();
    return !this.backedUp;
  }

  buffered(): number {
    return this.ws === null ? 0 : this.ws.getBufferedAmount() + this.#bytes;
  }

  end(code: number, reason: string): void {
    this.#flush();
    this.ws?.end(code, reason);
  }

  // private functions

  #flush(): void {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    const { ws } = this;
    if (ws === null || frames.length === 0) return;
    if (frames.length === 1) ws.send(frames[0], false);
    else
      ws.cork(() => {
        for (const frame of frames) ws.send(frame, false);
      });
    if (this.ws !== null && ws.getBufferedAmount() > SOCKET_HIGH_WATER_BYTES) this.backedUp = true;
  }
}

/** Left to the collector, some megabytes an answer have it look through all of the heap every few answers. */
function letGo(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer?.(0);
}

function beat(sockets: Set<WebSocket<SocketData>>): void {
  for (const ws of [...sockets]) {
    const data = ws.getUserData();
    // a slow reader has not seen the ping yet: it is not dead
    if (ws.getBufferedAmount() > 0) continue;
    if (data.missed >= 2) ws.close();
    else {
      data.missed++;
      ws.ping();
    }
  }
}
