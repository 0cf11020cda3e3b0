/**
 * SliceStore: the states of all points of one shared measurement by (group, slice), and the states of windows put together from them.
 * A point changes one slice, whatever the number of windows that hold it. Above the slices stands a tree whose nodes hold eight
 * slices, or eight nodes, each: a window of a thousand slices is put together from some twenty pieces, which all windows share.
 *
 *     level 1   |-------- node --------|          made when wanted, once the stream has gone by; forgotten when a slice of it changes
 *     slices    |s0|s1|s2|s3|s4|s5|s6|s7|s8|…     a slice is whole, or is read from the source when it is wanted
 *
 * Slices from `wholeFrom` on are whole: every row that the source has in them is in the states. Aggregates and groups that are added
 * later are read from the source for those slices alone; nothing that is held is read again or copied.
 *
 * It is long because reading, keeping whole and putting together share the cells.
 */
import type { SeriesTable } from '../../../../model/index.ts';
import type { AggregateState, StateData } from '../../../functions/aggregate.ts';
import { createState } from '../../../functions/create.ts';
import type { Aggregate, Plan } from '../../../planner/plan.ts';
import { startOf } from '../../../planner/window-grid.ts';
import { PaneStore, type SharedGroups } from '../../cells/panes.ts';
import { GroupTable } from '../../rows/groups.ts';
import type { Group } from '../../source/partial.ts';
import type { Source } from '../../source/source.ts';
import type { LiveInput } from '../live-update.ts';
import { readInto } from './live-read.ts';
import { aggregateKey } from './share-plan.ts';

/** Children of a node. */
const FAN_OUT = 8;
/** With the slices: nodes of the last hold 512 of them. */
const LEVELS = 4;

interface Level {
  readonly pane: PaneStore;
  /** By number of the slice or node: its cells. */
  readonly cells: Map<number, Set<number>>;
  /** Nodes that hold what is below them. */
  readonly built: Set<number>;
}

/** A group over the slices [from, to). */
export interface SliceRange {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

export class SliceStore {
  readonly #source: Source;
  readonly #shared: SharedGroups;
  #levels: Level[];
  readonly #aggregates = new Map<string, number>();
  /** One for each aggregate: windows are put together in them. */
  readonly #scratch: AggregateState[] = [];
  #scratchSlots = 0;
  /** Slices from this one on are whole. */
  wholeFrom = Number.POSITIVE_INFINITY;
  /** Below it: those that have been read and are whole too. */
  readonly #whole = new Set<number>();
  /** Group and slice of changed cells, one after the other. */
  #changes: number[] = [];
  /** Greatest slice that has a cell. */
  #newest = Number.NEGATIVE_INFINITY;

  constructor(plan: Plan, source: Source, wants: (group: Group) => boolean) {
    this.#source = source;
    this.#shared = { groups: new GroupTable(), wants };
    this.#levels = newLevels(plan, this.#shared);
  }

  get plan(): Plan {
    return this.#levels[0].pane.plan;
  }

  get groups(): readonly Group[] {
    return this.#shared.groups.groups;
  }

  /** Cells of slices and nodes. */
  get size(): number {
    return this.#levels.reduce((sum, { pane }) => sum + pane.size, 0);
  }

  get bytes(): number {
    return this.#levels.reduce((sum, { pane }) => sum + pane.bytes, 0);
  }

  /** The indexes of aggregates in the states; one that is new is read for all slices that are whole. */
  indexesOf(aggregates: readonly Aggregate[]): number[] {
    return aggregates.map((aggregate) => {
      const key = aggregateKey(aggregate);
      let index = this.#aggregates.get(key);
      if (index === undefined) {
        this.#aggregates.set(key, (index = this.#aggregates.size));
        this.#add(aggregate, index);
      }
      return index;
    });
  }

  /** More groups are wanted: their rows are read for all slices that are whole. */
  wantMore(isNew: (group: Group) => boolean): void {
    const [{ pane }] = this.#levels;
    pane.reconsider();
    this.#whole.clear();
    if (this.wholeFrom === Number.POSITIVE_INFINITY) return;
    this.#merge(this.#read(new PaneStore(pane.plan, { groups: this.#shared.groups, wants: isNew })), 0);
  }

  /** Groups are no longer wanted. */
  wantLess(isGone: (group: Group) => boolean): void {
    const [{ pane, cells }] = this.#levels;
    pane.reconsider();
    this.#noteChanges();
    for (const slots of cells.values()) for (const slot of slots) if (isGone(pane.groupOf(slot))) pane.resetCell(slot);
  }

  isWhole(slice: number): boolean {
    return slice >= this.wholeFrom || this.#whole.has(slice);
  }

  /** Adds rows of slices that are whole, but for those in `skip`. */
  add({ block }: LiveInput, source: number, table: SeriesTable, skip: Uint32Array | null): void {
    this.#levels[0].pane.add(block, source, table, skip);
  }

