/**
 * Sweeps: when a thread goes through what its shards have to tell their homes: every few milliseconds while there is anything, and at
 * once when something has come that nobody should wait for, as the end of a window, but no more often than that.
 *
 *     ended        ended ended ended
 *       ▼            ▼     ▼     ▼
 *       │····│····│··│····│····│····│     a sweep at each bar; what ends shortly behind one waits for the next
 */

/** Between two sweeps. */
const INTERVAL_MS = 5;

export class Sweeps {
  readonly #sweep: () => boolean;
  #timer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Immediate | null = null;
  /** When it last told something that could not wait. */
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** `sweep` says whether it has told anything that could not wait. */
  constructor(sweep: () => boolean) {
    this.#sweep = sweep;
  }

  /** From now on until it `rests`. */
  wake(): void {
    if (!this.#closed) this.#timer ??= setInterval(() => this.#run(), INTERVAL_MS);
  }

  /** Something that has come is not kept waiting if it cannot wait. */
  hurry(cannotWait: () => boolean): void {
    if (this.#closed || this.#soon !== null || performance.now() - this.#toldAtMs < INTERVAL_MS || !cannotWait())
      return;
    this.wake();
    this.#soon = setImmediate(() => {
      this.#soon = null;
      this.#timer?.refresh();
      this.#run();
    });
  }

  rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#soon !== null) clearImmediate(this.#soon);
    this.#timer = this.#soon = null;
  }

  /** For good, whatever comes. */
  close(): void {
    this.#closed = true;
    this.rest();
  }

  // private functions

  #run(): void {
    if (this.#sweep()) this.#toldAtMs = performance.now();
  }
}
