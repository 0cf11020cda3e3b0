/** HeldCells: the windows of a plan of aggregates that the home of a live query holds for the query around it, as shards sent them. */
import { type Plan, windowOf } from '../../../planner/plan.ts';
import { PaneStore } from '../../cells/panes.ts';
import { windowTables } from '../../cells/window-runs.ts';
import { firstPaneAt } from '../../cells/window-times.ts';
import type { CellsPartial, Group } from '../../source/partial.ts';
import type { ResultTable } from '../../source/result.ts';
import { groupKey } from '../live-cells.ts';

export class HeldCells {
  #plan: Plan;
  readonly #stores: PaneStore[];

  constructor(plan: Plan, shards: number) {
    this.#plan = plan;
    this.#stores = Array.from({ length: shards }, () => new PaneStore(plan));
  }

  get rows(): number {
    return this.#stores.reduce((sum, store) => sum + store.size, 0);
  }

  /** Only these series are in the answer. */
  choose(onlySeries: readonly Group[]): void {
    this.#plan = { ...this.#plan, onlySeries };
  }

  replace(shard: number, cells: CellsPartial): void {
    this.#stores[shard].replace(cells);
  }

  /** The answer of the plan over what is held. */
  *tables(): Generator<ResultTable> {
    const whole = new PaneStore({ ...this.#plan, sources: [] });
    for (const store of this.#stores) whole.merge(store.take(store.ordered()));
    for (const table of windowTables({ ...this.#plan, fill: { kind: 'none' } }, whole)) if (table !== null) yield table;
  }

  /** Lets go of the windows that end before the one that holds this time. */
  dropBefore(time: bigint): void {
    if (this.#plan.window === null) return;
    for (const store of this.#stores) store.dropBefore(firstPaneAt(this.#plan, time));
  }

  /** By group: lets go of the windows behind the one that holds this time. */
  dropBehind(times: ReadonlyMap<string, bigint>): void {
    const lasts = new Map([...times].map(([key, time]) => [key, windowOf(this.#plan, time)]));
    for (const [shard, store] of this.#stores.entries()) {
      const held = store.ordered();
      const kept = held.filter((slot) => {
        const last = lasts.get(groupKey(store.groupOf(slot)));
        return last === undefined || store.windowOf(slot) <= last;
      });
      if (kept.length === held.length) continue;
      this.#stores[shard] = new PaneStore(this.#plan);
      this.#stores[shard].merge(store.take(kept));
    }
  }
}
