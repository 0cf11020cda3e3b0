/** HeldRawRows: where the rows of a raw plan are kept until they are in order, as columns (raw-columns.ts) or as texts (raw-texts.ts). */
import type { Block, SeriesTable } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import type { GroupTable } from '../rows/groups.ts';
import type { SourceRows } from '../rows/rows-in.ts';
import type { RowsPartial } from '../source/partial.ts';
import type { Steps } from '../source/steps.ts';

/** Rows of one partial. */
export const PARTIAL_ROWS_MAX = 8_192;

export interface HeldRawRows {
  readonly groups: GroupTable;
  readonly rows: number;
  readonly bytes: number;
  /** Blocks that follow are of this source. */
  startSource(index: number): void;
  /** Drops rows behind those that the answer can still need; returns how many are left. */
  withinPage(block: Block, source: SourceRows, count: number): number;
  /** Takes the first `count` of source.rows over, which it may put in another order. The block must hold until `tidy` was called. */
  add(block: Block, table: SeriesTable, source: SourceRows, count: number): void;
  /** What is held, which is not held any more then; null between steps. */
  partials(): Generator<RowsPartial | null>;
  /** Forgets what is held. */
  clear(): void;
  /** To be taken to its end behind each `add`: what that left over, and `prune` where much has piled up. */
  tidy(): Steps<void>;
  /** Throws away what is not needed, so that `isFull` knows. */
  prune(): Steps<void>;
  /** Whether a group has all the rows that the answer needs of it, if what comes later stands behind what is held. */
  isFull(group: number): boolean;
}

/** How many rows of a group the answer needs at most; 0 = all. */
export function pageOf({ limit, offset, transforms }: Plan): number {
  return limit > 0 && transforms.length === 0 ? limit + offset : 0;
}
