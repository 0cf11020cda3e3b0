/** HeldCells: the windows of a plan of aggregates that the home of a live query holds for the query around it, as shards sent them. */
import type { Plan } from '../planner/plan.ts';
import { PaneStore } from './panes.ts';
import type { CellsPartial } from './partial.ts';
import type { ResultTable } from './result.ts';
import { windowTables } from './window-runs.ts';
import { firstPaneAt } from './window-times.ts';

export class HeldCells {
  readonly #plan: Plan;
  readonly #stores: readonly PaneStore[];

  constructor(plan: Plan, shards: number) {
    this.#plan = plan;
    this.#stores = Array.from({ length: shards }, () => new PaneStore(plan));
  }

  get rows(): number {
    return this.#stores.reduce((sum, store) => sum + store.size, 0);
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
}
