/**
 * PaneStore: the accumulator of an aggregate plan, used by both drivers on both sides. A cell is a (group, window) pair; its states
 * live in one slot. On a shard, blocks are added and what changed is taken as partials; at home, partials are merged (historical) or
 * replace what the same shard sent before (live: one store per shard, combined by merging what `take` gives into a scratch store).
 * It is long because adding, taking and merging share the cells. It knows nothing of watermarks, clocks and threads. Cells whose states
 * are all empty do not exist to a reader.
 */
import type { Block, Column, SeriesChoice, SeriesTable, Value } from '../../../model/index.ts';
import type { AggregateState, RowSlice } from '../../functions/aggregate.ts';
import { createState } from '../../functions/create.ts';
import { type Aggregate, type Plan, reads, windowOf } from '../../planner/plan.ts';
import { windowsLater } from '../../planner/window-grid.ts';
import { DerivedRows } from '../rows/derived-rows.ts';
import { GroupTable } from '../rows/groups.ts';
import { BlockWindows, SourceRows } from '../rows/rows-in.ts';
import { columnAs, columnReader, presenceOfAny } from '../source/columns.ts';
import type { CellsPartial, Group } from '../source/partial.ts';
import type { Totals } from '../source/source.ts';
import { finished, STEP_ROWS, type Steps } from '../source/steps.ts';
import { AGGREGATES_MIN, CellOrder } from './cell-order.ts';
import { CellRuns } from './cell-runs.ts';
import { CellTable } from './cells.ts';
import { stateOfTotals } from './totals.ts';

/** What stores of one shared measurement have in common: group numbers mean the same in all of them. */
export interface SharedGroups {
  readonly groups: GroupTable;
  readonly wants: (group: Group) => boolean;
}

/** Group, window, place in the table and marks of a cell. */
const CELL_BYTES = 30;
/** Cells that room is made for before they are met. */
const CELLS_AHEAD_MAX = 4_096;
/** Cells of one partial: some milliseconds where each has a group of its own. */
const PARTIAL_CELLS_MAX = 4_096;
/** Values of one aggregate in a partial. */
const PARTIAL_VALUES_MAX = 32_768;
/** Of one aggregate in one cell: the widest keeps four doubles. */
const STATE_BYTES = 32;
/** Of the block that is being added, whichever store takes it: a query of one block need not make its own. */
const runs = new CellRuns();
const order = new CellOrder();
/** Of stores that no block was added to, as those of homes, of which there are thousands. */
const NO_SLOTS = new Int32Array(0);
const NO_WINDOWS = new Float64Array(0);

export class PaneStore {
  #plan: Plan;
  readonly #states: AggregateState[];
  readonly #groups: GroupTable;
  readonly #cells = new CellTable();
  readonly #sources: SourceRows[];
  /** That aggregates read. */
  readonly #fields: readonly string[];
  readonly #windows: BlockWindows | null;
  readonly #derived: DerivedRows;
  #slots = NO_SLOTS;
  /** By group: the window that a row of it was in last, NaN = none, and its slot there. Most rows are of the window before. */
  #windowOfGroup = NO_WINDOWS;
  #slotOfGroup = NO_SLOTS;
  #grownTo = 0;
  #changed = new Uint8Array(0);
  #changedSlots: number[] = [];

