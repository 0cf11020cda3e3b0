/**
 * Door: the port to an HTTP and WebSocket server. Adapters: `door-uws.ts` (uWebSockets.js) and `door-node.ts` (node:http and ws);
 * one conformance suite is run on both. A door knows bytes and headers; what a path means is the business of `http/` and `live/`.
 *
 * Order: an adapter's `open…` gives a door that listens; `close` stops listening, waits for running answers at most `drainMs`,
 * then cuts what is left; it may be called twice.
 *
 * A request: `handle` is called once its head has been read and found sound. A head that could be read in two ways (two hosts, two
 * lengths, length and chunks, an absolute address …) is refused with 400 and never reaches `handle`. The body is read by `body`, at
 * most once, whole, and asked for before `handle` first awaits; a request whose body nobody asked for is answered all the same. `signal`
 * aborts when the client goes away before the answer has been ended; answering it afterwards does nothing and is no error.
 *
 * An answer: either `reply`, once, or `start`, any number of `write`, `end`. HEAD gets the head alone, whatever is written.
 * `write` takes everything and says false when more than HIGH_WATER_BYTES wait for the client: then wait for `drained`, or for
 * the callback of `onDrain`.
 *
 * A socket: `message` is called with whole texts, never after `closed`; `send` takes everything and says false when it backs up;
 * then `drain` is called once no more than LOW_WATER_BYTES wait.
 */

export interface DoorLimits {
  /** A head must be there after so long. E6 of slow clients: a minute is an invitation. */
  readonly headTimeoutMs: number;
  /** A body must have come at this rate, measured once `bodyGraceMs` have passed. */
  readonly bodyBytesPerSecondMin: number;
  readonly bodyGraceMs: number;
  /** A connection between two requests is closed after it. */
  readonly idleTimeoutMs: number;
  /** An answer whose client takes nothing for so long, while the server waits in `drained`, is cut. */
  readonly stalledMs: number;
  readonly connectionsMax: number;
  readonly socketFrameBytesMax: number;
  /** WebSocket pings are sent this often; two without an answer close the socket. */
  readonly heartbeatMs: number;
  readonly drainMs: number;
}

export const DOOR_LIMITS: DoorLimits = {
  headTimeoutMs: 10_000,
  bodyBytesPerSecondMin: 1024,
  bodyGraceMs: 5_000,
  idleTimeoutMs: 30_000,
  stalledMs: 60_000,
  connectionsMax: 50_000,
  socketFrameBytesMax: 1024 * 1024,
  heartbeatMs: 20_000,
  drainMs: 5_000,
};

/** More than this waiting for a client: it is slow, hold back. Small, since thousands may be slow at once. */
export const HIGH_WATER_BYTES = 64 * 1024;
export const LOW_WATER_BYTES = 16 * 1024;

/** Of a live socket: smaller, as all readers of a dashboard may stop at once. */
export const SOCKET_HIGH_WATER_BYTES = 16 * 1024;
export const SOCKET_LOW_WATER_BYTES = 4 * 1024;

/** The one path where a WebSocket may be asked for. */
export const SOCKET_PATH = '/live';

export type Headers = ReadonlyMap<string, string>;
export type AnswerHeaders = Readonly<Record<string, string>>;

export interface DoorRequest {
  readonly method: string;
  /** As sent, not decoded, without the query string. */
  readonly path: string;
  /** Without `?`; '' = none. */
  readonly query: string;
  /** Lower-case names; several lines of one name are joined by `, `. */
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** The whole body, at the start of a buffer of its own. Rejects with BodyError; beyond `bytesMax` nothing more is kept. */
  body(bytesMax: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The buffer of a body that nobody reads any more, so that another body may use it. Nobody must call it. */
  giveBack(buffer: ArrayBuffer): void;
}

export type BodyErrorCode = 'too large' | 'too slow' | 'aborted';

export class BodyError extends Error {
  readonly code: BodyErrorCode;
  constructor(code: BodyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface DoorResponse {
  /** A head was sent: nothing but more of the body can follow. */
  readonly started: boolean;
  reply(status: number, headers: AnswerHeaders, body: Uint8Array | string): void;
  /**
   * Head of an answer of unknown length. `filler` is something that means nothing between two writes (a comment of SSE): an adapter
   * that learns of a slow client's progress only by writing may send it. Needed where writes are far apart.
   */
  start(status: number, headers: AnswerHeaders, filler?: string): void;
  write(bytes: Uint8Array): boolean;
  /** As `write`, of bytes whose buffer nobody else has: its memory may be let go of at once, not when a collector comes by. */
  give(bytes: Uint8Array): boolean;
  /** Resolves when there is room again, or the client is gone (then `signal` has aborted). */
  drained(): Promise<void>;
  onDrain(callback: () => void): void;
  /** Bytes taken by `write` and not yet by the client's system, as far as the adapter knows. */
  buffered(): number;
  end(): void;
}

export interface DoorSocket {
  /** One text frame of UTF-8 bytes. The bytes may be kept: they must not be changed afterwards. */
  send(frame: Uint8Array): boolean;
  buffered(): number;
  end(code: number, reason: string): void;
}

export interface SocketListener {
  message(text: string): void;
  drain(): void;
  closed(): void;
}

export interface DoorHandlers {
  /** A rejection is answered 500 and logged, or cuts an answer that was started: so the client knows it is not whole. */
  handle(request: DoorRequest, response: DoorResponse): Promise<void>;
  /** null: go on; a text: refused with 403 and that text (a foreign origin). */
  refuseSocket(headers: Headers): string | null;
  openSocket(socket: DoorSocket): SocketListener;
}

export interface DoorOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly limits: DoorLimits;
  readonly handlers: DoorHandlers;
  readonly log: (line: string) => void;
}

export interface Door {
  readonly adapter: 'uws' | 'node';
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}
