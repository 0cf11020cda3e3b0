/**
 * The order of many rows by (group, time, series), ascending, as a list of row numbers: digit by digit from the least to the greatest
 * (radix sort), each pass stable, so that it takes time in proportion to the rows and never calls back. In steps.
 */
import { STEP_ROWS, type Steps } from '../source/steps.ts';

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
  let order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  const compare = byTime ? compareAll : compareGroup;
  yield null;
  if (yield* isSorted(keys, compare)) return order;
  if (rows < COUNTED_ROWS_MIN) return order.sort((a, b) => compare(keys, a, b) || a - b);
  if (byTime) {
    order = yield* sortedBy(order, yield* ranksOf(series, seriesRank, rows));
    for (const times of yield* timeKeys(keys)) order = yield* sortedBy(order, times);
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

/** Times as keys of 32 bits, what counts least first. */
function* timeKeys(keys: RowKeys): Steps<readonly Uint32Array[]> {
  const steps = yield* timeSteps(keys);
  return steps === null ? yield* wholeTimes(keys) : [steps];
}

/**
 * Times in the unit that all of them are apart from each other: what is measured every ten seconds has some thousand different ones a
 * day, which are a digit or two. null where the numbers would be too large.
 */
function* timeSteps({ rows, high, low }: RowKeys): Steps<Uint32Array | null> {
  const since = new Float64Array(rows);
  let unit = 0;
  let least = 0;
  let most = 0;
  for (const [from, to] of stretches(rows)) {
    for (let row = from; row < to; row++) {
      const time = (high[row] - high[0]) * 2 ** 32 + (low[row] - low[0]);
      since[row] = time;
      if (time < least) least = time;
      if (time > most) most = time;
      // a modulo of doubles takes ten times as long
      if (unit === 0 || Math.floor(time / unit) * unit !== time) unit = commonDivisor(unit, Math.abs(time));
    }
    if (most - least > Number.MAX_SAFE_INTEGER || (most - least) / Math.max(1, unit) >= 2 ** 32) return null;
    yield null;
  }
  const steps = new Uint32Array(rows);
  for (const [from, to] of stretches(rows)) {
    for (let row = from; row < to; row++) steps[row] = unit === 0 ? 0 : (since[row] - least) / unit;
    yield null;
  }
  return steps;
}

function commonDivisor(a: number, b: number): number {
  let [greater, lesser] = [a, b];
  while (lesser !== 0) [greater, lesser] = [lesser, greater % lesser];
  return greater;
}

/** Both parts, the low one first, as whole numbers from 0: the high part counts from the least one. */
function* wholeTimes({ rows, high, low }: RowKeys): Steps<readonly Uint32Array[]> {
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
  return [lows, highs];
}
