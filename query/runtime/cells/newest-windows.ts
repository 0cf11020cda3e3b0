/**
 * NewestWindows: what `GROUP BY time ORDER BY time DESC LIMIT n` of one series needs to read. Its rows are the last n windows of the
 * bounds, filled where they are empty, as long as the series begins with or before the first of them; so a shard that has a value of
 * each aggregate in that window need not look further back. Where it has none, it reads the rest.
 */
import { type Plan, windowOf, windowStart } from '../../planner/plan.ts';
import { showsNewestWindows } from '../../planner/rules.ts';
import type { TimeRange } from '../source/source.ts';
import type { PaneStore } from './panes.ts';

/** What is read in turn; `isEnough` is asked behind the first. */
export interface Spans {
  readonly ranges: readonly TimeRange[];
  isEnough(store: PaneStore): boolean;
}

export function newestWindows(plan: Plan): Spans {
  const { bounds, limit, offset } = plan;
  const whole = { ranges: [bounds], isEnough: () => true };
  if (!showsNewestWindows(plan)) return whole;
  const first = windowOf(plan, bounds.max) - (limit + offset) + 1;
  const start = windowStart(plan, first);
  if (start <= bounds.min) return whole;
  const group = { name: plan.sources[0].measurement, tags: [] };
  return {
    ranges: [
      { min: start, max: bounds.max },
      { min: bounds.min, max: start - 1n },
    ],
    isEnough: (store) => {
      const slot = store.find(group, first);
      return slot >= 0 && store.states.every((state) => !state.empty(slot));
    },
  };
}
