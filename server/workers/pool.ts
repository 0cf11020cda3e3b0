/**
 * Pool: the worker threads as the main thread sees them. Starts them, joins each with every other by a port, waits until all are
 * ready, and ends them. A worker that dies takes the server with it (`died`): its shards would be missing from every answer.
 */
import { setFlagsFromString } from 'node:v8';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import type { WorkerReady, WorkerStart } from './messages.ts';
import { type Handlers, Peer } from './peer.ts';
import { SharedDirectory } from './shard-directory.ts';

/**
 * What a worker's heap and arrays grow by before V8 first looks through all of it. Bodies and columns are arrays outside of the heap that
 * come and go by the megabyte; by V8's own measure it would mark the 20 MB that stay ten times per million lines, to free nothing.
 */
const HEAP_MEGABYTES_FIRST = 128;

/** Beside this file among the sources, and beside the bundle that this is a part of. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

export interface PoolOptions {
  readonly config: Config;
  readonly shards: number;
  /** What workers may ask of the main thread. */
  readonly handlers: Handlers;
  readonly died: (error: Error) => void;
}

export class Pool {
  readonly peers: readonly Peer[];
  /** owners[shard] = index of its worker. */
  readonly owners: readonly number[];
  readonly directory: SharedDirectory;
  readonly #threads: readonly Worker[];
  #turn = 0;
  #closing = false;

  private constructor(
    threads: readonly Worker[],
    peers: readonly Peer[],
    { owners, directory }: { readonly owners: readonly number[]; readonly directory: SharedDirectory },
  ) {
    this.#threads = threads;
    this.peers = peers;
    this.owners = owners;
    this.directory = directory;
  }

  /** Rejects with the first worker's error if one cannot start, e.g. on a corrupt log. */
  static async start({ config, shards, handlers, died }: PoolOptions): Promise<{ pool: Pool; ready: WorkerReady[] }> {
    const count = Math.min(config.workers, shards);
    const owners = Array.from({ length: shards }, (_, shard) => shard % count);
    const directory = SharedDirectory.make(shards);
    const ports = portMatrix(count);
    setFlagsFromString(`--initial-old-space-size=${HEAP_MEGABYTES_FIRST}`);
    const threads = ports.map((row, index) => {
      const start: WorkerStart = { config, index, owners, directory: directory.memory, ports: row };
      return new Worker(WORKER, {
        workerData: start,
        transferList: row.filter((port) => port !== null),
      });
    });
    const pool = new Pool(
      threads,
      threads.map((thread) => new Peer(thread, handlers)),
      { owners, directory },
    );
    threads.forEach((thread, index) => {
      const gone = (error: Error): void => {
        pool.peers[index].close(error);
        if (!pool.#closing) died(error);
      };
      thread.on('error', gone);
      thread.on('exit', (code) => gone(new Error(`worker ${index} ended with code ${code}`)));
    });
    const ready = await Promise.all(pool.peers.map((peer) => peer.call<WorkerReady>('open', {})));
    return { pool, ready };
  }

  /** A worker for work that any can do, in turn. */
  next(): Peer {
    this.#turn = (this.#turn + 1) % this.peers.length;
    return this.peers[this.#turn];
  }

  owner(shard: number): Peer {
    return this.peers[this.owners[shard]];
  }

  /** Every worker flushes and closes its shards, then its thread ends. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.peers.map((peer) => peer.call('close', {})));
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

// private functions

function portMatrix(count: number): (import('node:worker_threads').MessagePort | null)[][] {
  const rows: (import('node:worker_threads').MessagePort | null)[][] = Array.from({ length: count }, () =>
    Array.from({ length: count }, () => null),
  );
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel();
      rows[a][b] = port1;
      rows[b][a] = port2;
    }
  }
  return rows;
}
