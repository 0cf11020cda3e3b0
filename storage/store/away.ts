/**
 * Buckets in object storage that could not be read: the cleaner leaves them alone, and tries all of them again after a while, which doubles
 * as long as the storage does not answer. So one request that failed puts nothing off for long, and an outage is not asked about all the time.
 */
import type { SealedBucket } from './sealed-bucket.ts';

/** The first wait, and the longest. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;

export class Away {
  readonly #again: () => void;
  readonly #buckets = new Set<SealedBucket>();
  #waitMs = RETRY_MS_MIN;
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
    }, this.#waitMs);
    this.#timer.unref();
    this.#waitMs = Math.min(RETRY_MS_MAX, 2 * this.#waitMs);
  }

  /** All of them may be tried now. */
  clear(): void {
    this.#buckets.clear();
  }

  /** One was read. */
  answered(): void {
    this.#waitMs = RETRY_MS_MIN;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
