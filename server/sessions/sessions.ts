/**
 * Sessions: everything between a socket and the engine, opened as one thing by the composition root. Requests are matched to
 * their route here, sockets become live sessions; `close` tells live clients to come back later, lets running answers end, and
 * closes the door.
 */
import { randomUUID } from 'node:crypto';
import {
  DOOR_LIMITS,
  type Door,
  type DoorLimits,
  type DoorRequest,
  type DoorResponse,
  type SocketListener,
} from './door/door.ts';
import { type DoorAdapter, openDoor } from './door/open-door.ts';
import { type Engine, EngineError } from './engine.ts';
import { credentialsOf } from './http/credentials.ts';
import { type Exchange, methodNotAllowed, replyEmpty, replyError, replyThrown } from './http/exchange.ts';
import { consoleFile, isFilePath } from './http/files.ts';
import { corsHeaders, originAllowed } from './http/origin.ts';
import { FORM_BYTES_MAX } from './http/query.ts';
import type { Gunzip } from './http/write.ts';
import { type LiveCounters, newLiveCounters } from './live/counters.ts';
import { LiveSession } from './live/live-session.ts';
import { type SessionClock, SYSTEM_CLOCK } from './live/sink.ts';
import { type Route, routeTable } from './routes.ts';

/** Clients told to go away come back after it: a restart takes about as long. */
const RETRY_AFTER_MS = 1_000;

const NO_USERS = 'create admin user first or disable authentication';
/** Comes back in two headers. */
const REQUEST_ID_LENGTH_MAX = 128;

export interface SessionsOptions {
  readonly host: string;
  readonly port: number;
  readonly engine: Engine;
  /** `1.8.10-millrace`: clients read it to know what we can do. */
  readonly version: string;
  readonly gunzip: Gunzip;
  readonly metrics: () => string | Promise<string>;
  readonly vars: () => unknown | Promise<unknown>;
  /** Directory of the built console. */
  readonly consoleDirectory: string;
  /** File of the built browser SDK. */
  readonly sdkFile: string;
  readonly log: (line: string) => void;
  readonly adapter?: DoorAdapter;
  /** Browser origins allowed beside our own (http/origin.ts). */
  readonly origins?: readonly string[];
  readonly bodyBytesMax?: number;
  readonly limits?: Partial<DoorLimits>;
  readonly clock?: SessionClock;
  /** Hears of every request that is answered, when the head of the answer leaves. */
  readonly answered?: (route: string, status: number) => void;
  /** Filled by us, read by telemetry. */
  readonly counters?: LiveCounters;
}

export interface Sessions {
  readonly adapter: Door['adapter'];
  readonly host: string;
  readonly port: number;
  readonly counters: LiveCounters;
  /** By path: who may ask what. */
  readonly routes: ReadonlyMap<string, Pick<Route, 'methods' | 'access'>>;
  /** Held for clients that are slower than what they watch. */
  heldBytes(): number;
  /** Given to WebSockets and not yet taken by the kernel. */
  bufferedBytes(): number;
  close(): Promise<void>;
}

export async function openSessions(options: SessionsOptions): Promise<Sessions> {
  const counters = options.counters ?? newLiveCounters();
  const limits = { ...DOOR_LIMITS, ...options.limits };
  const open = new Set<LiveSession>();
  const sockets = new Set<{ buffered(): number }>();
  const live = {
    engine: options.engine,
    clock: options.clock ?? SYSTEM_CLOCK,
    counters,
    log: options.log,
    server: `millrace ${options.version}`,
  };
  const routes = routeTable(options, { session: live, heartbeatMs: limits.heartbeatMs, open });
  const origins = options.origins ?? [];
  const door = await openDoor(
    {
      host: options.host,
      port: options.port,
      limits,
      log: options.log,
      handlers: {
        handle: (request, response) => handle(request, response, routes, options),
        refuseSocket: (headers) => (originAllowed(headers, origins) ? null : 'origin is not allowed'),
        openSocket(socket): SocketListener {
          const sink = {
            send: (frame: Uint8Array) => socket.send(frame),
            end: (code: number, reason: string) => socket.end(code, reason),
          };
          const session = new LiveSession(sink, live);
          open.add(session);
          sockets.add(socket);
          // the socket is ours only once this function has returned
          queueMicrotask(() => session.open());
          return {
            message: (text) => session.receive(text),
            drain: () => session.drain(),
            closed() {
              open.delete(session);
              sockets.delete(socket);
              session.close();
            },
          };
        },
      },
    },
    options.adapter,
  );
  return {
    adapter: door.adapter,
    host: door.host,
    port: door.port,
    counters,
    routes,
    heldBytes: () => [...open].reduce((sum, session) => sum + session.heldBytes(), 0),
    bufferedBytes: () => [...sockets].reduce((sum, socket) => sum + socket.buffered(), 0),
    async close() {
      for (const session of open) session.goAway(RETRY_AFTER_MS);
      await door.close();
      for (const session of open) session.close();
      open.clear();
    },
  };
}

