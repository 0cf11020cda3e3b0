/**
 * Processor time of the calling thread, for `thread_cpu_seconds` and `live_cpu_seconds`: unlike time by the clock it does not grow
 * while other threads have the processor.
 *
 * A kernel that counts by the tick (most do: 4 ms) adds what a running thread used when the tick comes or the thread stops, and what
 * it says of a thread in between is as old: of short turns behind a sleep it says a tenth. Asked for the process, it first adds what
 * the asking thread has used so far; so it is asked for that before, and the answer thrown away.
 */

/** What Node before 22.19 does not have. */
interface ThreadUsage {
  threadCpuUsage?(): { readonly user: number; readonly system: number };
}

/** Milliseconds since the thread began, user and system, to the microsecond; 0 where Node does not tell. */
export function threadCpuMs(): number {
  process.cpuUsage();
  const usage = (process as ThreadUsage).threadCpuUsage?.();
  return usage === undefined ? 0 : (usage.user + usage.system) / 1000;
}
