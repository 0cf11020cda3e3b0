/**
 * Mesh: how code on one worker reaches any shard: by a plain call where the shard is its own, by its peer else. The handlers are the
 * same in both cases, so who calls does not know the difference. Streams are pulled piece by piece either way.
 */
import type { Handlers, Peer } from './peer.ts';
import type { SharedDirectory } from './shard-directory.ts';

export class Mesh {
  /** All shards, those of this worker last: who asks each of them in turn has the others at work while its own are read. */
  readonly nearLast: readonly number[];
  readonly directory: SharedDirectory;
  readonly #index: number;
  readonly #owners: readonly number[];
  readonly #peers: readonly (Peer | null)[];
  readonly #own: Handlers;

  constructor(
    index: number,
    { owners, directory }: { readonly owners: readonly number[]; readonly directory: SharedDirectory },
    peers: readonly (Peer | null)[],
    own: Handlers,
  ) {
    this.#index = index;
    this.#owners = owners;
    this.directory = directory;
    this.#peers = peers;
    this.#own = own;
    const isNear = (shard: number): number => (owners[shard] === index ? 1 : 0);
    this.nearLast = owners.map((_, shard) => shard).sort((a, b) => isNear(a) - isNear(b) || a - b);
  }

  get shards(): number {
    return this.#owners.length;
  }

  async call<T>(shard: number, method: string, body: object): Promise<T> {
    const peer = this.#peers[this.#owners[shard]];
    return peer === null ? ((await this.#own.calls[method](body as never)) as T) : peer.call<T>(method, body);
  }

  /** The same call to every shard, answers by shard. */
  callAll<T>(method: string, bodyOf: (shard: number) => object): Promise<T[]> {
    return Promise.all(this.#owners.map((_, shard) => this.call<T>(shard, method, bodyOf(shard))));
  }

  /** The same call to every worker, this one included; answers by worker. */
  callWorkers<T>(method: string, body: object): Promise<T[]> {
    return Promise.all(
      this.#peers.map(async (peer) =>
        peer === null ? ((await this.#own.calls[method](body as never)) as T) : peer.call<T>(method, body),
      ),
    );
  }

  stream<T>(shard: number, method: string, body: object, signal: AbortSignal): AsyncIterable<T> {
    const peer = this.#peers[this.#owners[shard]];
    return peer === null
      ? (this.#own.streams[method](body as never, signal) as AsyncIterable<T>)
      : peer.stream<T>(method, body, signal);
  }

  isNear(shard: number): boolean {
    return this.#owners[shard] === this.#index;
  }

  /** To one worker, this one included. */
  notify(worker: number, method: string, body: object): void {
    const peer = this.#peers[worker];
    if (peer === null) this.#own.notices[method](body as never);
    else peer.notify(method, body);
  }

  /** To every worker, this one included. */
  notifyAll(method: string, body: object): void {
    for (const worker of this.#peers.keys()) this.notify(worker, method, body);
  }

  get index(): number {
    return this.#index;
  }
}