  /** Reads what is missing so that all slices from this one on are whole; gives the greatest time that was read, null = none. */
  ensureFrom(slice: number): bigint | null {
    if (slice >= this.wholeFrom) return null;
    const to = this.wholeFrom;
    const greatest = this.#readAgain(slice, to);
    this.#noteChanges(false);
    this.wholeFrom = slice;
    for (const number of this.#whole) if (number >= slice) this.#whole.delete(number);
    return greatest;
  }

  /** Reads those of the slices [from, to) that are not whole. */
  ensureWhole(from: number, to: number): void {
    const end = Math.min(to, this.wholeFrom);
    for (let slice = from; slice < end; slice++) {
      if (this.#whole.has(slice)) continue;
      let next = slice + 1;
      while (next < end && !this.#whole.has(next)) next++;
      this.#readAgain(slice, next);
      this.#noteChanges(false);
      for (; slice < next; slice++) this.#whole.add(slice);
    }
  }

  /** Reads one slice again. */
  renew(slice: number): void {
    this.#readAgain(slice, slice + 1);
    if (slice < this.wholeFrom) this.#whole.add(slice);
  }

  /** Reads everything again, e.g. because rows were deleted. */
  renewAll(): void {
    const from = this.wholeFrom;
    this.#whole.clear();
    this.#levels = newLevels(this.plan, this.#shared);
    this.wholeFrom = Number.POSITIVE_INFINITY;
    if (from !== Number.POSITIVE_INFINITY) this.ensureFrom(from);
  }

  /** Slices below this one are not needed any more. */
  dropBefore(slice: number): void {
    this.#noteChanges();
    for (const [level, { pane, cells, built }] of this.#levels.entries()) {
      const first = Math.floor(slice / FAN_OUT ** level);
      pane.dropBefore(first);
      for (const set of [cells, built]) for (const number of set.keys()) if (number < first) set.delete(number);
    }
    for (const number of this.#whole) if (number < slice) this.#whole.delete(number);
    if (slice > this.wholeFrom) this.wholeFrom = slice;
  }

  /** Calls with group and slice of the cells that have changed since the last call, perhaps more than once. */
  eachChanged(visit: (group: number, slice: number) => void): void {
    this.#noteChanges();
    const changes = this.#changes;
    this.#changes = [];
    for (let i = 0; i < changes.length; i += 2) visit(changes[i], changes[i + 1]);
  }

  /** Group and slice of all cells from a slice on. */
  eachFrom(slice: number, visit: (group: number, slice: number) => void): void {
    this.#noteChanges();
    const [{ pane, cells }] = this.#levels;
    for (const [number, slots] of cells) {
      if (number >= slice) for (const slot of slots) visit(pane.groupNumber(slot), number);
    }
  }

  /** Groups that have cells in the slices [from, to), perhaps more than once. */
  eachIn(from: number, to: number, visit: (group: number) => void): void {
    this.#noteChanges();
    const [{ pane, cells }] = this.#levels;
    for (let slice = from; slice < to; slice++) {
      for (const slot of cells.get(slice) ?? []) visit(pane.groupNumber(slot));
    }
  }

  /** The states of groups over runs of slices, one entry for each range; the slices must be whole. */
  combine(ranges: readonly SliceRange[], aggregates: readonly number[]): StateData[] {
    const from: number[][] = this.#levels.map(() => []);
    const to: number[][] = this.#levels.map(() => []);
    let pieces: readonly (readonly [level: number, number: number])[] = [];
    for (const [i, range] of ranges.entries()) {
      if (i === 0 || range.from !== ranges[i - 1].from || range.to !== ranges[i - 1].to) {
        pieces = this.#pieces(range.from, range.to);
      }
      for (const [level, number] of pieces) {
        const slot = this.#levels[level].pane.slotOf(range.group, number);
        if (slot < 0) continue;
        from[level].push(slot);
        to[level].push(i);
      }
    }
    const used: { readonly level: number; readonly from: Int32Array; readonly to: Int32Array }[] = [];
    for (const [level, slots] of from.entries()) {
      if (slots.length > 0) used.push({ level, from: new Int32Array(slots), to: new Int32Array(to[level]) });
    }
    if (used.length === 1 && isEach(used[0].to, ranges.length)) {
      const [{ level, from: slots }] = used;
      return aggregates.map((a) => this.#levels[level].pane.states[a].take(slots));
    }
    this.#growScratch(ranges.length);
    const all = new Int32Array(ranges.length);
    for (let i = 0; i < all.length; i++) all[i] = i;
    return aggregates.map((a) => {
      const state = this.#scratch[a];
      for (const piece of used) state.merge(this.#levels[piece.level].pane.states[a].take(piece.from), piece.to);
      const data = state.take(all);
      for (const slot of all) state.reset(slot);
      return data;
    });
  }

  // private functions

  /** Files the cells that have changed by their slices; nodes above them hold something else now. What was only read is no news. */
  #noteChanges(isNews = true): void {
    const [{ pane, cells }] = this.#levels;
    for (const slot of pane.takeChangedSlots()) {
      const slice = pane.windowOf(slot);
      let held = cells.get(slice);
      if (held === undefined) {
        cells.set(slice, (held = new Set()));
        if (slice > this.#newest) this.#newest = slice;
      }
      held.add(slot);
      for (let level = 1; level < LEVELS; level++) {
        this.#levels[level].built.delete(Math.floor(slice / FAN_OUT ** level));
      }
      if (isNews) this.#changes.push(pane.groupNumber(slot), slice);
    }
  }

  #add(aggregate: Aggregate, index: number): void {
    for (const { pane, built } of this.#levels) {
      pane.addAggregate(aggregate);
      built.clear();
    }
    const { plan } = this;
    this.#scratch.push(createState(aggregate, plan.columns.length));
    this.#scratch[index].grow(this.#scratchSlots);
    this.#whole.clear();
    if (this.wholeFrom === Number.POSITIVE_INFINITY) return;
    this.#merge(this.#read(new PaneStore({ ...plan, aggregates: [aggregate] }, this.#shared)), index);
  }

  #growScratch(slots: number): void {
    if (slots <= this.#scratchSlots) return;
    this.#scratchSlots = Math.max(slots, this.#scratchSlots * 2);
    for (const state of this.#scratch) state.grow(this.#scratchSlots);
  }

  /** The whole slices, into a store of their own. */
  #read(pane: PaneStore): PaneStore {
    const { plan } = this;
    const from = startOf(plan.window!, this.wholeFrom);
    try {
      readInto(pane, plan, this.#source, from, plan.bounds.max, plan.bounds.max);
    } catch (error) {
      this.wholeFrom = Number.POSITIVE_INFINITY;
      throw error;
    }
    return pane;
  }

  #merge(read: PaneStore, first: number): void {
    this.#noteChanges();
    this.#levels[0].pane.addCells(read, read.takeChangedSlots(), (slice) => slice, first);
    this.#noteChanges(false);
  }

  /** Reads the slices [from, to) from the source, in place of what is held of them. */
  #readAgain(from: number, to: number): bigint | null {
    const { plan } = this;
    const [{ pane, cells }] = this.#levels;
    this.#noteChanges();
    for (const [slice, slots] of cells) if (slice >= from && slice < to) for (const slot of slots) pane.resetCell(slot);
    const end = to === Number.POSITIVE_INFINITY ? plan.bounds.max : startOf(plan.window!, to) - 1n;
    return readInto(pane, plan, this.#source, startOf(plan.window!, from), end, end);
  }

  /** Pieces that cover what is known of the slices [from, to): the widest nodes that fit and are at rest. */
  #pieces(from: number, to: number): [level: number, number: number][] {
    const pieces: [number, number][] = [];
    const end = Math.min(to, this.#newest + 1);
    for (let slice = from; slice < end; ) {
      let level = 0;
      let width = 1;
      for (; level + 1 < LEVELS; level++, width *= FAN_OUT) {
        const wider = width * FAN_OUT;
        if (slice % wider !== 0 || slice + wider > to || !this.#ready(level + 1, slice / wider)) break;
      }
      pieces.push([level, slice / width]);
      slice += width;
    }
    return pieces;
  }

  /** Whether a node holds what is below it; it is built if the stream has gone by. */
  #ready(level: number, number: number): boolean {
    const { pane, cells, built } = this.#levels[level];
    if (built.has(number)) return true;
    if ((number + 1) * FAN_OUT ** level >= this.#newest) return false;
    const first = number * FAN_OUT;
    if (level > 1) for (let child = first; child < first + FAN_OUT; child++) this.#ready(level - 1, child);
    for (const slot of cells.get(number) ?? []) pane.resetCell(slot);
    const below = this.#levels[level - 1];
    const children: number[] = [];
    for (let child = first; child < first + FAN_OUT; child++) children.push(...(below.cells.get(child) ?? []));
    pane.addCells(below.pane, children, () => number);
    const slots = new Set(pane.takeChangedSlots());
    if (slots.size > 0) cells.set(number, slots);
    built.add(number);
    return true;
  }
}

// private functions

/** Each range is one cell. */
function isEach(to: Int32Array, ranges: number): boolean {
  if (to.length !== ranges) return false;
  for (let i = 0; i < ranges; i++) if (to[i] !== i) return false;
  return true;
}

function newLevels(plan: Plan, shared: SharedGroups): Level[] {
  const level = (): Level => ({ pane: new PaneStore(plan, shared), cells: new Map(), built: new Set() });
  return Array.from({ length: LEVELS }, level);
}
