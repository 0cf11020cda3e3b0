/**
 * RetryPause: how long object storage that has failed is left alone: a second, and twice as long each time that it fails again, up to a
 * minute. So one request that failed puts nothing off for long, and an outage is not asked about all the time.
 */
const MS_MIN = 1_000;
const MS_MAX = 60_000;

export class RetryPause {
  #ms = MS_MIN;

  /** It has failed: in so long, ms, it may be tried again. */
  take(): number {
    const ms = this.#ms;
    this.#ms = Math.min(MS_MAX, 2 * ms);
    return ms;
  }

  /** It has answered. */
  end(): void {
    this.#ms = MS_MIN;
  }
}
