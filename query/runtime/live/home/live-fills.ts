/**
 * Which cells without a point of their own `LiveMerge` must fill: a series is live for so many windows (`filledWindows`) after its last
 * point, and so long each of its windows gets a row. Makes and marks cells; their rows are drawn by live-render.
 */
import type { Plan } from '../../../planner/plan.ts';
import type { Cell, LiveCells } from '../live-cells.ts';
import { fillsInside, LIVE_WINDOWS } from './live-render.ts';

/** Last cell with data of each live series, by the series' key. */
export type AliveSeries = Map<string, Cell>;

/**
 * The cells without data that live series have in the windows (before, target], made where they did not exist. `cells` are those
 * that exist there, by window; `alive` has the last cell with data of each live series and is brought up to `target`; `ended` hears of
 * each that is live no more.
 */
export function fillGaps(
  known: LiveCells,
  before: number,
  target: number,
  cells: readonly Cell[],
  alive: AliveSeries,
  live: number,
  ended: () => void = () => undefined,
): Cell[] {
  const empty: Cell[] = [];
  const withData = cells.filter((cell) => cell.data);
  if (withData.length === 0 && alive.size === 0) return empty;
  let next = 0;
  let n = alive.size > 0 ? before + 1 : (withData[0]?.window ?? target + 1);
  while (n <= target) {
    for (; next < withData.length && withData[next].window === n; next++) {
      alive.set(withData[next].owner.key, withData[next]);
    }
    for (const [key, last] of alive) {
      if (n - last.window > live) {
        alive.delete(key);
        ended();
      } else if (last.window !== n) empty.push(known.ensure(last.owner.group, n));
    }
    n = alive.size > 0 ? n + 1 : (withData[next]?.window ?? target + 1);
  }
  return empty;
}

/** A closed window's cell has got other data: cells filled from it must be looked at, but for those after `upTo`. */
export function markNeighbours(known: LiveCells, plan: Plan, cell: Cell, upTo: number): void {
  const { cells } = cell.owner;
  const inside = fillsInside(plan);
  for (const step of plan.fill.kind === 'linear' ? [-1, 1] : [1]) {
    for (let i = 1; i <= LIVE_WINDOWS; i++) {
      const other = cells.get(cell.window + step * i);
      if (other?.data && !inside) break;
      if (other?.final && other.window <= upTo) known.mark(other);
    }
  }
}

/** The cells to be filled behind a late one, of windows that have closed without this series. */
export function fillAfter(known: LiveCells, cell: Cell, closed: number, alive: AliveSeries, live: number): Cell[] {
  const { group, cells, key } = cell.owner;
  const made: Cell[] = [];
  for (let n = cell.window + 1; n <= Math.min(cell.window + live, closed); n++) {
    if (!cells.has(n)) made.push(known.ensure(group, n));
  }
  const last = alive.get(key);
  if (closed - cell.window <= live && (last === undefined || last.window < cell.window)) alive.set(key, cell);
  return made;
}
