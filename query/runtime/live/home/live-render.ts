/**
 * From the states of cells to their rows: merges what the shards sent of the wanted cells and finishes it with the very code that
 * finishes a historical query, so that both can only agree. `LiveMerge` says which cells; nothing is remembered here.
 */
import type { Column } from '../../../../model/index.ts';
import type { Plan, PlanOutput } from '../../../planner/plan.ts';
import { cellTables } from '../../cells/cell-rows.ts';
import { PaneStore } from '../../cells/panes.ts';
import { runsOf, sumRuns } from '../../cells/window-runs.ts';
import type { AnswerWindows } from '../../cells/window-times.ts';
import { mergeRows } from '../../raw/raw-merge.ts';
import { columnReader } from '../../source/columns.ts';
import type { Group, RowsPartial } from '../../source/partial.ts';
import type { ResultTable } from '../../source/result.ts';
import { type Cell, tableKey } from '../live-cells.ts';
import { emptyRow, type Rendered, rowText } from '../live-rows.ts';
import type { PlainRows } from './live-plain.ts';

/** Tells which window a row is of, for several may begin at one time. */
const NUMBER: PlanOutput = { name: '', expression: { kind: 'edge', of: 'number', type: 'integer' }, type: 'integer' };

/** Runs merged at once: the merge looks at all of them for each row. */
const FAN_IN = 16;

/** A series is live for so many windows after its last point: as long, empty windows of it are filled. */
export const LIVE_WINDOWS = 10;

/** The points of runs as tables; in one table they are in order, but for a great many runs there are several of a series. */
export function* pointTables(plan: Plan, runs: readonly (readonly RowsPartial[])[]): Generator<ResultTable> {
  for (let from = 0; from < runs.length; from += FAN_IN) {
    const some = runs.slice(from, from + FAN_IN);
    const at = some.map(() => 0);
    const merge = mergeRows(plan, some.length);
    for (let step = merge.next(); !step.done; ) {
      if (typeof step.value === 'number') step = merge.next(some[step.value][at[step.value]++] ?? null);
      else {
        yield step.value;
        step = merge.next(null);
      }
    }
  }
}

/**
 * Rows of those cells that have a value of any aggregate. Where others have none, they are filled as history does, so such plans are
 * finished together with the neighbours, of which none is in a window after `closed`. `plain`: of the plan, for those that are not.
 */
export function renderCells(
  plan: Plan,
  windows: AnswerWindows,
  stores: readonly PaneStore[],
  wanted: readonly Cell[],
  closed: number,
  plain: PlainRows | null,
): Map<Cell, Rendered> {
  if (wanted.length === 0) return new Map();
  if (!fillsInside(plan) && plain !== null) {
    return plain.render(plan.windows === undefined ? stores : [summed(plan, windows, stores, wanted)], wanted);
  }
  if (!fillsInside(plan)) return finish({ ...plan, fill: { kind: 'none' } }, windows, stores, wanted, wanted, true);
  return finishAmongNeighbours(plan, windows, stores, wanted, closed, true);
}

/** Rows of cells without a point of their own, as the plan's fill says. Neighbours as above. */
export function renderFills(
  plan: Plan,
  windows: AnswerWindows,
  stores: readonly PaneStore[],
  wanted: readonly Cell[],
  closed: number,
): Map<Cell, Rendered> {
  const rendered = finishAmongNeighbours(plan, windows, stores, wanted, closed, false);
  for (const cell of wanted) if (!rendered.has(cell)) rendered.set(cell, renderEmpty(plan, windows, cell));
  return rendered;
}

/** Whether a row that has a value of one aggregate may be filled in another. */
export function fillsInside(plan: Plan): boolean {
  return plan.window !== null && plan.aggregates.length > 1 && plan.fill.kind !== 'none';
}

/** The row that takes the place of one that is no longer there: counts 0, everything else null, as history fills a gap. */
export function renderEmpty(plan: Plan, windows: AnswerWindows, cell: Cell): Rendered {
  const table = emptyRow(plan, cell.owner.group, windows, cell.window);
  return { table, rows: [0], text: rowText(table, 0) };
}

// private functions

/** Cells with data of the same series up to LIVE_WINDOWS away are what a fill sees. */
function finishAmongNeighbours(
  plan: Plan,
  windows: AnswerWindows,
  stores: readonly PaneStore[],
  wanted: readonly Cell[],
  closed: number,
  onlyData: boolean,
): Map<Cell, Rendered> {
  const rendered = new Map<Cell, Rendered>();
  for (const cluster of clusters(wanted)) {
    const first = cluster[0].window - LIVE_WINDOWS;
    const wantedLast = cluster[cluster.length - 1].window;
    const last = Math.max(wantedLast, Math.min(wantedLast + LIVE_WINDOWS, closed));
    const cells = new Set<Cell>(cluster);
    for (const { owner } of cluster) {
      for (let n = first; n <= Math.min(last, closed); n++) {
        const cell = owner.cells.get(n);
        if (cell?.data) cells.add(cell);
      }
    }
    const among = { ...windows, first: () => first, last: () => last };
    const bounds = { ...plan.bounds, minStated: true, maxStated: true };
    for (const [cell, rows] of finish({ ...plan, bounds }, among, stores, [...cells], cluster, onlyData)) {
      rendered.set(cell, rows);
    }
  }
  return rendered;
}

