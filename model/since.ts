/** The rows of a batch from a time on. For writes that reach behind what their retention policy keeps: rare. */
import type { Batch } from './batch.ts';
import { selectRows } from './select-rows.ts';

/** The batch itself where all rows are; null where none is. */
export function rowsSince(batch: Batch, min: bigint): Batch | null {
  if (batch.minTime >= min) return batch;
  if (batch.maxTime < min) return null;
  const { base } = batch;
  const rows: number[] = [];
  for (let row = 0; row < batch.rows; row++) if (base + BigInt(batch.offsets[row]) >= min) rows.push(row);
  return selectRows(batch, Uint32Array.from(rows));
}
