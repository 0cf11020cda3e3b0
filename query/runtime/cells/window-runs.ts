/**
 * From panes to windows that overlap: each window is the sum of a run of panes, and both ends of the runs go forward only. The states
 * of the panes are kept on two stacks, so that a window costs two merges and a pane at most three, however many windows hold it.
 *
 *     panes    from ─────── middle ─────── to
 *              front: for each pane the sum from it to the middle     back: one sum of all from the middle on
 *
 * A window is front[from] + back. When `from` has passed the middle, the middle becomes `to`, and the front is summed anew from there
 * backwards. Needs nothing of an aggregate but that its states can be merged.
 */
import type { AggregateState } from '../../functions/aggregate.ts';
import { createState } from '../../functions/create.ts';
import type { Plan } from '../../planner/plan.ts';
import type { Group } from '../source/partial.ts';
import { cellTables } from './cell-rows.ts';
import { PaneStore } from './panes.ts';
import type { TableStep } from './table-writer.ts';
import { type AnswerWindows, answerWindows } from './window-times.ts';

/** A window as a run of panes: those at [from, to) of a list of slots. */
export interface Run {
  readonly window: number;
  readonly from: number;
  readonly to: number;
}

/** The states of panes in one store: its slot for each of a list of panes, −1 = it has none. */
export interface PaneStates {
  readonly store: PaneStore;
  readonly slots: ArrayLike<number>;
}

/** The tables of an aggregate plan's answer from its cells, or panes, in steps. */
export function* windowTables(plan: Plan, store: PaneStore): Generator<TableStep> {
  if (plan.windows === undefined) {
    yield* cellTables(plan, store);
    return;
  }
  for (const kind of plan.windows) {
    const windows = answerWindows(plan, kind);
    const last = windows.last(plan.bounds.max);
    const whole = new PaneStore(plan);
    for (const slots of yield* store.byGroup()) {
      const panes = Array.from(slots, (slot) => store.windowOf(slot));
      const group = windows.answerGroup(store.groupOf(slots[0]));
      sumRuns([{ store, slots }], runsOf(windows, panes, windowsWith(windows, panes, last)), whole, group);
      yield null;
    }
    yield* cellTables(plan, whole, windows);
  }
}

/** Windows (ascending) as runs of these panes (ascending); those that hold none of them are left out. */
export function* runsOf(windows: AnswerWindows, panes: readonly number[], wanted: Iterable<number>): Generator<Run> {
  let from = 0;
  let to = 0;
  for (const window of wanted) {
    const begin = windows.runFrom(window);
    const end = windows.runTo(window);
    while (from < panes.length && panes[from] < begin) from++;
    to = Math.max(to, from);
    while (to < panes.length && panes[to] < end) to++;
    if (from < to) yield { window, from, to };
  }
}

/** Puts the sum of each run of panes, of one store or several, into the cell (group, window) of `whole`. Ends of runs must not go back. */
export function sumRuns(parts: readonly PaneStates[], runs: Iterable<Run>, whole: PaneStore, group: Group): void {
  const { aggregates, columns } = whole.plan;
  const sums = aggregates.map((aggregate) => createState(aggregate, columns.length));
  const back = parts[0].slots.length;
  for (const sum of sums) sum.grow(back + 1);
  const addPane = (to: number, pane: number): void => {
    for (const { store, slots } of parts) if (slots[pane] >= 0) addTo(sums, to, store.states, slots[pane]);
  };
  let middle = 0;
  let end = 0;
  for (const { window, from, to } of runs) {
    if (from >= middle) {
      for (const sum of sums) sum.reset(back);
      for (let i = to - 1; i >= from; i--) {
        addPane(i, i);
        if (i + 1 < to) addTo(sums, i, sums, i + 1);
      }
      middle = to;
      end = to;
    }
    for (; end < to; end++) addPane(back, end);
    const slot = whole.cell(group, window);
    addTo(whole.states, slot, sums, from);
    if (end > middle) addTo(whole.states, slot, sums, back);
  }
}

// private functions

/** The windows that hold any of these panes, each once, up to a last. */
function* windowsWith(windows: AnswerWindows, panes: readonly number[], last: number): Generator<number> {
  let next = Number.NEGATIVE_INFINITY;
  for (const pane of panes) {
    const end = Math.min(last, windows.lastWith(pane));
    for (let window = Math.max(next, windows.firstWith(pane)); window <= end; window++) {
      yield window;
      next = window + 1;
    }
  }
}

/** Adds slot `of` of some states to slot `to` of others. */
function addTo(states: readonly AggregateState[], to: number, others: readonly AggregateState[], of: number): void {
  const source = Int32Array.of(of);
  const target = Int32Array.of(to);
  for (const [a, state] of states.entries()) state.merge(others[a].take(source), target);
}
