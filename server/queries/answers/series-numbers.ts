/**
 * Numbers of the series that a feed has named: a row of one of them need not say again what it is. Both sides count alike; a client that
 * comes later is told all of them at once.
 */

/** Series of one feed that have numbers, so that a client never holds more; rows of others name theirs each time. */
export const SERIES_NUMBERED_MAX = 10_000;

export class SeriesNumbers {
  readonly #numbers = new Map<string, number>();

  /** By number: `"name":…,"tags":…,"columns":…`. */
  get heads(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  /** -1 = it has none. */
  of(head: string): number {
    return this.#numbers.get(head) ?? -1;
  }

  /** The number that it has from now on; -1 where there are too many already. */
  add(head: string): number {
    if (this.#numbers.size >= SERIES_NUMBERED_MAX) return -1;
    this.#numbers.set(head, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
