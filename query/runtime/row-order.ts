/**
 * The order of many rows by (group, time, series), ascending, as a list of row numbers: digit by digit from the least to the greatest
 * (radix sort), each pass stable, so that it takes time in proportion to the rows and never calls back.
 */

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

/** In steps of some milliseconds a million rows. `byTime` false: rows of a group stay in the order of their numbers. */
export function* orderOfRows(keys: RowKeys, byTime: boolean): Generator<void, Uint32Array> {
  const { rows, group, groupRank, series, seriesRank } = keys;
  let order: Uint32Array<ArrayBuffer> = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  const compare = byTime ? compareAll : compareGroup;
  if (isSorted(keys, compare)) return order;
  if (rows < COUNTED_ROWS_MIN) return order.sort((a, b) => compare(keys, a, b) || a - b);
  if (byTime) {
    order = yield* sortedBy(order, ranksOf(series, seriesRank, rows));
    const { low, high } = wholeTimes(keys);
    yield;
    order = yield* sortedBy(order, low);
    order = yield* sortedBy(order, high);
  }
  return yield* sortedBy(order, ranksOf(group, groupRank, rows));
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

function isSorted(keys: RowKeys, compare: Compare): boolean {
  for (let row = 1; row < keys.rows; row++) if (compare(keys, row - 1, row) > 0) return false;
  return true;
}

function ranksOf(values: Uint32Array, rank: Uint32Array, rows: number): Uint32Array {
  const ranks = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) ranks[row] = rank[values[row]];
  return ranks;
}

/** Both parts as whole numbers from 0: the high part counts from the least one. */
function wholeTimes({ rows, high, low }: RowKeys): { high: Uint32Array; low: Uint32Array } {
  let least = Infinity;
  for (let row = 0; row < rows; row++) if (high[row] < least) least = high[row];
  const highs = new Uint32Array(rows);
  const lows = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    highs[row] = high[row] - least;
    lows[row] = low[row];
  }
  return { high: highs, low: lows };
}

function* sortedBy(order: Uint32Array<ArrayBuffer>, keys: Uint32Array): Generator<void, Uint32Array<ArrayBuffer>> {
  let all = 0;
  for (let row = 0; row < keys.length; row++) all |= keys[row];
  const greatest = all >>> 0;
  let from = order;
  for (let shift = 0; shift < 32 && greatest >= 2 ** shift; shift += DIGIT_BITS) {
    const counts = new Uint32Array(DIGITS);
    for (let i = 0; i < from.length; i++) counts[(keys[i] >>> shift) & MASK]++;
    if (counts[(keys[0] >>> shift) & MASK] === from.length) continue;
    for (let digit = 0, at = 0; digit < DIGITS; digit++) {
      const count = counts[digit];
      counts[digit] = at;
      at += count;
    }
    const to = new Uint32Array(from.length);
    for (let i = 0; i < from.length; i++) to[counts[(keys[from[i]] >>> shift) & MASK]++] = from[i];
    from = to;
    yield;
  }
  return from;
}
