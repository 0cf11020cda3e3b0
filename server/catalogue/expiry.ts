/**
 * Expiry: looks at the clock from time to time, and says in the streams which spans of each retention policy are gone. What shards do
 * is decided by the entry alone, so all replicas and all readers agree. Main thread.
 */
import type { Catalogue } from './catalogue.ts';
import { expiredBefore, policiesOf } from './policies.ts';

export interface ExpiryOptions {
  readonly catalogue: Catalogue;
  readonly nowNs: () => bigint;
  readonly intervalMs: number;
  /** A policy has let go of spans. */
  readonly expired: () => void;
  readonly failed: (error: Error) => void;
}

export class Expiry {
  readonly #options: ExpiryOptions;
  /** What was said last, by database and policy; after a start everything is said once more. */
  readonly #said = new Map<string, bigint>();
  #timer: NodeJS.Timeout | null = null;
  #checking: Promise<void> | null = null;

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** Looks at once, and then every interval. */
  start(): void {
    this.#timer = setInterval(() => void this.check(), this.#options.intervalMs);
    void this.check();
  }

  /** Resolves when what is due has been applied by every shard; joins a check under way. */
  check(): Promise<void> {
    this.#checking ??= this.#check()
      .catch(this.#options.failed)
      .finally(() => {
        this.#checking = null;
      });
    return this.#checking;
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#checking;
  }

  // private functions

  async #check(): Promise<void> {
    const { catalogue, nowNs, expired } = this.#options;
    for (const database of catalogue.databases()) {
      for (const policy of policiesOf(catalogue.documents, database)) {
        const before = expiredBefore(policy, nowNs());
        const key = JSON.stringify([database, policy.name]);
        if (before === null || this.#said.get(key) === before) continue;
        await catalogue.expire(database, policy.name, before);
        this.#said.set(key, before);
        expired();
      }
    }
  }
}
