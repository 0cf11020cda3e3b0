/**
 * HeldRows: the rows of a raw plan that the home of a live query holds, group by group in the order of the answer, over all shards.
 * Shards send them as partials; a part of time of a shard may be sent again, and then takes the place of what was there. Rows before a
 * group's floor are settled: none is taken, replaced or taken away there. Whoever holds the rows says when the first of a group go.
 */
import type { Column } from '../../model/index.ts';
import { compareText, OFFSET_MAX } from '../../model/index.ts';
import { compareSplit, highOf, joinTime, lowOf, type SplitTime, splitTime } from '../functions/slot-time.ts';
import type { Plan } from '../planner/plan.ts';
import { ColumnBuilder, revived } from './columns.ts';
import { compareGroups } from './groups.ts';
import { groupKey } from './live-cells.ts';
import type { Group, RowsPartial } from './partial.ts';
import { mergeRows } from './raw-merge.ts';
import type { ResultTable } from './result.ts';
import { orderOfRows } from './row-order.ts';
import type { TimeRange } from './source.ts';

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

  /** The answer of the plan over what is held, or over one group of it. */
  *tables(only: string | null = null): Generator<ResultTable> {
    const one = only === null ? undefined : this.#groups.get(only);
    const groups = only === null ? [...this.#groups.values()] : one === undefined ? [] : [one];
    groups.sort((a, b) => compareGroups(a.group, b.group));
    const partials = partialsOf(groups);
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

  /** Lets go of rows before a time, but for the last `kept` of each group before it. */
  dropBefore(time: bigint, kept: number): void {
    for (const key of [...this.#groups.keys()]) this.dropFirst(key, Math.max(0, this.countBefore(key, time) - kept));
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

/** Rows of a group, in order. Row i is row first + i of the columns. */
interface Piece {
  readonly columns: readonly Column[];
  readonly first: number;
  readonly rows: number;
  readonly series: Uint32Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
}

/** Numbers of series, the shard of each, and their order. */
class HeldSeries {
  readonly #keys: string[] = [];
  readonly #shards: number[] = [];
  readonly #numbers = new Map<string, number>();
  #ranks = new Uint32Array(0);

  number(shard: number, key: string): number {
    const name = `${shard} ${key}`;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#keys.push(key) - 1;
      this.#shards.push(shard);
      this.#numbers.set(name, number);
    }
    return number;
  }

  shardOf(number: number): number {
    return this.#shards[number];
  }

  keyOf(number: number): string {
    return this.#keys[number];
  }

  ranks(): Uint32Array {
    if (this.#ranks.length < this.#keys.length) {
      const order = this.#keys.map((_, i) => i).sort((a, b) => compareText(this.#keys[a], this.#keys[b]));
      this.#ranks = new Uint32Array(order.length);
      for (const [rank, number] of order.entries()) this.#ranks[number] = rank;
    }
    return this.#ranks;
  }
}

class HeldGroup {
  readonly group: Group;
  readonly #plan: Plan;
  readonly #series: HeldSeries;
  #pieces: Piece[] = [];
  rows = 0;

  constructor(group: Group, plan: Plan, series: HeldSeries) {
    this.group = group;
    this.#plan = plan;
    this.#series = series;
  }

  add(piece: Piece): void {
    this.#pieces.push(piece);
    this.rows += piece.rows;
  }

  /** Takes away the rows of [min, max] whose series are meant; true: there were some. */
  remove(min: bigint, max: bigint, isMeant: (series: number) => boolean): boolean {
    const [from, to] = [splitTime(min), splitTime(max)];
    const before = this.rows;
    const pieces = this.#pieces.map((piece) => {
      const kept = new Uint32Array(piece.rows);
      let count = 0;
      for (let i = 0; i < piece.rows; i++) {
        const inside = compareTo(piece, i, from) >= 0 && compareTo(piece, i, to) <= 0;
        if (!inside || !isMeant(piece.series[i])) kept[count++] = i;
      }
      return count === piece.rows ? piece : picked(piece, kept.subarray(0, count), this.#plan);
    });
    this.#pieces = pieces.filter(({ rows }) => rows > 0);
    this.rows = this.#pieces.reduce((sum, { rows }) => sum + rows, 0);
    return this.rows < before;
  }

  countBefore(time: bigint): number {
    const limit = splitTime(time);
    const sorted = this.sorted();
    let [low, high] = [0, sorted.rows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareTo(sorted, middle, limit) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dropFirst(count: number): void {
    if (count === 0) return;
    const { columns, first, rows, series, high, low } = this.sorted();
    this.rows = rows - count;
    this.#pieces = [
      {
        columns,
        first: first + count,
        rows: this.rows,
        series: series.subarray(count),
        high: high.subarray(count),
        low: low.subarray(count),
      },
    ];
  }

  /** All rows in one piece, from row 0 of its columns. */
  sorted(): Piece {
    const [single] = this.#pieces;
    if (this.#pieces.length === 1 && single.first === 0) return single;
    const merged =
      this.#pieces.length === 1
        ? picked(
            single,
            Uint32Array.from({ length: single.rows }, (_, i) => i),
            this.#plan,
          )
        : mergedPieces(this.#pieces, this.#plan, this.#series.ranks());
    this.#pieces = [merged];
    return merged;
  }

  *partials(): Generator<RowsPartial> {
    const piece = this.sorted();
    for (let from = 0; from < piece.rows; ) {
      let to = from + 1;
      while (to < piece.rows && piece.high[to] - piece.high[from] < OFFSET_MAX / 2 ** 32 - 1) to++;
      yield this.#partial(piece, from, to);
      from = to;
    }
  }

  // private functions

  #partial(piece: Piece, from: number, to: number): RowsPartial {
    const rows = to - from;
    const offsets = new Float64Array(rows);
    const series = new Uint32Array(rows);
    const local = new Map<number, number>();
    for (let i = 0; i < rows; i++) {
      const at = from + i;
      offsets[i] = (piece.high[at] - piece.high[from]) * 2 ** 32 + (piece.low[at] - piece.low[from]);
      const number = piece.series[at];
      const known = local.get(number) ?? local.size;
      if (known === local.size) local.set(number, known);
      series[i] = known;
    }
    return {
      kind: 'rows',
      groups: [this.group],
      ends: Uint32Array.of(rows),
      rows,
      base: joinTime(piece.high[from], piece.low[from]),
      offsets,
      series,
      seriesKeys: [...local.keys()].map((number) => this.#series.keyOf(number)),
      columns: from === 0 && to === piece.rows ? piece.columns : picked(piece, span(from, to), this.#plan).columns,
    };
  }
}

function* partialsOf(groups: readonly HeldGroup[]): Generator<RowsPartial> {
  for (const group of groups) yield* group.partials();
}

function compareTo({ high, low }: Piece, i: number, time: SplitTime): number {
  return compareSplit(high[i], low[i], time.high, time.low);
}

function span(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, i) => from + i);
}

/** Those rows of a piece, copied. */
function picked(piece: Piece, rows: Uint32Array, plan: Plan): Piece {
  const places = rows.map((i) => piece.first + i);
  return {
    columns: piece.columns.map((column, c) => {
      const builder = new ColumnBuilder(plan.columns[c].type, rows.length);
      builder.append(column, places, rows.length);
      return builder.finish();
    }),
    first: 0,
    rows: rows.length,
    series: rows.map((i) => piece.series[i]),
    high: Float64Array.from(rows, (i) => piece.high[i]),
    low: Float64Array.from(rows, (i) => piece.low[i]),
  };
}

function mergedPieces(pieces: readonly Piece[], plan: Plan, seriesRank: Uint32Array): Piece {
  const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
  const all = {
    from: new Uint16Array(rows),
    place: new Uint32Array(rows),
    series: new Uint32Array(rows),
    high: new Float64Array(rows),
    low: new Float64Array(rows),
  };
  let at = 0;
  for (const [p, piece] of pieces.entries()) {
    all.series.set(piece.series, at);
    all.high.set(piece.high, at);
    all.low.set(piece.low, at);
    for (let i = 0; i < piece.rows; i++, at++) {
      all.from[at] = p;
      all.place[at] = piece.first + i;
    }
  }
  const { series, high, low } = all;
  const one = { group: new Uint32Array(rows), groupRank: new Uint32Array(1) };
  const order = orderOfRows({ rows, ...one, series, seriesRank, high, low }, true);
  const from = Uint16Array.from(order, (row) => all.from[row]);
  const places = order.map((row) => all.place[row]);
  return {
    columns: plan.columns.map(({ type }, c) => {
      const builder = new ColumnBuilder(type, rows);
      const columns = pieces.map((piece) => piece.columns[c]);
      builder.appendMixed(columns, from, places, rows);
      return builder.finish();
    }),
    first: 0,
    rows,
    series: order.map((row) => series[row]),
    high: Float64Array.from(order, (row) => high[row]),
    low: Float64Array.from(order, (row) => low[row]),
  };
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
