/**
 * HeldGroup: the rows of one group that the home of a live query holds, as pieces in the order in which they came, put together and in
 * order when somebody reads them.
 */
import { type Column, compareText, OFFSET_MAX } from '../../model/index.ts';
import { compareSplit, joinTime, type SplitTime, splitTime } from '../functions/slot-time.ts';
import type { Plan } from '../planner/plan.ts';
import { ColumnBuilder } from './columns.ts';
import type { Group, RowsPartial } from './partial.ts';
import { orderOfRows } from './row-order.ts';
import { finished } from './steps.ts';

/** Rows of a group, in order. Row i is row first + i of the columns. */
export interface Piece {
  readonly columns: readonly Column[];
  readonly first: number;
  readonly rows: number;
  readonly series: Uint32Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
}

/** Numbers of series, the shard of each, and their order. */
export class HeldSeries {
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

export class HeldGroup {
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

  /** Which of the rows before a time is the last that has one of the first `asked` columns; 0 where none has. */
  lastBefore(time: bigint, asked: number): number {
    const { columns, first } = this.sorted();
    const some = columns.slice(0, asked);
    let row = this.countBefore(time) - 1;
    while (row > 0 && !some.some(({ present }) => present === null || present[first + row] === 1)) row--;
    return Math.max(row, 0);
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

/** Negative where row i of a piece is before a time. */
export function compareTo({ high, low }: Piece, i: number, time: SplitTime): number {
  return compareSplit(high[i], low[i], time.high, time.low);
}

// private functions

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
  const order = finished(orderOfRows({ rows, ...one, series, seriesRank, high, low }, true));
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
