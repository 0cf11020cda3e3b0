/**
 * Windows that begin and end with rows: session, state, event, rows, sliding. Takes the rows of a plan's subquery, group after group in
 * the order of time, numbers the windows as they begin, and gives the tables of the answer. Holds the states of all windows, never
 * the rows. Windows that overlap are runs of panes, each of one row or some (window-runs.ts).
 */
import type { Plan } from '../planner/plan.ts';
import { cellTables } from './cell-rows.ts';
import { checkBytes, type Limits } from './limits.ts';
import { PaneStore } from './panes.ts';
import type { ResultTable } from './result.ts';
import { cutterOf, RunCutter, WindowList } from './row-cutters.ts';
import type { Turn } from './source.ts';
import { finished } from './steps.ts';
import { blocksOf } from './subquery-rows.ts';
import { sumRuns } from './window-runs.ts';

/** `rows`: the answer of the plan's subquery. */
export async function* rowWindowTables(
  plan: Plan,
  rows: AsyncIterable<ResultTable>,
  turn: Turn,
  limits: Limits,
): AsyncGenerator<ResultTable> {
  const windows = new WindowList();
  const whole = new PaneStore(plan);
  const cutter = cutterOf(plan.rowWindow!);
  const overlapping = cutter instanceof RunCutter ? cutter : null;
  let panes = overlapping === null ? whole : new PaneStore(plan);
  let group: string | null = null;
  const endGroup = (): void => {
    if (overlapping === null || group === null) return;
    const [slots] = finished(panes.byGroup());
    if (slots !== undefined) {
      const held = Array.from(slots, (slot) => panes.windowOf(slot));
      sumRuns(panes, slots, overlapping.runs(held, windows), whole, panes.groupOf(slots[0]));
    }
    panes = new PaneStore(plan);
  };
  for await (const { source, series, block } of blocksOf(plan, 0, rows)) {
    const key = `${source} ${block.series[0]}`;
    if (key !== group) {
      endGroup();
      cutter.begin();
      group = key;
    }
    panes.add(block, source, series, null, cutter.cut(block, series, windows));
    checkBytes(whole.bytes + panes.bytes, limits);
    const wait = turn();
    if (wait !== null) await wait;
  }
  endGroup();
  for (const table of cellTables({ ...plan, fill: { kind: 'none' } }, whole, windows)) {
    if (table !== null) yield table;
    const wait = turn();
    if (wait !== null) await wait;
  }
}
