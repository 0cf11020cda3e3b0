/**
 * What this process does, as one row of the measurement `process`. Called once per interval by reporter.ts; another thread may make
 * its own to set the gauge `event_loop_lag_ms` of its registry. Memory and processor are those of the whole process, the event loop
 * is that of the thread.
 *
 *     process   rss_bytes heap_used_bytes heap_total_bytes external_bytes array_buffer_bytes   cpu (percent of one core)
 *               event_loop_lag_p50_ms event_loop_lag_p99_ms event_loop_lag_max_ms event_loop_busy (percent)   uptime_seconds
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Row } from './lines.ts';

/**
 * How often the event loop is asked whether it is late. Each time wakes a thread that may have nothing else to do: a hundred times a
 * second were half a percent of a core, and these twenty are most of what a server does that has nothing to do (`watchLag`).
 */
const LAG_RESOLUTION_MS = 50;

export interface EventLoopLag {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class ProcessStats {
  readonly #delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  #cpu = process.cpuUsage();
  #loop = performance.eventLoopUtilization();
  #atMs: number;

  constructor(atMs: number) {
    this.#atMs = atMs;
    this.#delay.enable();
  }

  /** From now on delays are watched, or not: then none are known. */
  watchLag(watched: boolean): void {
    if (watched) this.#delay.enable();
    else this.#delay.disable();
  }

  /** Delays since the last call. */
  takeLag(): EventLoopLag {
    const delay = this.#delay;
    const lag =
      delay.count === 0
        ? { p50Ms: 0, p99Ms: 0, maxMs: 0 }
        : { p50Ms: late(delay.percentile(50)), p99Ms: late(delay.percentile(99)), maxMs: late(delay.max) };
    delay.reset();
    return lag;
  }

  row(atMs: number): Row {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage(this.#cpu);
    const elapsedMs = atMs - this.#atMs;
    const loop = performance.eventLoopUtilization(this.#loop);
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#atMs = atMs;
    const lag = this.takeLag();
    const fields = {
      rss_bytes: memory.rss,
      heap_used_bytes: memory.heapUsed,
      heap_total_bytes: memory.heapTotal,
      external_bytes: memory.external,
      array_buffer_bytes: memory.arrayBuffers,
      cpu: elapsedMs > 0 ? (cpu.user + cpu.system) / 10 / elapsedMs : null,
      event_loop_lag_p50_ms: lag.p50Ms,
      event_loop_lag_p99_ms: lag.p99Ms,
      event_loop_lag_max_ms: lag.maxMs,
      event_loop_busy: 100 * loop.utilization,
      uptime_seconds: process.uptime(),
    };
    return { measurement: 'process', tags: {}, fields };
  }

  close(): void {
    this.#delay.disable();
  }
}

// private functions

/** What is measured is the time from one question to the next; being late is what exceeds the agreed time. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION_MS);
}
