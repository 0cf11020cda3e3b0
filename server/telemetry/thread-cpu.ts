/**
 * Processor time of the calling thread, for `thread_cpu_seconds` and `live_cpu_seconds`: unlike time by the clock it does not grow
 * while other threads have the processor.
 */

/** What Node before 22.19 does not have. */
interface ThreadUsage {
  threadCpuUsage?(): { readonly user: number; readonly system: number };
}

/** Milliseconds since the thread began, user and system; 0 where Node does not tell. */
export function threadCpuMs(): number {
  const usage = (process as ThreadUsage).threadCpuUsage?.();
  return usage === undefined ? 0 : (usage.user + usage.system) / 1000;
}
