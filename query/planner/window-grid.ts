/**
 * PlanWindow: windows that cover the line of time without gaps, numbered in its order, and the arithmetic of their edges. Window n of
 * an even grid covers [origin + n·interval, origin + (n + 1)·interval). A grid may be of local time (`shifts`), of calendar months
 * (`months`), or have a second edge in each interval (`split`): there the windows 2q and 2q + 1 share interval q. A number is a safe
 * integer for every writable time.
 */
import { floorDiv } from '../../model/index.ts';
import { shiftAt, toUtc, type ZoneShift } from './time-zone.ts';

export interface PlanWindow {
  /** ns. Of months: what a month is taken for where a unit of time is wanted, a twelfth of 365.2425 days. */
  readonly interval: bigint;
  /** Of months: how much later than the month their windows begin. */
  readonly origin: bigint;
  /** The windows are of local time, where that cannot be said by the origin. */
  readonly shifts?: readonly ZoneShift[];
  /** Calendar months of a window, counted from January 1970. */
  readonly months?: number;
  /** ns from the beginning of each interval to its second edge. */
  readonly split?: bigint;
}

const NS_PER_MS = 1_000_000n;
/** A twelfth of 365.2425 days. */
export const MONTH_NS = 2_629_746_000_000_000n;

/** The window that holds a time. */
export function windowAt(grid: PlanWindow, time: bigint): number {
  const { interval, origin, shifts, months, split } = grid;
  const d = time - origin + (shifts === undefined ? 0n : shiftAt(shifts, time));
  if (months !== undefined) {
    const date = new Date(Number(floorDiv(d, NS_PER_MS)));
    return Math.floor(((date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()) / months);
  }
  const q = floorDiv(d, interval);
  if (split === undefined) return Number(q);
  return Number(q) * 2 + (d - q * interval >= split ? 1 : 0);
}

/** First nanosecond of a window. */
export function startOf(grid: PlanWindow, window: number): bigint {
  const { interval, origin, shifts, months, split } = grid;
  let start: bigint;
  if (months !== undefined) start = origin + BigInt(Date.UTC(1970, window * months, 1)) * NS_PER_MS;
  else if (split === undefined) start = origin + BigInt(window) * interval;
  else start = origin + BigInt(Math.floor(window / 2)) * interval + (window % 2 === 0 ? 0n : split);
  return shifts === undefined ? start : toUtc(shifts, start);
}

/** Whether all windows are equally wide, so that the distance of two times says how many windows lie between them. */
export function isEven({ shifts, months, split }: PlanWindow): boolean {
  return shifts === undefined && months === undefined && split === undefined;
}

/** A time so many windows later, or earlier. */
export function windowsLater(grid: PlanWindow, time: bigint, windows: number): bigint {
  if (grid.months === undefined) return time + BigInt(windows) * grid.interval;
  const window = windowAt(grid, time);
  const at = startOf(grid, window + windows);
  const within = time - startOf(grid, window);
  const last = startOf(grid, window + windows + 1) - 1n;
  return at + within > last ? last : at + within;
}
