/**
 * Partial: a piece of what stage 1 of one shard found, as plain data for another thread. Made by the drivers' shard side, merged by
 * their home side. The pieces of one shard's historical run come in ascending order of (group, window) or (group, time).
 */
import type { Column } from '../../../model/index.ts';
import type { StateData } from '../../functions/aggregate.ts';
import type { RowTexts } from './row-texts.ts';

/** A group of the answer: a measurement and the values of the plan's groupBy keys. */
export interface Group {
  readonly name: string;
  readonly tags: readonly string[];
}

/**
 * State of cells. Cell i is (groups[group[i]], window[i]); states[a] is the state of the plan's a-th aggregate, entry i per cell; null =
 * it is in another partial.
 */
export interface CellsPartial {
  readonly kind: 'cells';
  readonly groups: readonly Group[];
  readonly group: Int32Array;
  readonly window: Float64Array;
  readonly states: readonly (StateData | null)[];
}

/** Rows by group, those of one in order of time (descending if the plan is), those of the same time by series key. */
export interface RowsPartial {
  readonly kind: 'rows';
  /** In the order of the answer. */
  readonly groups: readonly Group[];
  /** By group: one more than the number of its last row; its first follows the last of the group before. */
  readonly ends: Uint32Array;
  readonly rows: number;
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** Index of each row's series in `seriesKeys`. */
  readonly series: Uint32Array;
  readonly seriesKeys: readonly string[];
  /** By the plan's columns; none where there are texts. */
  readonly columns: readonly Column[];
  /** The rows as whoever asked for them wrote them on the shard. */
  readonly texts?: RowTexts;
}

/** What a shard has counted since it last told, where somebody wants to know. */
export interface CountsPartial {
  readonly kind: 'counts';
  readonly series: number;
  readonly points: number;
  /** Read, a chunk of a bucket or of the head each. */
  readonly blocks: number;
  /** Not read, as their statistics said enough. */
  readonly blocksByStatistics: number;
}

export type Partial = CellsPartial | RowsPartial | CountsPartial;

/** Rows, bytes of texts and groups of a batch, about: small partials of many groups go together, large ones go alone. */
const BATCH_ROWS = 8_192;
const BATCH_TEXT_BYTES = 128 * 1024;
const BATCH_PARTIALS = 256;
/** Of an array whose buffer is worth handing over: a smaller one is copied sooner than it changes hands. */
const HANDED_BYTES_MIN = 4_096;

/** Partials in batches, in their order: each is one message between threads. */
export async function* batched(partials: AsyncIterable<Partial>): AsyncGenerator<readonly Partial[]> {
  let batch: Partial[] = [];
  let [rows, bytes] = [0, 0];
  for await (const partial of partials) {
    batch.push(partial);
    rows += partial.kind === 'rows' ? partial.rows : BATCH_ROWS;
    if (partial.kind === 'rows') bytes += partial.texts?.bytes.length ?? 0;
    if (rows < BATCH_ROWS && bytes < BATCH_TEXT_BYTES && batch.length < BATCH_PARTIALS) continue;
    yield batch;
    batch = [];
    [rows, bytes] = [0, 0];
  }
  if (batch.length > 0) yield batch;
}

export async function* unbatched(batches: AsyncIterable<readonly Partial[]>): AsyncGenerator<Partial> {
  for await (const batch of batches) yield* batch;
}

/** The buffers to hand over with partials instead of copying them. */
export function transferables(partials: readonly Partial[]): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  const add = (value: unknown): void => {
    // asked first, as a small array has no buffer until somebody wants to see it
    if (!ArrayBuffer.isView(value) || value.byteLength < HANDED_BYTES_MIN) return;
    if (value.buffer instanceof ArrayBuffer) buffers.push(value.buffer);
  };
  for (const partial of partials) eachArray(partial, add);
  return buffers;
}

// private functions

function eachArray(partial: Partial, add: (value: unknown) => void): void {
  if (partial.kind === 'counts') return;
  if (partial.kind === 'cells') {
    add(partial.group);
    add(partial.window);
    for (const state of partial.states) for (const array of Object.values(state ?? {})) add(array);
    return;
  }
  add(partial.offsets);
  add(partial.series);
  add(partial.texts?.bytes);
  add(partial.texts?.ends);
  for (const column of partial.columns) {
    add(column.values);
    add(column.present);
    if (column.type === 'string') {
      add(column.dictionary.bytes);
      add(column.dictionary.offsets);
    }
  }
}
