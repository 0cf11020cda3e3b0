/**
 * Subscription: one live query as an async iterator of frames. Sits between the connection (which pushes) and the consumer (who
 * pulls), and holds the two promises of the SDK:
 *
 * - *No row is lost by a lost connection.* The cursor of the last frame queued is what we resubscribe with. Where there was no
 *   cursor yet, a `reset` is queued first, so that the consumer forgets what the new snapshot will bring again.
 * - *Memory is bounded by a slow consumer.* At QUEUE_HIGH waiting events the server is asked to pause, at QUEUE_LOW to resume. If
 *   frames keep coming past QUEUE_MAX the subscription is given up and taken again from the queue's last cursor when it has drained.
 *
 * One consumer at a time. `return` (leaving a `for await`) unsubscribes.
 */
import type { ClientFrame, Epoch, Mode, RowsFrame, ServerFrame } from '../protocol/index.ts';
import { backoffMs } from './backoff.ts';
import { type Channel, type Connection, errorOf } from './connection.ts';
import type { MillraceError } from './errors.ts';
import { SeriesNames } from './series-names.ts';

/** Events waiting at which the server is asked to hold back: about what a chart draws in a second. */
export const QUEUE_HIGH = 256;
export const QUEUE_LOW = 64;
/** Frames already on their way when the server heard `pause` fit in this many times over. */
export const QUEUE_MAX = 4096;

export interface SubscribeOptions {
  /** Cursor of the last event that was seen (`subscription.cursor`): goes on exactly behind it. */
  since?: string;
  /** Default `latest`. */
  mode?: Mode;
  maxHz?: number;
  /** Unit of times in rows; absent = RFC3339 texts. */
  epoch?: Epoch;
  /** Subscriptions of one client with the same group move to one watermark together; each hears `group` when they have. */
  group?: string;
  /** Default true. */
  snapshot?: boolean;
}

/** What a live query tells; the frames of the protocol, rows with their series' names. */
export type LiveEvent = Extract<
  ServerFrame,
  { op: 'subscribed' | 'rows' | 'delete' | 'progress' | 'group' | 'gap' | 'reset' | 'status' }
>;

/**
 * new: not asked for on this socket · asked: until `subscribed` comes frames are of an older asking · drained: given up until the queue
 * is low.
 */
type Phase = 'new' | 'asked' | 'live' | 'draining' | 'over';

export class Subscription implements AsyncIterableIterator<LiveEvent>, Channel {
  readonly id: string;
  readonly #connection: Connection;
  readonly #request: Extract<ClientFrame, { op: 'subscribe' }>;
  readonly #random: () => number;
  readonly #names = new SeriesNames();
  #phase: Phase = 'new';
  #queue: LiveEvent[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<LiveEvent>> | null = null;
  #error: MillraceError | null = null;
  #paused = false;
  #busyTries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #canonical = '';
  /** Where the queue's end stands: what we resubscribe with. */
  #queuedCursor: string;
  /** Where the consumer stands. */
  #cursor: string;
  #sawRows = false;

  constructor(
    id: string,
    connection: Connection,
    db: string,
    q: string,
    options: SubscribeOptions,
    random: () => number,
  ) {
    this.id = id;
    this.#connection = connection;
    this.#random = random;
    const { since, ...rest } = options;
    this.#request = { op: 'subscribe', id, db, q, refs: true, ...rest };
    this.#cursor = this.#queuedCursor = since ?? '';
    connection.add(id, this);
  }

  /** Where the consumer stands: pass it as `since`, in another process if need be. '' before the first. */
  get cursor(): string {
    return this.#cursor;
  }

  /** Canonical text of the query; '' until the server has said it. */
  get query(): string {
    return this.#canonical;
  }

