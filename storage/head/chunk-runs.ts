/**
 * Runs: a full chunk whose rows have been put in order of series has the rows of each one after the other, in order of time. Whoever
 * reads it takes stretches of rows instead of looking at each (Block.runs). Here is where they begin and which of them are wanted.
 */
import { firstRowFrom, type SeriesChoice } from '../../model/index.ts';

/** What is asked of. */
export interface SortedRows {
  readonly rows: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly series: Uint32Array;
  readonly offsets: Float64Array;
}

/** Where the rows of each series begin, and behind them the end of the last. `series` ascends. */
export function runStarts(series: Uint32Array, rows: number): Uint32Array {
  let count = rows === 0 ? 0 : 1;
  for (let row = 1; row < rows; row++) if (series[row] !== series[row - 1]) count++;
  const starts = new Uint32Array(count + 1);
  let run = 0;
  for (let row = 1; row < rows; row++) if (series[row] !== series[row - 1]) starts[++run] = row;
  starts[count] = rows;
  return starts;
}

/** The rows with low ≤ offset ≤ high of the series wanted, as Block.runs. */
export function runsWithin(
  chunk: SortedRows,
  starts: Uint32Array,
  low: number,
  high: number,
  wanted: SeriesChoice,
): Uint32Array {
  const { series } = chunk;
  const count = starts.length - 1;
  const list = wanted instanceof Uint32Array ? wanted : null;
  const mask = wanted instanceof Uint8Array ? wanted : null;
  const runs = new Uint32Array(2 * Math.min(count, list?.length ?? count));
  let found = 0;
  const take = (run: number): void => {
    const { offsets, minOffset, maxOffset } = chunk;
    let from = starts[run];
    let to = starts[run + 1];
    if (minOffset < low) from = firstRowFrom(offsets, from, to, low);
    if (maxOffset > high) to = firstRowFrom(offsets, from, to, high + 1);
    if (from === to) return;
    runs[found++] = from;
    runs[found++] = to;
  };
  if (list === null) {
    for (let run = 0; run < count; run++) if (mask === null || mask[series[starts[run]]] === 1) take(run);
  } else {
    for (const number of list) {
      const run = runOf(number, series, starts);
      if (run >= 0) take(run);
    }
  }
  return runs.subarray(0, found);
}

// private functions

/** −1 = the series has no rows here. */
function runOf(number: number, series: Uint32Array, starts: Uint32Array): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (series[starts[middle]] < number) low = middle + 1;
    else high = middle;
  }
  return low < starts.length - 1 && series[starts[low]] === number ? low : -1;
}
