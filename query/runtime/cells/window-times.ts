/**
 * AnswerWindows: the windows of an answer, in time and as runs of the panes (cells) that shards give. Where windows do not overlap, each
 * is one pane. Whoever makes rows of cells asks here; so does the home of a live query, for which windows change when panes do.
 */
import { firstHolding, lastHolding, type PaneWindows, runFrom, runTo, WINDOW_TAG } from '../../planner/pane-windows.ts';
import { type Plan, windowOf, windowStart } from '../../planner/plan.ts';
import { startOf } from '../../planner/window-grid.ts';
import type { Group } from '../source/partial.ts';

/** Where windows lie in time. */
export interface WindowTimes {
  /** Of its row. */
  time(window: number): bigint;
  start(window: number): bigint;
  /** First nanosecond behind it; of windows that rows end, the time of the last row. */
  end(window: number): bigint;
  /** The first window that a row at or behind this time may be in. */
  first(time: bigint): number;
  /** The last window that a row at or before this time may be in. */
  last(time: bigint): number;
}

export interface AnswerWindows extends WindowTimes {
  /** Its panes are those in [runFrom, runTo). */
  runFrom(window: number): number;
  runTo(window: number): number;
  /** The windows that hold a pane are those in [firstWith, lastWith]; none where the first is behind the last. */
  firstWith(pane: number): number;
  lastWith(pane: number): number;
  /** The last window that says anything new if this is the last pane there is. */
  lastShown(pane: number): number;
  /** The last window whose end is ≤ `time`; −1 where an endless one has not ended. */
  lastEnded(time: bigint): number;
  /** The group of an answer's row from that of its panes, and back. */
  answerGroup(group: Group): Group;
  paneGroup(group: Group): Group;
}

/** Of a plan that has one kind of windows, or of one of its kinds. */
export function answerWindows(plan: Plan, kind: PaneWindows | undefined = plan.windows?.[0]): AnswerWindows {
  return kind === undefined ? singlePanes(plan) : runsOfPanes(plan, kind);
}

/** The first pane of any window that holds this time, or ends behind it. */
export function firstPaneAt(plan: Plan, time: bigint): number {
  return firstPaneWith(plan, windowOf(plan, time));
}

/** The first pane of any window that holds this one, or ends behind it. */
export function firstPaneWith(plan: Plan, pane: number): number {
  let first = pane;
  for (const kind of plan.windows ?? []) {
    first = Math.min(first, runFrom(plan.window!, kind, firstHolding(plan.window!, kind, pane)));
  }
  return first;
}

/** Whether any window holds this pane: `hop` may leave out time between its windows. */
export function isInWindow(plan: Plan, pane: number): boolean {
  if (plan.windows === undefined) return true;
  return plan.windows.some((kind) => firstHolding(plan.window!, kind, pane) <= lastHolding(plan.window!, kind, pane));
}

/** The panes of all windows that hold any of these, ascending. */
export function panesBeside(plan: Plan, panes: readonly number[]): number[] {
  const all = new Set(panes);
  for (const kind of plan.windows ?? []) {
    const windows = answerWindows(plan, kind);
    for (const pane of panes) {
      const [first, last] = [windows.firstWith(pane), windows.lastWith(pane)];
      if (first > last) continue;
      const to = windows.runTo(last);
      for (let other = windows.runFrom(first); other < to; other++) all.add(other);
    }
  }
  return [...all].sort((a, b) => a - b);
}

/** The panes of these windows, each once. */
export function panesOf(windows: AnswerWindows, some: Iterable<number>): number[] {
  const panes = new Set<number>();
  for (const window of some) {
    for (let pane = windows.runFrom(window); pane < windows.runTo(window); pane++) panes.add(pane);
  }
  return [...panes];
}

// private functions

function singlePanes(plan: Plan): AnswerWindows {
  const same = (window: number): number => window;
  const start = (window: number): bigint => windowStart(plan, window);
  const end = (window: number): bigint => (plan.window === null ? plan.bounds.max + 1n : windowStart(plan, window + 1));
  return {
    time: start,
    start,
    end,
    first: (time) => windowOf(plan, time),
    last: (time) => windowOf(plan, time),
    runFrom: same,
    runTo: (window) => window + 1,
    firstWith: same,
    lastWith: same,
    lastShown: same,
    lastEnded: (time) => (plan.window === null && time >= end(0) ? 0 : windowOf(plan, time) - 1),
    answerGroup: (group) => group,
    paneGroup: (group) => group,
  };
}

/** Windows that are put together from the panes of a plan. */
function runsOfPanes(plan: Plan, kind: PaneWindows): AnswerWindows {
  const panes = plan.window!;
  const start = (window: number): bigint => startOf(panes, runFrom(panes, kind, window));
  const labelled = (group: Group, label: string): Group => {
    if (kind.label === undefined) return group;
    return { name: group.name, tags: group.tags.map((tag, i) => (plan.groupBy[i] === WINDOW_TAG ? label : tag)) };
  };
  const lastWith = (pane: number): number => {
    const last = lastHolding(panes, kind, pane);
    return kind.steps > 1 ? (Math.floor(last / kind.steps) + 1) * kind.steps - 1 : last;
  };
  return {
    time: start,
    start,
    end: (window) => startOf(panes, runTo(panes, kind, window)),
    first: (time) => firstHolding(panes, kind, windowOf(plan, time)),
    last: (time) => lastHolding(panes, kind, windowOf(plan, time)),
    runFrom: (window) => runFrom(panes, kind, window),
    runTo: (window) => runTo(panes, kind, window),
    firstWith: (pane) => firstHolding(panes, kind, pane),
    lastWith,
    lastShown: (pane) => (Number.isFinite(pane) ? lastHolding(panes, kind, pane) : pane),
    lastEnded: (time) => firstHolding(panes, kind, windowOf(plan, time)) - 1,
    answerGroup: (group) => labelled(group, kind.label ?? ''),
    paneGroup: (group) => labelled(group, ''),
  };
}
