/**
 * Which buckets of a store nothing more is sealed beside: so the cleaner need not wait for others to merge them with. Two ways to tell,
 * as one of many measurements may have ended while others go on, and all of them may:
 *
 *     by number   the bucket was sealed before the last few sealings
 *     by time     no head was sealed for a while: twice the longest time between the last few sealings, so that a steady stream never counts as
 *                 ended, but not less than `leastMs` and not more than SETTLED_MS_MAX, so that a store which is left alone settles
 */

/** No head was sealed for so long: the least, and the most that is waited for. */
export const SETTLED_MS = 5_000;
const SETTLED_MS_MAX = 600_000;
/** Times the longest gap. */
const GAPS = 2;
/** Sealings looked at. */
const SEALINGS = 4;

export class Settling {
  readonly #leastMs: number;
  readonly #settled: () => void;
  /** Of the latest sealings: layers of later ones are not below `layer`. */
  readonly #sealings: { readonly layer: number; readonly atMs: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isAtRest = false;

  /** `settled` is called each time that the store has come to rest. */
  constructor(leastMs: number, settled: () => void) {
    this.#leastMs = leastMs;
    this.#settled = settled;
  }

  /** The store has been opened, and its buckets are of an earlier life. */
  opened(): void {
    this.#wait(this.#leastMs);
  }

  /** A head was sealed. Buckets sealed from now on have layers from this one on. */
  sealed(nextLayer: number): void {
    this.#sealings.push({ layer: nextLayer, atMs: performance.now() });
    if (this.#sealings.length > SEALINGS) this.#sealings.shift();
    this.#isAtRest = false;
    this.#wait(Math.min(SETTLED_MS_MAX, Math.max(this.#leastMs, GAPS * this.#longestGapMs())));
  }

  /** Layers below this one get no more neighbours. */
  get before(): number {
    if (this.#isAtRest) return Number.POSITIVE_INFINITY;
    return this.#sealings.length < SEALINGS ? 0 : this.#sealings[0].layer;
  }

  /** No head was sealed for a while. */
  get isAtRest(): boolean {
    return this.#isAtRest;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  // private functions

  #wait(ms: number): void {
    this.close();
    this.#timer = setTimeout(() => {
      this.#isAtRest = true;
      this.#settled();
    }, ms);
    this.#timer.unref();
  }

  #longestGapMs(): number {
    let longest = 0;
    for (let i = 1; i < this.#sealings.length; i++) {
      longest = Math.max(longest, this.#sealings[i].atMs - this.#sealings[i - 1].atMs);
    }
    return longest;
  }
}
