/**
 * RawTexts: rows of a raw plan that are written as texts block by block, before they are in order, so that no value is copied into columns
 * first. Texts stand in pieces, each of which can be a partial as it is. Blocks mostly come one after the other in time: then only rows
 * of one time have to change places, before they are written, and the pieces leave as they are. Where that is not so (blocks of single
 * series, several groups, descending answers), keys say the order and texts are copied once. For plans without a LIMIT. Long, as rows that
 * come in order and those that do not each have their way.
 */
import { type Block, type Column, compareText, OFFSET_MAX, type SeriesTable } from '../../../model/index.ts';
import { highOf, lowOf, splitTime } from '../../functions/slot-time.ts';
import type { Plan } from '../../planner/plan.ts';
import { compareGroups, GroupTable } from '../rows/groups.ts';
import { MetSeries } from '../rows/met-series.ts';
import type { SourceRows } from '../rows/rows-in.ts';
import { columnAs } from '../source/columns.ts';
import type { RowsPartial } from '../source/partial.ts';
import { type RowsToWrite, type RowTexts, type RowTextWriter, TEXTS_BYTES_MAX } from '../source/row-texts.ts';
import { finished, type Steps } from '../source/steps.ts';
import { type HeldRawRows, PARTIAL_ROWS_MAX } from './held-raw-rows.ts';
import { orderOfRows } from './row-order.ts';
import { orderTies, orderWrittenTies } from './row-ties.ts';
import { giveBack, textBytes } from './text-buffers.ts';

const ROWS_FIRST = 64;
/** Rows that are written in one step: of ten doubles each some ten milliseconds. */
const STEP_ROWS = 2_048;
/** Series that are put in order anew whenever one is met: of more the order is found once, when all are known. */
const SERIES_RANKED_MAX = 1_024;
/** Of a row, with those that put it in order. */
const KEY_BYTES = 3 * (4 + 8) + 8;
const PIECE_BYTES = 512;
const NO_VALUES = new Uint8Array(0);

/** Rows as they were written, in the order of their texts. */
interface Piece {
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** Of MetSeries. */
  readonly series: Uint32Array;
  readonly texts: RowTexts;
}

export class RawTexts implements HeldRawRows {
  readonly groups = new GroupTable();
  readonly #plan: Plan;
  readonly #writer: RowTextWriter;
  readonly #met: MetSeries;
  rows = 0;
  #pieces: Piece[] = [];
  #pieceBytes = 0;
  /** Of the piece that is being written. */
  #base = 0n;
  #offsets = new Float64Array(ROWS_FIRST);
  #series = new Uint32Array(ROWS_FIRST);
  #count = 0;
  /** All rows stand in ascending order. */
  #isOrdered = true;
  #lastTime = 0n;
  #lastSeries = -1;
  /** Rows of one time in the piece that is being written, which change places when it is whole. */
  #ties: { readonly from: number; readonly to: number }[] = [];
  /** Of the rows of a block. */
  #blockOffsets = new Float64Array(0);
  #blockSeries = new Uint32Array(0);
  /** Of the block added last, not written yet. */
  #left: RowsToWrite | null = null;

  constructor(plan: Plan, writer: RowTextWriter) {
    this.#plan = plan;
    this.#writer = writer;
    this.#met = new MetSeries(plan);
  }

  get bytes(): number {
    return this.#pieceBytes + this.#writer.length + KEY_BYTES * this.rows;
  }

  startSource(index: number): void {
    this.#met.startSource(index);
  }

  withinPage(_block: Block, _source: SourceRows, count: number): number {
    return count;
  }