  /** Events that wait for the consumer. */
  get waiting(): number {
    return this.#queue.length;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<LiveEvent>> {
    const event = this.#queue.shift();
    if (event !== undefined) {
      if ('cursor' in event && event.cursor !== '') this.#cursor = event.cursor;
      if (this.#queue.length <= QUEUE_LOW) this.#drained();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#phase === 'over') return Promise.resolve({ done: true, value: undefined });
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<LiveEvent>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  close(): void {
    if (this.#phase === 'over') return;
    this.#connection.send({ op: 'unsubscribe', id: this.id });
    this.#queue = [];
    this.#finish(null);
  }

  /** Holds for the connections to come as well. */
  update(change: { maxHz?: number; mode?: Mode }): void {
    Object.assign(this.#request, change);
    if (this.#phase === 'asked' || this.#phase === 'live')
      this.#connection.send({ op: 'update', id: this.id, ...change });
  }

  ready(): void {
    this.#paused = false;
    if (this.#phase === 'over' || this.#phase === 'draining') return;
    this.#ask();
  }

  receive(frame: ServerFrame): void {
    if (this.#phase === 'over' || this.#phase === 'draining') return;
    switch (frame.op) {
      case 'subscribed':
        this.#phase = 'live';
        this.#busyTries = 0;
        this.#canonical = frame.query;
        this.#enqueue(frame);
        return;
      case 'error':
        this.#refused(frame);
        return;
      case 'series':
        this.#names.learn(frame);
        return;
      case 'rows':
        if (this.#phase === 'live') this.#enqueueRows(frame);
        return;
      case 'group':
      case 'delete':
      case 'progress':
      case 'gap':
      case 'reset':
      case 'status':
        if (this.#phase === 'live') this.#enqueue(frame);
        return;
      default:
        return;
    }
  }

  failed(error: MillraceError): void {
    this.#finish(error.code === 'closed' ? null : error);
  }

  // private functions

  #ask(): void {
    clearTimeout(this.#retry);
    if (this.#sawRows && this.#queuedCursor === '') {
      this.#push({ op: 'reset', id: this.id, reason: 'the connection was lost before there was a cursor' });
      this.#sawRows = false;
    }
    this.#names.clear();
    const since = this.#queuedCursor;
    this.#phase = this.#connection.send(since === '' ? this.#request : { ...this.#request, since }) ? 'asked' : 'new';
  }

  #enqueue(event: LiveEvent): void {
    if (this.#queue.length >= QUEUE_MAX) {
      this.#phase = 'draining';
      this.#connection.send({ op: 'unsubscribe', id: this.id });
      return;
    }
    if ('cursor' in event && event.cursor !== '') this.#queuedCursor = event.cursor;
    if (event.op === 'rows') this.#sawRows = true;
    if (event.op === 'reset') this.#queuedCursor = '';
    const last = this.#queue.at(-1);
    if (event.op === 'progress' && last?.op === 'progress') this.#queue[this.#queue.length - 1] = event;
    else this.#push(event);
    if (this.#queue.length >= QUEUE_HIGH && !this.#paused) {
      this.#paused = this.#connection.send({ op: 'pause', id: this.id });
    }
  }

  #enqueueRows(frame: RowsFrame): void {
    try {
      this.#enqueue(this.#names.resolve(frame));
    } catch (error) {
      this.#connection.send({ op: 'unsubscribe', id: this.id });
      this.#finish(error as MillraceError);
    }
  }

  #push(event: LiveEvent): void {
    const waiting = this.#waiting;
    if (waiting === null) {
      this.#queue.push(event);
      return;
    }
    this.#waiting = null;
    if ('cursor' in event && event.cursor !== '') this.#cursor = event.cursor;
    waiting.resolve({ done: false, value: event });
  }

  #drained(): void {
    if (this.#phase === 'draining') this.#ask();
    else if (this.#paused) {
      this.#connection.send({ op: 'resume', id: this.id });
      this.#paused = false;
    }
  }

  /** `busy` passes; anything else is the answer. */
  #refused(frame: Extract<ServerFrame, { op: 'error' }>): void {
    if (frame.code === 'unknown subscription') return;
    if (frame.code !== 'busy') {
      this.#finish(errorOf(frame));
      return;
    }
    this.#phase = 'new';
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.ready(), backoffMs(this.#busyTries++, this.#random()));
  }

  #finish(error: MillraceError | null): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    clearTimeout(this.#retry);
    this.#connection.remove(this.id);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#error = error;
    else if (error === null) waiting.resolve({ done: true, value: undefined });
    else waiting.reject(error);
  }
}
