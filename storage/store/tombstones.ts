/**
 * Tombstones: rows of a sealed bucket that were deleted and are still in its file. A bucket has a list of them, which is replaced,
 * never changed; whoever reads takes the list along with the bucket, so what is deleted later is not missed by a reader that began
 * before. They hide rows of that bucket only: what is written after the delete is in later layers. Pure; the manifest keeps them.
 */
import { type Block, earlier, later, maskOf, type SeriesChoice } from '../../model/index.ts';
import type { EachExtent, RowLayer, ScanStep, TimeRange } from '../head/row-layer.ts';

/** What was deleted: these times, both included, of these series. */
export interface Tombstone extends TimeRange {
  /** The shard's numbers, ascending; null = all. */
  readonly series: Uint32Array | null;
}

/** A list that has this one too; those that say nothing more are left out. */
export function withTombstone(list: readonly Tombstone[], added: Tombstone): readonly Tombstone[] {
  if (list.some((tombstone) => covers(tombstone, added))) return list;
  return [...list.filter((tombstone) => !covers(added, tombstone)), added];
}

/** No row of the layer is left, whatever is in it. */
export function buriesAll({ min, max, series }: Tombstone, layer: Pick<RowLayer, 'minTime' | 'maxTime'>): boolean {
  return series === null && min <= layer.minTime && max >= layer.maxTime;
}

/**
 * Rows of a layer without those that its tombstones hide, in the order in which the layer gives them. What is wholly hidden is not read.
 */
export class MaskedRows implements RowLayer {
  readonly #rows: RowLayer;
  readonly #tombstones: readonly Tombstone[];
  /** Greater than every number of a series in the layer. */
  readonly #seriesEnd: number;

  constructor(rows: RowLayer, tombstones: readonly Tombstone[], seriesEnd: number) {
    this.#rows = rows;
    this.#tombstones = tombstones;
    this.#seriesEnd = seriesEnd;
  }

  get minTime(): bigint {
    return this.#rows.minTime;
  }

  get maxTime(): bigint {
    return this.#rows.maxTime;
  }

  get late(): TimeRange | null {
    return this.#rows.late;
  }

  *scan(min: bigint, max: bigint, wanted: SeriesChoice, fields: readonly string[] | null): Generator<ScanStep> {
    const { ranges, series, partial } = this.#left({ min, max }, wanted);
    if (ranges.length === 0) return;
    // one scan, as the order of series goes before that of times
    for (const step of this.#rows.scan(ranges[0].min, ranges[ranges.length - 1].max, series, fields)) {
      const rest = partial.length === 0 || step instanceof Promise ? step : without(step, partial);
      if (rest !== null) yield rest;
    }
  }

  extents(range: TimeRange, wanted: SeriesChoice, each: EachExtent): void {
    const { ranges, series } = this.#left(range, wanted);
    for (const left of ranges) this.#rows.extents(left, series, each);
  }

  // private functions

  /** What has to be read: times that not all series lost, series that did not lose all times; the others hide row by row. */
  #left(range: TimeRange, wanted: SeriesChoice): Left {
    let ranges: TimeRange[] = [range];
    let series = wanted;
    const partial: MaskedTimes[] = [];
    for (const tombstone of this.#tombstones) {
      if (tombstone.min > range.max || tombstone.max < range.min) continue;
      if (tombstone.series === null) {
        ranges = ranges.flatMap((left) => outside(left, tombstone));
        partial.push({ ...tombstone, mask: null });
        continue;
      }
      const [first, last] = [later(range.min, this.minTime), earlier(range.max, this.maxTime)];
      if (tombstone.min <= first && tombstone.max >= last) {
        series = withoutSeries(series, tombstone.series, this.#seriesEnd);
      } else partial.push({ ...tombstone, mask: maskOf(tombstone.series, this.#seriesEnd) });
    }
    ranges.sort((a, b) => (a.min < b.min ? -1 : 1));
    return {
      ranges,
      series,
      partial: partial.filter(({ min, max, mask }) => mask !== null || splits(ranges, min, max)),
    };
  }
}

// private functions

/** Without a mask it is about all series. */
type MaskedTimes = TimeRange & { readonly mask: Uint8Array | null };
type Left = {
  readonly ranges: readonly TimeRange[];
  readonly series: SeriesChoice;
  readonly partial: readonly MaskedTimes[];
};

/** It hides times between the first and the last range. */
function splits(ranges: readonly TimeRange[], min: bigint, max: bigint): boolean {
  return ranges.length > 1 && max > ranges[0].max && min < ranges[ranges.length - 1].min;
}

function covers(a: Tombstone, b: Tombstone): boolean {
  if (a.min > b.min || a.max < b.max) return false;
  if (a.series === null || a.series === b.series) return true;
  if (b.series === null || a.series.length !== b.series.length) return false;
  const other = b.series;
  return a.series.every((number, i) => number === other[i]);
}

function outside({ min, max }: TimeRange, hidden: TimeRange): TimeRange[] {
  if (hidden.min > max || hidden.max < min) return [{ min, max }];
  const left: TimeRange[] = [];
  if (min < hidden.min) left.push({ min, max: hidden.min - 1n });
  if (max > hidden.max) left.push({ min: hidden.max + 1n, max });
  return left;
}

function withoutSeries(wanted: SeriesChoice, hidden: Uint32Array, end: number): Uint8Array | Uint32Array {
  if (wanted instanceof Uint32Array) {
    const gone = maskOf(hidden, end);
    return wanted.filter((number) => gone[number] !== 1);
  }
  const rest = new Uint8Array(Math.max(end, wanted?.length ?? 0));
  if (wanted === null) rest.fill(1);
  else rest.set(wanted);
  for (const number of hidden) rest[number] = 0;
  return rest;
}

/** null where no row is left. */
function without(block: Block, hidden: readonly MaskedTimes[]): Block | null {
  const { base, offsets, series, selection } = block;
  const lows = hidden.map(({ min }) => Number(min - base));
  const highs = hidden.map(({ max }) => Number(max - base));
  const count = selection?.length ?? block.rows;
  const rest = new Uint32Array(count);
  let left = 0;
  for (let i = 0; i < count; i++) {
    const row = selection === null ? i : selection[i];
    const offset = offsets[row];
    let isHidden = false;
    for (let h = 0; h < hidden.length && !isHidden; h++) {
      const { mask } = hidden[h];
      isHidden = offset >= lows[h] && offset <= highs[h] && (mask === null || mask[series[row]] === 1);
    }
    if (!isHidden) rest[left++] = row;
  }
  if (left === count) return block;
  return left === 0 ? null : { ...block, selection: rest.subarray(0, left), runs: undefined };
}
