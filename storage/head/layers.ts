/**
 * Layers: one measurement's rows lie in several places, each free of duplicates in itself: sealed buckets, the head being sealed, the
 * head. Older ones come first. A row that a later layer took in as newer than all of its series repeats nothing before it; only one
 * that came late may repeat a (series, time) of an earlier layer, and then the two are one point, field by field the later wins.
 *
 *     layers   0 ├────────────┤                 what is contested: where the times of late rows of a layer
 *              1        ├──late──┼────────┤     meet the times of any earlier one; everything else is
 *     contested         ├─────┤                 read as it is
 *
 * So a scan merges only where something may have been overwritten, which is nowhere as long as points come in order.
 */
import type { Block, SeriesChoice } from '../../model/index.ts';
import { type IncomingRows, PARTITION_BITS, Partition } from './partition.ts';
import type { RowLayer, ScanStep, TakeTotals, TimeRange } from './row-layer.ts';

/**
 * Rows of layers, oldest first, each (series, time) once; totals only where nothing can have been overwritten. A layer that is not at
 * hand is waited for: see ScanStep.
 */
export function* layerSteps(
  layers: readonly RowLayer[],
  range: TimeRange,
  wanted: SeriesChoice,
  fields: readonly string[] | null,
  take?: TakeTotals,
): Generator<ScanStep> {
  const near = layers.filter((layer) => layer.minTime <= range.max && layer.maxTime >= range.min);
  const contested = contestedTimes(near, range);
  const merged = new Map<bigint, Partition>();
  for (const layer of near) {
    if (contested.length === 0) {
      yield* layer.scan(range.min, range.max, wanted, fields, take);
      continue;
    }
    for (const step of layer.scan(range.min, range.max, wanted, fields)) {
      const rest = step instanceof Promise ? step : divide(step, contested, merged);
      if (rest !== null) yield rest;
    }
  }
  for (const partition of merged.values()) yield* partition.scan(range.min, range.max, null, null);
}

/** The same for whoever cannot wait. Layers that lie elsewhere throw StorageError `away` where they are not at hand. */
export function* scanLayers(
  layers: readonly RowLayer[],
  range: TimeRange,
  wanted: SeriesChoice,
  fields: readonly string[] | null,
): Generator<Block> {
  for (const step of layerSteps(layers, range, wanted, fields)) {
    if (step instanceof Promise) throw new Error('a layer that was not asked to wait gave a promise');
    yield step;
  }
}

// private functions

/** Ascending and apart. */
function contestedTimes(layers: readonly RowLayer[], range: TimeRange): TimeRange[] {
  const found: TimeRange[] = [];
  layers.forEach(({ late }, at) => {
    if (late === null || late.min > range.max || late.max < range.min) return;
    for (let i = 0; i < at; i++) {
      const min = greater(late.min, layers[i].minTime);
      const max = lesser(late.max, layers[i].maxTime);
      if (min <= max) found.push({ min, max });
    }
  });
  found.sort((a, b) => (a.min < b.min ? -1 : a.min > b.min ? 1 : 0));
  const apart: TimeRange[] = [];
  for (const next of found) {
    const last = apart.at(-1);
    if (last === undefined || next.min > last.max) apart.push(next);
    else if (next.max > last.max) apart[apart.length - 1] = { min: last.min, max: next.max };
  }
  return apart;
}

/** Takes the contested rows of a block over into the merge; gives the block of the others, null where there are none. */
function divide(block: Block, contested: readonly TimeRange[], merged: Map<bigint, Partition>): Block | null {
  const { base, offsets, selection } = block;
  const lows = contested.map(({ min }) => Number(min - base));
  const highs = contested.map(({ max }) => Number(max - base));
  const count = selection?.length ?? block.rows;
  const taken = new Uint32Array(count);
  const others = new Uint32Array(count);
  let takenCount = 0;
  let range = 0;
  for (let i = 0; i < count; i++) {
    const row = selection === null ? i : selection[i];
    const offset = offsets[row];
    // rows mostly come in order of time
    while (range > 0 && offset < lows[range]) range--;
    while (range < lows.length - 1 && offset > highs[range]) range++;
    const isContested = offset >= lows[range] && offset <= highs[range];
    if (isContested) taken[takenCount++] = row;
    else others[i - takenCount] = row;
  }
  if (takenCount === 0) return block;
  merge(block, taken.subarray(0, takenCount), merged);
  return takenCount === count ? null : { ...block, selection: others.subarray(0, count - takenCount), runs: undefined };
}

/** Overwrites in a partition of the head's kind, made for this: it keeps one row per (series, time). */
function merge(block: Block, rows: Uint32Array, merged: Map<bigint, Partition>): void {
  const { series, base, offsets, columns } = block;
  for (let from = 0; from < rows.length; ) {
    const number = (base + BigInt(offsets[rows[from]])) >> PARTITION_BITS;
    let partition = merged.get(number);
    if (partition === undefined) {
      partition = new Partition(number << PARTITION_BITS);
      merged.set(number, partition);
    }
    const shift = Number(base - partition.base);
    const end = 2 ** Number(PARTITION_BITS);
    let to = from + 1;
    for (; to < rows.length; to++) {
      const offset = offsets[rows[to]] + shift;
      if (offset < 0 || offset >= end) break;
    }
    const incoming: IncomingRows = { series, offsets, shift, columns };
    partition.merge(incoming, rows.subarray(from, to));
    from = to;
  }
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
