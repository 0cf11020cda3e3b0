/**
 * Connection: one WebSocket to `/live` that many subscriptions share; it comes back by itself. It knows sockets, pauses between
 * tries and heartbeats, and nothing of queries: a `Channel` is told when the socket is ready (then it says what it wants again),
 * gets the frames with its id, and is told when the connection is over for good.
 *
 *     idle ──open()──▶ connecting ──welcome──▶ connected ──lost──▶ reconnecting ──welcome──▶ connected …      any ──close()──▶ closed
 *
 * It opens with the first channel and closes a little after the last has gone, so that a Node process can end.
 */
import { type ClientFrame, PROTOCOL, type ServerFrame } from '../protocol/index.ts';
import { backoffMs, spreadMs } from './backoff.ts';
import { MillraceError, type MillraceErrorCode } from './errors.ts';

/** Without a welcome for so long a try has failed: a proxy took the connection and nobody is behind it. */
const WELCOME_MS_MAX = 10_000;
/** After so much silence we ask; the server's own pings are not seen by scripts in a browser. */
const SILENCE_MS = 20_000;
/** After our ping the same silence again, shorter: then the socket is half open and is given up. */
const PONG_MS_MAX = 10_000;
/** A connection that lived so long was a good one: the pauses start short again. */
const STABLE_MS = 5_000;
/** A page that changes its view unsubscribes and subscribes: the socket waits so long for the next channel. */
const LINGER_MS = 2_000;

export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface Channel {
  /** A socket is ready and knows nothing of us. */
  ready(): void;
  /** Any frame with this channel's id. */
  receive(frame: ServerFrame): void;
  /** No more tries will be made. */
  failed(error: MillraceError): void;
}

export interface ConnectionOptions {
  /** http(s) address of the server, without a path. */
  readonly url: string;
  readonly token: string | undefined;
  readonly WebSocket: typeof WebSocket;
  readonly random: () => number;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = 'idle';
  #socket: WebSocket | null = null;
  #attempt = 0;
  #connectedAt = 0;
  #goawayMs: number | null = null;
  /** The one timer that runs: welcome, silence, pause between tries, or linger. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Called with every new state; returns how to stop that. */
  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(id: string, channel: Channel): void {
    if (this.#state === 'closed') {
      channel.failed(new MillraceError('closed', 'the client is closed'));
      return;
    }
    this.#channels.set(id, channel);
    if (this.#state === 'idle') this.#connect('connecting');
    else if (this.#state === 'connected') {
      this.#awaitFrames();
      channel.ready();
    }
  }

  remove(id: string): void {
    if (!this.#channels.delete(id) || this.#channels.size > 0 || this.#state === 'closed') return;
    this.#arm(LINGER_MS, () => this.#rest('idle'));
  }

  /** False: there is no socket now; `ready` will come. */
  send(frame: ClientFrame): boolean {
    if (this.#state !== 'connected' || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  close(): void {
    this.#end(new MillraceError('closed', 'the client was closed'));
  }

  // private functions

  #connect(state: 'connecting' | 'reconnecting'): void {
    this.#change(state);
    let socket: WebSocket;
    try {
      socket = new this.#options.WebSocket(`${this.#options.url.replace(/^http/, 'ws')}/live`);
    } catch (error) {
      this.#end(new MillraceError('unreachable', `"${this.#options.url}" is not an address`, { cause: error }));
      return;
    }
    this.#socket = socket;
    socket.onmessage = (event) => this.#socket === socket && this.#receive(event.data);
    socket.onclose = () => this.#socket === socket && this.#lost();
    // Browsers say error and then close; Node says only error where nobody listens. Whichever comes first counts.
    socket.onerror = () => this.#socket === socket && this.#lost();
    this.#arm(WELCOME_MS_MAX, () => this.#lost());
  }

  #receive(data: unknown): void {
    const frame = parseFrame(data);
    if (frame === null) return;
    if (this.#state === 'connected') this.#awaitFrames();
    if (frame.op === 'welcome') this.#welcome(frame.protocol);
    else if (frame.op === 'goaway') {
      this.#goawayMs = frame.retryAfterMs;
      this.#lost();
    } else if ('id' in frame && frame.id !== undefined) this.#channels.get(frame.id)?.receive(frame);
    else if (frame.op === 'error' && frame.code === 'unauthorized') this.#end(errorOf(frame));
  }

  #welcome(protocol: number): void {
    if (protocol !== PROTOCOL) {
      this.#end(
        new MillraceError('bad frame', `the server speaks protocol ${protocol}, this client speaks ${PROTOCOL}`),
      );
      return;
    }
    this.#connectedAt = Date.now();
    this.#state = 'connected';
    this.#arm(LINGER_MS, () => this.#rest('idle'));
    this.#awaitFrames();
    // who one is comes before anything else, also before what a listener asks for
    if (this.#options.token !== undefined) this.send({ op: 'auth', token: this.#options.token });
    for (const channel of [...this.#channels.values()]) channel.ready();
    this.#tellListeners();
  }

  #awaitFrames(): void {
    // Without channels the linger is running, and a late frame must not prolong it.
    if (this.#channels.size === 0) return;
    this.#arm(SILENCE_MS, () => {
      this.send({ op: 'ping' });
      this.#arm(PONG_MS_MAX, () => this.#lost());
    });
  }

  #lost(): void {
    if (this.#channels.size === 0) {
      this.#rest('idle');
      return;
    }
    if (this.#state === 'connected' && Date.now() - this.#connectedAt >= STABLE_MS) this.#attempt = 0;
    const random = this.#options.random();
    const pause = this.#goawayMs === null ? backoffMs(this.#attempt++, random) : spreadMs(this.#goawayMs, random);
    this.#goawayMs = null;
    this.#rest('reconnecting');
    this.#arm(pause, () => this.#connect('reconnecting'));
  }

  /** Gives the socket up and takes a state without one. */
  #rest(state: ConnectionState): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) closeQuietly(socket);
    this.#change(state);
  }

  #end(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#rest('closed');
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.failed(error);
  }

  #arm(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  #change(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of [...this.#listeners]) listener(this.#state);
  }
}

export function errorOf(frame: Extract<ServerFrame, { op: 'error' }>): MillraceError {
  return new MillraceError(frame.code as MillraceErrorCode, frame.message, { at: frame.at });
}

// private functions

/** null for what is not a frame: a newer server may say more than we know. */
function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const frame = JSON.parse(data);
    return typeof frame === 'object' && frame !== null && typeof frame.op === 'string' ? frame : null;
  } catch {
    return null;
  }
}

function closeQuietly(socket: WebSocket): void {
  try {
    socket.close();
  } catch {
    // It never opened: there is nothing to close.
  }
}