/** Finishes the states of `cells` and picks the rows of `wanted`, or only of those that have states. */
function finish(
  plan: Plan,
  windows: AnswerWindows,
  stores: readonly PaneStore[],
  cells: readonly Cell[],
  wanted: readonly Cell[],
  onlyData: boolean,
): Map<Cell, Rendered> {
  const scratch = summed(plan, windows, stores, cells);
  const byGroup = new Map<string, Map<number, Cell>>();
  for (const cell of wanted) {
    if (onlyData) {
      const slot = scratch.find(cell.owner.group, cell.window);
      if (slot < 0 || scratch.emptyCell(slot)) continue;
    }
    const { key } = cell.owner;
    let inGroup = byGroup.get(key);
    if (inGroup === undefined) byGroup.set(key, (inGroup = new Map()));
    inGroup.set(cell.window, cell);
  }
  const rows = new Map<Cell, { table: ResultTable; rows: number[]; text: string }>();
  for (const numbered of cellTables({ ...plan, outputs: [...plan.outputs, NUMBER] }, scratch, windows)) {
    const inGroup = numbered && byGroup.get(tableKey(numbered));
    if (!numbered || !inGroup) continue;
    const number = columnReader(numbered.data[numbered.data.length - 1] as Column);
    const table = { ...numbered, columns: numbered.columns.slice(0, -1), data: numbered.data.slice(0, -1) };
    for (let row = 0; row < table.rows; row++) {
      const cell = inGroup.get(Number(number(row)));
      if (cell === undefined) continue;
      const text = rowText(table, row);
      const held = rows.get(cell);
      if (held === undefined) rows.set(cell, { table, rows: [row], text });
      else {
        held.rows.push(row);
        held.text += text;
      }
    }
  }
  return rows;
}

/** A store with the states of these cells. */
function summed(plan: Plan, windows: AnswerWindows, stores: readonly PaneStore[], cells: readonly Cell[]): PaneStore {
  const whole = new PaneStore({ ...plan, sources: [] });
  const byGroup = [...Map.groupBy(cells, ({ owner }) => owner)].map(([{ group }, own]) => ({
    group,
    numbers: own.map(({ window }) => window).sort((a, b) => a - b),
  }));
  if (plan.windows !== undefined) {
    for (const { group, numbers } of byGroup) sumPanes(windows, stores, group, numbers, whole);
    return whole;
  }
  for (const store of stores) {
    const slots: number[] = [];
    for (const { group, numbers } of byGroup) {
      const number = store.groupNumberOf(group);
      for (const window of numbers) slots.push(number < 0 ? -1 : store.slotOf(number, window));
    }
    const held = slots.filter((slot) => slot >= 0);
    if (held.length > 0) whole.merge(store.take(Int32Array.from(held)));
  }
  return whole;
}

/** Puts the windows of a group, ascending, together of the panes in all stores. */
function sumPanes(
  windows: AnswerWindows,
  stores: readonly PaneStore[],
  group: Group,
  numbers: readonly number[],
  whole: PaneStore,
): void {
  const own = windows.paneGroup(group);
  const parts = stores
    .map((store) => ({ store, number: store.groupNumberOf(own), slots: [] as number[] }))
    .filter(({ number }) => number >= 0);
  if (parts.length === 0) return;
  const panes: number[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const window of numbers) {
    const to = windows.runTo(window);
    for (let pane = Math.max(next, windows.runFrom(window)); pane < to; pane++) {
      const slots = parts.map(({ store, number }) => store.slotOf(number, pane));
      if (slots.every((slot) => slot < 0)) continue;
      panes.push(pane);
      for (const [i, slot] of slots.entries()) parts[i].slots.push(slot);
    }
    next = Math.max(next, to);
  }
  sumRuns(parts, runsOf(windows, panes, numbers), whole, group);
}

/** The cells by window, cut where the gap is so wide that nobody's context reaches over it. */
function clusters(cells: readonly Cell[]): Cell[][] {
  const sorted = [...cells].sort((a, b) => a.window - b.window);
  const found: Cell[][] = [];
  for (const cell of sorted) {
    const last = found.at(-1);
    if (last === undefined || cell.window - last[last.length - 1].window > 2 * LIVE_WINDOWS) found.push([cell]);
    else last.push(cell);
  }
  return found;
}
