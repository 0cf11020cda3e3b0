/**
 * Event time of a live query: how far the stream has come, judged from what was accepted and from the clock that is passed in.
 * Stage 1 keeps one `EventClock` per shard and sends its `ClockReading`s; stage 2 keeps one `Watermark` over all shards.
 *
 * The rules, with W the watermark (a window [start, end) closes when W ≥ end):
 *   - W of a shard = greatest event time accepted there − delay. Points later than now + ahead do not count here.
 *   - A shard whose greatest event time has not moved for `idle` of wall time is idle: its time goes on at the clock's pace,
 *     W = greatest + (now − arrival of that point) − delay − idle, never past now.
 *   - W of the query = the least over shards that are not idle; where all are idle, the greatest of theirs, which is what a
 *     single shard with the same points would say. Shards that never had a point do not count. W never goes back.
 *
 * "Has not moved" rather than "accepted nothing": a backfill of old points is accepted for hours and must not hold windows open.
 * This file reads no clock; times are ns as bigint, the wall clock is ms as the hosts have it.
 */
import { earlier, later, NS_PER_SECOND } from '../../../model/index.ts';

/** What decides when windows close and what happens to late points; one per live query. Durations in ns. */
export interface TimeRules {
  readonly delay: bigint;
  readonly idle: bigint;
  readonly ahead: bigint;
  /** A closed window may still be revised until W ≥ end + lateness. */
  readonly lateness: bigint;
  /** Changed rows of open windows, and late revisions, are sent at most this often. null = the clock alone sends none. */
  readonly emitEvery: bigint | null;
  /** All rows of open windows are sent so often, changed or not. Not there = never. */
  readonly emitAllEvery?: bigint;
  /** Changes are also sent when so many rows have come. */
  readonly emitAfterRows?: number;
  /** Rows of open windows are not sent. Not there = they are. */
  readonly finalOnly?: true;
  /** The end of a window sends nothing; what changed in it last is sent in its turn. */
  readonly closesSilently?: true;
  /** Windows that late rows come for after `lateness` are computed again from what is stored. Not there = such rows are dropped. */
  readonly recomputes?: true;
  /** Rows that come after `lateness` are told apart, as they were written. Not there = they are dropped. */
  readonly keepsLate?: true;
  /** A row that was sent as final is not sent again. */
  readonly sendsOnce?: true;
  /** Each series (group) has a W of its own. */
  readonly perSeries?: true;
  /** Windows that have ended stay in snapshots until W is so far behind their end, ns. Not there = open windows are in them. */
  readonly retain?: bigint;
  /** Nothing is kept of a series that has had no point for so long, ns: see live-kept.ts. */
  readonly stateTtl?: bigint;
}

/** DELAY 0s, IDLE 10s, AHEAD 1m, LATENESS 1m UPDATE, EMIT EVERY 1s ON CHANGE, ON CLOSE, ON LATE. */
export const DEFAULT_RULES = {
  delay: 0n,
  idle: 10n * NS_PER_SECOND,
  ahead: 60n * NS_PER_SECOND,
  lateness: 60n * NS_PER_SECOND,
  emitEvery: NS_PER_SECOND,
} satisfies TimeRules;

/** Where a shard's stream stands: plain data from stage 1 to stage 2. */
export interface ClockReading {
  /** Greatest accepted event time that moves W. */
  readonly greatest: bigint;
  /** Wall time at which it arrived. */
  readonly arrivalMs: number;
}

export function msToNs(ms: number): bigint {
  return BigInt(Math.trunc(ms)) * 1_000_000n;
}

/** The greatest event time that one shard has accepted for one query. */
export class EventClock {
  #reading: ClockReading | null = null;

  get reading(): ClockReading | null {
    return this.#reading;
  }

  /** Takes the greatest time, of points not too far ahead, of what was just accepted. */
  observe(greatest: bigint, arrivalMs: number): void {
    if (this.#reading === null || greatest > this.#reading.greatest) this.#reading = { greatest, arrivalMs };
  }
}

/**
 * Per shard: the wall time, ms, at which a point last moved the time of a stream, as far as is known. It may be known before the
 * reading is, where a shard has many queries to tell, and keeps the shard from being taken for idle meanwhile.
 */
export type LastHeard = Float64Array;

/**
 * What can change no more is given up only when W has stood behind its end + lateness for this long: rows that had arrived before may
 * still be on their way from a shard, which tells the home once a second, or by so much later as it says.
 */
const GRACE_MS = 2_500;

/** W as it was, to find where it stood GRACE_MS ago, and more. */
export class PastWatermark {
  readonly #moments: { readonly ms: number; readonly at: bigint }[] = [];

