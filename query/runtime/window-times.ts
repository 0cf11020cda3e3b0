/** WindowTimes: where the windows of an answer lie in time, for whoever makes rows of cells. */
import { firstHolding, lastHolding, type PaneWindows, runFrom, runTo } from '../planner/pane-windows.ts';
import { type Plan, windowOf, windowStart } from '../planner/plan.ts';
import { startOf } from '../planner/window-grid.ts';

export interface WindowTimes {
  /** ns from one to the next, as fill(linear) takes them. */
  readonly width: number;
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

/** Of a plan whose windows do not overlap. */
export function windowTimes(plan: Plan): WindowTimes {
  return {
    width: Number(plan.window?.interval ?? 0n),
    time: (window) => windowStart(plan, window),
    start: (window) => windowStart(plan, window),
    end: (window) => (plan.window === null ? plan.bounds.max + 1n : windowStart(plan, window + 1)),
    first: (time) => windowOf(plan, time),
    last: (time) => windowOf(plan, time),
  };
}

/** Of windows that are put together from the panes of a plan. */
export function paneWindowTimes(plan: Plan, windows: PaneWindows): WindowTimes {
  const panes = plan.window!;
  const start = (window: number): bigint => startOf(panes, runFrom(panes, windows, window));
  const period = panes.split === undefined ? Number(panes.interval) * windows.every : Number(panes.interval);
  return {
    width: windows.grid === undefined ? period / windows.steps : Number(windows.grid.interval),
    time: start,
    start,
    end: (window) => startOf(panes, runTo(panes, windows, window)),
    first: (time) => firstHolding(panes, windows, windowOf(plan, time)),
    last: (time) => lastHolding(panes, windows, windowOf(plan, time)),
  };
}
