/**
 * Rows of one time, which stand in the order of their series in an answer: where rows come by time, nothing else has to change places.
 * Rows of one rank stay as they stood.
 */
import type { RowTexts } from '../source/row-texts.ts';

/** Rows that are put in order by inserting them one by one. */
const INSERTED_MAX = 16;

/** Stretches of equal times among the first `count` rows, by the rank of their series: `series` and `rows` change places together. */
export function orderTies(
  offsets: Float64Array,
  series: Uint32Array,
  rows: Uint32Array,
  count: number,
  ranks: Uint32Array,
): void {
  for (let from = 0, to = 1; from < count; from = to++) {
    while (to < count && offsets[to] === offsets[from]) to++;
    if (to - from <= INSERTED_MAX) insert(series, rows, from, to, ranks);
    else sort(series, rows, from, to, ranks);
  }
}

/** Rows [from, to) that are written already, all of one time: their texts and `series` change places in place. */
export function orderWrittenTies(
  { bytes, ends }: RowTexts,
  series: Uint32Array,
  from: number,
  to: number,
  ranks: Uint32Array,
): void {
  const rows = Uint32Array.from({ length: to - from }, (_, i) => from + i);
  const begins = rows.map((row) => (row === 0 ? 0 : ends[row - 1]));
  const lengths = rows.map((row, i) => ends[row] - begins[i]);
  const before = bytes.slice(begins[0], ends[to - 1]);
  const own = series.subarray(from, to);
  sort(own, rows, 0, rows.length, ranks);
  for (let i = 0, at = begins[0]; i < rows.length; i++) {
    const k = rows[i] - from;
    const begin = begins[k] - begins[0];
    bytes.set(before.subarray(begin, begin + lengths[k]), at);
    at += lengths[k];
    ends[from + i] = at;
  }
}

// private functions

function insert(series: Uint32Array, rows: Uint32Array, from: number, to: number, ranks: Uint32Array): void {
  for (let k = from + 1; k < to; k++) {
    const [ownSeries, ownRow] = [series[k], rows[k]];
    const rank = ranks[ownSeries];
    let at = k;
    for (; at > from && ranks[series[at - 1]] > rank; at--) {
      series[at] = series[at - 1];
      rows[at] = rows[at - 1];
    }
    series[at] = ownSeries;
    rows[at] = ownRow;
  }
}

function sort(series: Uint32Array, rows: Uint32Array, from: number, to: number, ranks: Uint32Array): void {
  const count = to - from;
  const keys = new Float64Array(count);
  // a rank and a place are one number, which sorts without a callback
  for (let i = 0; i < count; i++) keys[i] = ranks[series[from + i]] * count + i;
  keys.sort();
  const [ownSeries, ownRows] = [series.slice(from, to), rows.slice(from, to)];
  for (let i = 0; i < count; i++) {
    series[from + i] = ownSeries[keys[i] % count];
    rows[from + i] = ownRows[keys[i] % count];
  }
}
