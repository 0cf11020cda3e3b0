/** HeldSeries: the series of the rows that the home of a live query holds, as numbers; the shard of each, and their order in an answer. */
import { compareText } from '../../../../model/index.ts';

export class HeldSeries {
  readonly #keys: string[] = [];
  readonly #shards: number[] = [];
  readonly #numbers = new Map<string, number>();
  #ranks = new Uint32Array(0);

  number(shard: number, key: string): number {
    const name = `${shard} ${key}`;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#keys.push(key) - 1;
      this.#shards.push(shard);
      this.#numbers.set(name, number);
    }
    return number;
  }

  shardOf(number: number): number {
    return this.#shards[number];
  }

  keyOf(number: number): string {
    return this.#keys[number];
  }

  ranks(): Uint32Array {
    if (this.#ranks.length < this.#keys.length) {
      const order = this.#keys.map((_, i) => i).sort((a, b) => compareText(this.#keys[a], this.#keys[b]));
      this.#ranks = new Uint32Array(order.length);
      for (const [rank, number] of order.entries()) this.#ranks[number] = rank;
    }
    return this.#ranks;
  }
}
