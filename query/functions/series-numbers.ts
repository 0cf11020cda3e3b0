/** Numbers for the series whose points a state keeps, by key in the order in which they are met: each shard numbers them in its own way. */
export class SeriesNumbers {
  /** By number. */
  readonly keys: string[] = [];
  readonly #numbers = new Map<string, number>();

  of(key: string): number {
    let number = this.#numbers.get(key);
    if (number === undefined) this.#numbers.set(key, (number = this.keys.push(key) - 1));
    return number;
  }

  /** Of the series of one block by its numbers there; each is asked once for its key. */
  ofBlock(keyOf: (series: number) => string): (series: number) => number {
    const known = new Map<number, number>();
    return (series) => {
      let number = known.get(series);
      if (number === undefined) known.set(series, (number = this.of(keyOf(series))));
      return number;
    };
  }
}
