/**
 * The answer of a plan whose windows begin and end with rows: the rows of its subquery, group by group in the order of time, are cut
 * into windows, and the windows finished like any other cells. RowCut is the steps of it, for history, which waits for rows, and for
 * live queries, which have them at hand and ask besides which windows no row to come can change.
 */
import { TIME_MAX } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { cellTables } from '../cells/cell-rows.ts';
import { PaneStore } from '../cells/panes.ts';
import type { TableStep } from '../cells/table-writer.ts';
import { sumRuns } from '../cells/window-runs.ts';
import { checkBytes, type Limits } from '../source/limits.ts';
import type { ResultTable } from '../source/result.ts';
import type { Turn } from '../source/source.ts';
import { finished } from '../source/steps.ts';
import type { SourceBlock } from './block-partials.ts';
import { type Cutter, cutterOf, RunCutter, WindowList } from './row-cutters.ts';
import { SubqueryBlocks } from './subquery-rows.ts';

/** `rows`: the answer of the plan's subquery. */
export async function* rowWindowTables(
  plan: Plan,
  rows: AsyncIterable<ResultTable>,
  turn: Turn,
  limits: Limits,
): AsyncGenerator<ResultTable> {
  const cut = new RowCut(plan);
  const blocks = new SubqueryBlocks(plan, 0);
  for await (const table of rows) {
    cut.add(blocks.of(table));
    checkBytes(cut.bytes, limits);
    const wait = turn();
    if (wait !== null) await wait;
  }
  for (const table of cut.tables()) {
    if (table !== null) yield table;
    const wait = turn();
    if (wait !== null) await wait;
  }
}

/** How far rows are settled where no row before `mark` comes any more. */
export interface CutMark {
  /** All answers' rows before this time are settled. */
  readonly before: bigint;
  /** The least mark that settles more. */
  readonly next: bigint;
}

/** What of the rows of a group is still needed where no row before a mark comes any more. */
export interface CutNeed {
  /** The first rows are needed no more, so many. */
  readonly rows: number;
  /** A row before this time would change what is settled. */
  readonly floor: bigint;
}

/** Tables of the subquery are added in their order; then `tables` gives the answer, and what is known of its windows may be asked. */
export class RowCut {
  readonly #plan: Plan;
  readonly #windows = new WindowList();
  readonly #whole: PaneStore;
  readonly #cutter: Cutter;
  readonly #overlapping: RunCutter | null;
  #panes: PaneStore;
  #group: string | null = null;
  /** First window of each group, in the order of groups; the windows of the last are those to the end. */
  readonly #groupFirst: number[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#whole = new PaneStore(plan);
    this.#cutter = cutterOf(plan.rowWindow!);
    this.#overlapping = this.#cutter instanceof RunCutter ? this.#cutter : null;
    this.#panes = this.#overlapping === null ? this.#whole : new PaneStore(plan);
  }

  get bytes(): number {
    return this.#whole.bytes + (this.#overlapping === null ? 0 : this.#panes.bytes);
  }

  /** null is nothing. */
  add(rows: SourceBlock | null): void {
    if (rows === null) return;
    const { source, series, block } = rows;
    const key = `${source} ${block.series[0]}`;
    if (key !== this.#group) {
      this.#endGroup();
      this.#cutter.begin();
      this.#group = key;
      this.#groupFirst.push(this.#windows.last() + 1);
    }
    this.#panes.add(block, source, series, null, this.#cutter.cut(block, series, this.#windows));
  }

  *tables(): Generator<TableStep> {
    this.#endGroup();
    this.#group = null;
    yield* cellTables({ ...this.#plan, fill: { kind: 'none' } }, this.#whole, this.#windows);
  }

  /** After `tables`. */
  settled(mark: bigint): CutMark {
    let before = mark;
    let next = TIME_MAX;
    for (let window = 0; window <= this.#windows.last(); window++) {
      const closes = this.#windows.closes(window);
      if (closes <= mark) continue;
      if (this.#windows.time(window) < before) before = this.#windows.time(window);
      if (closes < next) next = closes;
    }
    return { before, next };
  }

  /** Of a single group, after `tables`; `countBefore`: how many of its rows are before a time. */
  needed(mark: bigint, countBefore: (time: bigint) => number): CutNeed {
    let window = 0;
    while (window <= this.#windows.last() && this.#windows.closes(window) <= mark) window++;
    const isOpen = window <= this.#windows.last();
    // rows of one time go together
    while (isOpen && window > 0 && this.#windows.time(window - 1) === this.#windows.time(window)) window--;
    let floor = isOpen && this.#windows.time(window) < mark ? this.#windows.time(window) : mark;
    if (window > 0 && this.#windows.closes(window - 1) > floor) floor = this.#windows.closes(window - 1);
    const settled = this.#groupFirst.length === 0 ? 0 : this.#cutter.settledRows(floor, countBefore);
    return { rows: isOpen ? Math.min(settled, this.#windows.firstRow(window)) : settled, floor };
  }

  /** Whether rows before `from`, which are not here, may be of a window that is not settled at `mark`. */
  reachesBefore(from: bigint, mark: bigint): boolean {
    const rowWindow = this.#plan.rowWindow!;
    for (const [g, first] of this.#groupFirst.entries()) {
      const end = this.#groupFirst[g + 1] ?? this.#windows.last() + 1;
      for (let window = first; window < end; window++) {
        if (rowWindow.of === 'session' && rowWindow.edges !== null) break;
        if (rowWindow.of === 'session') {
          const before = window === first ? from : this.#windows.end(window - 1) - rowWindow.gap;
          if (this.#windows.time(window) - before >= rowWindow.gap) break;
        } else if (rowWindow.of !== 'sliding' || this.#windows.start(window) >= from) break;
        if (this.#windows.closes(window) > mark) return true;
      }
    }
    return false;
  }

  // private functions

  #endGroup(): void {
    if (this.#overlapping === null || this.#group === null) return;
    const [slots] = finished(this.#panes.byGroup());
    if (slots !== undefined) {
      const held = Array.from(slots, (slot) => this.#panes.windowOf(slot));
      const runs = this.#overlapping.runs(held, this.#windows);
      sumRuns([{ store: this.#panes, slots }], runs, this.#whole, this.#panes.groupOf(slots[0]));
    }
    this.#panes = new PaneStore(this.#plan);
  }
}
