/** Line: so much is done at a time, the rest waits in the order in which it came. After a start every stored query has history to read. */

export class Line {
  readonly #atOnceMax: number;
  #doing = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Settles as `act` does. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#doing >= this.#atOnceMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#doing++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#doing--;
      else next();
    }
  }
}
