/** Spans: the time of a measurement is cut into equal ones, counted from the epoch, and a bucket lies within one of them. */

/** 7 days, the width of a shard group in InfluxDB for a policy that keeps its data for ever. */
export const SPAN_NS = 7n * 24n * 3600n * 1_000_000_000n;
/** A file for each minute of a long backfill is more than anybody wants. */
export const SPAN_NS_MIN = 60n * 1_000_000_000n;
/** 52 days: offsets within a span are exact. */
export const SPAN_NS_MAX = 2n ** 52n;

export function spanStart(time: bigint, spanNs: bigint): bigint {
  const rest = time % spanNs;
  return time - rest - (rest < 0n ? spanNs : 0n);
}
