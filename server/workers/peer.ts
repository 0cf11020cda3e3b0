/**
 * Peer: one end of a MessagePort between two threads, as calls, streams and notices. All threads of the server speak through it:
 * the main thread with every worker, every worker with every other.
 *
 *     caller                         callee
 *       │ call id method body ────────▶ │  handler runs
 *       │ ◀──────── result id body      │  … or `failure id`, which rejects the caller with the same code
 *       │ open id method body ────────▶ │  handler returns an async iterable
 *       │ ◀──────────── item id body    │  ITEMS_AHEAD of them unasked
 *       │ next id ────────────────────▶ │  as many have been taken as may come more: a slow reader holds the producer back
 *       │ ◀──────────── item id body    │  its last one says so; or there comes `end id`; or the caller sends `stop id`
 *       │ notices (method body)… ─────▶ │  no answer; those of one turn go together
 *
 * Bodies are structured clones; wrap one in `handOver` to transfer its buffers instead of copying them; an item that is an array of bytes
 * always moves, with all of its buffer. Ports deliver in order, so
 * a notice sent before a result arrives before it. Long because both ends of the conversation stand side by side. Errors cross as (name,
 * code, message, at); a handler's stack stays in its thread.
 */
import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { ITEMS_AHEAD, Reading, type Stream } from './reading.ts';

export type Handler = (body: never) => unknown;
/**
 * The signal aborts when the reader wants no more, also while the next item is being made, and when `end` is called, which is given where
 * the reader is on another thread.
 */
export type StreamHandler = (body: never, signal: AbortSignal, end?: EndStream) => AsyncIterable<unknown>;
export type EndStream = (reason: Error) => void;

export interface Handlers {
  readonly calls: Readonly<Record<string, Handler>>;
  readonly streams: Readonly<Record<string, StreamHandler>>;
  readonly notices: Readonly<Record<string, Handler>>;
}

/** An expected failure that crossed threads: `code` is the thrower's own. */
export class PeerError extends Error {
  readonly code: string;
  readonly at: number | undefined;
  constructor(code: string, message: string, at?: number) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

/** How often the microtasks may run before an item is sent without knowing whether it is the last. */
const ENDS_SOON = 24;

/** Streams that one end may have open at a time; more is a leak. */
const STREAMS_MAX = 10_000;

interface Notice {
  readonly method: string;
  readonly body: object;
}

type Wire =
  | { kind: 'call' | 'open'; id: number; method: string; body: unknown }
  | { kind: 'notices'; id: 0; notices: readonly Notice[] }
  | { kind: 'result'; id: number; body: unknown }
  | { kind: 'item'; id: number; body: unknown; last: boolean }
  | { kind: 'next' | 'stop' | 'end'; id: number }
  | { kind: 'failure'; id: number; code: string; message: string; at: number | undefined };

/** A stream that is produced here. */
interface Serving {
  readonly iterator: AsyncIterator<unknown>;
  readonly stopped: AbortController;
  /** Items that may still be sent unasked. */
  room: number;
  /** Wakes the producer when there is room again. */
  wake: (() => void) | null;
}

type Waiting = { resolve: (value: never) => void; reject: (error: Error) => void };

const handedOver = new WeakMap<object, Transferable[]>();

/** Marks buffers inside `body` to be moved, not copied, when it is sent next. The sender must not touch them afterwards. */
export function handOver<T extends object>(body: T, buffers: readonly ArrayBufferLike[]): T {
  handedOver.set(body, [...new Set(buffers)].filter((b) => b instanceof ArrayBuffer) as Transferable[]);
  return body;
}

export class Peer {
  readonly #port: MessagePort | Worker;
  readonly #handlers: Handlers;
  readonly #waiting = new Map<number, Waiting>();
  /** To be sent when this turn ends. */
  #notices: Notice[] = [];
  readonly #serving = new Map<number, Serving>();
  readonly #reading = new Map<number, Reading>();
  #nextId = 1;
  #closed: Error | null = null;