  add(block: Block, table: SeriesTable, source: SourceRows, count: number): void {
    if (count === 0) return;
    const { rows } = source;
    if (this.#blockSeries.length < count) {
      this.#blockOffsets = new Float64Array(rows.length);
      this.#blockSeries = new Uint32Array(rows.length);
    }
    const [offsets, series, met] = [this.#blockOffsets, this.#blockSeries, this.#met];
    for (let k = 0; k < count; k++) {
      const row = rows[k];
      offsets[k] = block.offsets[row];
      series[k] = met.number(block.series[row], table, source);
    }
    if (this.#isOrdered) {
      if (this.groups.groups.length === 1 && !isAscending(offsets, count)) this.#sort(block.base, rows, count);
      this.#isOrdered = this.#follows(block.base, rows, count);
    }
    const columns = this.#plan.columns.map(({ kind, name, type }) =>
      kind === 'tag' ? null : columnOf(block.columns.get(name), type, block.rows),
    );
    this.#left = { count, base: block.base, offsets, rows, series, columns, tags: met.tags };
  }

  *tidy(): Steps<void> {
    const rows = this.#left;
    this.#left = null;
    if (rows !== null) yield* this.#write(rows);
  }

  *partials(): Generator<RowsPartial | null> {
    this.#close();
    if (this.#isOrdered && !this.#plan.descending) {
      for (const { base, offsets, series, texts } of this.#pieces) {
        const own = this.#met.ofPartial(series, this.groups);
        yield { kind: 'rows', rows: offsets.length, base, offsets, ...own, columns: [], texts };
      }
    } else yield* this.#inOrder();
    this.clear();
  }

