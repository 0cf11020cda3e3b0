/**
 * Cutters: where the windows of rows begin and end. A cutter is given the rows of a group in the order of time, block by block, and
 * numbers their windows; one of windows that overlap numbers panes, and tells the windows as runs of them when the group has ended.
 * It is long because each kind of window is a small class of the same shape, and they are best read beside one another.
 */
import { type Block, type SeriesTable, TIME_MAX, type Value } from '../../../model/index.ts';
import type { RowWindow } from '../../planner/plan.ts';
import type { Run } from '../cells/window-runs.ts';
import type { WindowTimes } from '../cells/window-times.ts';
import { RowFilter } from '../rows/filter.ts';
import { columnReader } from '../source/columns.ts';

/** The windows of all groups, numbered as they begin. */
export class WindowList implements WindowTimes {
  readonly #times: bigint[] = [];
  readonly #starts: bigint[] = [];
  readonly #ends: bigint[] = [];
  readonly #closes: bigint[] = [];
  readonly #firstRows: number[] = [];

  /** Number of a new window whose row has this time; `firstRow`: its number among the rows of the group. */
  add(firstRow: number, time: bigint, start = time, end = time): number {
    this.#times.push(time);
    this.#starts.push(start);
    this.#closes.push(TIME_MAX);
    this.#firstRows.push(firstRow);
    return this.#ends.push(end) - 1;
  }

  endAt(window: number, end: bigint): void {
    this.#ends[window] = end;
  }

  closeAt(window: number, time: bigint): void {
    this.#closes[window] = time;
  }

  /** No row of this time or a later one changes the window; TIME_MAX where one may, whenever it comes. */
  closes(window: number): bigint {
    return this.#closes[window];
  }

  firstRow(window: number): number {
    return this.#firstRows[window];
  }

  time(window: number): bigint {
    return this.#times[window];
  }

  start(window: number): bigint {
    return this.#starts[window];
  }

  end(window: number): bigint {
    return this.#ends[window];
  }

  first(): number {
    return 0;
  }

  last(): number {
    return this.#times.length - 1;
  }
}

/** Says of each row of a group in which window it is, of windows that overlap in which pane; −1 = in none. */
export interface Cutter {
  begin(): void;
  cut(block: Block, table: SeriesTable, windows: WindowList): Float64Array;
  /** How many of the first rows of the group no window to come holds, where no row before `floor` comes. */
  settledRows(floor: bigint, countBefore: (time: bigint) => number): number;
}

export function cutterOf(window: RowWindow): Cutter {
  switch (window.of) {
    case 'session':
      return new SessionCutter(window);
    case 'state':
      return new StateCutter(window.field);
    case 'event':
      return new EventCutter(new RowFilter(window.start), new RowFilter(window.end));
    case 'rows':
      return window.every < window.size ? new HopCutter(window.size, window.every) : new RowsCutter(window);
    case 'sliding':
      return new SlidingCutter(window.size);
  }
}

/** A cutter into panes, and the windows they make. */
export abstract class RunCutter implements Cutter {
  /** By pane of the group: first and last time of its rows, number of the first. */
  protected starts: bigint[] = [];
  protected ends: bigint[] = [];
  protected firstRows: number[] = [];
  #row = 0;

  begin(): void {
    this.starts = [];
    this.ends = [];
    this.firstRows = [];
    this.#row = 0;
  }

  abstract cut(block: Block, table: SeriesTable, windows: WindowList): Float64Array;

  abstract settledRows(floor: bigint, countBefore: (time: bigint) => number): number;

  /** The windows of the group that has just ended; `held`: the panes that have a state, ascending. */
  abstract runs(held: readonly number[], windows: WindowList): Iterable<Run>;

  protected extend(pane: number, time: bigint): void {
    if (pane === this.starts.length) {
      this.starts.push(time);
      this.firstRows.push(this.#row);
    }
    this.ends[pane] = time;
    this.#row++;
  }
}

// private functions

class SessionCutter implements Cutter {
  readonly #gap: bigint;
  readonly #longest: bigint | null;
  /** Null: any row begins one; none ends it. */
  readonly #starts: RowFilter | null;
  readonly #ends: RowFilter | null;
  #window = -1;
  #row = 0;
  #first = 0n;
  #last = 0n;

