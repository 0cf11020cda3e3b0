/**
 * SeriesNews: what stage 1 of a query with a watermark for each series (PER SERIES) tells its home of them beside their cells: how far
 * the time of each has come, and how many rows came into which of its windows. A series is what GROUP BY makes one row of; the points
 * that move its time are those that the query reads. Kept from one update to the next only: the home remembers.
 */
import type { Block, SeriesTable } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { windowOf, windowStart } from '../../planner/plan.ts';
import { GroupTable } from '../rows/groups.ts';
import { SourceRows } from '../rows/rows-in.ts';
import type { Group } from '../source/partial.ts';

/** Entry i of all columns of a kind belongs together; `group` is an index of `groups`. Plain data, from thread to thread. */
export interface SeriesReadings {
  readonly groups: readonly Group[];
  /** By group: greatest time of its points that moves W, ns; those whose points do not have TIME_NONE. */
  readonly greatest: BigInt64Array;
  /** By group: wall time, ms, at which that point came. */
  readonly arrivalMs: Float64Array;
  /** Rows by series and window. */
  readonly touched: { readonly group: Int32Array; readonly window: Float64Array; readonly rows: Float64Array };
}

/** No point of the series moves W. */
export const TIME_NONE = -(2n ** 63n);

interface News {
  greatest: bigint;
  arrivalMs: number;
  readonly rows: Map<number, number>;
}

export class SeriesNews {
  readonly #plan: Plan;
  readonly #groups = new GroupTable();
  readonly #sources: readonly SourceRows[];
  readonly #delay: bigint;
  #news = new Map<number, News>();
  /** By group: the window in which its time was when it was told last; NaN = it never was. */
  #toldAt = new Float64Array(64).fill(Number.NaN);
  /** The time of a series has come to another window since the last call of `take`: one may have ended. */
  isDue = false;

  constructor(plan: Plan, delay: bigint) {
    this.#plan = plan;
    this.#delay = delay;
    this.#sources = plan.sources.map((_, source) => new SourceRows(plan, source, this.#groups));
  }

  /** Rows of plan.sources[source]; those later than `limit` move no time. `counts`: they have just come, else they were read again. */
  observe(block: Block, source: number, table: SeriesTable, limit: bigint, nowMs: number, counts: boolean): void {
    const from = this.#sources[source];
    const count = from.select(block, table, null);
    const { base, offsets, series } = block;
    const top = Number(limit - base);
    let [news, lastSeries, window, least, end] = [null as News | null, -1, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const row = from.rows[i];
      const offset = offsets[row];
      if (series[row] !== lastSeries) {
        lastSeries = series[row];
        news = this.#of(from.groupOf(lastSeries), nowMs);
      }
      if (offset < least || offset >= end) {
        window = windowOf(this.#plan, base + BigInt(offset));
        least = Number(windowStart(this.#plan, window) - base);
        end = Number(windowStart(this.#plan, window + 1) - base);
      }
      if (counts) news!.rows.set(window, (news!.rows.get(window) ?? 0) + 1);
      if (offset <= top && (news!.greatest === TIME_NONE || offset > Number(news!.greatest - base)))
        news!.greatest = base + BigInt(offset);
    }
    if (!this.isDue) this.isDue = this.#hasMoved();
  }

  /** What came since the last call; null = nothing. */
  take(): SeriesReadings | null {
    const news = [...this.#news];
    this.#news = new Map();
    this.isDue = false;
    if (news.length === 0) return null;
    for (const [group, { greatest }] of news) if (greatest !== TIME_NONE) this.#tell(group, this.#windowAt(greatest));
    const touched = news.flatMap(([, { rows }], group) => [...rows].map(([window, count]) => [group, window, count]));
    return {
      groups: news.map(([number]) => this.#groups.groups[number]),
      greatest: BigInt64Array.from(news, ([, { greatest }]) => greatest),
      arrivalMs: Float64Array.from(news, ([, { arrivalMs }]) => arrivalMs),
      touched: {
        group: Int32Array.from(touched, ([group]) => group),
        window: Float64Array.from(touched, ([, window]) => window),
        rows: Float64Array.from(touched, ([, , rows]) => rows),
      },
    };
  }

  // private functions

  #hasMoved(): boolean {
    for (const [group, { greatest }] of this.#news) {
      if (greatest === TIME_NONE) continue;
      const told = group < this.#toldAt.length ? this.#toldAt[group] : Number.NaN;
      if (!(this.#windowAt(greatest) <= told)) return true;
    }
    return false;
  }

  #windowAt(greatest: bigint): number {
    return windowOf(this.#plan, greatest - this.#delay);
  }

  #tell(group: number, window: number): void {
    if (group >= this.#toldAt.length) {
      const longer = new Float64Array(Math.max(group + 1, 2 * this.#toldAt.length)).fill(Number.NaN);
      longer.set(this.#toldAt);
      this.#toldAt = longer;
    }
    if (!(this.#toldAt[group] >= window)) this.#toldAt[group] = window;
  }

  #of(group: number, nowMs: number): News {
    let news = this.#news.get(group);
    if (news === undefined) this.#news.set(group, (news = { greatest: TIME_NONE, arrivalMs: nowMs, rows: new Map() }));
    news.arrivalMs = nowMs;
    return news;
  }
}
