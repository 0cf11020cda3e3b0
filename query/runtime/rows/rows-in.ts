/**
 * SourceRows: the rows of blocks that a plan wants from one of its sources, and the group of each series. The first step of stage 1,
 * shared by cells and raw rows: time bounds, tag and field conditions, rows to skip. Long because each way in which rows stand has a loop.
 */
import {
  type Block,
  firstRowFrom,
  floorDiv,
  OFFSET_MAX,
  type SeriesChoice,
  type SeriesTable,
} from '../../../model/index.ts';
import { WINDOW_TAG } from '../../planner/pane-windows.ts';
import type { Plan } from '../../planner/plan.ts';
import { isEven, type PlanWindow, startOf, windowAt } from '../../planner/window-grid.ts';
import type { Group } from '../source/partial.ts';
import type { Source } from '../source/source.ts';
import { STEP_SERIES, type Steps } from '../source/steps.ts';
import { RowFilter } from './filter.ts';
import type { GroupTable } from './groups.ts';
import { SeriesPages, UNKNOWN } from './series-pages.ts';

const UNWANTED = -1;

export class SourceRows {
  readonly #plan: Plan;
  readonly #name: string;
  readonly #groups: GroupTable;
  readonly #filter: RowFilter;
  readonly #inner: boolean;
  readonly #wants: (group: Group) => boolean;
  /** A key that the windows give a value, not the series. */
  readonly #label: string | null;
  #table: SeriesTable | null = null;
  #groupOfSeries = new SeriesPages();
  /** Rows that passed, of the block last given; valid until the next. */
  rows = new Uint32Array(0);

  /** `wants`: of the groups whose series pass, those that rows are taken of; it may change its mind, see `reconsider`. */
  constructor(plan: Plan, source: number, groups: GroupTable, wants: (group: Group) => boolean = () => true) {
    this.#plan = plan;
    this.#wants = wants;
    this.#name = plan.sources[source].series ?? plan.sources[source].measurement;
    this.#filter = new RowFilter(plan.sources[source].condition);
    this.#groups = groups;
    this.#label = plan.windows?.some(({ label }) => label !== undefined) ? WINDOW_TAG : null;
    this.#inner = plan.sources[source].subquery !== undefined;
  }

