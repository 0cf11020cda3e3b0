/**
 * Which windows the rows of a block fall into, and how far its times reach: what stage 1 of a live query must know of a block before
 * its values are looked at. One pass over the times in doubles; big integers only once per block.
 */
import { type Block, OFFSET_MAX } from '../../../../model/index.ts';
import { type Plan, windowOf, windowStart } from '../../../planner/plan.ts';
import { isEven } from '../../../planner/window-grid.ts';

export class RowWindows {
  readonly #block: Block;
  readonly #plan: Plan;
  /** Offsets of the plan's bounds from the block's base, both included. */
  readonly #minOffset: number;
  readonly #maxOffset: number;
  /** Window of the base, and the base's distance from its start. */
  readonly #baseWindow: number;
  readonly #baseRest: number;
  readonly #interval: number;
  /** Selected rows inside the bounds. */
  readonly rows: number;
  /** Of those: later than the limit. */
  readonly ahead: number;
  /** Greatest time up to the limit, whether inside the bounds or not; null = none. */
  readonly greatest: bigint | null;
  /** First and last window of the rows inside the bounds; means nothing where there are none. */
  readonly least: number;
  readonly most: number;

  constructor(plan: Plan, block: Block, aheadLimit: bigint) {
    this.#plan = plan;
    this.#block = block;
    this.#minOffset = Number(plan.bounds.min - block.base);
    this.#maxOffset = Number(plan.bounds.max - block.base);
    this.#baseWindow = windowOf(plan, block.base);
    this.#baseRest = plan.window === null ? 0 : Number(block.base - windowStart(plan, this.#baseWindow));
    this.#interval = plan.window === null ? Number.POSITIVE_INFINITY : Number(plan.window.interval);
    const limit = Number(aheadLimit - block.base);
    const { offsets, selection } = block;
    const count = selection?.length ?? block.rows;
    let rows = 0;
    let ahead = 0;
    let greatest = Number.NEGATIVE_INFINITY;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const offset = offsets[selection === null ? i : selection[i]];
      if (offset <= limit && offset > greatest) greatest = offset;
      if (offset < this.#minOffset || offset > this.#maxOffset) continue;
      rows++;
      if (offset > limit) ahead++;
      if (offset < min) min = offset;
      if (offset > max) max = offset;
    }
    this.rows = rows;
    this.ahead = ahead;
    this.greatest = greatest === Number.NEGATIVE_INFINITY ? null : block.base + BigInt(greatest);
    this.least = rows === 0 ? 0 : this.#windowOf(min);
    this.most = rows === 0 ? 0 : this.#windowOf(max);
  }

  /** Every selected row inside the bounds, ascending, with its window. */
  each(visit: (row: number, window: number) => void): void {
    const { offsets, selection, rows } = this.#block;
    const count = selection?.length ?? rows;
    for (let i = 0; i < count; i++) {
      const row = selection === null ? i : selection[i];
      const offset = offsets[row];
      if (offset >= this.#minOffset && offset <= this.#maxOffset) visit(row, this.#windowOf(offset));
    }
  }

  /** Adds the number of rows in each window. */
  addTo(counts: Map<number, number>): void {
    if (this.rows === 0) return;
    if (this.least === this.most) counts.set(this.least, (counts.get(this.least) ?? 0) + this.rows);
    else this.each((_, window) => counts.set(window, (counts.get(window) ?? 0) + 1));
  }

  // private functions

  #windowOf(offset: number): number {
    if (this.#plan.window === null) return 0;
    if (this.#interval > OFFSET_MAX || !isEven(this.#plan.window))
      return windowOf(this.#plan, this.#block.base + BigInt(offset));
    return this.#baseWindow + Math.floor((this.#baseRest + offset) / this.#interval);
  }
}
