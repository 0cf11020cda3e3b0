/**
 * The protocol machine of one live client, whatever carries its frames: texts in, frames out through an Outbox. Transports make one
 * per connection, call `open`, `receive` for every text, `drain` when the sink has room again, `close` when the client is gone.
 * Nothing a client sends ends its connection; every mistake is told in an `error` frame.
 */
import { type ClientFrame, PROTOCOL } from '../../../client/protocol/index.ts';
import { type Engine, EngineError } from '../engine.ts';
import { toldError } from '../error-table.ts';
import { tokenCredentials } from '../http/credentials.ts';
import { readPrecision } from '../http/parameters.ts';
import { readClientFrame } from './client-frame.ts';
import type { LiveCounters } from './counters.ts';
import { Outbox } from './outbox.ts';
import type { SessionClock, Sink } from './sink.ts';
import { Subscription } from './subscription.ts';
import { WatermarkGroup } from './watermark-group.ts';

/** More live queries than any one screen shows; one client must not use up the engine. */
export const SUBSCRIPTIONS_MAX = 256;
/** Writes and queries under way for one client. */
const REQUESTS_MAX = 64;
/** Frames that wait until it is known who sends them: a client that reconnects asks for all of its subscriptions at once. */
const FRAMES_HELD_MAX = 2 * SUBSCRIPTIONS_MAX;
/** A `result` is one frame: larger answers are for `/query`, which streams. */
const RESULT_BYTES_MAX = 4 * 1024 * 1024;

export interface LiveSessionOptions {
  readonly engine: Engine;
  readonly clock: SessionClock;
  readonly counters: LiveCounters;
  readonly log: (line: string) => void;
  /** Name and version told in `welcome`. */
  readonly server: string;
}

type SubscribeFrame = Extract<ClientFrame, { op: 'subscribe' }>;

/** WebSocket close code `going away`. */
const CODE_GOING_AWAY = 1001;

const encoder = new TextEncoder();

