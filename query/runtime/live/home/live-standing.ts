/** Where a live query stands, whichever way its home makes its rows: what clients of an earlier life have seen, and what it has counted. */
import type { ShardCounts } from '../live-update.ts';

/** What a client of an earlier life of this query has seen: the watermark it was told, and the greatest revision. */
export interface LiveFloor {
  readonly watermark: bigint | null;
  readonly rev: number;
}

/** Since the operator started. `onTime`, `late` and `tooLate` judge each row by its window. */
export interface LiveCounters {
  /** Its window was open. */
  onTime: number;
  /** Its window was closed, and it changed it. */
  late: number;
  /** Its window could change no more. */
  tooLate: number;
  /** Later than the clock by more than AHEAD: among the others too. */
  ahead: number;
  /** Not newer than all of their series: among the others too. */
  disordered: number;
  /** Windows, or parts of time, that shards have read again from what is stored. */
  recomputed: number;
  /** Final rows that were sent again. */
  revised: number;
  /** Series of which nothing is kept any more, by `state_ttl`. */
  letGo: number;
}

export function newLiveCounters(): LiveCounters {
  return { onTime: 0, late: 0, tooLate: 0, ahead: 0, disordered: 0, recomputed: 0, revised: 0, letGo: 0 };
}

/** What was counted between two moments. */
export function countersSince(before: LiveCounters, now: LiveCounters): LiveCounters {
  return {
    onTime: now.onTime - before.onTime,
    late: now.late - before.late,
    tooLate: now.tooLate - before.tooLate,
    ahead: now.ahead - before.ahead,
    disordered: now.disordered - before.disordered,
    recomputed: now.recomputed - before.recomputed,
    revised: now.revised - before.revised,
    letGo: now.letGo - before.letGo,
  };
}

/** What a shard has counted since it spoke last. */
export function addCounts(counters: LiveCounters, counts: ShardCounts): void {
  counters.ahead += counts.ahead;
  counters.disordered += counts.disordered;
  counters.recomputed += counts.recomputed;
  counters.tooLate += counts.dropped;
}
