/**
 * How long buckets have had deleted rows: so that the space of the few comes back in bounded time, and a bucket of which a little is
 * deleted again and again is not written anew each time. What an earlier life has left deleted is looked at when the store has been
 * opened, and waits from then on.
 */
import type { SealedBucket } from './sealed-bucket.ts';

/** Deleted rows, however few, are on disk no longer than this, and the time that writing their bucket anew takes. */
export const RECLAIM_MS = 3_600_000;

export class Reclaiming {
  readonly #afterMs: number;
  readonly #overdue: () => void;
  /** When a bucket was first seen with tombstones, of the clock of `performance`. */
  readonly #since = new WeakMap<SealedBucket, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `overdue` is called when one that was looked at has come to be. */
  constructor(afterMs: number, overdue: () => void) {
    this.#afterMs = afterMs;
    this.#overdue = overdue;
  }

  /** It has tombstones, and has had some for long. */
  isOverdue(bucket: SealedBucket): boolean {
    const nowMs = performance.now();
    const sinceMs = this.#since.get(bucket) ?? nowMs;
    this.#since.set(bucket, sinceMs);
    const leftMs = sinceMs + this.#afterMs - nowMs;
    if (leftMs > 0) this.#wait(leftMs);
    return leftMs <= 0;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  // private functions

  /** For the first that was looked at; the others are looked at again then. */
  #wait(ms: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#overdue();
    }, ms);
    this.#timer.unref();
  }
}
