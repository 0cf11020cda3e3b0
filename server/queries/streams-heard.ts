/** StreamsHeard: when points last moved the time of what the live queries of this worker read, as all shards have said; see `LastHeard`. */
import { type LastHeard, type LivePlan, sourcesKey } from '../../query/index.ts';
import type { ShardHeard } from './live-messages.ts';

export class StreamsHeard {
  readonly #shards: number;
  /** By `sourcesKey`. */
  readonly #heard = new Map<string, LastHeard>();

  constructor(shards: number) {
    this.#shards = shards;
  }

  /** Of what a query reads; goes on changing until `clear`. */
  of({ plan }: LivePlan): LastHeard {
    const key = sourcesKey(plan);
    let heard = this.#heard.get(key);
    if (heard === undefined) this.#heard.set(key, (heard = new Float64Array(this.#shards)));
    return heard;
  }

  take({ shard, heard }: ShardHeard): void {
    for (const [sources, atMs] of heard) {
      const last = this.#heard.get(sources);
      if (last !== undefined && atMs > last[shard]) last[shard] = atMs;
    }
  }

  /** There is no query any more. */
  clear(): void {
    this.#heard.clear();
  }
}
