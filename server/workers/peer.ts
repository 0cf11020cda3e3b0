/**
 * Peer: one end of a MessagePort between two threads, as calls, streams and notices. All threads of the server speak through it:
 * the main thread with every worker, every worker with every other.
 *
 *     caller                         callee
 *       │ call id method body ────────▶ │  handler runs
 *       │ ◀──────── result id body      │  … or `failure id`, which rejects the caller with the same code
 *       │ open id method body ────────▶ │  handler returns an async iterable
 *       │ next id ────────────────────▶ │  items are asked for: a slow reader holds the producer back, one item ahead at most
 *       │ ◀──────────── item id body    │
 *       │ ◀──────────── end id          │  unasked, behind the last item; or the caller sends `stop id`
 *       │ notice method body ─────────▶ │  no answer
 *
 * Bodies are structured clones; wrap one in `handOver` to transfer its buffers instead of copying them. Ports deliver in order, so
 * a notice sent before a result arrives before it. Errors cross as (name, code, message, at); a handler's stack stays in its thread.
 */
import type { MessagePort, Transferable, Worker } from 'node:worker_threads';

export type Handler = (body: never) => unknown;
export type StreamHandler = (body: never) => AsyncIterable<unknown>;

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

/** Streams that one end may have open at a time; more is a leak. */
const STREAMS_MAX = 10_000;

type Wire =
  | { kind: 'call' | 'open' | 'notice'; id: number; method: string; body: unknown }
  | { kind: 'result' | 'item'; id: number; body: unknown }
  | { kind: 'next' | 'stop' | 'end'; id: number }
  | { kind: 'failure'; id: number; code: string; message: string; at: number | undefined };

/** `ahead`: the item behind the last one sent. */
type Serving = { readonly iterator: AsyncIterator<unknown>; ahead: Promise<IteratorResult<unknown>> | null };

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
  readonly #serving = new Map<number, Serving>();
  /** Streams that are being read here. */
  readonly #reading = new Set<number>();
  /** Of these: ended before they were asked once more. */
  readonly #ended = new Set<number>();
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

  notify(method: string, body: object): void {
    if (this.#closed === null) this.#send({ kind: 'notice', id: 0, method, body }, body);
  }

  /** Opens on the first `next`. Leaving the loop early stops the producer. */
  async *stream<T>(method: string, body: object): AsyncGenerator<T, void, void> {
    const id = this.#nextId++;
    let done = false;
    this.#reading.add(id);
    this.#send({ kind: 'open', id, method, body }, body);
    try {
      while (!this.#ended.delete(id)) {
        const item = await this.#askAs<{ item: T } | null>(id, () => this.#send({ kind: 'next', id }));
        if (item === null) break;
        yield item.item;
      }
      done = true;
    } catch (error) {
      done = true;
      throw error;
    } finally {
      this.#reading.delete(id);
      this.#ended.delete(id);
      if (!done && this.#closed === null) this.#send({ kind: 'stop', id });
    }
  }

  /** Fails everything that waits; for when the other thread has gone. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
    for (const { iterator } of this.#serving.values()) void iterator.return?.();
    this.#serving.clear();
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

  #send(wire: Wire, body?: object): void {
    const transfer = body === undefined ? undefined : handedOver.get(body);
    this.#port.postMessage(wire, transfer ?? []);
  }

  #receive(wire: Wire): void {
    switch (wire.kind) {
      case 'call':
        void this.#serve(wire.id, wire.method, wire.body);
        return;
      case 'notice':
        this.#handlers.notices[wire.method](wire.body as never);
        return;
      case 'open':
        if (this.#serving.size >= STREAMS_MAX) this.#fail(wire.id, new PeerError('busy', 'too many open streams'));
        else {
          const stream = this.#handlers.streams[wire.method](wire.body as never);
          this.#serving.set(wire.id, { iterator: stream[Symbol.asyncIterator](), ahead: null });
        }
        return;
      case 'next':
        void this.#serveNext(wire.id);
        return;
      case 'stop':
        void this.#serving.get(wire.id)?.iterator.return?.();
        this.#serving.delete(wire.id);
        return;
      case 'result':
        this.#settle(wire.id)?.resolve(wire.body as never);
        return;
      case 'item':
        this.#settle(wire.id)?.resolve({ item: wire.body } as never);
        return;
      case 'end':
        this.#end(wire.id);
        return;
      case 'failure':
        this.#settle(wire.id)?.reject(new PeerError(wire.code, wire.message, wire.at));
        return;
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

  #end(id: number): void {
    const waiting = this.#settle(id);
    if (waiting !== undefined) waiting.resolve(null as never);
    else if (this.#reading.has(id)) this.#ended.add(id);
  }

  async #serveNext(id: number): Promise<void> {
    const serving = this.#serving.get(id);
    if (serving === undefined) return;
    try {
      const { done, value } = await (serving.ahead ?? serving.iterator.next());
      if (done !== true) {
        this.#send({ kind: 'item', id, body: value }, value as object);
        serving.ahead = serving.iterator.next();
        // an error waits until it is asked for
        if ((await serving.ahead.catch(() => null))?.done !== true) return;
      }
      if (this.#serving.delete(id)) this.#send({ kind: 'end', id });
    } catch (error) {
      this.#serving.delete(id);
      this.#fail(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    const e = error as { code?: unknown; message?: unknown; at?: number; stack?: string };
    const code = typeof e.code === 'string' ? e.code : 'internal';
    const message = code === 'internal' ? String(e.stack ?? error) : String(e.message);
    this.#send({ kind: 'failure', id, code, message, at: e.at });
  }
}