// private functions

async function handle(
  request: DoorRequest,
  response: DoorResponse,
  routes: ReadonlyMap<string, Route>,
  options: SessionsOptions,
): Promise<void> {
  const origins = options.origins ?? [];
  const label = routes.has(request.path) ? request.path : 'other';
  const counted = new CountedResponse(response, (status) => options.answered?.(label, status));
  const id = request.headers.get('x-request-id')?.slice(0, REQUEST_ID_LENGTH_MAX) ?? randomUUID();
  const headers = {
    'X-Influxdb-Version': options.version,
    'X-Influxdb-Build': 'OSS',
    'Request-Id': id,
    'X-Request-Id': id,
    ...corsHeaders(request.headers, origins),
  };
  const exchange = {
    request,
    response: counted,
    parameters: new URLSearchParams(request.query),
    headers,
    log: options.log,
    user: null,
  };
  try {
    if (!originAllowed(request.headers, origins)) replyError(exchange, 403, 'origin is not allowed');
    else if (request.method === 'OPTIONS') replyEmpty(exchange, 204, { Allow: 'GET, HEAD, POST, PUT, OPTIONS' });
    else await route(exchange, routes, options);
  } catch (error) {
    replyThrown(exchange, error);
  }
}

/** The same response, telling the status of its head. */
class CountedResponse implements DoorResponse {
  readonly #response: DoorResponse;
  readonly #answered: (status: number) => void;

  constructor(response: DoorResponse, answered: (status: number) => void) {
    this.#response = response;
    this.#answered = answered;
  }

  get started(): boolean {
    return this.#response.started;
  }

  reply(...[status, headers, body]: Parameters<DoorResponse['reply']>): void {
    this.#answered(status);
    this.#response.reply(status, headers, body);
  }

  start(...[status, headers, filler]: Parameters<DoorResponse['start']>): void {
    this.#answered(status);
    this.#response.start(status, headers, filler);
  }

  write(bytes: Uint8Array): boolean {
    return this.#response.write(bytes);
  }

  give(bytes: Uint8Array): boolean {
    return this.#response.give(bytes);
  }

  drained(): Promise<void> {
    return this.#response.drained();
  }

  onDrain(callback: () => void): void {
    this.#response.onDrain(callback);
  }

  buffered(): number {
    return this.#response.buffered();
  }

  end(): void {
    this.#response.end();
  }
}

async function route(
  exchange: Exchange,
  routes: ReadonlyMap<string, Route>,
  { engine, consoleDirectory }: SessionsOptions,
): Promise<void> {
  const { request, parameters } = exchange;
  const { method, path } = request;
  const found = routes.get(path);
  if (found !== undefined) {
    if (!found.methods.includes(method)) methodNotAllowed(exchange, found.methods.join(', '));
    else if (found.access === 'open' || !engine.guarded) await found.run(exchange);
    else {
      // a body has to be asked for in this turn
      const body = method === 'POST' || method === 'PUT' ? request.body(found.bodyBytesMax ?? FORM_BYTES_MAX) : null;
      body?.catch(() => undefined);
      const user = await engine.authenticate(credentialsOf(request, parameters));
      if (user === '' && found.access === 'user') throw new EngineError('forbidden', NO_USERS);
      await found.run({ ...exchange, user, request: body === null ? request : withBody(request, body) });
    }
  } else if (isFilePath(path)) {
    if (method === 'GET' || method === 'HEAD') await consoleFile(exchange, consoleDirectory);
    else methodNotAllowed(exchange, 'GET, HEAD');
  } else replyError(exchange, 404, `no such path: ${path.slice(0, 200)}`);
}

function withBody(request: DoorRequest, body: Promise<Uint8Array<ArrayBuffer>>): DoorRequest {
  const { method, path, query, headers, signal } = request;
  return { method, path, query, headers, signal, body: () => body, giveBack: (buffer) => request.giveBack(buffer) };
}
