/**
 * Rows of a chunk by series: whoever wants few series finds their rows without walking all of them. Made when first asked, brought up to
 * date when much has been appended since; rows are never moved, so it holds for whoever has pinned the chunk too. Two bytes a row.
 */

/** Rows appended since it was made are walked, up to so many. */
const WALKED_ROWS_MAX = 4_096;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

const NO_ROWS = new Uint16Array(0);
const NO_SERIES = new Uint32Array(0);

/** What is indexed. */
export interface SeriesOfRows {
  readonly rows: number;
  readonly series: Uint32Array;
  readonly offsets: Float64Array;
}

export class SeriesRows {
  /** Row numbers by series, those of one series ascending. */
  #order: Uint16Array = NO_ROWS;
  /** Of the rows in `#order`: who has pinned a chunk may have a shorter array. */
  #series: Uint32Array = NO_SERIES;

  get bytes(): number {
    return this.#order.byteLength;
  }

  /** Rows of the series listed (ascending) with low ≤ offset ≤ high, ascending. */
  select(chunk: SeriesOfRows, list: Uint32Array, low: number, high: number): Uint32Array {
    this.#catchUp(chunk);
    const { rows, series, offsets } = chunk;
    const order = this.#order;
    const found: number[] = [];
    for (const wanted of list) {
      for (let i = this.#firstOf(wanted); i < order.length && this.#series[order[i]] === wanted; i++) {
        const row = order[i];
        if (row < rows && offsets[row] >= low && offsets[row] <= high) found.push(row);
      }
    }
    for (let row = order.length; row < rows; row++) {
      if (offsets[row] >= low && offsets[row] <= high && contains(list, series[row])) found.push(row);
    }
    const selection = Uint32Array.from(found);
    return list.length === 1 ? selection : selection.sort();
  }

  // private functions

  #catchUp({ rows, series }: SeriesOfRows): void {
    if (rows - this.#order.length <= WALKED_ROWS_MAX) return;
    this.#order = orderBySeries(series, rows);
    this.#series = series;
  }

  #firstOf(wanted: number): number {
    const order = this.#order;
    const series = this.#series;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (series[order[middle]] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Row numbers by series, those of one series ascending. Sorts by radix, from the lowest digit on. */
export function orderBySeries(series: Uint32Array, rows: number): Uint16Array {
  let most = 0;
  for (let row = 0; row < rows; row++) if (series[row] > most) most = series[row];
  let from = new Uint16Array(rows);
  let to = new Uint16Array(rows);
  for (let row = 0; row < rows; row++) from[row] = row;
  for (let shift = 0; shift < 32 && most >>> shift > 0; shift += DIGIT_BITS) {
    const ends = new Uint32Array(DIGITS);
    for (let row = 0; row < rows; row++) ends[(series[row] >>> shift) & (DIGITS - 1)]++;
    for (let digit = 0, end = 0; digit < DIGITS; digit++) {
      end += ends[digit];
      ends[digit] = end - ends[digit];
    }
    for (let i = 0; i < rows; i++) to[ends[(series[from[i]] >>> shift) & (DIGITS - 1)]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}

// private functions

function contains(list: Uint32Array, series: number): boolean {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle] < series) low = middle + 1;
    else high = middle;
  }
  return list[low] === series;
}
