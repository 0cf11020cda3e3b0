/**
 * Splitting a batch by rows, for streams whose messages have a greatest size and are applied in one turn. Rare: bodies are usually
 * smaller.
 */
import { type Batch, batchBytes } from './batch.ts';
import { type Column, compactTexts } from './column.ts';

/**
 * The batch itself if it encodes to at most `bytesMax` and brings at most `seriesMax` series that may be new, else halves of halves that
 * do; a single row is never split.
 */
export function splitBatch(batch: Batch, bytesMax: number, seriesMax: number): Batch[] {
  if (batch.rows <= 1 || (unknownSeries(batch) <= seriesMax && batchBytes(batch) <= bytesMax)) return [batch];
  const middle = batch.rows >>> 1;
  const halves = [slice(batch, 0, middle), slice(batch, middle, batch.rows)];
  return halves.flatMap((half) => splitBatch(half, bytesMax, seriesMax));
}

/** How many of its series may be new to whoever applies it: a list that is kept came before. */
export function unknownSeries(batch: Batch): number {
  return batch.keptKeys === undefined ? batch.seriesKeys.size : 0;
}

// private functions

/** Rows [from, to) with dictionaries that hold only what these rows name. */
function slice(batch: Batch, from: number, to: number): Batch {
  const series = compactTexts(batch.series.subarray(from, to), batch.seriesKeys);
  const offsets = batch.offsets.subarray(from, to);
  let min = offsets[0];
  let max = offsets[0];
  for (const offset of offsets) {
    if (offset < min) min = offset;
    if (offset > max) max = offset;
  }
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns) {
    const part = sliceColumn(column, from, to);
    if (part !== null) columns.set(name, part);
  }
  return {
    ...batch,
    rows: to - from,
    seriesKeys: series.dictionary,
    keptKeys: undefined,
    series: series.indices,
    offsets,
    minTime: batch.base + BigInt(min),
    maxTime: batch.base + BigInt(max),
    columns,
  };
}

/** null where none of the rows has a value. */
function sliceColumn(column: Column, from: number, to: number): Column | null {
  const present = column.present?.subarray(from, to) ?? null;
  if (present !== null && !present.includes(1)) return null;
  if (column.type === 'string') {
    const { indices, dictionary } = compactTexts(column.values.subarray(from, to), column.dictionary);
    return { ...column, values: indices, dictionary, present };
  }
  return { ...column, values: column.values.subarray(from, to), present } as Column;
}
