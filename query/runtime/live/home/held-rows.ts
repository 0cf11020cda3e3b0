/**
 * HeldRows: the rows of a raw plan that the home of a live query holds, group by group in the order of the answer, over all shards.
 * Shards send them as partials; a part of time of a shard may be sent again, and then takes the place of what was there. Rows before a
 * group's floor are settled: none is taken, replaced or taken away there. Whoever holds the rows says when the first of a group go.
 */
import { type Column, TIME_MAX } from '../../../../model/index.ts';
import { highOf, joinTime, lowOf, splitTime } from '../../../functions/slot-time.ts';
import type { Plan } from '../../../planner/plan.ts';
import { mergeRows } from '../../raw/raw-merge.ts';
import { compareGroups } from '../../rows/groups.ts';
import { revived } from '../../source/columns.ts';
import type { Group, RowsPartial } from '../../source/partial.ts';
import type { ResultTable } from '../../source/result.ts';
import type { TimeRange } from '../../source/source.ts';
import { groupKey } from '../live-cells.ts';
import { compareTo, HeldGroup, type Piece } from './held-group.ts';
import { HeldSeries } from './held-series.ts';

/** What came for a group. */
export interface GroupNews {
  readonly key: string;
  readonly group: Group;
  /** Rows that were taken, and those of them before `closed`. */
  rows: number;
  late: number;
  /** Rows before the floor. */
  tooLate: number;
  /** Of the rows that were taken. */
  least: bigint;
}

/** Times of a group: rows before `floor` are not taken, those before `closed` come late. null = there is none such. */
export interface GroupTimes {
  readonly floor: bigint | null;
  readonly closed: bigint | null;
}

export class HeldRows {
  readonly #plan: Plan;
  readonly #groups = new Map<string, HeldGroup>();
  readonly #series = new HeldSeries();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get rows(): number {
    let rows = 0;
    for (const group of this.#groups.values()) rows += group.rows;
    return rows;
  }

  get keys(): Iterable<string> {
    return this.#groups.keys();
  }