  clear(): void {
    if (this.#count > 0) this.#writer.take();
    this.#ties = [];
    this.#left = null;
    this.#count = 0;
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.rows = 0;
    this.#isOrdered = true;
    this.#lastSeries = -1;
  }

  *prune(): Steps<void> {}

  isFull(): boolean {
    return false;
  }

  // private functions

  /** Puts the rows of a block, all of one group, in order of time and series. */
  #sort(base: bigint, rows: Uint32Array, count: number): void {
    if (!this.#isRankable) return;
    const [offsets, series] = [this.#blockOffsets.slice(0, count), this.#blockSeries.slice(0, count)];
    const before = rows.slice(0, count);
    const keys = {
      ...{ rows: count, group: new Uint32Array(count), groupRank: new Uint32Array(1) },
      ...{ series, seriesRank: finished(this.#met.ranks()) },
      ...{ high: new Float64Array(count), low: new Float64Array(count) },
    };
    splitTimes(base, offsets, keys, 0);
    const order = finished(orderOfRows(keys, true));
    for (let k = 0; k < count; k++) {
      this.#blockOffsets[k] = offsets[order[k]];
      this.#blockSeries[k] = series[order[k]];
      rows[k] = before[order[k]];
    }
  }

  /** Puts rows of one time in order, where they are otherwise; false: the rows of the block are in no order, or not behind those before. */
  #follows(base: bigint, rows: Uint32Array, count: number): boolean {
    const [offsets, series] = [this.#blockOffsets, this.#blockSeries];
    const { groupOf } = this.#met;
    let isSorted = true;
    for (let k = 1; k < count; k++) {
      if (offsets[k] < offsets[k - 1] || groupOf[series[k]] !== groupOf[series[k - 1]]) return false;
      isSorted &&= offsets[k] !== offsets[k - 1];
    }
    if (!isSorted) {
      if (!this.#isRankable) return false;
      orderTies(offsets, series, rows, count, finished(this.#met.ranks()));
    }
    const [last, lastTime] = [this.#lastSeries, this.#lastTime];
    this.#lastTime = base + BigInt(offsets[count - 1]);
    this.#lastSeries = series[count - 1];
    if (last === -1) return true;
    const { groups } = this.groups;
    const group = groupOf[series[0]];
    if (groupOf[last] !== group) return compareGroups(groups[groupOf[last]], groups[group]) < 0;
    const time = base + BigInt(offsets[0]);
    if (time !== lastTime) return time > lastTime;
    const { keys } = this.#met;
    if (lastTime === this.#lastTime && compareText(keys[last], keys[this.#lastSeries]) > 0) this.#lastSeries = last;
    return compareText(keys[last], keys[series[0]]) <= 0 || this.#isTie(time, count);
  }

  /** Whether ranks are known, or soon found. */
  get #isRankable(): boolean {
    return this.#met.areRanked || this.#met.keys.length <= SERIES_RANKED_MAX;
  }

  /** Notes rows of one time that the last block ends and this one begins with, to be put in order; false: they stand in several pieces. */
  #isTie(time: bigint, count: number): boolean {
    const offset = Number(time - this.#base);
    let from = this.#count;
    while (from > 0 && this.#offsets[from - 1] === offset) from--;
    let to = 1;
    while (to < count && this.#blockOffsets[to] === this.#blockOffsets[0]) to++;
    if (!this.#isRankable || (from === 0 && this.#pieces.length > 0)) return false;
    this.#ties.push({ from, to: this.#count + to });
    return true;
  }

  *#write(rows: RowsToWrite): Steps<void> {
    for (let from = 0; from < rows.count; ) {
      if (this.#count === 0) this.#base = rows.base + BigInt(rows.offsets[from]);
      const shift = Number(rows.base - this.#base);
      const end = Math.min(rows.count, from + STEP_ROWS, from + PARTIAL_ROWS_MAX - this.#count);
      const near = nearRows(rows.offsets, shift, from, end);
      if (near > from) {
        const to = this.#writer.write(rows, from, near);
        this.#keep(rows, shift, from, to);
        from = to;
      }
      if (from < end || this.#count === PARTIAL_ROWS_MAX || this.#writer.length >= TEXTS_BYTES_MAX) this.#close();
      if (from < rows.count) yield null;
    }
  }

  /** Keys of rows that were written. */
  #keep({ offsets, series }: RowsToWrite, shift: number, from: number, to: number): void {
    const count = this.#count + to - from;
    if (count > this.#offsets.length) {
      const length = Math.min(PARTIAL_ROWS_MAX, Math.max(count, 2 * this.#offsets.length));
      const longer = { offsets: new Float64Array(length), series: new Uint32Array(length) };
      longer.offsets.set(this.#offsets.subarray(0, this.#count));
      longer.series.set(this.#series.subarray(0, this.#count));
      this.#offsets = longer.offsets;
      this.#series = longer.series;
    }
    for (let k = from, at = this.#count; k < to; k++, at++) {
      this.#offsets[at] = shift + offsets[k];
      this.#series[at] = series[k];
    }
    this.#count = count;
    this.rows += to - from;
  }

  #close(): void {
    if (this.#count === 0) return;
    const texts = this.#writer.take();
    const series = this.#series.slice(0, this.#count);
    for (const { from, to } of this.#isOrdered ? this.#ties : []) {
      if (to <= series.length) orderWrittenTies(texts, series, from, to, finished(this.#met.ranks()));
      else this.#isOrdered = false;
    }
    this.#ties = [];
    this.#pieces.push({ base: this.#base, offsets: this.#offsets.slice(0, this.#count), series, texts });
    this.#pieceBytes += texts.bytes.length + PIECE_BYTES;
    this.#count = 0;
  }

  *#inOrder(): Generator<RowsPartial | null> {
    const { rows } = this;
    const series = new Uint32Array(rows);
    const high = new Float64Array(rows);
    const low = new Float64Array(rows);
    const pieceOf = new Uint32Array(rows);
    const starts: number[] = [];
    let at = 0;
    for (const [p, piece] of this.#pieces.entries()) {
      starts.push(at);
      splitTimes(piece.base, piece.offsets, { high, low }, at);
      series.set(piece.series, at);
      pieceOf.fill(p, at, at + piece.offsets.length);
      at += piece.offsets.length;
      yield null;
    }
    const seriesRank = yield* this.#met.ranks();
    yield* this.groups.rank();
    const ranks = this.groups.ranks();
    const groupRank = Uint32Array.from(this.#met.groupOf, (group) => ranks[group]);
    const order = yield* orderOfRows({ rows, group: series, groupRank, series, seriesRank, high, low }, true);
    if (this.#plan.descending) order.reverse();
    for (let from = 0; from < rows; ) {
      const partial = this.#copied(order, from, pieceOf, starts);
      yield partial;
      from += partial.rows;
    }
    for (const { texts } of this.#pieces) giveBack(texts.bytes);
  }

  /** The rows from the `from`-th on that go into one partial. */
  #copied(order: Uint32Array, from: number, pieceOf: Uint32Array, starts: readonly number[]): RowsPartial {
    const pieces = this.#pieces;
    const first = pieces[pieceOf[order[from]]];
    const base = first.base + BigInt(first.offsets[order[from] - starts[pieceOf[order[from]]]]);
    const shifts = pieces.map((piece) => Number(piece.base - base));
    const most = Math.min(PARTIAL_ROWS_MAX, order.length - from);
    const offsets = new Float64Array(most);
    const series = new Uint32Array(most);
    const ends = new Uint32Array(most);
    let rows = 0;
    for (let length = 0; rows < most && length < TEXTS_BYTES_MAX; rows++) {
      const p = pieceOf[order[from + rows]];
      const row = order[from + rows] - starts[p];
      const { texts } = pieces[p];
      const offset = shifts[p] + pieces[p].offsets[row];
      if (Math.abs(offset) > OFFSET_MAX) break;
      offsets[rows] = offset;
      series[rows] = pieces[p].series[row];
      length += texts.ends[row] - (row === 0 ? 0 : texts.ends[row - 1]);
      ends[rows] = length;
    }
    const bytes = textBytes(ends[rows - 1]);
    for (let k = 0, at = 0; k < rows; ) {
      const p = pieceOf[order[from + k]];
      const row = order[from + k] - starts[p];
      const { texts } = pieces[p];
      // rows that stand together are copied together
      let next = k + 1;
      for (let at = from + k; next < rows && order[at + 1] === order[at] + 1 && pieceOf[order[at + 1]] === p; at++)
        next++;
      bytes.set(texts.bytes.subarray(row === 0 ? 0 : texts.ends[row - 1], texts.ends[row + next - 1 - k]), at);
      at = ends[next - 1];
      k = next;
    }
    return {
      kind: 'rows',
      ...{ rows, base, offsets: offsets.slice(0, rows), columns: [] },
      ...this.#met.ofPartial(series.slice(0, rows), this.groups),
      texts: { bytes, ends: ends.slice(0, rows) },
    };
  }
}

// private functions

function isAscending(offsets: Float64Array, count: number): boolean {
  for (let k = 1; k < count; k++) if (offsets[k] < offsets[k - 1]) return false;
  return true;
}

/** Times as in slot-time.ts, from a place on. */
function splitTimes(
  base: bigint,
  offsets: Float64Array,
  { high, low }: { readonly high: Float64Array; readonly low: Float64Array },
  at: number,
): void {
  const since = splitTime(base);
  for (let i = 0; i < offsets.length; i++) {
    const sum = since.low + offsets[i];
    high[at + i] = highOf(since.high, sum);
    low[at + i] = lowOf(sum);
  }
}

/** Of `type`; a column without a value where there is none that can be had so. */
function columnOf(column: Column | undefined, type: Column['type'], rows: number): Column {
  const found = column === undefined ? null : columnAs(column, type);
  return found ?? { type: 'boolean', values: NO_VALUES, present: new Uint8Array(rows) };
}

/** The end of the rows from `from` on that are near enough to the base of a piece. */
function nearRows(offsets: Float64Array, shift: number, from: number, end: number): number {
  let to = from;
  while (to < end && Math.abs(shift + offsets[to]) <= OFFSET_MAX) to++;
  return to;
}
