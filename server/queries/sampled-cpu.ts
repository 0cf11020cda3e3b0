/**
 * SampledCpu: the processor time of short pieces of work, of which a thread does hundreds a second. To ask for the time of a thread is a
 * call to the system that takes as long as such a piece (`telemetry/thread-cpu.ts`), so only one piece in fifteen is asked about. All
 * are timed by the clock; what share of that time the thread had the processor is known from those that were asked about.
 */

/** Odd, so that two kinds of work that take turns are both asked about. */
const LOOK_EVERY = 15;
/** The share is that of so much work asked about, by the clock, and half as much from what was before it. */
const REMEMBERED_MS = 500;

export class SampledCpu {
  readonly #nowMs: () => number;
  readonly #threadCpuMs: () => number;
  #pieces = 0;
  #beganMs = 0;
  /** null = this piece is not asked about. */
  #cpuBefore: number | null = null;
  /** Of pieces that were asked about. */
  #clockMs = 0;
  #cpuMs = 0;

  constructor(nowMs: () => number, threadCpuMs: () => number) {
    this.#nowMs = nowMs;
    this.#threadCpuMs = threadCpuMs;
  }

  /** Processor time for each millisecond of the clock; 1 where Node does not tell. */
  get share(): number {
    return this.#cpuMs > 0 ? this.#cpuMs / this.#clockMs : 1;
  }

  /** A piece of work begins; one at a time. */
  begin(): void {
    this.#cpuBefore = this.#pieces++ % LOOK_EVERY === 0 ? this.#threadCpuMs() : null;
    this.#beganMs = this.#nowMs();
  }

  /** It has ended: its processor time in ms. */
  end(): number {
    const tookMs = this.#nowMs() - this.#beganMs;
    if (this.#cpuBefore === null) return tookMs * this.share;
    const cpuMs = this.#threadCpuMs() - this.#cpuBefore;
    if (this.#clockMs >= REMEMBERED_MS) {
      this.#clockMs /= 2;
      this.#cpuMs /= 2;
    }
    this.#clockMs += tookMs;
    this.#cpuMs += cpuMs;
    return cpuMs || tookMs * this.share;
  }
}