  /** Takes rows of a shard; of `span`, where it is given, they are all that the shard has. */
  take(
    shard: number,
    partials: readonly RowsPartial[],
    span: TimeRange | null,
    timesOf: (key: string) => GroupTimes,
  ): GroupNews[] {
    const news = new Map<string, GroupNews>();
    if (span !== null) {
      for (const [key, group] of this.#groups) {
        const { floor } = timesOf(key);
        const min = floor !== null && floor > span.min ? floor : span.min;
        if (group.remove(min, span.max, (series) => this.#series.shardOf(series) === shard)) {
          news.set(key, { key, group: group.group, rows: 0, late: 0, tooLate: 0, least: min });
        }
      }
    }
    for (const partial of partials) {
      const columns = partial.columns.map(revived);
      for (const [g, group] of partial.groups.entries()) {
        const key = groupKey(group);
        const piece = this.#piece(shard, partial, columns, g === 0 ? 0 : partial.ends[g - 1], partial.ends[g]);
        const came = newsOf(piece, key, group, timesOf(key));
        const before = news.get(key);
        news.set(key, before === undefined ? came.news : added(before, came.news));
        if (came.piece.rows === 0) continue;
        let held = this.#groups.get(key);
        if (held === undefined) this.#groups.set(key, (held = new HeldGroup(group, this.#plan, this.#series)));
        held.add(came.piece);
      }
    }
    return [...news.values()];
  }

  /**
   * The answer of the plan over what is held, or over one group of it, from a time on; of rows before it, where `latest` says so, the last
   * of each group that has one of so many columns.
   */
  *tables(only: string | null = null, from: bigint | null = null, latest = 0): Generator<ResultTable> {
    const one = only === null ? undefined : this.#groups.get(only);
    const groups = only === null ? [...this.#groups.values()] : one === undefined ? [] : [one];
    groups.sort((a, b) => compareGroups(a.group, b.group));
    const partials = partialsOf(groups, from, latest);
    const merge = mergeRows(this.#plan, 1);
    for (let step = merge.next(); !step.done; ) {
      if (typeof step.value === 'number') step = merge.next(partials.next().value ?? null);
      else {
        yield step.value;
        step = merge.next(null);
      }
    }
  }

  /** How many rows of a group are before a time. */
  countBefore(key: string, time: bigint): number {
    return this.#groups.get(key)?.countBefore(time) ?? 0;
  }

  rowsOf(key: string): number {
    return this.#groups.get(key)?.rows ?? 0;
  }

  /** Lets go of the first rows of a group. */
  dropFirst(key: string, count: number): void {
    const group = this.#groups.get(key);
    group?.dropFirst(count);
    if (group?.rows === 0) this.#groups.delete(key);
  }

  dropBefore(time: bigint): void {
    for (const key of [...this.#groups.keys()]) this.dropFirst(key, this.countBefore(key, time));
  }

  /** By group: lets go of the rows behind this time. */
  dropBehind(times: ReadonlyMap<string, bigint>): void {
    for (const [key, time] of times) this.#groups.get(key)?.remove(time + 1n, TIME_MAX, () => true);
  }

  /** Lets go of what is before a time but the last of each group that has one of the first `asked` columns. */
  dropToLatest(time: bigint, asked: number): void {
    for (const [key, group] of this.#groups) {
      const kept = group.lastBefore(time, asked);
      if (kept > 0) this.dropFirst(key, kept);
    }
  }

  // private functions

  #piece(shard: number, partial: RowsPartial, columns: readonly Column[], from: number, to: number): Piece {
    const numbers = partial.seriesKeys.map((key) => this.#series.number(shard, key));
    const rows = to - from;
    const piece: Piece = {
      columns,
      first: from,
      rows,
      series: new Uint32Array(rows),
      high: new Float64Array(rows),
      low: new Float64Array(rows),
    };
    const base = splitTime(partial.base);
    for (let i = 0; i < rows; i++) {
      const sum = base.low + partial.offsets[from + i];
      piece.series[i] = numbers[partial.series[from + i]];
      piece.high[i] = highOf(base.high, sum);
      piece.low[i] = lowOf(sum);
    }
    return piece;
  }
}

// private functions

function* partialsOf(groups: readonly HeldGroup[], from: bigint | null, latest: number): Generator<RowsPartial> {
  for (const group of groups) {
    const first = from === null ? 0 : latest > 0 ? group.lastBefore(from, latest) : group.countBefore(from);
    yield* group.partials(first);
  }
}

/** A piece without the rows before the floor, and what is to be said of it. Its rows are in order of time. */
function newsOf(
  piece: Piece,
  key: string,
  group: Group,
  { floor, closed }: GroupTimes,
): { news: GroupNews; piece: Piece } {
  const limit = floor === null ? null : splitTime(floor);
  let tooLate = 0;
  if (limit !== null) while (tooLate < piece.rows && compareTo(piece, tooLate, limit) < 0) tooLate++;
  let lateTo = tooLate;
  const closedAt = closed === null ? null : splitTime(closed);
  if (closedAt !== null) while (lateTo < piece.rows && compareTo(piece, lateTo, closedAt) < 0) lateTo++;
  const rows = piece.rows - tooLate;
  const least = rows === 0 ? 0n : joinTime(piece.high[tooLate], piece.low[tooLate]);
  const news = { key, group, rows, late: lateTo - tooLate, tooLate, least };
  if (tooLate === 0) return { news, piece };
  const kept = {
    ...piece,
    first: piece.first + tooLate,
    rows,
    series: piece.series.subarray(tooLate),
    high: piece.high.subarray(tooLate),
    low: piece.low.subarray(tooLate),
  };
  return { news, piece: kept };
}

function added(a: GroupNews, b: GroupNews): GroupNews {
  const least = b.rows === 0 || (a.rows > 0 && a.least < b.least) ? a.least : b.least;
  return { ...a, rows: a.rows + b.rows, late: a.late + b.late, tooLate: a.tooLate + b.tooLate, least };
}
