/**
 * CellRuns: the stretches of rows of a block that fall into one cell each. Where a block says which rows are of one series and in order
 * of time (Block.runs), the rows of a window are found by its edges: nothing is asked of each row, and aggregates walk their values
 * one after the other.
 */
import { type Block, firstRowFrom, type SeriesTable } from '../../../model/index.ts';
import type { BlockWindows, SourceRows } from '../rows/rows-in.ts';

const ROOM_FIRST = 64;

export class CellRuns {
  count = 0;
  /** As in RunSlice; `slots` are filled by whoever knows the cells. */
  from = new Uint32Array(0);
  to = new Uint32Array(0);
  group = new Int32Array(0);
  window = new Float64Array(0);
  slots = new Int32Array(0);

  /** Takes the place of what was found before. Returns how many rows there are. */
  find(
    block: Block & { readonly runs: Uint32Array },
    source: SourceRows,
    table: SeriesTable,
    windows: BlockWindows | null,
  ): number {
    const { runs, series, offsets, base } = block;
    const [low, high] = source.range(base);
    windows?.start(base);
    this.count = 0;
    let rows = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const group = source.wantedGroup(table, series[runs[i]]);
      if (group < 0) continue;
      let at = runs[i];
      let end = runs[i + 1];
      if (offsets[at] < low) at = firstRowFrom(offsets, at, end, low);
      if (at < end && offsets[end - 1] > high) end = firstRowFrom(offsets, at, end, high + 1);
      while (at < end) {
        let to = end;
        if (windows !== null) {
          const offset = offsets[at];
          if (offset < windows.from || offset >= windows.to) windows.find(offset);
          if (offsets[end - 1] >= windows.to) to = firstRowFrom(offsets, at, end, windows.to);
        }
        if (this.count === this.from.length) this.#grow();
        this.from[this.count] = at;
        this.to[this.count] = to;
        this.group[this.count] = group;
        this.window[this.count++] = windows === null ? 0 : windows.window;
        rows += to - at;
        at = to;
      }
    }
    return rows;
  }

  /** Of the cells that the stretches are in, no less than there are. */
  cellsMax(groups: number): number {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      if (this.window[i] < least) least = this.window[i];
      if (this.window[i] > greatest) greatest = this.window[i];
    }
    return Math.min(this.count, groups * (greatest - least + 1));
  }

  /** The same row by row, for `rows` rows. */
  rowByRow(rows: number): { readonly rows: Uint32Array; readonly slots: Int32Array } {
    const list = new Uint32Array(rows);
    const slots = new Int32Array(rows);
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      for (let row = this.from[i]; row < this.to[i]; row++) {
        list[at] = row;
        slots[at++] = this.slots[i];
      }
    }
    return { rows: list, slots };
  }

  // private functions

  #grow(): void {
    const length = Math.max(ROOM_FIRST, 2 * this.from.length);
    const { from, to, group, window } = this;
    this.from = new Uint32Array(length);
    this.to = new Uint32Array(length);
    this.group = new Int32Array(length);
    this.window = new Float64Array(length);
    this.slots = new Int32Array(length);
    this.from.set(from);
    this.to.set(to);
    this.group.set(group);
    this.window.set(window);
  }
}
