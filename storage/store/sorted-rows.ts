/**
 * The rows of one head partition in the order in which buckets hold them: by span of time, then series key, then time. Works on row
 * numbers only; `gather.ts` fetches values. Cut into pieces with a pause between, since the shard goes on serving meanwhile.
 *
 * Rows of a series stand in order of time in the ordered chunks, so a counting sort by series is nearly all of the work; late rows come
 * behind them, are sorted by themselves and merged in. Times go along with the row numbers: chunks are read from end to end, and nobody
 * has to jump back to them for a time.
 */
import { CHUNK_ROWS, type Chunk } from '../head/chunk.ts';
import type { Partition } from '../head/partition.ts';
import type { TimeRange } from '../head/row-layer.ts';
import type { HeadSeries } from '../head/series.ts';
import { spanStart } from './spans.ts';

/** Called often, after some milliseconds of work at most; others run while it waits. */
export type Pause = () => Promise<void>;

/** Series sorted in one go. */
const SERIES_PIECE = 4096;
/** Rows looked at in one go, where little is done for each. */
const ROWS_PIECE = CHUNK_ROWS;
/** What a late row costs, counted in rows that are looked at. */
const LATE_WEIGHT = 8;

export interface SortedSpan {
  /** Start of the span: base of its offsets. */
  readonly base: bigint;
  readonly rows: number;
  /** The shard's numbers, in order of their keys. */
  readonly series: Uint32Array;
  /** Rows of series[i] are [starts[i], starts[i + 1]). */
  readonly starts: Uint32Array;
  /** Where a row stands: chunk · CHUNK_ROWS + row in it. */
  readonly places: Uint32Array;
  /** From `base`. */
  readonly offsets: Float64Array;
  readonly chunks: readonly Chunk[];
  readonly late: TimeRange | null;
}

export async function* sortedSpans(
  partition: Partition,
  table: HeadSeries,
  spanNs: bigint,
  pause: Pause,
): AsyncGenerator<SortedSpan> {
  const { ordered, late } = partition.chunks;
  const chunks = [...ordered, ...late];
  // what is deleted from here on is hidden by tombstones on the buckets
  const dead = chunks.map((chunk) => chunk.dead);
  const first = spanStart(partition.minTime, spanNs);
  const last = partition.maxTime;
  for (let base = first; base <= last; base += spanNs) {
    const shift = Number(partition.base - base);
    const end = Number(spanNs);
    const inside = chunks.map((chunk) => touches(chunk, shift, end));
    if (!inside.includes(true)) continue;
    const counts = new Uint32Array(table.size);
    let rows = 0;
    for (const [c, chunk] of chunks.entries()) {
      if (!inside[c]) continue;
      rows += eachRow(chunk, dead[c], shift, end, (row) => {
        counts[chunk.series[row]]++;
      });
      await pause();
    }
    if (rows === 0) continue;
    const series = await sortedSeries(counts, table, pause);
    const starts = new Uint32Array(series.length + 1);
    /** Where the next row of a series goes. */
    const next = counts;
    for (let i = 0; i < series.length; i++) {
      starts[i + 1] = starts[i] + counts[series[i]];
      next[series[i]] = starts[i];
    }
    const places = new Uint32Array(rows);
    const offsets = new Float64Array(rows);
    let range: TimeRange | null = null;
    for (const [c, chunk] of chunks.entries()) {
      if (!inside[c]) continue;
      let least = Infinity;
      let greatest = -Infinity;
      eachRow(chunk, dead[c], shift, end, (row) => {
        const offset = chunk.offsets[row] + shift;
        const at = next[chunk.series[row]]++;
        places[at] = c * CHUNK_ROWS + row;
        offsets[at] = offset;
        if (offset < least) least = offset;
        if (offset > greatest) greatest = offset;
      });
      if (c >= ordered.length && least <= greatest) range = widened(range, base, least, greatest);
      await pause();
    }
    if (range !== null) await mergeLate(places, offsets, starts, pause);
    yield { base, rows, series, starts, places, offsets, chunks, late: range };
  }
}

