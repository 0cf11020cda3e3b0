/** The windows of a GROUP BY as numbers: time() to a grid, windows that overlap to a grid of panes and the runs of them. */
import { floorDiv, TIME_MAX } from '../../model/index.ts';
import type { Dimension, Expression, Window } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printDuration } from '../language/print-expression.ts';
import type { PaneWindows } from './pane-windows.ts';
import type { TimeBounds } from './plan.ts';
import { timeValue } from './time-value.ts';
import type { ZoneShift } from './time-zone.ts';
import { MONTH_NS, type PlanWindow } from './window-grid.ts';

/** A dimension that cuts time: at every moment it is known where its windows lie. */
export type TimeDimension = Dimension & { kind: 'time' };
export type TimeWindow = Window & { of: 'hop' | 'cumulate' | 'windows' };

/** What a grid is counted from. */
export interface GridContext {
  readonly bounds: TimeBounds;
  /** ns. */
  readonly now: bigint;
  /** null = UTC. */
  readonly zone: readonly ZoneShift[] | null;
}

/** Below this width window numbers counted from the epoch would leave the safe integers. */
export const EPOCH_WINDOW_MIN = 1024n;

/** Of time(); the interval is positive, or there are months. */
export function timeGrid({ interval, offset, months }: TimeDimension, context: GridContext): PlanWindow {
  if (months === undefined) return gridOf(interval, offset, context);
  if (offset !== null && offset.kind !== 'duration') refuse('the offset of calendar windows must be a duration');
  const shift = offset === null ? 0n : offset.ns;
  const relevant = shiftsNear(context);
  const [first = { offset: 0n }] = relevant;
  const constant = relevant.every((one) => one.offset === first.offset);
  const interval_ = BigInt(months) * MONTH_NS;
  if (constant) return { interval: interval_, origin: shift - first.offset, months };
  return { interval: interval_, origin: shift, months, shifts: relevant };
}

/** Of windows that overlap. */
export function paneGrid(
  window: TimeWindow,
  context: GridContext,
): { readonly window: PlanWindow; readonly windows: readonly PaneWindows[] } {
  switch (window.of) {
    case 'hop':
      return hop(window, context);
    case 'cumulate':
      return cumulate(window, context);
    case 'windows':
      return severalWindows(window.intervals, context);
  }
}

// private functions

function hop({ size, every, offset }: Window & { of: 'hop' }, context: GridContext): ReturnType<typeof paneGrid> {
  checkWidth('hop', size, every);
  const wide = size / every;
  const rest = size - wide * every;
  const window = gridOf(every, offset, context);
  const count = Number(wide);
  if (rest === 0n) return { window, windows: [{ first: 0, every: 1, count, steps: 1 }] };
  return {
    window: { ...window, split: rest },
    windows: [{ first: 0, every: 2, count: 2 * count + 1, steps: 1 }],
  };
}

function cumulate(
  { size, step, offset }: Window & { of: 'cumulate' },
  context: GridContext,
): ReturnType<typeof paneGrid> {
  checkWidth('cumulate', size, step);
  if (size % step !== 0n) {
    refuse(`cumulate(${printDuration(size)}, ${printDuration(step)}): the size must be a multiple of the step`);
  }
  const steps = Number(size / step);
  const window = { ...gridOf(size, offset, context), interval: step };
  return { window, windows: [{ first: 0, every: steps, count: 1, steps }] };
}

function severalWindows(stated: readonly bigint[], context: GridContext): ReturnType<typeof paneGrid> {
  const intervals = [...new Set(stated)];
  checkWidth('windows', ...intervals);
  const grids = intervals.map((interval) => gridOf(interval, null, context));
  const local = grids.some(({ shifts }) => shifts !== undefined);
  // where days have 23 and 25 hours, panes are of UTC and no wider than the clocks move
  const moves = local ? shiftsNear(context).map(({ offset }) => (offset < 0n ? -offset : offset)) : [];
  const interval = [...intervals, ...moves].reduce(greatestDivisor);
  const ahead = local ? 0n : grids[0].origin;
  const window = { interval, origin: ahead - floorDiv(ahead, interval) * interval };
  const windows = grids.map((grid, i): PaneWindows => {
    const label = printDuration(intervals[i]);
    const count = Number(grid.interval / interval);
    const first = local ? 0 : Number((grid.origin - window.origin) / interval);
    return { label, first, every: count, count, steps: 1, ...(local && { grid }) };
  });
  return { window, windows };
}

function checkWidth(of: string, ...durations: readonly bigint[]): void {
  for (const duration of durations) {
    if (duration < EPOCH_WINDOW_MIN) refuse(`${of}() takes durations of at least ${EPOCH_WINDOW_MIN}ns`);
  }
}

function gridOf(interval: bigint, offset: Expression | null, context: GridContext): PlanWindow {
  const relevant = shiftsNear(context);
  const [first = { offset: 0n }] = relevant;
  // shifts by whole windows do not move their edges: what is left is one distance from UTC
  const shifts = relevant.some((shift) => (shift.offset - first.offset) % interval !== 0n) ? { shifts: relevant } : {};
  const ahead = 'shifts' in shifts ? 0n : first.offset;
  const shift = (offset === null ? 0n : timeValue(offset, context.now).ns) - ahead;
  const origin = shift - floorDiv(shift, interval) * interval;
  if (interval >= EPOCH_WINDOW_MIN) return { interval, origin, ...shifts };
  const { bounds, now } = context;
  const anchor = bounds.minStated ? bounds.min : bounds.max < TIME_MAX ? bounds.max : now;
  return { interval, origin: origin + floorDiv(anchor - origin, interval) * interval };
}

/** The zone's shifts that hold at some time in the bounds, or near them. */
function shiftsNear({ zone, bounds: { min, max } }: GridContext): readonly ZoneShift[] {
  const near = 366n * 24n * 3600n * 1_000_000_000n;
  if (zone === null) return [];
  return zone.filter(({ from }, i) => {
    const next = zone[i + 1];
    return from <= max + near && (next === undefined || next.from >= min - near);
  });
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
