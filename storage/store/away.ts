/**
 * Buckets in object storage that could not be read: the cleaner leaves them alone, and tries all of them again after a while, which grows
 * as long as the storage does not answer.
 */
import { RetryPause } from './retry-pause.ts';
import type { SealedBucket } from './sealed-bucket.ts';

export class Away {
  readonly #again: () => void;
  readonly #buckets = new Set<SealedBucket>();
  readonly #pause = new RetryPause();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `again` is called each time that they may be tried. */
  constructor(again: () => void) {
    this.#again = again;
  }

  has(bucket: SealedBucket): boolean {
    return this.#buckets.has(bucket);
  }

  add(buckets: readonly SealedBucket[]): void {
    for (const bucket of buckets) this.#buckets.add(bucket);
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.clear();
      this.#again();
    }, this.#pause.take());
    this.#timer.unref();
  }

  /** All of them may be tried now. */
  clear(): void {
    this.#buckets.clear();
  }

  /** One was read. */
  answered(): void {
    this.#pause.end();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