export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #outbox: Outbox;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #groups = new Map<string, WatermarkGroup>();
  readonly #abort = new AbortController();
  #requests = 0;
  /** As the engine knows them; undefined = they have not said who they are, and are to. */
  #user: string | null | undefined;
  /** What came while the engine looks who they are; null = it does not. */
  #held: ClientFrame[] | null = null;

  /** `user` not there = the client says it by an `auth` frame, where it is asked at all. */
  constructor(sink: Sink, options: LiveSessionOptions, user?: string | null) {
    this.#options = options;
    this.#user = user === undefined && !options.engine.guarded ? null : user;
    this.#outbox = new Outbox(sink, options.clock, options.counters);
  }

  open(): void {
    this.#options.counters.clients++;
    this.#outbox.reply({ op: 'welcome', protocol: PROTOCOL, server: this.#options.server });
  }

  receive(text: string): void {
    if (this.#abort.signal.aborted) return;
    const read = readClientFrame(text);
    if ('refused' in read) this.#tell(read.id, new EngineError('bad frame', read.refused));
    else if (this.#held === null) this.#obey(read.frame);
    else this.#hold(read.frame);
  }

  subscribe(frame: SubscribeFrame): void {
    const { engine, clock, counters } = this.#options;
    if (this.#subscriptions.has(frame.id)) {
      this.#tell(undefined, new EngineError('bad frame', `subscription "${frame.id}" exists already`));
      return;
    }
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX) {
      const message = `more than ${SUBSCRIPTIONS_MAX} subscriptions on one connection`;
      this.#tell(frame.id, new EngineError('too many subscriptions', message));
      return;
    }
    const user = this.#known(frame.id);
    if (user === undefined) return;
    const request = {
      user,
      database: frame.db,
      text: frame.q,
      epoch: frame.epoch ?? null,
      refs: frame.refs ?? false,
      snapshot: frame.snapshot ?? true,
      since: frame.since ?? '',
    };
    const pace = { mode: frame.mode ?? 'latest', maxHz: frame.maxHz ?? 0 } as const;
    const hooks = {
      failed: (error: unknown) => {
        this.#unsubscribe(frame.id);
        this.#tell(frame.id, error);
      },
    };
    const group = frame.group === undefined ? null : this.#group(frame.group);
    const parts = { engine, outbox: this.#outbox, clock, hooks, group };
    const subscription = new Subscription(frame.id, request, pace, parts);
    this.#subscriptions.set(frame.id, subscription);
    counters.subscriptions++;
    void subscription.open();
  }

  drain(): void {
    this.#outbox.drain();
  }

  /** Tells the client to come back after a while and ends its connection: the server is going away. */
  goAway(retryAfterMs: number): void {
    this.#outbox.reply({ op: 'goaway', retryAfterMs });
    this.#outbox.end(CODE_GOING_AWAY, 'server is going away');
  }

  heldBytes(): number {
    let bytes = this.#outbox.heldBytes();
    for (const group of this.#groups.values()) bytes += group.heldBytes;
    return bytes;
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#options.counters.clients--;
    for (const id of [...this.#subscriptions.keys()]) this.#unsubscribe(id);
    this.#outbox.close();
  }

  // private functions

  #obey(frame: ClientFrame): void {
    switch (frame.op) {
      case 'auth':
        // where nobody is asked every token is as good as none
        if (this.#options.engine.guarded) void this.#authenticate(frame.token);
        return;
      case 'ping':
        this.#outbox.reply({ op: 'pong' });
        return;
      case 'subscribe':
        this.subscribe(frame);
        return;
      case 'write':
        this.#request(frame.id, (user) => this.#write(frame, user));
        return;
      case 'query':
        this.#request(frame.id, (user) => this.#query(frame, user));
        return;
    }
    const subscription = this.#subscriptions.get(frame.id);
    if (subscription === undefined) {
      this.#tell(frame.id, new EngineError('unknown subscription', `no subscription "${frame.id}"`));
      return;
    }
    if (frame.op === 'update') subscription.update(frame.mode, frame.maxHz);
    else if (frame.op === 'pause') subscription.pause();
    else if (frame.op === 'resume') subscription.resume();
    else this.#unsubscribe(frame.id);
  }

  #unsubscribe(id: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    this.#options.counters.subscriptions--;
    subscription.close();
    for (const [name, group] of this.#groups) if (group.size === 0) this.#groups.delete(name);
  }

  #group(name: string): WatermarkGroup {
    const { clock, counters } = this.#options;
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new WatermarkGroup(name, this.#outbox, clock, counters)));
    return group;
  }

  /** What comes meanwhile waits, so that a client need not. */
  async #authenticate(token: string): Promise<void> {
    this.#held = [];
    try {
      this.#user = await this.#options.engine.authenticate(tokenCredentials(token));
    } catch (error) {
      this.#user = undefined;
      this.#tell(undefined, error);
    }
    const held = this.#held;
    this.#held = null;
    if (this.#abort.signal.aborted) return;
    for (const frame of held) {
      if (this.#held === null) this.#obey(frame);
      else this.#hold(frame);
    }
  }

  #hold(frame: ClientFrame): void {
    if (this.#held!.length < FRAMES_HELD_MAX) this.#held!.push(frame);
    else this.#tell('id' in frame ? frame.id : undefined, new EngineError('busy', 'still looking who you are'));
  }

  /** undefined: the client has been told to say who it is. */
  #known(id: string): string | null | undefined {
    if (this.#user === undefined) {
      this.#tell(id, new EngineError('unauthorized', 'unable to parse authentication credentials: send auth first'));
    }
    return this.#user;
  }

  #request(id: string, run: (user: string | null) => Promise<void>): void {
    const user = this.#known(id);
    if (user === undefined) return;
    if (this.#requests >= REQUESTS_MAX) {
      this.#tell(id, new EngineError('busy', `more than ${REQUESTS_MAX} requests under way on one connection`));
      return;
    }
    this.#requests++;
    run(user)
      .catch((error) => this.#tell(id, error))
      .finally(() => this.#requests--);
  }

  async #write(frame: Extract<ClientFrame, { op: 'write' }>, user: string | null): Promise<void> {
    const outcome = await this.#options.engine.write({
      user,
      database: frame.db,
      retentionPolicy: '',
      precision: readPrecision(frame.precision ?? ''),
      ack: 'disk',
      body: encoder.encode(frame.lines),
    });
    if (outcome.partial !== null) this.#tell(frame.id, new EngineError('partial write', outcome.partial));
    else this.#outbox.reply({ op: 'written', id: frame.id, position: outcome.position });
  }

  async #query(frame: Extract<ClientFrame, { op: 'query' }>, user: string | null): Promise<void> {
    const pieces = await this.#options.engine.query(
      {
        user,
        text: frame.q,
        database: frame.db,
        format: 'json',
        epoch: frame.epoch ?? null,
        pretty: false,
        chunkRows: 0,
        params: '',
        after: '',
        readOnly: false,
      },
      this.#abort.signal,
    );
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > RESULT_BYTES_MAX) {
        throw new EngineError('too large', `result is larger than ${RESULT_BYTES_MAX} bytes: ask it over /query`);
      }
      parts.push(piece);
    }
    // the answer is `{"results":[…]}`: its inside becomes a member of the frame, unparsed
    const answer = Buffer.concat(parts).toString().trimEnd();
    this.#outbox.replyBytes(encoder.encode(`{"op":"result","id":${JSON.stringify(frame.id)},${answer.slice(1)}`));
  }

  #tell(id: string | undefined, error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const told = toldError(error, this.#options.log);
    this.#options.counters.errorsTold++;
    this.#outbox.reply({ op: 'error', id, code: told.code, message: told.message, at: told.at });
  }
}
