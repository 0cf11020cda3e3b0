/**
 * PlainRows: rows of cells where each row is made of one cell alone, which is so in most live queries: one row a window, nothing filled
 * from neighbours. It makes of them what `cellTables` would, without a store between: a state of one shard is read where it lies,
 * those of several are added up one cell at a time. Windows that overlap are put together of their panes before.
 */
import type { Value } from '../../../../model/index.ts';
import type { AggregateState } from '../../../functions/aggregate.ts';
import { createState } from '../../../functions/create.ts';
import type { Plan } from '../../../planner/plan.ts';
import type { PaneStore } from '../../cells/panes.ts';
import { TableWriter } from '../../cells/table-writer.ts';
import type { AnswerWindows } from '../../cells/window-times.ts';
import type { ResultTable } from '../../source/result.ts';
import type { Cell, GroupCells } from '../live-cells.ts';
import { type Rendered, rowText } from '../live-rows.ts';

/** Of one aggregate, by cell. */
interface Values {
  readonly values: readonly Value[];
  /** 1 = it has none there. */
  readonly missing: Uint8Array;
  /** What its chosen point carries, by the plan's columns. */
  readonly carried: readonly (readonly Value[])[];
}

export class PlainRows {
  readonly #plan: Plan;
  readonly #windows: AnswerWindows;
  /** By the plan's aggregates: where shards are added up, emptied behind it. */
  readonly #sums: AggregateState[];
  readonly #writer: TableWriter;

  /** null: its rows need more than their cells. */
  static of(plan: Plan, windows: AnswerWindows): PlainRows | null {
    const sums = plan.aggregates.map((aggregate) => createState(aggregate, plan.columns.length));
    const several = sums.some(({ points, results }) => points !== undefined || results !== undefined);
    const beyond = plan.pair !== undefined || plan.transforms.length > 0;
    if (plan.kind === 'raw' || plan.window === null || plan.rowWindow !== undefined || several || beyond) return null;
    return new PlainRows(plan, windows, sums);
  }

  private constructor(plan: Plan, windows: AnswerWindows, sums: AggregateState[]) {
    this.#plan = plan;
    this.#windows = windows;
    this.#sums = sums;
    this.#writer = new TableWriter(plan, windows);
  }

  /** Rows of those cells that have a value of any aggregate; nothing is filled. */
  render(stores: readonly PaneStore[], wanted: readonly Cell[]): Map<Cell, Rendered> {
    const cells = byOwner(wanted);
    const slots = slotsOf(stores, cells);
    const values = this.#plan.aggregates.map((_, a) => this.#valuesOf(stores, slots, cells.length, a));
    const rendered = new Map<Cell, Rendered>();
    let written: Cell[] = [];
    for (const [i, cell] of cells.entries()) {
      if (i === 0 || cell.owner !== cells[i - 1].owner) {
        if (written.length > 0) written = take(this.#writer.finish()[0], written, rendered);
        this.#writer.start(cell.owner.group);
      }
      if (values.every((column) => column.missing[i] === 1)) continue;
      const row = values.map((column) => column.values[i]);
      if (this.#plan.columns.length > 0) row.push(...values[0].carried[i]);
      const closed = this.#writer.add(this.#windows.time(cell.window), row, cell.window);
      if (closed.length > 0) written = take(closed[0], written, rendered);
      written.push(cell);
    }
    if (written.length > 0) take(this.#writer.finish()[0], written, rendered);
    return rendered;
  }

  // private functions

  /** Of one aggregate in each cell; `slots`: by store, of the cells. */
  #valuesOf(stores: readonly PaneStore[], slots: readonly Int32Array[], count: number, a: number): Values {
    const { aggregates, columns } = this.#plan;
    const sum = this.#sums[a];
    const added = this.#addUp(stores, slots, count, a);
    const values = new Array<Value>(count).fill(null);
    const missing = new Uint8Array(count);
    const carried: Value[][] = [];
    for (let i = 0; i < count; i++) {
      let state: AggregateState | null = added !== null && added[i] === 1 ? sum : null;
      let slot = i;
      for (let s = 0; s < stores.length && state === null; s++) {
        const at = slots[s][i];
        if (at >= 0 && !stores[s].states[a].empty(at)) [state, slot] = [stores[s].states[a], at];
      }
      const value = state === null ? null : state.result(slot);
      if (state === null || (value === null && aggregates[a].name === 'percentile')) missing[i] = 1;
      else carried[i] = columns.map((_, c) => state.carried!(slot, c));
      values[i] = value;
      if (state === sum) sum.reset(i);
    }
    return { values, missing, carried };
  }

  /** Adds up, in its sum, the cells that have states of several shards, and says which those are; null = none. */
  #addUp(stores: readonly PaneStore[], slots: readonly Int32Array[], count: number, a: number): Uint8Array | null {
    let added: Uint8Array | null = null;
    for (let i = 0; i < count; i++) {
      let held = 0;
      for (const [s, { states }] of stores.entries()) if (slots[s][i] >= 0 && !states[a].empty(slots[s][i])) held++;
      if (held > 1) (added ??= new Uint8Array(count))[i] = 1;
    }
    if (added === null) return null;
    const sum = this.#sums[a];
    sum.grow(count);
    for (const [s, { states }] of stores.entries()) {
      const from: number[] = [];
      const to: number[] = [];
      for (let i = 0; i < count; i++) {
        if (added[i] === 0 || slots[s][i] < 0 || states[a].empty(slots[s][i])) continue;
        from.push(slots[s][i]);
        to.push(i);
      }
      if (from.length > 0) sum.merge(states[a].take(Int32Array.from(from)), Int32Array.from(to));
    }
    return added;
  }
}

// private functions

/** Those of one group one after the other, by window. */
function byOwner(wanted: readonly Cell[]): readonly Cell[] {
  if (wanted.length < 2) return wanted;
  const found = new Map<GroupCells, Cell[]>();
  for (const cell of wanted) {
    const cells = found.get(cell.owner);
    if (cells === undefined) found.set(cell.owner, [cell]);
    else cells.push(cell);
  }
  if (found.size === wanted.length) return wanted;
  return [...found.values()].flatMap((cells) => cells.sort((a, b) => a.window - b.window));
}

/** By store; −1 = it has none. */
function slotsOf(stores: readonly PaneStore[], cells: readonly Cell[]): Int32Array[] {
  return stores.map((store) => {
    const slots = new Int32Array(cells.length);
    let number = -1;
    for (let i = 0; i < cells.length; i++) {
      const { owner, window } = cells[i];
      if (i === 0 || owner !== cells[i - 1].owner) number = store.groupNumberOf(owner.group);
      slots[i] = number < 0 ? -1 : store.slotOf(number, window);
    }
    return slots;
  });
}

/** The rows of a table are these cells', one each. */
function take(table: ResultTable, cells: readonly Cell[], rendered: Map<Cell, Rendered>): Cell[] {
  for (const [row, cell] of cells.entries()) rendered.set(cell, { table, rows: [row], text: rowText(table, row) });
  return [];
}
