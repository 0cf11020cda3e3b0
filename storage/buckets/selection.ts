/** Which rows of a chunk a request wants, and the block that shows them. Pure. */
import type { Block, Column } from '../../model/index.ts';
import type { Runs } from './column-block.ts';
import type { ScanArrays } from './scan-arrays.ts';
import type { BucketScan } from './types.ts';

/** Row ranges [from, to) as pairs, ascending, not touching. */
export type Ranges = readonly number[];

/** The rows whose series is wanted and, where `within` says so, whose time is. */
export function mergedRanges(
  runs: Runs,
  rows: number,
  request: BucketScan,
  within: { readonly times: Float64Array; readonly low: number; readonly high: number } | null,
): Ranges {
  const { series: wanted, map } = request;
  if (wanted === null && within === null) return [0, rows];
  const ranges: number[] = [];
  let listed = 0;
  for (let run = 0; run < runs.series.length; run++) {
    const series = runs.series[run];
    if (wanted instanceof Uint32Array) {
      while (listed < wanted.length && wanted[listed] < series) listed++;
      if (wanted[listed] !== series) continue;
    } else if (wanted !== null && wanted[map === null ? series : map(series)] !== 1) continue;
    let from = runs.starts[run];
    let to = runs.starts[run + 1] ?? rows;
    if (within !== null) {
      from = lowerBound(within.times, from, to, within.low);
      to = upperBound(within.times, from, to, within.high);
    }
    if (from === to) continue;
    if (ranges.length > 0 && ranges[ranges.length - 1] === from) ranges[ranges.length - 1] = to;
    else ranges.push(from, to);
  }
  return ranges;
}

/** Views on the columns from the first to the last wanted row, with a selection where rows between them are not wanted. */
export function selectedBlock(
  base: bigint,
  rows: number,
  runs: Runs,
  map: BucketScan['map'],
  times: Float64Array,
  columns: ReadonlyMap<string, Column>,
  ranges: Ranges,
  arrays: ScanArrays | null,
): Block {
  const from = ranges[0];
  const to = ranges[ranges.length - 1];
  const series = numbersOf(runs, rows, from, to, map, arrays);
  const isWhole = from === 0 && to === rows;
  return {
    rows: to - from,
    series,
    base,
    offsets: from === 0 && to === times.length ? times : times.subarray(from, to),
    columns: isWhole ? columns : new Map([...columns].map(([name, column]) => [name, part(column, from, to)])),
    selection: ranges.length === 2 ? null : selectionOf(ranges, from),
    runs: runsOf(ranges, runs, rows),
  };
}

// private functions

/** Of the series of rows [from, to). */
function numbersOf(
  { series, starts }: Runs,
  rows: number,
  from: number,
  to: number,
  map: BucketScan['map'],
  arrays: ScanArrays | null,
): Uint32Array {
  if (series.length === 1 && arrays !== null) {
    return arrays.oneSeries(map === null ? series[0] : map(series[0]), to - from);
  }
  const numbers = arrays?.series(to - from) ?? new Uint32Array(to - from);
  for (let run = 0; run < series.length; run++) {
    const end = starts[run + 1] ?? rows;
    if (end <= from) continue;
    if (starts[run] >= to) break;
    const number = map === null ? series[run] : map(series[run]);
    numbers.fill(number, Math.max(0, starts[run] - from), Math.min(end, to) - from);
  }
  return numbers;
}

function lowerBound(times: Float64Array, low: number, high: number, time: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(times: Float64Array, low: number, high: number, time: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function part(column: Column, from: number, to: number): Column {
  const present = column.present?.subarray(from, to) ?? null;
  return { ...column, values: column.values.subarray(from, to), present } as Column;
}

/** The ranges cut where series end, from the first of their rows on. */
function runsOf(ranges: Ranges, { series, starts }: Runs, rows: number): Uint32Array {
  if (ranges[0] === 0 && ranges[1] === rows) {
    const all = new Uint32Array(2 * series.length);
    for (let run = 0; run < series.length; run++) {
      all[2 * run] = starts[run];
      all[2 * run + 1] = run + 1 < series.length ? starts[run + 1] : rows;
    }
    return all;
  }
  const found: number[] = [];
  let run = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    for (let from = ranges[i]; from < ranges[i + 1]; ) {
      while (run + 1 < series.length && starts[run + 1] <= from) run++;
      const to = Math.min(ranges[i + 1], starts[run + 1] ?? rows);
      found.push(from - ranges[0], to - ranges[0]);
      from = to;
    }
  }
  return Uint32Array.from(found);
}

function selectionOf(ranges: Ranges, first: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < ranges.length; i += 2) count += ranges[i + 1] - ranges[i];
  const selection = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    for (let row = ranges[i]; row < ranges[i + 1]; row++) selection[at++] = row - first;
  }
  return selection;
}