  /** Fills `rows`; returns how many. */
  select(block: Block, table: SeriesTable, skip: Uint32Array | null): number {
    this.#begin(table);
    if (skip === null && this.#filter.isOfRows) return this.#ofWantedSeries(block, table, this.#passing(block, table));
    if (block.runs !== undefined && skip === null) {
      const walked = this.#walk(block, block.runs, table);
      return this.#filter.narrow(block, table, this.rows, walked);
    }
    const groups = this.#groupOfSeries;
    const { series, offsets, selection } = block;
    const n = selection === null ? block.rows : selection.length;
    if (this.rows.length < n) this.rows = new Uint32Array(n);
    const rows = this.rows;
    const [from, to] = this.range(block.base);
    const skipped = skip?.length ?? 0;
    let nextSkip = 0;
    let count = 0;
    let lastSeries = -1;
    let group = UNWANTED;
    for (let k = 0; k < n; k++) {
      const row = selection === null ? k : selection[k];
      if (nextSkip < skipped) {
        while (nextSkip < skipped && skip![nextSkip] < row) nextSkip++;
        if (skip![nextSkip] === row) continue;
      }
      const offset = offsets[row];
      if (offset < from || offset > to) continue;
      if (series[row] !== lastSeries) {
        lastSeries = series[row];
        group = groups.of(lastSeries);
        if (group === UNKNOWN) group = this.#learn(table, lastSeries);
      }
      if (group === UNWANTED) continue;
      rows[count++] = row;
    }
    return this.#filter.narrow(block, table, rows, count);
  }

  /** All rows of a series that is wanted pass, if they are within the bounds. */
  get takesAll(): boolean {
    return !this.#filter.looksAtRows;
  }

  /** Offsets from a base that lie in the bounds; rows of a subquery are in them by its own plan, though a window may begin before. */
  range(base: bigint): readonly [from: number, to: number] {
    if (this.#inner) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const { min, max } = this.#plan.bounds;
    return [clamp(min - base), clamp(max - base)];
  }

  /** What groups are wanted has changed. */
  reconsider(): void {
    this.#groupOfSeries = new SeriesPages();
  }

  /** Group of a series that has passed. */
  groupOf(series: number): number {
    return this.#groupOfSeries.of(series);
  }

  /** The group of a series, −1 where it is not wanted. */
  wantedGroup(table: SeriesTable, series: number): number {
    this.#begin(table);
    return this.#known(table, series);
  }

  /** Of each series of a table the group, −1 where it is not wanted. */
  *groupsOf(table: SeriesTable, wanted: SeriesChoice): Steps<Int32Array> {
    this.#begin(table);
    const groups = new Int32Array(table.size).fill(UNWANTED);
    const list = wanted instanceof Uint32Array ? wanted : null;
    const mask = wanted instanceof Uint8Array ? wanted : null;
    const count = list?.length ?? table.size;
    for (let i = 0; i < count; i++) {
      const series = list === null ? i : list[i];
      if (mask !== null && mask[series] !== 1) continue;
      groups[series] = this.#known(table, series);
      if (i % STEP_SERIES === STEP_SERIES - 1) yield null;
    }
    return groups;
  }

  /** A tag as a column; a series of a subquery that lacks one it is grouped by has it empty, any other has none. */
  tagOf(table: SeriesTable, series: number, key: string): string | null {
    return table.tag(series, key) || (this.#inner ? '' : null);
  }

  /** Finds what `wanted` gives, in steps. */
  *ask(table: SeriesTable): Steps<void> {
    if (this.#plan.sources.length > 0) yield* this.#filter.ask(table);
  }

  /** Those that may have rows: what a scan is asked for. */
  wanted(table: SeriesTable): SeriesChoice {
    return this.#plan.sources.length === 0 ? null : this.#filter.series(table);
  }

  // private functions

  /** As `select`, before the filter, where rows stand in runs. */
  #walk({ series, offsets, base }: Block, runs: Uint32Array, table: SeriesTable): number {
    const [low, high] = this.range(base);
    const room = lengthOf(runs);
    if (this.rows.length < room) this.rows = new Uint32Array(room);
    const rows = this.rows;
    let count = 0;
    for (let i = 0; i < runs.length; i += 2) {
      if (this.#known(table, series[runs[i]]) === UNWANTED) continue;
      let from = runs[i];
      let end = runs[i + 1];
      if (offsets[from] < low) from = firstRowFrom(offsets, from, end, low);
      if (from < end && offsets[end - 1] > high) end = firstRowFrom(offsets, from, end, high + 1);
      for (let row = from; row < end; row++) rows[count++] = row;
    }
    return count;
  }

  /** What passes by its fields and time, whatever its series: asked of columns, before it is asked of each row what series it is of. */
  #passing(block: Block, table: SeriesTable): number {
    const { runs, offsets } = block;
    const selection = runs === undefined ? block.selection : null;
    const stretches = runs ?? Uint32Array.of(0, block.rows);
    const room = selection?.length ?? lengthOf(stretches);
    if (this.rows.length < room) this.rows = new Uint32Array(room);
    const rows = this.rows;
    let count: number;
    if (selection === null) count = this.#filter.passing(block, table, stretches, rows);
    else {
      rows.set(selection);
      count = this.#filter.narrow(block, table, rows, selection.length);
    }
    const [from, to] = this.range(block.base);
    let kept = 0;
    for (let k = 0; k < count; k++) {
      const row = rows[k];
      rows[kept] = row;
      if (offsets[row] >= from && offsets[row] <= to) kept++;
    }
    return kept;
  }

  /** Of the first `count` rows those of series that are wanted; returns how many. */
  #ofWantedSeries({ series }: Block, table: SeriesTable, count: number): number {
    const rows = this.rows;
    let kept = 0;
    for (let k = 0; k < count; k++) {
      const row = rows[k];
      rows[kept] = row;
      if (this.#known(table, series[row]) !== UNWANTED) kept++;
    }
    return kept;
  }

  #begin(table: SeriesTable): void {
    if (table === this.#table) return;
    this.#table = table;
    this.#groupOfSeries = new SeriesPages();
  }

  #known(table: SeriesTable, series: number): number {
    const group = this.#groupOfSeries.of(series);
    return group === UNKNOWN ? this.#learn(table, series) : group;
  }

  #learn(table: SeriesTable, series: number): number {
    let number = UNWANTED;
    if (this.#filter.passesSeries(table, series)) {
      const tags = this.#plan.groupBy.map((key) => (key === this.#label ? '' : table.tag(series, key)));
      const group = { name: this.#name, tags };
      if (this.#wants(group)) number = this.#groups.number(group);
    }
    this.#groupOfSeries.set(series, number);
    return number;
  }
}

/** Windows of the rows of one block: a row's window from its offset, without bigints for all but very wide windows. */
export class BlockWindows {
  readonly #grid: PlanWindow;
  readonly #even: boolean;
  readonly #interval: bigint;
  readonly #width: number;
  readonly #origin: bigint;
  #base = 0n;
  #baseWindow = 0;
  #rest = 0;
  /** The window last found covers offsets [from, to). */
  window = 0;
  from = 0;
  to = 0;

  constructor(window: PlanWindow) {
    this.#grid = window;
    this.#even = isEven(window);
    this.#interval = window.interval;
    this.#width = Number(window.interval);
    this.#origin = window.origin;
  }

  start(base: bigint): void {
    this.#base = base;
    const window = floorDiv(base - this.#origin, this.#interval);
    this.#baseWindow = Number(window);
    this.#rest = Number(base - this.#origin - window * this.#interval);
    this.from = 0;
    this.to = 0;
  }

  /** Sets window, from and to for an offset outside the present [from, to). */
  find(offset: number): void {
    if (!this.#even) {
      const window = windowAt(this.#grid, this.#base + BigInt(offset));
      this.window = window;
      this.from = clamp(startOf(this.#grid, window) - this.#base);
      this.to = clamp(startOf(this.#grid, window + 1) - this.#base);
      return;
    }
    if (this.#width <= OFFSET_MAX / 2) {
      const ahead = Math.floor((this.#rest + offset) / this.#width);
      this.window = this.#baseWindow + ahead;
      this.from = ahead * this.#width - this.#rest;
      this.to = this.from + this.#width;
      return;
    }
    const window = floorDiv(this.#base + BigInt(offset) - this.#origin, this.#interval);
    const start = this.#origin + window * this.#interval - this.#base;
    this.window = Number(window);
    this.from = clamp(start);
    this.to = clamp(start + this.#interval);
  }
}

/** Of the plan's sources that read a measurement which the shard has, by their index. */
export function* tablesOf(plan: Plan, source: Source): Generator<readonly [number, SeriesTable]> {
  for (const [i, { database, retentionPolicy, measurement, subquery }] of plan.sources.entries()) {
    const table = subquery === undefined ? source.series(database, retentionPolicy, measurement) : null;
    if (table !== null) yield [i, table];
  }
}

// private functions

/** How many rows stretches have. */
function lengthOf(stretches: Uint32Array): number {
  let rows = 0;
  for (let i = 0; i < stretches.length; i += 2) rows += stretches[i + 1] - stretches[i];
  return rows;
}

/** An offset bound as a double; those beyond any offset stay beyond it. */
function clamp(offset: bigint): number {
  const far = OFFSET_MAX * 2;
  if (offset > BigInt(far)) return far;
  return offset < BigInt(-far) ? -far : Number(offset);
}
