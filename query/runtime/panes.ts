/**
 * PaneStore: the accumulator of an aggregate plan, used by both drivers on both sides. A cell is a (group, window) pair; its states
 * live in one slot. On a shard, blocks are added and what changed is taken as partials; at home, partials are merged (historical) or
 * replace what the same shard sent before (live: one store per shard, combined by merging what `take` gives into a scratch store).
 * It knows nothing of watermarks, clocks and threads. Cells whose states are all empty do not exist to a reader.
 */
import type { Block, SeriesTable } from '../../model/index.ts';
import type { Plan } from '../planner/plan.ts';
import type { CellsPartial, Group } from './partial.ts';

export declare class PaneStore {
  constructor(plan: Plan);
  /** Cells held, empty ones included. */
  readonly size: number;
  /** Adds the rows of a block of plan.sources[source] that pass bounds and condition, but for those in `skip` (ascending row numbers). Returns how many rows passed. */
  add(block: Block, source: number, table: SeriesTable, skip?: Uint32Array | null): number;
  /** Whole states of the cells changed since the last call (by add, merge, replace, reset), emptied ones included; null = none. */
  takeChanged(): CellsPartial | null;
  /** States of the given cells. */
  take(slots: Int32Array): CellsPartial;
  /** Adds the states of a partial to ours. */
  merge(partial: CellsPartial): void;
  /** The partial's states take the place of ours, cell by cell. */
  replace(partial: CellsPartial): void;
  /** Empties all cells of a window, e.g. to compute them again; they count as changed. */
  reset(window: number): void;
  /** Forgets all cells of windows below this one, without marking them as changed. */
  dropBefore(window: number): void;
  /** Slot of a cell, −1 = not held. */
  find(group: Group, window: number): number;
  /** Slots of all cells that are not empty, by (group name, group tags, window). */
  ordered(): Int32Array;
  groupOf(slot: number): Group;
  windowOf(slot: number): number;
}
