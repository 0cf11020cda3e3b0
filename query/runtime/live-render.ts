/**
 * From the states of cells to their rows: merges what the shards sent of the wanted cells and finishes it with the very code that
 * finishes a historical query, so that both can only agree. `LiveMerge` says which cells; nothing is remembered here.
 */
import { type Plan, windowOf, windowStart } from '../planner/plan.ts';
import { historicalHome } from './historical.ts';
import { type Cell, groupKey, tableKey, tagsOf } from './live-cells.ts';
import { windowEnd } from './live-plan.ts';
import { emptyRow, rowText, timeColumn } from './live-rows.ts';
import { PaneStore } from './panes.ts';
import type { ResultTable } from './result.ts';

/** The rows of one cell, in a table that may hold other cells' rows too. */
export interface Rendered {
  readonly table: ResultTable;
  readonly rows: readonly number[];
  readonly text: string;
}

/** A series is live for so many windows after its last point: as long, empty windows of it are filled. */
export const LIVE_WINDOWS = 10;

/** Rows of the cells that have any. */
export function renderCells(plan: Plan, stores: readonly PaneStore[], wanted: readonly Cell[]): Map<Cell, Rendered> {
  if (wanted.length === 0) return new Map();
  return finish({ ...plan, fill: { kind: 'none' } }, stores, wanted, wanted);
}

/**
 * Rows of cells without a point of their own, as the plan's fill says, in the order and with the neighbours that history would see:
 * cells with data of the same series up to LIVE_WINDOWS away, but none of a window after `closed`.
 */
export function renderFills(
  plan: Plan,
  stores: readonly PaneStore[],
  wanted: readonly Cell[],
  closed: number,
): Map<Cell, Rendered> {
  const rendered = new Map<Cell, Rendered>();
  for (const cluster of clusters(wanted)) {
    const first = cluster[0].window - LIVE_WINDOWS;
    const last = Math.min(cluster[cluster.length - 1].window + LIVE_WINDOWS, closed);
    const context = new Set<Cell>();
    for (const { owner } of cluster) {
      for (let n = first; n <= last; n++) {
        const cell = owner.cells.get(n);
        if (cell?.data) context.add(cell);
      }
    }
    const min = windowStart(plan, first);
    const max = windowEnd(plan, last) - 1n;
    const bounds = { min, max, minStated: true, maxStated: true, minFromNow: false, maxFromNow: false };
    for (const [cell, rows] of finish({ ...plan, bounds }, stores, [...context], cluster)) rendered.set(cell, rows);
  }
  for (const cell of wanted) if (!rendered.has(cell)) rendered.set(cell, renderEmpty(plan, cell));
  return rendered;
}

/** The row that takes the place of one that is no longer there: counts 0, everything else null, as history fills a gap. */
export function renderEmpty(plan: Plan, cell: Cell): Rendered {
  const { group } = cell.owner;
  const table = emptyRow(plan, group.name, tagsOf(plan, group), windowStart(plan, cell.window));
  return { table, rows: [0], text: rowText(table, 0) };
}

// private functions

/** Finishes the states of `cells` and picks the rows of `wanted`. */
function finish(
  plan: Plan,
  stores: readonly PaneStore[],
  cells: readonly Cell[],
  wanted: readonly Cell[],
): Map<Cell, Rendered> {
  const scratch = new PaneStore(plan);
  for (const store of stores) {
    const slots = new Int32Array(cells.length);
    let n = 0;
    for (const cell of cells) {
      const slot = store.find(cell.owner.group, cell.window);
      if (slot >= 0) slots[n++] = slot;
    }
    if (n > 0) scratch.merge(store.take(slots.subarray(0, n)));
  }
  const byGroup = new Map<string, Map<number, Cell>>();
  for (const cell of wanted) {
    const key = groupKey(cell.owner.group);
    let inGroup = byGroup.get(key);
    if (inGroup === undefined) byGroup.set(key, (inGroup = new Map()));
    inGroup.set(cell.window, cell);
  }
  const rows = new Map<Cell, { table: ResultTable; rows: number[]; text: string }>();
  for (const table of historicalHome(plan, [scratch.take(scratch.ordered())])) {
    const inGroup = byGroup.get(tableKey(table));
    if (inGroup === undefined) continue;
    const { base, offsets } = timeColumn(table);
    for (let row = 0; row < table.rows; row++) {
      const window = plan.window === null ? 0 : windowOf(plan, base + BigInt(offsets[row]));
      const cell = inGroup.get(window);
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