  /** W is here now. Gives where it stood GRACE_MS and `moreMs` ago; null = that is not known. */
  note(at: bigint, nowMs: number, moreMs = 0): bigint | null {
    const moments = this.#moments;
    if (moments.at(-1)?.at !== at) moments.push({ ms: nowMs, at });
    const ms = nowMs - GRACE_MS - moreMs;
    while (moments.length > 1 && moments[1].ms <= ms) moments.shift();
    return moments[0].ms > ms ? null : moments[0].at;
  }
}

/** W of a query over all shards. `at` is null until some shard has had a point. */
export class Watermark {
  readonly #rules: TimeRules;
  readonly #heard: LastHeard | null;
  readonly #readings: (ClockReading | null)[];
  #at: bigint | null = null;

  constructor(shards: number, rules: TimeRules, heard: LastHeard | null = null) {
    this.#rules = rules;
    this.#heard = heard;
    this.#readings = new Array<ClockReading | null>(shards).fill(null);
  }

  get at(): bigint | null {
    return this.#at;
  }

  /** Greatest event time of any shard; null where there was none. */
  get greatest(): bigint | null {
    let greatest: bigint | null = null;
    for (const r of this.#readings)
      if (r !== null && (greatest === null || r.greatest > greatest)) greatest = r.greatest;
    return greatest;
  }

  /** A shard's newer reading; an older one is ignored. */
  observe(shard: number, reading: ClockReading | null): void {
    if (reading === null) return;
    const held = this.#readings[shard];
    if (held === null || reading.greatest > held.greatest) this.#readings[shard] = reading;
  }

  /** W is at least this: what a client of an earlier life of the query has been told. */
  raise(to: bigint): void {
    if (this.#at === null || to > this.#at) this.#at = to;
  }

  /**
   * By when the clock alone may bring W to `end`, ms: where some shards are not idle, when the first of those has been silent for
   * `idle`; else at the clock's pace.
   */
  reachesAtMs(end: bigint, nowMs: number): number {
    const idleMs = Number(this.#rules.idle / 1_000_000n);
    let [first, known] = [Number.POSITIVE_INFINITY, false];
    for (const shard of this.#readings.keys()) {
      const arrivalMs = this.#arrivalMs(shard);
      if (arrivalMs === null) continue;
      known = true;
      if (arrivalMs + idleMs > nowMs) first = Math.min(first, arrivalMs + idleMs);
    }
    if (!known || this.#at === null || Number.isFinite(first)) return first;
    return nowMs + Math.max(0, Math.ceil(Number(end - this.#at) / 1e6));
  }

  /** Moves W to where it stands at `nowMs`; not as far as `before`, where that is not null. */
  advance(nowMs: number, before: bigint | null = null): bigint | null {
    let leastActive: bigint | null = null;
    let greatestIdle: bigint | null = null;
    for (const [shard, reading] of this.#readings.entries()) {
      if (reading === null) continue;
      const arrivalMs = this.#arrivalMs(shard)!;
      const { at, idle } = shardWatermark({ greatest: reading.greatest, arrivalMs }, this.#rules, nowMs);
      if (!idle && (leastActive === null || at < leastActive)) leastActive = at;
      if (idle && (greatestIdle === null || at > greatestIdle)) greatestIdle = at;
    }
    const next = leastActive ?? greatestIdle;
    if (next !== null) this.raise(before === null ? next : earlier(next, before - 1n));
    return this.#at;
  }

  // private functions

  #arrivalMs(shard: number): number | null {
    const reading = this.#readings[shard];
    return reading === null ? null : Math.max(reading.arrivalMs, this.#heard?.[shard] ?? 0);
  }
}

// private functions

/** W of one shard at `nowMs`, and whether the shard is idle. */
function shardWatermark(
  reading: ClockReading,
  rules: TimeRules,
  nowMs: number,
): { readonly at: bigint; readonly idle: boolean } {
  const silence = msToNs(nowMs) - msToNs(reading.arrivalMs);
  const byEvent = reading.greatest - rules.delay;
  const idle = silence >= rules.idle;
  if (!idle) return { at: byEvent, idle };
  const pace = byEvent + silence - rules.idle;
  return { at: later(byEvent, earlier(pace, msToNs(nowMs))), idle };
}
