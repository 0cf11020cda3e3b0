/**
 * Blocks of measurements with very many series, in parts: when the first row of a series is met, its tags become texts, and a block
 * whose rows are each of another series would hold its thread for a tenth of a second and more.
 */
import { type Block, rowsOfRuns } from '../../../model/index.ts';

/** So many are met in one go without harm. */
const SERIES_FEW = 8_192;
/** Rows of one part, or runs. */
const PART_ROWS = 4_096;

/** All of its rows, each in one part; `series`: how many its table has. A part is valid until the next is asked for. */
export function* partsOf(block: Block, series: number): Generator<Block> {
  const { runs } = block;
  if (series <= SERIES_FEW || (runs === undefined ? block.rows : runs.length / 2) <= PART_ROWS) {
    yield block;
    return;
  }
  const { rows, base, offsets, columns } = block;
  const rest = { rows, series: block.series, base, offsets, columns };
  if (runs !== undefined) {
    for (let from = 0; from < runs.length; from += 2 * PART_ROWS) {
      const part = runs.subarray(from, from + 2 * PART_ROWS);
      yield {
        ...rest,
        runs: part,
        get selection() {
          return rowsOfRuns(part);
        },
      };
    }
    return;
  }
  const selection = block.selection ?? Uint32Array.from({ length: rows }, (_, row) => row);
  for (let from = 0; from < selection.length; from += PART_ROWS) {
    yield { ...rest, selection: selection.subarray(from, from + PART_ROWS) };
  }
}
