/** Where a bucket's rows are cut into chunks. Pure. */
import type { Column } from '../../model/index.ts';
import type { Runs } from './column-block.ts';
import type { BucketRows } from './types.ts';

/** Doubles of a column of a chunk are 64 KiB. */
const CHUNK_ROWS_MAX = 8192;
/** Whoever reads one series decodes all of its chunk: where series are small that is at most so many times its rows, or so many rows. */
const SERIES_SHARE = 16;
const SMALL_CHUNK_ROWS = 2048;
/** From here on a chunk is as large as it may be. */
export const SMALL_SERIES_ROWS = CHUNK_ROWS_MAX / SERIES_SHARE;
/** Texts of a chunk's rows in one column: a row more may stand only if the chunk has none yet. */
const CHUNK_TEXT_BYTES_MAX = 512 * 1024;

/** The end of the chunk that begins at `from`: a large series is cut into equal parts, small ones stay whole. */
export function chunkEnd(part: BucketRows, from: number): number {
  const first = seriesEnd(part, from);
  let end = first;
  if (first - from > CHUNK_ROWS_MAX) {
    end = from + Math.ceil((first - from) / Math.ceil((first - from) / CHUNK_ROWS_MAX));
  } else {
    const rowsMax = Math.min(CHUNK_ROWS_MAX, Math.max(SMALL_CHUNK_ROWS, SERIES_SHARE * (first - from)));
    while (end < part.rows) {
      const next = seriesEnd(part, end);
      if (next - from > rowsMax) break;
      end = next;
    }
  }
  for (const column of part.columns.values()) {
    if (column.type === 'string') end = textEnd(column, from, end);
  }
  return end;
}

/** Which series rows [from, to) are of. */
export function runsOf(series: Uint32Array, from: number, to: number): Runs {
  const numbers: number[] = [];
  const starts: number[] = [];
  for (let i = from; i < to; i++) {
    if (i > from && series[i] === series[i - 1]) continue;
    numbers.push(series[i]);
    starts.push(i - from);
  }
  return { series: Uint32Array.from(numbers), starts: Uint32Array.from(starts) };
}

// private functions

/** The first row behind `from` of another series. */
function seriesEnd(part: BucketRows, from: number): number {
  const series = part.series[from];
  let low = from;
  let step = 1;
  while (low + step < part.rows && part.series[low + step] === series) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, part.rows);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (part.series[middle] === series) low = middle;
    else high = middle;
  }
  return high;
}

function textEnd(column: Column & { type: 'string' }, from: number, to: number): number {
  const { offsets } = column.dictionary;
  let bytes = 0;
  for (let i = from; i < to; i++) {
    if (column.present?.[i] === 0) continue;
    bytes += offsets[column.values[i] + 1] - offsets[column.values[i]];
    if (bytes > CHUNK_TEXT_BYTES_MAX && i > from) return i;
  }
  return to;
}
