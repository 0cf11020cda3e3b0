/** Some rows of a batch as a batch of their own. */
import type { Batch } from './batch.ts';
import { type Column, compactTexts } from './column.ts';

/** The rows of these numbers, at least one, with dictionaries that hold only what they name. Shares no memory with the batch. */
export function selectRows(batch: Batch, rows: Uint32Array): Batch {
  const { base } = batch;
  const series = compactTexts(
    rows.map((row) => batch.series[row]),
    batch.seriesKeys,
  );
  const offsets = Float64Array.from(rows, (row) => batch.offsets[row]);
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns) {
    const part = gatherColumn(column, rows);
    if (part !== null) columns.set(name, part);
  }
  return {
    ...batch,
    rows: rows.length,
    seriesKeys: series.dictionary,
    keptKeys: undefined,
    series: series.indices,
    offsets,
    minTime: base + BigInt(offsets.reduce((a, b) => Math.min(a, b))),
    maxTime: base + BigInt(offsets.reduce((a, b) => Math.max(a, b))),
    columns,
  };
}

// private functions

/** null where none of the rows has a value. */
function gatherColumn(column: Column, rows: Uint32Array): Column | null {
  const present = column.present === null ? null : Uint8Array.from(rows, (row) => column.present![row]);
  if (present !== null && !present.includes(1)) return null;
  if (column.type === 'string') {
    const { indices, dictionary } = compactTexts(
      rows.map((row) => column.values[row]),
      column.dictionary,
    );
    return { ...column, values: indices, dictionary, present };
  }
  const values = new (column.values.constructor as new (length: number) => typeof column.values)(rows.length);
  rows.forEach((row, i) => {
    values[i] = column.values[row];
  });
  return { ...column, values, present } as Column;
}
