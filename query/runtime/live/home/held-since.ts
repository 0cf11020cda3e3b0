/**
 * HeldSince: from when on rows that a live query has sent, or will, lean on points: what a deletion of points before that does not touch.
 */
import { TIME_MIN } from '../../../../model/index.ts';
import type { AnswerWindows } from '../../cells/window-times.ts';
import type { RowsPartial } from '../../source/partial.ts';
import type { LivePlan } from '../live-plan.ts';
import { LIVE_WINDOWS } from './live-render.ts';

export class HeldSince {
  readonly #live: LivePlan;
  readonly #windows: AnswerWindows;
  /** Least window of a cell, and least time of a tail's point, that a shard has sent. */
  #from = Number.POSITIVE_INFINITY;
  #since: bigint | null = null;

  constructor(live: LivePlan, windows: AnswerWindows) {
    this.#live = live;
    this.#windows = windows;
  }

  window(window: number): void {
    if (window < this.#from) this.#from = window;
  }

  points(run: readonly RowsPartial[]): void {
    for (const { base, offsets, rows } of run) {
      if (rows === 0) continue;
      const time = base + BigInt(Math.min(offsets[0], offsets[rows - 1]));
      if (this.#since === null || time < this.#since) this.#since = time;
    }
  }

  /** Some client has rows of which nothing is known. */
  everything(): void {
    this.#from = Number.NEGATIVE_INFINITY;
    this.#since = TIME_MIN;
  }

  /** Whether rows may lean on points of these times, both included. */
  leansOn(min: bigint, max: bigint): boolean {
    const { plan, fills } = this.#live;
    if (min > plan.bounds.max || max < plan.bounds.min) return false;
    if (plan.kind === 'raw') return this.#since !== null && max >= this.#since;
    if (this.#from === Number.POSITIVE_INFINITY) return false;
    if (plan.window === null || this.#from === Number.NEGATIVE_INFINITY) return true;
    return max >= this.#windows.start(this.#from - (fills ? LIVE_WINDOWS : 0));
  }
}