  constructor(plan: Plan, { groups, wants }: Partial<SharedGroups> = {}) {
    this.#plan = plan;
    this.#groups = groups ?? new GroupTable();
    this.#states = plan.aggregates.map((aggregate) => createState(aggregate, plan.columns.length));
    this.#sources = plan.sources.map((_, source) => new SourceRows(plan, source, this.#groups, wants));
    this.#fields = plan.aggregates.filter(({ name }) => name !== 'rows').map(({ field }) => field);
    this.#derived = new DerivedRows(plan);
    this.#windows = plan.window === null || plan.sources.length === 0 ? null : new BlockWindows(plan.window);
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Cells held, empty ones included. */
  get size(): number {
    return this.#cells.size;
  }

  /** Memory held, about: what states keep beside their slots has limits of its own. */
  get bytes(): number {
    return this.#grownTo * (CELL_BYTES + STATE_BYTES * this.#states.length);
  }

  /** By the plan's aggregates, indexed by slot. To be read, not changed. */
  get states(): readonly AggregateState[] {
    return this.#states;
  }

  /**
   * Adds the rows of a block of plan.sources[source] that pass bounds and condition, but for those in `skip` (ascending row
   * numbers). Returns how many rows passed. `numbers`: the window of each row, where the plan does not say it; −1 = none.
   */
  add(
    stored: Block,
    source: number,
    tags: SeriesTable,
    skip: Uint32Array | null = null,
    numbers: Float64Array | null = null,
  ): number {
    const { block, table } = this.#derived.of(stored, source, tags);
    const from = this.#sources[source];
    if (hasRuns(block) && skip === null && numbers === null && from.takesAll && this.plan.shown === null) {
      return this.#addRuns(block, source, table);
    }
    const selected = from.select(block, table, skip);
    const count = numbers === null ? selected : withWindow(from.rows, selected, numbers);
    if (count === 0) return 0;
    const columns = this.#columnsOf(block, source, numbers === null ? this.#fields : [...block.columns.keys()]);
    if (numbers === null) this.#findSlots(block, from, count);
    else this.#takeSlots(block, from, count, numbers);
    const carried = this.plan.columns.map((column) => this.#carriedReader(block, from, table, column));
    const keyOf = (series: number): string => table.key(series);
    const isOrdered = columns.length >= AGGREGATES_MIN && order.put(from.rows, this.#slots, count, this.#grownTo);
    const { rows, slots } = isOrdered ? order : { rows: from.rows, slots: this.#slots };
    for (let a = 0; a < columns.length; a++) {
      const column = columns[a];
      if (column === null) continue;
      const { base, offsets, series } = block;
      const slice = { count, rows, slots, base, offsets, series, keyOf, column, carried };
      this.#states[a].update(this.#within(slice, this.plan.aggregates[a]));
    }
    return count;
  }

  /**
   * Adds rows of one series by what is known of them; false: they have to be added one by one. For plans whose rule says so
   * (planner/rules.ts).
   */
  addTotals(totals: Totals, source: number, table: SeriesTable): boolean {
    const { aggregates, sources } = this.plan;
    const window = windowOf(this.plan, totals.minTime);
    if (windowOf(this.plan, totals.maxTime) !== window) return false;
    const taking = aggregates.map((aggregate) => reads(aggregate, sources[source]));
    const data = aggregates.map((aggregate, a) => (taking[a] ? stateOfTotals(aggregate, totals, table) : null));
    if (data.some((state, a) => taking[a] && state === null)) return false;
    const group = this.#sources[source].wantedGroup(table, totals.series);
    if (group < 0) return true;
    const slot = this.#cells.slot(group, window);
    this.#mark(slot);
    const slots = Int32Array.of(slot);
    for (const [a, state] of this.#states.entries()) if (taking[a]) state.merge(data[a]!, slots);
    return true;
  }

  /** Finds what `wantedSeries` gives, in steps. */
  askSeries(source: number, table: SeriesTable): Steps<void> {
    return this.#sources[source].ask(table);
  }

  /** What a scan of plan.sources[source] should be asked for: see ScanRequest.series. */
  wantedSeries(source: number, table: SeriesTable): SeriesChoice {
    return this.#sources[source].wanted(table);
  }

  /** Whole states of the cells changed since the last call (by add, merge, replace, reset), emptied ones included; null = none. */
  takeChanged(): CellsPartial | null {
    if (this.#changedSlots.length === 0) return null;
    const slots = Int32Array.from(this.#changedSlots);
    for (const slot of slots) this.#changed[slot] = 0;
    this.#changedSlots = [];
    return this.take(slots);
  }

  /** Their slots, where only those are wanted. */
  takeChangedSlots(): number[] {
    const slots = this.#changedSlots;
    for (const slot of slots) this.#changed[slot] = 0;
    this.#changedSlots = [];
    return slots;
  }

  /** One more aggregate, which has no values in any cell yet. */
  addAggregate(aggregate: Aggregate): void {
    const state = createState(aggregate, this.#plan.columns.length);
    state.grow(this.#grownTo);
    this.#states.push(state);
    this.#plan = { ...this.#plan, aggregates: [...this.#plan.aggregates, aggregate] };
  }

  /** Adds cells of a store with the same groups; its aggregates are ours from `first` on. */
  addCells(from: PaneStore, cells: readonly number[], windowOf: (window: number) => number, first = 0): void {
    const taken = Int32Array.from(cells);
    const slots = taken.map((cell) => {
      const slot = this.#cells.slot(from.groupNumber(cell), windowOf(from.windowOf(cell)));
      this.#mark(slot);
      return slot;
    });
    for (const [a, state] of from.#states.entries()) this.#states[first + a].merge(state.take(taken), slots);
  }

  /** What groups are wanted has changed. */
  reconsider(): void {
    for (const source of this.#sources) source.reconsider();
  }

  /** States of the given cells. */
  take(slots: Int32Array): CellsPartial {
    const local = new Map<number, number>();
    const groups: Group[] = [];
    const group = new Int32Array(slots.length);
    const window = new Float64Array(slots.length);
    for (let i = 0; i < slots.length; i++) {
      const number = this.#cells.group[slots[i]];
      let at = local.get(number);
      if (at === undefined) {
        at = groups.length;
        local.set(number, at);
        groups.push(this.#groups.groups[number]);
      }
      group[i] = at;
      window[i] = this.#cells.window[slots[i]];
    }
    return { kind: 'cells', groups, group, window, states: this.#states.map((state) => state.take(slots)) };
  }

  /** The same in partials that each are small, for another thread: what goes there is copied, and merged there, in one go. */
  *partials(slots: Int32Array): Generator<CellsPartial> {
    let from = 0;
    let held = 0;
    for (let i = 0; i < slots.length; i++) {
      const weight = this.#weight(slots[i]);
      if (i > from && (held + weight > PARTIAL_VALUES_MAX || i - from === PARTIAL_CELLS_MAX)) {
        yield this.take(slots.subarray(from, i));
        from = i;
        held = 0;
      }
      held += weight;
      if (weight <= PARTIAL_VALUES_MAX) continue;
      yield* this.#parts(slots.subarray(i, i + 1));
      from = i + 1;
      held = 0;
    }
    if (from < slots.length) yield this.take(slots.subarray(from));
  }

  /** Adds the states of a partial to ours. */
  merge(partial: CellsPartial): void {
    this.#mergeInto(this.#slotsOf(partial), partial);
  }

  /** The partial's states take the place of ours, cell by cell. */
  replace(partial: CellsPartial): void {
    const slots = this.#slotsOf(partial);
    for (const slot of slots) this.#empty(slot);
    this.#mergeInto(slots, partial);
  }

  /** Empties all cells of a window, e.g. to compute them again; they count as changed. */
  reset(window: number): void {
    const { end, live } = this.#cells;
    for (let slot = 0; slot < end; slot++) {
      if (live[slot] === 0 || this.#cells.window[slot] !== window) continue;
      this.#empty(slot);
      this.#mark(slot);
    }
  }

  /** Empties one cell; it counts as changed. */
  resetCell(slot: number): void {
    this.#empty(slot);
    this.#mark(slot);
  }

  /** Forgets all cells of windows below this one; what of them had changed is no longer reported. */
  dropBefore(window: number): void {
    const dropped = this.#cells.dropBefore(window);
    if (dropped.length === 0) return;
    for (const slot of dropped) {
      const group = this.#cells.group[slot];
      if (this.#slotOfGroup[group] === slot) this.#windowOfGroup[group] = Number.NaN;
      this.#empty(slot);
      this.#changed[slot] = 0;
    }
    this.#changedSlots = this.#changedSlots.filter((slot) => this.#changed[slot] === 1);
  }

  /** Slot of a cell, −1 = not held. */
  find(group: Group, window: number): number {
    const number = this.#groups.find(group);
    return number < 0 ? -1 : this.#cells.find(number, window);
  }

  /** The same by the number of a group. */
  slotOf(group: number, window: number): number {
    return this.#cells.find(group, window);
  }

  /** −1 = none of its cells was ever held. */
  groupNumberOf(group: Group): number {
    return this.#groups.find(group);
  }

  groupNumber(slot: number): number {
    return this.#cells.group[slot];
  }

  /** Slots of all cells that are not empty, by (group name, group tags, window). */
  *order(): Steps<Int32Array> {
    for (const _ of this.#groups.rank()) yield null;
    return yield* this.#cells.order(this.#groups.ranks(), (slot) => !this.emptyCell(slot));
  }

  /** The same, in this turn. */
  ordered(): Int32Array {
    return finished(this.order());
  }

  /** Slots as `order` has them, by group. */
  *byGroup(): Steps<Int32Array[]> {
    const slots = yield* this.order();
    const groups: Int32Array[] = [];
    for (let from = 0, i = 1; i <= slots.length; i++) {
      if (i % STEP_ROWS === 0) yield null;
      if (i < slots.length && this.#cells.group[slots[i]] === this.#cells.group[slots[from]]) continue;
      groups.push(slots.subarray(from, i));
      from = i;
    }
    return groups;
  }

  /** Slot of a cell, made if need be, for who brings it states. */
  cell(group: Group, window: number): number {
    const slot = this.#cells.slot(this.#groups.number(group), window);
    this.#mark(slot);
    return slot;
  }

  emptyCell(slot: number): boolean {
    for (const state of this.#states) if (!state.empty(slot)) return false;
    return true;
  }

  groupOf(slot: number): Group {
    return this.#groups.groups[this.#cells.group[slot]];
  }

  windowOf(slot: number): number {
    return this.#cells.window[slot];
  }

  // private functions

  #weight(slot: number): number {
    let most = 0;
    for (const state of this.#states) most = Math.max(most, state.weight?.(slot) ?? 0);
    return most;
  }

  /** Of one cell: first what is small, then each of the others in pieces. */
  *#parts(cell: Int32Array): Generator<CellsPartial> {
    const [slot] = cell;
    const isLarge = this.#states.map((state) => (state.weight?.(slot) ?? 0) > PARTIAL_VALUES_MAX);
    const rest = {
      kind: 'cells' as const,
      groups: [this.groupOf(slot)],
      group: Int32Array.of(0),
      window: Float64Array.of(this.windowOf(slot)),
    };
    yield { ...rest, states: this.#states.map((state, a) => (isLarge[a] ? null : state.take(cell))) };
    for (const [large, state] of this.#states.entries()) {
      if (!isLarge[large]) continue;
      for (const part of state.takeParts!(slot, PARTIAL_VALUES_MAX)) {
        yield { ...rest, states: this.#states.map((_, a) => (a === large ? part : null)) };
      }
    }
  }

  #addRuns(block: RunBlock, source: number, table: SeriesTable): number {
    const from = this.#sources[source];
    const count = runs.find(block, from, table, this.#windows);
    if (count === 0) return 0;
    const groups = this.#groups.groups.length;
    this.#cells.reserve(Math.max(runs.cellsMax(groups), this.#cells.size === 0 ? cellsAhead(this.#plan, groups) : 0));
    for (let i = 0; i < runs.count; i++) {
      runs.slots[i] = this.#cells.slot(runs.group[i], runs.window[i]);
      this.#mark(runs.slots[i]);
    }
    const { base, offsets } = block;
    const stretches = { count: runs.count, from: runs.from, to: runs.to, slots: runs.slots };
    const keyOf = (series: number): string => table.key(series);
    let single: ReturnType<CellRuns['rowByRow']> | null = null;
    for (const [a, column] of this.#columnsOf(block, source, this.#fields).entries()) {
      if (column === null) continue;
      const state = this.#states[a];
      const slice = { ...stretches, base, offsets, series: block.series, keyOf, column };
      if (state.updateRuns?.(slice)) continue;
      single ??= runs.rowByRow(count);
      const carried = this.plan.columns.map((carry) => this.#carriedReader(block, from, table, carry));
      const { rows, slots } = single;
      state.update({ count, rows, slots, base, offsets, series: block.series, keyOf, column, carried });
    }
    return count;
  }

  /** What each aggregate reads of a block; null = nothing. `any`: fields of which a row has to have one to be counted. */
  #columnsOf(block: Block, source: number, any: readonly string[]): (Column | null)[] {
    return this.plan.aggregates.map((aggregate) => {
      if (!reads(aggregate, this.plan.sources[source])) return null;
      const { name, field, type } = aggregate;
      return name === 'rows' ? presenceOfAny(block, any) : readAs(block.columns.get(field), type);
    });
  }

  /** The rows that an aggregate is asked for, where others are asked for windows beside. */
  #within(slice: RowSlice, { windowsBefore = 0 }: Aggregate): RowSlice {
    const { shown, window, descending } = this.plan;
    if (shown === null || window === null) return slice;
    const min = Number(windowsLater(window, shown.from, descending ? 0 : -windowsBefore) - slice.base);
    const max = Number(windowsLater(window, shown.to, descending ? windowsBefore : 0) - slice.base);
    const rows = new Uint32Array(slice.count);
    const slots = new Int32Array(slice.count);
    let count = 0;
    for (let k = 0; k < slice.count; k++) {
      const row = slice.rows === null ? k : slice.rows[k];
      if (slice.offsets[row] < min || slice.offsets[row] > max) continue;
      rows[count] = row;
      slots[count++] = slice.slots[k];
    }
    return { ...slice, count, rows, slots };
  }

  #findSlots(block: Block, source: SourceRows, count: number): void {
    this.#slots = reserved(this.#slots, count);
    const { series, offsets } = block;
    const { rows } = source;
    const slots = this.#slots;
    const windows = this.#windows;
    windows?.start(block.base);
    const groups = this.#groups.groups.length;
    if (this.#slotOfGroup.length < groups) {
      this.#slotOfGroup = new Int32Array(2 * groups);
      this.#windowOfGroup = new Float64Array(2 * groups).fill(Number.NaN);
    }
    const slotOfGroup = this.#slotOfGroup;
    const windowOfGroup = this.#windowOfGroup;
    let from = windows === null ? Number.NEGATIVE_INFINITY : 0;
    let to = windows === null ? Number.POSITIVE_INFINITY : 0;
    let window = 0;
    let lastSeries = -1;
    let slot = -1;
    for (let k = 0; k < count; k++) {
      const row = rows[k];
      const offset = offsets[row];
      if (offset < from || offset >= to) {
        windows!.find(offset);
        ({ window, from, to } = windows!);
        lastSeries = -1;
      }
      if (series[row] !== lastSeries) {
        lastSeries = series[row];
        const group = source.groupOf(lastSeries);
        if (windowOfGroup[group] !== window) {
          slotOfGroup[group] = this.#cells.slot(group, window);
          windowOfGroup[group] = window;
        }
        slot = slotOfGroup[group];
        this.#mark(slot);
      }
      slots[k] = slot;
    }
  }

  #takeSlots({ series }: Block, source: SourceRows, count: number, numbers: Float64Array): void {
    this.#slots = reserved(this.#slots, count);
    for (let k = 0; k < count; k++) {
      const row = source.rows[k];
      this.#slots[k] = this.#cells.slot(source.groupOf(series[row]), numbers[row]);
      this.#mark(this.#slots[k]);
    }
  }

  /** Makes room for a slot and notes that it changes. */
  #mark(slot: number): void {
    if (slot >= this.#grownTo) {
      this.#grownTo = this.#cells.group.length;
      for (const state of this.#states) state.grow(this.#grownTo);
      const longer = new Uint8Array(this.#grownTo);
      longer.set(this.#changed);
      this.#changed = longer;
    }
    if (this.#changed[slot] === 1) return;
    this.#changed[slot] = 1;
    this.#changedSlots.push(slot);
  }

  #slotsOf(partial: CellsPartial): Int32Array {
    const numbers = partial.groups.map((group) => this.#groups.number(group));
    const slots = new Int32Array(partial.group.length);
    if (this.#cells.size === 0) this.#cells.reserve(slots.length);
    for (let i = 0; i < slots.length; i++) {
      slots[i] = this.#cells.slot(numbers[partial.group[i]], partial.window[i]);
      this.#mark(slots[i]);
    }
    return slots;
  }

  #mergeInto(slots: Int32Array, partial: CellsPartial): void {
    for (let a = 0; a < this.#states.length; a++) {
      const state = partial.states[a];
      if (state !== null) this.#states[a].merge(state, slots);
    }
  }

  #empty(slot: number): void {
    for (const state of this.#states) state.reset(slot);
  }

  #carriedReader(
    block: Block,
    from: SourceRows,
    table: SeriesTable,
    column: Plan['columns'][number],
  ): (row: number) => Value {
    if (column.kind === 'field') return columnReader(readAs(block.columns.get(column.name), column.type));
    return (row) => from.tagOf(table, block.series[row], column.name);
  }
}

// private functions

type RunBlock = Block & { readonly runs: Uint32Array };

function hasRuns(block: Block): block is RunBlock {
  return block.runs !== undefined;
}

/** Of so many groups in all windows between the bounds, where these are stated and the cells are not too many. */
function cellsAhead({ window, bounds }: Plan, groups: number): number {
  if (window === null || !bounds.minStated || !bounds.maxStated) return groups;
  const windows = Number((bounds.max - bounds.min) / window.interval) + 2;
  return windows * groups <= CELLS_AHEAD_MAX ? windows * groups : 0;
}

function readAs(column: Column | undefined, type: Plan['columns'][number]['type']): Column | null {
  return column === undefined ? null : columnAs(column, type);
}

function reserved(slots: Int32Array<ArrayBuffer>, count: number): Int32Array<ArrayBuffer> {
  return slots.length < count ? new Int32Array(Math.max(count, slots.length * 2)) : slots;
}

/** Keeps the rows that are in a window. */
function withWindow(rows: Uint32Array, count: number, numbers: Float64Array): number {
  let kept = 0;
  for (let k = 0; k < count; k++) if (numbers[rows[k]] >= 0) rows[kept++] = rows[k];
  return kept;
}