/** Numbers that have rows, in order of their keys: sorted in pieces, which are merged two by two. */
export async function sortedSeries(counts: Uint32Array, table: HeadSeries, pause: Pause): Promise<Uint32Array> {
  let from = new Uint32Array(counts.length);
  let size = 0;
  for (let series = 0; series < counts.length; series++) if (counts[series] > 0) from[size++] = series;
  from = from.slice(0, size);
  const compare = (a: number, b: number): number => table.compare(a, b);
  for (let at = 0; at < size; at += SERIES_PIECE) {
    from.subarray(at, at + SERIES_PIECE).sort(compare);
    await pause();
  }
  let to = new Uint32Array(size);
  for (let width = SERIES_PIECE; width < size; width *= 2) {
    for (let at = 0; at < size; at += 2 * width) {
      const middle = Math.min(at + width, size);
      const end = Math.min(at + 2 * width, size);
      let left = at;
      let right = middle;
      for (let i = at; i < end; i++) {
        const takesLeft = left < middle && (right >= end || compare(from[left], from[right]) <= 0);
        to[i] = takesLeft ? from[left++] : from[right++];
        if (i % SERIES_PIECE === 0) await pause();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/** The pause of whoever has no better one. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

// private functions

function touches(chunk: Chunk, shift: number, end: number): boolean {
  return chunk.rows > 0 && chunk.maxOffset + shift >= 0 && chunk.minOffset + shift < end;
}

/** Visits the rows of the span; gives their number. */
function eachRow(
  chunk: Chunk,
  dead: Uint8Array | null,
  shift: number,
  end: number,
  visit: (row: number) => void,
): number {
  const { rows, offsets } = chunk;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const offset = offsets[row] + shift;
    if (offset < 0 || offset >= end || dead?.[row] === 1) continue;
    visit(row);
    count++;
  }
  return count;
}

function widened(range: TimeRange | null, base: bigint, least: number, greatest: number): TimeRange {
  const min = base + BigInt(least);
  const max = base + BigInt(greatest);
  if (range === null) return { min, max };
  return { min: min < range.min ? min : range.min, max: max > range.max ? max : range.max };
}

/** Brings the rows of each series into order of time: all are but those behind the first that is not. */
async function mergeLate(places: Uint32Array, offsets: Float64Array, starts: Uint32Array, pause: Pause): Promise<void> {
  let looked = 0;
  for (let i = 0; i + 1 < starts.length; i++) {
    const end = starts[i + 1];
    let sorted = starts[i] + 1;
    while (sorted < end && offsets[sorted - 1] < offsets[sorted]) sorted++;
    looked += end - starts[i];
    if (sorted < end) {
      mergeBehind(places, offsets, { from: starts[i], sorted, end });
      looked += LATE_WEIGHT * (end - sorted);
    }
    if (looked < ROWS_PIECE) continue;
    looked = 0;
    await pause();
  }
}

/** Rows [from, sorted) are in order, those of [sorted, end) in none: these are sorted, and put where they belong, from the last on. */
function mergeBehind(
  places: Uint32Array,
  offsets: Float64Array,
  { from, sorted, end }: { readonly from: number; readonly sorted: number; readonly end: number },
): void {
  const latePlaces = places.slice(sorted, end);
  const lateOffsets = offsets.slice(sorted, end);
  const order = Uint32Array.from(lateOffsets, (_, i) => i).sort((a, b) => lateOffsets[a] - lateOffsets[b]);
  let left = sorted - 1;
  let right = order.length - 1;
  for (let at = end - 1; right >= 0; at--) {
    const takesLeft = left >= from && offsets[left] > lateOffsets[order[right]];
    places[at] = takesLeft ? places[left] : latePlaces[order[right]];
    offsets[at] = takesLeft ? offsets[left] : lateOffsets[order[right]];
    if (takesLeft) left--;
    else right--;
  }
}
