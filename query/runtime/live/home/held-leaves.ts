/**
 * HeldLeaves: what the home of a live query holds of the measurements that its plan reads: of each leaf of the plan its rows, or its
 * windows. It lets go of what matters no more: what is so far before the rows that may still change that no answer reaches back to it,
 * and, of a leaf with LIMIT, what is behind the first rows of a series where these are settled.
 */
import type { Plan } from '../../../planner/plan.ts';
import type { Group } from '../../source/partial.ts';
import type { ResultTable } from '../../source/result.ts';
import { finished } from '../../source/steps.ts';
import { choosesSeries, firstSeries } from '../first-series.ts';
import { groupKey } from '../live-cells.ts';
import { isLimited } from '../live-leaf-plans.ts';
import type { LivePlan } from '../live-plan.ts';
import { timeColumn } from '../live-rows.ts';
import { leavesOf } from './answer-now.ts';
import { HeldCells } from './held-cells.ts';
import { HeldRows } from './held-rows.ts';

export class HeldLeaves {
  readonly plans: readonly Plan[];
  readonly #leaves: readonly LivePlan[];
  readonly #held: readonly (HeldRows | HeldCells)[];
  /** By shard: series that the plan chooses among; null = it does not. */
  readonly #series: (readonly Group[])[] | null;
  /** Rows and windows that were held when those behind a LIMIT were last let go. */
  #rowsLeft = 0;

  constructor({ plan, leaves }: LivePlan, shards: number) {
    this.plans = leavesOf(plan);
    this.#leaves = leaves!;
    this.#series = choosesSeries(plan) ? Array.from({ length: shards }, () => []) : null;
    this.#held = this.plans.map((leaf) => (leaf.kind === 'raw' ? new HeldRows(leaf) : new HeldCells(leaf, shards)));
  }

  /** Rows and windows. */
  get rows(): number {
    return this.#held.reduce((sum, { rows }) => sum + rows, 0);
  }

  rowsOf(leaf: number): HeldRows {
    return this.#held[leaf] as HeldRows;
  }

  cellsOf(leaf: number): HeldCells {
    return this.#held[leaf] as HeldCells;
  }

  /** Takes a shard's series, where the plan chooses among them. */
  choose(shard: number, groups: readonly Group[]): void {
    if (this.#series === null) return;
    this.#series[shard] = groups;
    this.cellsOf(0).choose(finished(firstSeries(this.plans[0], this.#series.flat())));
  }

  /**
   * The answer of a leaf over what is held, or over one group of it; null = all. Where `from` is given, what an answer from this time on
   * leans on is enough.
   */
  tables(leaf: number, only: string | null, from: bigint | null): Iterable<ResultTable> {
    const held = this.#held[leaf];
    if (!(held instanceof HeldRows)) return held.tables();
    if (only !== null || from === null) return held.tables(only);
    const { lookBack, latest } = this.#leaves[leaf];
    return held.tables(null, from - (lookBack ?? latest!.back), latest?.asked);
  }

  /** Answers from this time on may change; those before do not. */
  settle(before: bigint): void {
    for (const [i, { lookBack = null, latest }] of this.#leaves.entries()) {
      const held = this.#held[i];
      if (lookBack !== null) held.dropBefore(before - lookBack);
      else if (latest !== undefined) (held as HeldRows).dropToLatest(before - latest.back, latest.asked);
    }
    if (!this.plans.some(endsSoon) || this.rows === this.#rowsLeft) return;
    for (const [i, plan] of this.plans.entries()) if (endsSoon(plan)) this.#dropBehindLimit(i, before);
    this.#rowsLeft = this.rows;
  }

  // private functions

  #dropBehindLimit(leaf: number, before: bigint): void {
    const { limit } = this.plans[leaf];
    const counts = new Map<string, number>();
    const lasts = new Map<string, bigint>();
    for (const table of this.#held[leaf].tables()) {
      const { name, tags, rows } = table;
      const key = groupKey({ name, tags: (tags ?? []).map(([, value]) => value) });
      counts.set(key, (counts.get(key) ?? 0) + rows);
      const { base, offsets } = timeColumn(table);
      const last = base + BigInt(offsets[rows - 1]);
      if (counts.get(key) === limit && last < before) lasts.set(key, last);
    }
    if (lasts.size > 0) this.#held[leaf].dropBehind(lasts);
  }
}

// private functions

/** Whether the rows of a leaf behind the first of a series matter to nothing. Those of functions from row to row come from others. */
function endsSoon(plan: Plan): boolean {
  return isLimited(plan) && plan.transforms.length === 0 && plan.windows === undefined;
}
