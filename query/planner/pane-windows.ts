/**
 * PaneWindows: windows that overlap, as runs of panes. A pane lies between two neighbouring edges of any window, so a point belongs to
 * one pane however many windows hold it; window n covers the panes [runFrom(n), runTo(n)). Both ends of the runs ascend with n. The
 * planner makes them (plan-windows.ts), the home of a query puts panes together by them; shards know panes only.
 *
 *     hop(10m, 4m)      panes  |--4m--2m|2m|…   pane edges at every start and every end: two panes for each 4 minutes
 *     cumulate(1h, 20m) panes  |20m|20m|20m|    windows 3q, 3q + 1, 3q + 2 begin with the hour q and end 20, 40, 60 minutes later
 */
import { type PlanWindow, startOf, windowAt } from './window-grid.ts';

/** The tag that tells the windows of one query apart. */
export const WINDOW_TAG = 'window';

export interface PaneWindows {
  /** What the tag `window` says of these, where a query has several kinds; not there = it has one. */
  readonly label?: string;
  /** Of what is below: the number of the pane with which window 0 begins. */
  readonly first: number;
  /** Panes from one beginning to the next. */
  readonly every: number;
  /** Panes of a window, of several with one beginning those of the shortest. */
  readonly count: number;
  /** Windows with one beginning, each a pane longer than the one before. */
  readonly steps: number;
  /** The windows are these, whatever panes they hold: `first` … `steps` mean nothing then. */
  readonly grid?: PlanWindow;
}

/** Number of a window's first pane. */
export function runFrom(panes: PlanWindow, windows: PaneWindows, window: number): number {
  if (windows.grid !== undefined) return windowAt(panes, startOf(windows.grid, window));
  return windows.first + Math.floor(window / windows.steps) * windows.every;
}

/** Number of the pane behind a window's last. */
export function runTo(panes: PlanWindow, windows: PaneWindows, window: number): number {
  if (windows.grid !== undefined) return windowAt(panes, startOf(windows.grid, window + 1));
  const q = Math.floor(window / windows.steps);
  return windows.first + q * windows.every + windows.count + (window - q * windows.steps);
}

/** The first window that does not end before a pane; it holds the pane unless the pane lies between two windows. */
export function firstHolding(panes: PlanWindow, windows: PaneWindows, pane: number): number {
  if (windows.grid !== undefined) return windowAt(windows.grid, startOf(panes, pane));
  const p = pane - windows.first;
  // of several with one beginning there is one for each pane
  if (windows.steps > 1) return p;
  return Math.floor((p - windows.count) / windows.every) + 1;
}

/**
 * The last window that ends, or would, no later than one that begins with this pane; of several with one beginning the shortest that
 * holds it.
 */
export function lastHolding(panes: PlanWindow, windows: PaneWindows, pane: number): number {
  if (windows.grid !== undefined) return windowAt(windows.grid, startOf(panes, pane));
  const p = pane - windows.first;
  return windows.steps > 1 ? p : Math.floor(p / windows.every);
}
