/**
 * The order of many rows by (group, time, series), ascending, as a list of row numbers: digit by digit from the least to the greatest
 * (radix sort), each pass stable, so that it takes time in proportion to the rows and never calls back. In steps.
 */
import { STEP_ROWS, type Steps } from './steps.ts';

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
const MASK = DIGITS - 1;
/** Fewer rows are compared with each other. */
const COUNTED_ROWS_MIN = 256;

/** By row number; `rank` of a group and of a series says where it stands among the others. */
export interface RowKeys {
  readonly rows: number;
  readonly group: Uint32Array;
  readonly groupRank: Uint32Array;
  readonly series: Uint32Array;
  readonly seriesRank: Uint32Array;
  /** Time as in slot-time.ts. */
  readonly high: Float64Array;
  readonly low: Float64Array;
}

/** `byTime` false: rows of a group stay in the order of their numbers. */
export function* orderOfRows(keys: RowKeys, byTime: boolean): Steps<Uint32Array> {
  const { rows, group, groupRank, series, seriesRank } = keys;
  let order = Uint32Array.from({ length: rows }, (_, row) => row);
  const compare = byTime ? compareAll : compareGroup;
  yield null;
  if (yield* isSorted(keys, compare)) return order;
  if (rows < COUNTED_ROWS_MIN) return order.sort((a, b) => compare(keys, a, b) || a - b);
  if (byTime) {
    order = yield* sortedBy(order, yield* ranksOf(series, seriesRank, rows));
    const { low, high } = yield* wholeTimes(keys);
    order = yield* sortedBy(order, low);
    order = yield* sortedBy(order, high);
  }
  return yield* sortedBy(order, yield* ranksOf(group, groupRank, rows));
}

/** Stable, by the key of each item of `order`. */
export function* sortedBy(order: Uint32Array<ArrayBuffer>, keys: Uint32Array): Steps<Uint32Array<ArrayBuffer>> {
  let all = 0;
  for (let row = 0; row < keys.length; row++) all |= keys[row];
  const greatest = all >>> 0;
  let from = order;
  for (let shift = 0; shift < 32 && greatest >= 2 ** shift; shift += DIGIT_BITS) {
    const counts = new Uint32Array(DIGITS);
    for (const [start, end] of stretches(from.length)) {
      for (let i = start; i < end; i++) counts[(keys[from[i]] >>> shift) & MASK]++;
      yield null;
    }
    if (counts[(keys[from[0]] >>> shift) & MASK] === from.length) continue;
    for (let digit = 0, at = 0; digit < DIGITS; digit++) {
      const count = counts[digit];
      counts[digit] = at;
      at += count;
    }
    const to = new Uint32Array(from.length);
    for (const [start, end] of stretches(from.length)) {
      for (let i = start; i < end; i++) to[counts[(keys[from[i]] >>> shift) & MASK]++] = from[i];
      yield null;
    }
    from = to;
  }
  return from;
}

// private functions

type Compare = (keys: RowKeys, a: number, b: number) => number;

function compareGroup({ group, groupRank }: RowKeys, a: number, b: number): number {
  return groupRank[group[a]] - groupRank[group[b]];
}

function compareAll(keys: RowKeys, a: number, b: number): number {
  const { high, low, series, seriesRank } = keys;
  return (
    compareGroup(keys, a, b) || high[a] - high[b] || low[a] - low[b] || seriesRank[series[a]] - seriesRank[series[b]]
  );
}

function* isSorted(keys: RowKeys, compare: Compare): Steps<boolean> {
  for (let row = 1; row < keys.rows; row++) {
    if (compare(keys, row - 1, row) > 0) return false;
    if (row % STEP_ROWS === 0) yield null;
  }
  return true;
}

function* ranksOf(values: Uint32Array, rank: Uint32Array, rows: number): Steps<Uint32Array> {
  const ranks = new Uint32Array(rows);
  for (const [from, to] of stretches(rows)) {
    for (let row = from; row < to; row++) ranks[row] = rank[values[row]];
    yield null;
  }
  return ranks;
}

function* stretches(rows: number): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < rows; from += STEP_ROWS) yield [from, Math.min(rows, from + STEP_ROWS)];
}

/** Both parts as whole numbers from 0: the high part counts from the least one. */
function* wholeTimes({ rows, high, low }: RowKeys): Steps<{ high: Uint32Array; low: Uint32Array }> {
  let least = Infinity;
  for (let row = 0; row < rows; row++) if (high[row] < least) least = high[row];
  const highs = new Uint32Array(rows);
  const lows = new Uint32Array(rows);
  for (const [from, to] of stretches(rows)) {
    for (let row = from; row < to; row++) {
      highs[row] = high[row] - least;
      lows[row] = low[row];
    }
    yield null;
  }
  return { high: highs, low: lows };
}