  constructor({ gap, longest, edges }: RowWindow & { of: 'session' }) {
    this.#gap = gap;
    this.#longest = longest;
    this.#starts = edges === null ? null : new RowFilter(edges.start);
    this.#ends = edges === null ? null : new RowFilter(edges.end);
  }

  begin(): void {
    this.#window = -1;
    this.#row = 0;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    return countBefore(floor);
  }

  cut(block: Block, table: SeriesTable, windows: WindowList): Float64Array {
    const { rows, base, offsets } = block;
    const numbers = new Float64Array(rows);
    const starts = this.#starts === null ? null : passing(this.#starts, block, table);
    const ends = this.#ends === null ? null : passing(this.#ends, block, table);
    for (let row = 0; row < rows; row++, this.#row++) {
      const time = base + BigInt(offsets[row]);
      const over = time - this.#last >= this.#gap || (this.#longest !== null && time - this.#first >= this.#longest);
      if (over) this.#window = -1;
      if (this.#window < 0 && (starts === null || starts[row] === 1)) {
        this.#window = windows.add(this.#row, time);
        this.#first = time;
      }
      this.#last = time;
      numbers[row] = this.#window;
      if (this.#window < 0) continue;
      if (ends !== null && ends[row] === 1) {
        windows.endAt(this.#window, time);
        windows.closeAt(this.#window, time + 1n);
        this.#window = -1;
        continue;
      }
      const end = time + this.#gap;
      windows.endAt(this.#window, end);
      const longest = this.#longest === null ? end : this.#first + this.#longest;
      windows.closeAt(this.#window, longest < end ? longest : end);
    }
    return numbers;
  }
}

class StateCutter implements Cutter {
  readonly #field: string;
  #window = -1;
  #row = 0;
  #state: Value = null;

  constructor(field: string) {
    this.#field = field;
  }

  begin(): void {
    this.#window = -1;
    this.#row = 0;
    this.#state = null;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    return countBefore(floor);
  }

  cut({ rows, base, offsets, columns }: Block, _table: SeriesTable, windows: WindowList): Float64Array {
    const numbers = new Float64Array(rows);
    const read = columnReader(columns.get(this.#field) ?? null);
    for (let row = 0; row < rows; row++, this.#row++) {
      const time = base + BigInt(offsets[row]);
      const state = read(row);
      if (state !== null && state !== this.#state) {
        // of rows of one time a later one may still come to stand before this one
        if (this.#window >= 0) windows.closeAt(this.#window, time + 1n);
        this.#window = windows.add(this.#row, time);
        this.#state = state;
      }
      if (this.#window >= 0) windows.endAt(this.#window, time);
      numbers[row] = this.#window;
    }
    return numbers;
  }
}

class EventCutter implements Cutter {
  readonly #start: RowFilter;
  readonly #end: RowFilter;
  #window = -1;
  #row = 0;

  constructor(start: RowFilter, end: RowFilter) {
    this.#start = start;
    this.#end = end;
  }

  begin(): void {
    this.#window = -1;
    this.#row = 0;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    return countBefore(floor);
  }

  cut(block: Block, table: SeriesTable, windows: WindowList): Float64Array {
    const { rows, base, offsets } = block;
    const numbers = new Float64Array(rows);
    const starts = passing(this.#start, block, table);
    const ends = passing(this.#end, block, table);
    for (let row = 0; row < rows; row++, this.#row++) {
      const time = base + BigInt(offsets[row]);
      if (this.#window < 0 && starts[row] === 1) this.#window = windows.add(this.#row, time);
      numbers[row] = this.#window;
      if (this.#window < 0) continue;
      windows.endAt(this.#window, time);
      if (ends[row] !== 1) continue;
      windows.closeAt(this.#window, time + 1n);
      this.#window = -1;
    }
    return numbers;
  }
}

/** Windows of rows that do not overlap; between them rows may be left out. */
class RowsCutter implements Cutter {
  readonly #size: number;
  readonly #every: number;
  #count = 0;
  #window = -1;

  constructor({ size, every }: { readonly size: number; readonly every: number }) {
    this.#size = size;
    this.#every = every;
  }

  begin(): void {
    this.#count = 0;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    const rows = countBefore(floor);
    return rows - (rows % this.#every);
  }

  cut({ rows, base, offsets }: Block, _table: SeriesTable, windows: WindowList): Float64Array {
    const numbers = new Float64Array(rows).fill(-1);
    for (let row = 0; row < rows; row++) {
      const count = this.#count++;
      const place = count % this.#every;
      if (place >= this.#size) continue;
      const time = base + BigInt(offsets[row]);
      if (place === 0) this.#window = windows.add(count, time);
      windows.endAt(this.#window, time);
      if (place === this.#size - 1) windows.closeAt(this.#window, time + 1n);
      numbers[row] = this.#window;
    }
    return numbers;
  }
}

/** rows(size, every) that overlap: a pane ends where a window begins or ends. */
class HopCutter extends RunCutter {
  readonly #size: number;
  readonly #every: number;
  #count = 0;

  constructor(size: number, every: number) {
    super();
    this.#size = size;
    this.#every = every;
  }

  override begin(): void {
    super.begin();
    this.#count = 0;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    const rows = countBefore(floor);
    return rows - (rows % this.#every);
  }

  cut({ rows, base, offsets }: Block): Float64Array {
    const numbers = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      numbers[row] = this.#paneOf(this.#count++);
      this.extend(numbers[row], base + BigInt(offsets[row]));
    }
    return numbers;
  }

  *runs(held: readonly number[], windows: WindowList): Generator<Run> {
    let from = 0;
    let to = 0;
    for (let first = 0; first < this.#count; first += this.#every) {
      const begin = this.#paneOf(first);
      const end = this.#paneOf(first + this.#size);
      while (from < held.length && held[from] < begin) from++;
      to = Math.max(to, from);
      while (to < held.length && held[to] < end) to++;
      if (from === to) continue;
      const start = this.starts[begin];
      const last = this.ends[Math.min(end, this.ends.length) - 1];
      const window = windows.add(first, start, start, last);
      if (first + this.#size <= this.#count) windows.closeAt(window, last + 1n);
      yield { window, from, to };
    }
  }

  // private functions

  #paneOf(row: number): number {
    const rest = this.#size % this.#every;
    const hop = Math.floor(row / this.#every);
    if (rest === 0) return hop;
    return 2 * hop + (row - hop * this.#every >= rest ? 1 : 0);
  }
}

/** sliding(size): a pane for each time at which there are rows, and a window that ends with it. */
class SlidingCutter extends RunCutter {
  readonly #size: bigint;

  constructor(size: bigint) {
    super();
    this.#size = size;
  }

  settledRows(floor: bigint, countBefore: (time: bigint) => number): number {
    return countBefore(floor - this.#size + 1n);
  }

  cut({ rows, base, offsets }: Block): Float64Array {
    const numbers = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const time = base + BigInt(offsets[row]);
      const same = this.starts.length > 0 && this.starts[this.starts.length - 1] === time;
      numbers[row] = same ? this.starts.length - 1 : this.starts.length;
      this.extend(numbers[row], time);
    }
    return numbers;
  }

  *runs(held: readonly number[], windows: WindowList): Generator<Run> {
    for (let from = 0, to = 0, pane = 0; pane < this.starts.length; pane++) {
      const time = this.starts[pane];
      while (to < held.length && held[to] <= pane) to++;
      while (from < to && this.starts[held[from]] <= time - this.#size) from++;
      if (from === to) continue;
      const window = windows.add(this.firstRows[held[from]], time, time - this.#size, time);
      windows.closeAt(window, time + 1n);
      yield { window, from, to };
    }
  }
}

/** 1 where a row of a block passes. */
function passing(filter: RowFilter, block: Block, table: SeriesTable): Uint8Array {
  const passes = new Uint8Array(block.rows);
  if (!filter.passesSeries(table, block.series[0])) return passes;
  const rows = Uint32Array.from({ length: block.rows }, (_, row) => row);
  const count = filter.narrow(block, table, rows, block.rows);
  for (let k = 0; k < count; k++) passes[rows[k]] = 1;
  return passes;
}
