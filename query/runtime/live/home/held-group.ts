/**
 * HeldGroup: the rows of one group that the home of a live query holds: runs that follow one another in time, and behind them pieces in
 * the order in which they came, which become runs when somebody reads them. New rows touch only the runs that they reach back into, so
 * what a stream in order costs does not depend on how much is held.
 */
import { type Column, OFFSET_MAX } from '../../../../model/index.ts';
import { compareSplit, joinTime, type SplitTime, splitTime } from '../../../functions/slot-time.ts';
import type { Plan } from '../../../planner/plan.ts';
import { orderOfRows } from '../../raw/row-order.ts';
import { ColumnBuilder } from '../../source/columns.ts';
import type { Group, RowsPartial } from '../../source/partial.ts';
import { finished } from '../../source/steps.ts';
import type { HeldSeries } from './held-series.ts';

/** A run that has fewer than so many times the rows that follow it becomes one with them: so runs are few, and rows are seldom copied. */
const RUN_RATIO = 2;

/** Rows of a group, in order. Row i is row first + i of the columns. */
export interface Piece {
  readonly columns: readonly Column[];
  readonly first: number;
  readonly rows: number;
  readonly series: Uint32Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
}

export class HeldGroup {
  readonly group: Group;
  readonly #plan: Plan;
  readonly #series: HeldSeries;
  /** In order of time; times of one are not in another. From row 0 of their columns, which have no other rows. */
  #runs: Piece[] = [];
  /** As they came. */
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
    const left = (piece: Piece): Piece => {
      const kept = new Uint32Array(piece.rows);
      let count = 0;
      for (let i = 0; i < piece.rows; i++) {
        const inside = compareTo(piece, i, from) >= 0 && compareTo(piece, i, to) <= 0;
        if (!inside || !isMeant(piece.series[i])) kept[count++] = i;
      }
      return count === piece.rows ? piece : picked(piece, kept.subarray(0, count), this.#plan);
    };
    const isSome = ({ rows }: Piece): boolean => rows > 0;
    this.#runs = this.#runs.map(left).filter(isSome);
    this.#pieces = this.#pieces.map(left).filter(isSome);
    this.rows = [...this.#runs, ...this.#pieces].reduce((sum, { rows }) => sum + rows, 0);
    return this.rows < before;
  }

  countBefore(time: bigint): number {
    this.#tidy();
    const limit = splitTime(time);
    let count = 0;
    for (const run of this.#runs) {
      const rows = rowsBefore(run, limit);
      count += rows;
      if (rows < run.rows) break;
    }
    return count;
  }

  /** Which of the rows before a time is the last that has one of the first `asked` columns; 0 where none has. */
  lastBefore(time: bigint, asked: number): number {
    let row = this.countBefore(time);
    for (const run of this.#runs.slice(0, this.#runAt(row) + 1).reverse()) {
      const some = run.columns.slice(0, asked);
      const first = this.#firstOf(run);
      while (--row >= first) {
        if (some.some(({ present }) => present === null || present[row - first] === 1)) return row;
      }
      row = first;
    }
    return 0;
  }

  dropFirst(count: number): void {
    this.#tidy();
    let left = count;
    while (left > 0) {
      const run = this.#runs.shift()!;
      if (run.rows > left) this.#runs.unshift(picked(run, span(left, run.rows), this.#plan));
      left -= Math.min(left, run.rows);
    }
    this.rows -= count;
  }

  /** From a row on. */
  *partials(first = 0): Generator<RowsPartial> {
    this.#tidy();
    let at = 0;
    for (const run of this.#runs) {
      const begin = Math.max(0, first - at);
      at += run.rows;
      for (let from = begin; from < run.rows; ) {
        let to = from + 1;
        while (to < run.rows && run.high[to] - run.high[from] < OFFSET_MAX / 2 ** 32 - 1) to++;
        yield this.#partial(run, from, to);
        from = to;
      }
    }
  }

  // private functions

  /** Pieces become runs, with the rows of those that they reach back into. */
  #tidy(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    this.#pieces = [];
    const least = pieces.map((piece) => ({ high: piece.high[0], low: piece.low[0] })).reduce(sooner);
    let count = pieces.reduce((sum, { rows }) => sum + rows, 0);
    for (let last = this.#runs.at(-1); last !== undefined; last = this.#runs.at(-1)) {
      const kept = rowsBefore(last, least);
      const isLong = kept >= RUN_RATIO * (count + last.rows - kept);
      if (isLong && kept === last.rows) break;
      this.#runs.pop();
      if (isLong) {
        this.#runs.push(picked(last, span(0, kept), this.#plan));
        pieces.unshift(picked(last, span(kept, last.rows), this.#plan));
        break;
      }
      pieces.unshift(last);
      count += last.rows;
    }
    this.#runs.push(mergedPieces(pieces, this.#plan, this.#series.ranks()));
  }

  /** Index of the run that holds a row. */
  #runAt(row: number): number {
    let at = 0;
    for (let rest = row; at < this.#runs.length - 1 && rest >= this.#runs[at].rows; at++) rest -= this.#runs[at].rows;
    return at;
  }

  #firstOf(run: Piece): number {
    let first = 0;
    for (const one of this.#runs) {
      if (one === run) break;
      first += one.rows;
    }
    return first;
  }

  #partial(run: Piece, from: number, to: number): RowsPartial {
    const rows = to - from;
    const offsets = new Float64Array(rows);
    const series = new Uint32Array(rows);
    const local = new Map<number, number>();
    for (let i = 0; i < rows; i++) {
      const at = from + i;
      offsets[i] = (run.high[at] - run.high[from]) * 2 ** 32 + (run.low[at] - run.low[from]);
      const number = run.series[at];
      const known = local.get(number) ?? local.size;
      if (known === local.size) local.set(number, known);
      series[i] = known;
    }
    return {
      kind: 'rows',
      groups: [this.group],
      ends: Uint32Array.of(rows),
      rows,
      base: joinTime(run.high[from], run.low[from]),
      offsets,
      series,
      seriesKeys: [...local.keys()].map((number) => this.#series.keyOf(number)),
      columns: from === 0 && to === run.rows ? run.columns : picked(run, span(from, to), this.#plan).columns,
    };
  }
}

/** Negative where row i of a piece is before a time. */
export function compareTo({ high, low }: Piece, i: number, time: SplitTime): number {
  return compareSplit(high[i], low[i], time.high, time.low);
}

// private functions

/** How many rows of a piece in order are before a time. */
function rowsBefore(piece: Piece, time: SplitTime): number {
  let [low, high] = [0, piece.rows];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareTo(piece, middle, time) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sooner(a: SplitTime, b: SplitTime): SplitTime {
  return compareSplit(a.high, a.low, b.high, b.low) <= 0 ? a : b;
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
