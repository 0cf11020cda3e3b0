/**
 * Stage 1 of a live query over held rows: one stage for each plan of it that reads measurements, together one to the outside. Order of
 * calls: see live-shard.ts.
 */

import type { Source } from '../../source/source.ts';
import { choosesSeries, FirstSeries } from '../first-series.ts';
import type { LivePlan } from '../live-plan.ts';
import { history, type LiveInput, type LiveUpdate } from '../live-update.ts';
import { LeafRows } from './leaf-rows.ts';
import { LiveShard } from './live-shard.ts';

export class LiveLeaves {
  readonly #lives: readonly LivePlan[];
  readonly #leaves: readonly (LeafRows | LiveShard)[];
  readonly #series: FirstSeries | null;

  constructor(live: LivePlan, source: Source) {
    this.#lives = live.leaves!;
    this.#leaves = this.#lives.map((leaf) =>
      leaf.plan.kind === 'raw' ? new LeafRows(leaf, source) : new LiveShard(leaf, source),
    );
    this.#series = choosesSeries(live.plan) ? new FirstSeries(live.plan, source) : null;
  }

  start(nowMs: number, before: LiveLeaves | null = null): LiveUpdate {
    return this.#withSeries(
      this.#leaves.map((leaf, i) => {
        const old = before === null ? null : before.#leaves[i];
        if (leaf instanceof LeafRows) return leaf.start(nowMs, old instanceof LeafRows ? old : null);
        return leaf.start(nowMs, old instanceof LiveShard ? old : null);
      }),
    );
  }

  get waits(): boolean {
    return this.#leaves.some((leaf) => leaf.waits);
  }

  /** Rows that one of its leaves has read at once, or had under way: the most there ever were. */
  get rowsMost(): number {
    return Math.max(...this.#leaves.map((leaf) => (leaf instanceof LeafRows ? leaf.rowsMost : 0)));
  }

  accept(input: LiveInput, arrivalMs: number, again = false): void {
    for (const leaf of this.#leaves) leaf.accept(input, arrivalMs, again);
  }

  due(nowMs: number): boolean {
    return this.#series?.hasNew === true || this.#leaves.some((leaf) => leaf.due(nowMs));
  }

  collect(nowMs: number): LiveUpdate | null {
    const updates = this.#leaves.map((leaf) => leaf.collect(nowMs));
    if (this.#series?.hasNew !== true && updates.every((update) => update === null)) return null;
    return this.#withSeries(updates.map((update) => update ?? NOTHING));
  }

  expire(before: bigint): void {
    for (const [i, leaf] of this.#leaves.entries()) {
      const { lasts = 0n } = this.#lives[i];
      if (lasts !== null) leaf.expire(before - lasts);
    }
  }

  reach(from: bigint): void {
    for (const leaf of this.#leaves) if (leaf instanceof LeafRows) leaf.reach(from);
  }

  history(nowMs: number): LiveUpdate {
    return together(this.#leaves.map((leaf) => leaf.history(nowMs)));
  }

  missed(nowMs: number, watermark: bigint | null, inputs: readonly LiveInput[], reach = 1n): LiveUpdate {
    const since = watermark ?? leastTime(inputs);
    return together(this.#leaves.map((leaf) => leaf.missed(nowMs, since, inputs, reach)));
  }

  // private functions

  #withSeries(leaves: readonly LiveUpdate[]): LiveUpdate {
    const update = together(leaves);
    return this.#series?.hasNew === true ? { ...update, series: this.#series.groups } : update;
  }
}

// private functions

const NOTHING: LiveUpdate = { ...history(), kind: 'changes' };

/** Who was told of no watermark had seen nothing: what came since is all there is to it. null = nothing came. */
function leastTime(inputs: readonly LiveInput[]): bigint | null {
  let least: bigint | null = null;
  for (const { block } of inputs) {
    const offset = block.offsets.subarray(0, block.rows).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const time = block.base + BigInt(offset);
    if (least === null || time < least) least = time;
  }
  return least;
}

function together(leaves: readonly LiveUpdate[]): LiveUpdate {
  const readings = leaves.flatMap(({ reading }) => (reading === null ? [] : [reading]));
  const greatest = readings.reduce((a, b) => (b.greatest > a.greatest ? b : a), readings[0]);
  return {
    ...NOTHING,
    kind: leaves[0].kind,
    reading: greatest ?? null,
    complete: leaves.every(({ complete }) => complete),
    leaves,
  };
}
