/**
 * The connection to NATS: one per broker, reconnecting for ever. It knows whether the server is there, lets calls wait for it for a
 * bounded time, and abandons calls that were under way when it went, so that they are made again at once when it is back and not
 * when a timer runs out. All calls through it must therefore be safe to make twice.
 */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { BrokerError } from './broker.ts';
import { finalErrorOf, goneError } from './nats-errors.ts';

/** One attempt may take so long: a leader answers within milliseconds, an overloaded one within a second. */
const ATTEMPT_MS = 3_000;
/** Between attempts that failed while the server is there: it is electing, or reading its store. */
const PAUSE_MS = 100;
const RECONNECT_WAIT_MS = 250;
/** A peer that went without a word is noticed after two pings. */
const PING_INTERVAL_MS = 5_000;
const PINGS_OUT_MAX = 2;

export interface LinkOptions {
  readonly servers: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** How long a call waits for a broker that is away. */
  readonly goneAfterMs: number;
}

export class NatsLink {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly #goneAfterMs: number;
  #connected = true;
  #closed = false;
  /** Calls under way: told when the server goes. */
  readonly #abandon = new Set<() => void>();
  /** Told when the server is back, or the link is closed. */
  readonly #returned = new Set<() => void>();

  /** For `open`. */
  private constructor(connection: NatsConnection, manager: JetStreamManager, goneAfterMs: number) {
    this.connection = connection;
    this.client = jetstream(connection, { timeout: ATTEMPT_MS });
    this.manager = manager;
    this.#goneAfterMs = goneAfterMs;
    void this.#follow();
  }

  /** Rejects with `gone` where no server answers in time. */
  static async open(options: LinkOptions): Promise<NatsLink> {
    const { goneAfterMs } = options;
    const deadline = performance.now() + goneAfterMs;
    for (;;) {
      try {
        const connection = await connectOnce(options);
        const manager = await jetstreamManager(connection, { timeout: ATTEMPT_MS, checkAPI: false });
        return new NatsLink(connection, manager, goneAfterMs);
      } catch (error) {
        if (performance.now() >= deadline) throw goneError('accept a connection', goneAfterMs, error);
        await pause(RECONNECT_WAIT_MS);
      }
    }
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Calls `attempt` until it succeeds, fails for good, or the broker has been away for too long; `what` completes "did not …". */
  async call<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#goneAfterMs;
    let cause: unknown = null;
    for (;;) {
      if (this.#closed) throw new BrokerError('closed', 'the broker is closed');
      if (!this.#connected) await this.#waitUntilBack(deadline);
      if (this.#connected) {
        try {
          return await this.#unlessLost(attempt());
        } catch (error) {
          const final = finalErrorOf(error);
          if (final !== null) throw final;
          cause = error;
        }
      }
      if (performance.now() >= deadline) throw goneError(what, this.#goneAfterMs, cause);
      if (this.#connected) await pause(PAUSE_MS);
    }
  }

  /** Calls `listener` each time when the server is back, until the function it gives is called. */
  onReturn(listener: () => void): () => void {
    this.#returned.add(listener);
    return () => this.#returned.delete(listener);
  }

  /** Attempts under way may finish, none is made after it: what fails now fails with `closed`. */
  refuse(): void {
    this.#closed = true;
    for (const listener of [...this.#returned]) listener();
  }

  async close(): Promise<void> {
    this.refuse();
    await this.connection.close();
  }

  // private functions

  async #follow(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') this.#lost();
      if (type === 'reconnect') this.#back();
    }
    this.#lost();
  }

  #lost(): void {
    this.#connected = false;
    for (const abandon of [...this.#abandon]) abandon();
  }

  #back(): void {
    this.#connected = true;
    for (const listener of [...this.#returned]) listener();
  }

  #unlessLost<T>(running: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(new Error('the connection was lost'));
      this.#abandon.add(abandon);
      running.then(resolve, reject).finally(() => this.#abandon.delete(abandon));
    });
  }

  #waitUntilBack(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        forget();
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, deadline - performance.now()));
      const forget = this.onReturn(done);
    });
  }
}

// private functions

function connectOnce(options: LinkOptions): Promise<NatsConnection> {
  const { servers, user, password, token } = options;
  return connect({
    servers: [...servers],
    name: 'millrace',
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    ...(token === undefined ? {} : { token }),
    timeout: ATTEMPT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
    // else each request costs a stack trace that nobody reads
    noAsyncTraces: true,
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