  constructor(port: MessagePort | Worker, handlers: Handlers) {
    this.#port = port;
    this.#handlers = handlers;
    port.on('message', (message: Wire) => this.#receive(message));
  }

  call<T>(method: string, body: object): Promise<T> {
    return this.#ask((id) => this.#send({ kind: 'call', id, method, body }, body));
  }

  /** Leaves with all that is notified in the same turn, or before what else is said in it; the body must not change until then. */
  notify(method: string, body: object): void {
    if (this.#closed !== null) return;
    if (this.#notices.push({ method, body }) === 1) queueMicrotask(() => this.#sendNotices());
    const transfer = handedOver.get(body);
    if (transfer !== undefined) this.#sendNotices(transfer);
  }

  /** Opens on the first `next`. Leaving the loop early stops the producer; the signal does too, and its reason is thrown at once. */
  stream<T>(method: string, body: object, signal?: AbortSignal): Stream<T> {
    const id = this.#nextId++;
    const reading = new Reading(signal, (news) => {
      if (news === 'open') {
        if (this.#closed !== null) throw this.#closed;
        this.#reading.set(id, reading);
        this.#send({ kind: 'open', id, method, body }, body);
      } else if (news === 'next') this.#send({ kind: 'next', id });
      else {
        this.#reading.delete(id);
        if (news === 'stop' && this.#closed === null) this.#send({ kind: 'stop', id });
      }
    });
    return reading as Stream<T>;
  }

  /** Fails everything that waits; for when the other thread has gone. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
    for (const reading of this.#reading.values()) reading.ended(this.#closed);
    for (const id of this.#serving.keys()) this.#stop(id);
  }

  // private functions

  #ask<T>(send: (id: number) => void): Promise<T> {
    const id = this.#nextId++;
    return this.#askAs(id, () => send(id));
  }

  #askAs<T>(id: number, send: () => void): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      send();
    });
  }

  /** `transfer`: what the last of them hands over; the others hand over nothing. */
  #sendNotices(transfer: readonly Transferable[] = []): void {
    if (this.#notices.length === 0) return;
    const notices = this.#notices;
    this.#notices = [];
    if (this.#closed !== null) return;
    this.#port.postMessage({ kind: 'notices', id: 0, notices } satisfies Wire, transfer);
  }

  #send(wire: Wire, body?: object): void {
    this.#sendNotices();
    const transfer = body === undefined ? undefined : handedOver.get(body);
    this.#port.postMessage(wire, transfer ?? []);
  }

  #sendItem(id: number, body: object, last: boolean): void {
    const wire: Wire = { kind: 'item', id, body, last };
    if (!(body instanceof Uint8Array)) this.#send(wire, body);
    else {
      this.#sendNotices();
      this.#port.postMessage(wire, body.buffer instanceof ArrayBuffer ? [body.buffer] : []);
    }
  }

  #receive(wire: Wire): void {
    switch (wire.kind) {
      case 'call':
        void this.#serve(wire.id, wire.method, wire.body);
        return;
      case 'notices':
        for (const { method, body } of wire.notices) this.#handlers.notices[method](body as never);
        return;
      case 'open':
        if (this.#serving.size >= STREAMS_MAX) this.#fail(wire.id, new PeerError('busy', 'too many open streams'));
        else {
          const stopped = new AbortController();
          const stream = this.#handlers.streams[wire.method](wire.body as never, stopped.signal, (reason) =>
            stopped.abort(reason),
          );
          const iterator = stream[Symbol.asyncIterator]();
          const serving: Serving = { iterator, stopped, room: ITEMS_AHEAD, wake: null };
          this.#serving.set(wire.id, serving);
          void this.#produce(wire.id, serving);
        }
        return;
      case 'next': {
        const serving = this.#serving.get(wire.id);
        if (serving === undefined) return;
        serving.room += ITEMS_AHEAD;
        serving.wake?.();
        return;
      }
      case 'stop':
        this.#stop(wire.id);
        return;
      case 'result':
        this.#settle(wire.id)?.resolve(wire.body as never);
        return;
      case 'item':
        this.#reading.get(wire.id)?.came(wire.body, wire.last);
        return;
      case 'end':
        this.#reading.get(wire.id)?.ended(null);
        return;
      case 'failure': {
        const error = new PeerError(wire.code, wire.message, wire.at);
        const reading = this.#reading.get(wire.id);
        if (reading !== undefined) reading.ended(error);
        else this.#settle(wire.id)?.reject(error);
        return;
      }
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  async #serve(id: number, method: string, body: unknown): Promise<void> {
    try {
      const result = (await this.#handlers.calls[method](body as never)) ?? {};
      this.#send({ kind: 'result', id, body: result }, result as object);
    } catch (error) {
      this.#fail(id, error);
    }
  }

  /** What the producer throws for it nobody hears. */
  #stop(id: number): void {
    const serving = this.#serving.get(id);
    if (serving === undefined) return;
    this.#serving.delete(id);
    serving.stopped.abort(new PeerError('stopped', 'the reader wants no more'));
    serving.wake?.();
    serving.iterator.return?.().catch(() => {});
  }

  /** Sends what the stream gives as long as there is room; what it throws comes behind the items before it. */
  async #produce(id: number, serving: Serving): Promise<void> {
    const { iterator } = serving;
    try {
      let next = iterator.next();
      for (;;) {
        const { done, value } = await next;
        if (!this.#serving.has(id)) return;
        if (done === true) break;
        next = iterator.next();
        const last = await endsSoon(next);
        if (!this.#serving.has(id)) {
          next.catch(() => {});
          return;
        }
        this.#sendItem(id, value as object, last);
        if (last) {
          this.#serving.delete(id);
          return;
        }
        serving.room--;
        while (serving.room === 0) {
          next.catch(() => {});
          await new Promise<void>((resolve) => {
            serving.wake = resolve;
          });
          if (!this.#serving.has(id)) return;
        }
      }
      this.#serving.delete(id);
      this.#send({ kind: 'end', id });
    } catch (error) {
      if (this.#serving.delete(id)) this.#fail(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    const e = error as { code?: unknown; message?: unknown; at?: number; stack?: string };
    const code = typeof e.code === 'string' ? e.code : 'internal';
    const message = code === 'internal' ? String(e.stack ?? error) : String(e.message);
    this.#send({ kind: 'failure', id, code, message, at: e.at });
  }
}

// private functions

/** Whether it is known at once, as good as, that nothing follows. */
async function endsSoon(next: Promise<IteratorResult<unknown>>): Promise<boolean> {
  let ended: boolean | null = null;
  next.then(
    ({ done }) => {
      ended = done === true;
    },
    () => {
      ended = false;
    },
  );
  for (let turn = 0; turn < ENDS_SOON && ended === null; turn++) await null;
  return ended === true;
}
