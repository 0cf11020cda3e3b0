/**
 * Partial: a piece of what stage 1 of one shard found, as plain data for another thread. Made by the drivers' shard side, merged by
 * their home side. The pieces of one shard's historical run come in ascending order of (group, window) or (group, time).
 */
import type { Column } from '../../model/index.ts';
import type { StateData } from '../functions/aggregate.ts';

/** A group of the answer: a measurement and the values of the plan's groupBy keys. */
export interface Group {
  readonly name: string;
  readonly tags: readonly string[];
}

/** State of cells. Cell i is (groups[group[i]], window[i]); states[a] is the state of the plan's a-th aggregate, entry i per cell. */
export interface CellsPartial {
  readonly kind: 'cells';
  readonly groups: readonly Group[];
  readonly group: Int32Array;
  readonly window: Float64Array;
  readonly states: readonly StateData[];
}

/** Rows of one group in order of time (descending if the plan is), rows of the same time by series key. */
export interface RowsPartial {
  readonly kind: 'rows';
  readonly group: Group;
  readonly rows: number;
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** Index of each row's series in `seriesKeys`. */
  readonly series: Uint32Array;
  readonly seriesKeys: readonly string[];
  /** By the plan's columns. */
  readonly columns: readonly Column[];
}

export type Partial = CellsPartial | RowsPartial;

/** The buffers to hand over with a partial instead of copying them. */
export function transferables(partial: Partial): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (value: unknown): void => {
    if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) buffers.add(value.buffer);
  };
  if (partial.kind === 'cells') {
    add(partial.group);
    add(partial.window);
    for (const state of partial.states) for (const array of Object.values(state)) add(array);
    return [...buffers];
  }
  add(partial.offsets);
  add(partial.series);
  for (const column of partial.columns) {
    add(column.values);
    add(column.present);
    if (column.type === 'string') {
      add(column.dictionary.bytes);
      add(column.dictionary.offsets);
    }
  }
  return [...buffers];
}
