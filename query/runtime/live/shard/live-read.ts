/**
 * Reading for live operators: windows of a plan from the source into a pane store, and one applied block as if it were a source, so
 * that the points of a tail are found by the same code as those of history.
 */
import type { Block, SeriesTable } from '../../../../model/index.ts';
import { type Plan, windowStart } from '../../../planner/plan.ts';
import { PaneStore } from '../../cells/panes.ts';
import type { CellsPartial } from '../../source/partial.ts';
import type { ScanRequest, Source } from '../../source/source.ts';
import { windowEnd } from '../live-plan.ts';
import { type LiveInput, tooMany } from '../live-update.ts';

/** Cells of one query on one shard. At some 200 bytes each this is 200 MB: beyond it the query is ended, not the server. */
export const SHARD_CELLS_MAX = 1_000_000;

/** Told of each block that is read. */
export type BlockRead = (block: Block, source: number, table: SeriesTable) => void;

/** Adds all rows in [min, max] to the store; gives the greatest time up to `limit`, null where there was none. */
export function readInto(
  store: PaneStore,
  plan: Plan,
  source: Source,
  min: bigint,
  max: bigint,
  limit: bigint,
  read: BlockRead | null = null,
): bigint | null {
  let greatest: bigint | null = null;
  for (const [i, { database, retentionPolicy, measurement }] of plan.sources.entries()) {
    const table = source.series(database, retentionPolicy, measurement);
    if (table === null) continue;
    const request = { database, retentionPolicy, measurement, minTime: min, maxTime: max, series: null, fields: null };
    for (const block of source.scan(request)) {
      store.add(block, i, table);
      read?.(block, i, table);
      const reached = greatestTime(block, limit);
      if (reached !== null && (greatest === null || reached > greatest)) greatest = reached;
    }
  }
  return greatest;
}

/**
 * Windows from number `first` on, and some before it, read into a store of their own; with the greatest time up to `limit` in those
 * from `first` on. Throws QueryError where it is too much.
 */
export function readWindows(
  plan: Plan,
  source: Source,
  first: number,
  some: readonly number[],
  limit: bigint,
  read: BlockRead | null = null,
): { readonly cells: CellsPartial | null; readonly greatest: bigint | null } {
  const scratch = new PaneStore(plan);
  const [min] = inBounds(plan, first);
  const greatest = readInto(scratch, plan, source, min, plan.bounds.max, limit, read);
  for (const window of some) {
    if (window < first) readInto(scratch, plan, source, ...inBounds(plan, window), plan.bounds.max, read);
  }
  if (scratch.size > SHARD_CELLS_MAX) throw tooMany('cells', SHARD_CELLS_MAX);
  return { cells: scratch.takeChanged(), greatest };
}

/** Greatest time from `min` up to `limit` of any row of the plan's measurements; null = there is none. */
export function greatestIn(plan: Plan, source: Source, min: bigint, limit: bigint): bigint | null {
  return readInto(new PaneStore({ ...plan, aggregates: [], groupBy: [] }), plan, source, min, limit, limit);
}

/** First and last nanosecond of a window that the plan's bounds allow. */
export function inBounds(plan: Plan, window: number): [min: bigint, max: bigint] {
  if (plan.window === null) return [plan.bounds.min, plan.bounds.max];
  let min = windowStart(plan, window);
  let max = windowEnd(plan, window) - 1n;
  if (min < plan.bounds.min) min = plan.bounds.min;
  if (max > plan.bounds.max) max = plan.bounds.max;
  return [min, max];
}

/** A source whose only rows are those of the block; series and schema are those of the shard. */
export function blockSource(source: Source, input: LiveInput): Source {
  return {
    describe: (database, retentionPolicy, wanted) => source.describe(database, retentionPolicy, wanted),
    series: (database, retentionPolicy, measurement) => source.series(database, retentionPolicy, measurement),
    *scan(request) {
      const same =
        request.measurement === input.measurement &&
        request.retentionPolicy === input.retentionPolicy &&
        request.database === input.database;
      if (same) yield { ...input.block, selection: selected(input.block, request), runs: undefined };
    },
  };
}

// private functions

function greatestTime(block: Block, limit: bigint): bigint | null {
  const top = Number(limit - block.base);
  const { offsets, selection } = block;
  const count = selection?.length ?? block.rows;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const offset = offsets[selection === null ? i : selection[i]];
    if (offset <= top && offset > greatest) greatest = offset;
  }
  return greatest === Number.NEGATIVE_INFINITY ? null : block.base + BigInt(greatest);
}

function selected(block: Block, request: ScanRequest): Uint32Array {
  const min = Number(request.minTime - block.base);
  const max = Number(request.maxTime - block.base);
  const rows = new Uint32Array(block.selection?.length ?? block.rows);
  let n = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = block.selection === null ? i : block.selection[i];
    const offset = block.offsets[row];
    if (offset < min || offset > max) continue;
    if (request.series !== null && request.series[block.series[row]] !== 1) continue;
    rows[n++] = row;
  }
  return rows.subarray(0, n);
}
