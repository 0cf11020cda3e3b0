/**
 * CellOrder: the rows of a block put in the order of their cells, for plans with several aggregates. Each aggregate then takes the rows
 * of a cell one after the other and keeps what it adds up at hand, where rows of ten groups in turn have it go from cell to cell. Rows of
 * one cell stay in their order. Few cells with many rows each are worth it; where there are more, the rows are left as they stand.
 */

/** Fewer aggregates take less than the ordering. */
export const AGGREGATES_MIN = 3;
/** Rows of a cell, on average, that make it worth while. */
const ROWS_PER_CELL_MIN = 8;
/** The same for rows that stand side by side already. */
const ROWS_PER_STRETCH_MAX = 4;

export class CellOrder {
  rows = new Uint32Array(0);
  slots = new Int32Array(0);
  /** By slot: how many rows it has, then where its next row goes. Zeros between calls. */
  #places = new Uint32Array(0);
  #met = new Int32Array(0);

  /** Puts the first `count` rows, and the slot of each, into `rows` and `slots`; false: it is not worth it, and nothing was put there. */
  put(rows: Uint32Array, slots: Int32Array, count: number, slotsEnd: number): boolean {
    const cells = this.#count(slots, count, slotsEnd);
    if (cells > 0) this.#place(rows, slots, count, cells);
    for (let i = 0; i < Math.abs(cells); i++) this.#places[this.#met[i]] = 0;
    return cells > 0;
  }

  // private functions

  /** How many cells there are, all noted; negative: so many are noted, and the rows are left as they stand. */
  #count(slots: Int32Array, count: number, slotsEnd: number): number {
    if (this.#places.length < slotsEnd) this.#places = new Uint32Array(slotsEnd);
    const cellsMax = Math.floor(count / ROWS_PER_CELL_MIN);
    if (this.#met.length < cellsMax + 1) this.#met = new Int32Array(2 * (cellsMax + 1));
    const places = this.#places;
    let [cells, stretches, last] = [0, 0, -1];
    for (let k = 0; k < count; k++) {
      const slot = slots[k];
      if (slot !== last) stretches++;
      last = slot;
      if (places[slot]++ > 0) continue;
      this.#met[cells++] = slot;
      if (cells > cellsMax) return -cells;
    }
    return stretches * ROWS_PER_STRETCH_MAX < count ? -cells : cells;
  }

  #place(rows: Uint32Array, slots: Int32Array, count: number, cells: number): void {
    if (this.rows.length < count) {
      this.rows = new Uint32Array(count);
      this.slots = new Int32Array(count);
    }
    const places = this.#places;
    let next = 0;
    for (let i = 0; i < cells; i++) {
      const slot = this.#met[i];
      const held = places[slot];
      this.slots.fill(slot, next, next + held);
      places[slot] = next;
      next += held;
    }
    for (let k = 0; k < count; k++) this.rows[places[slots[k]]++] = rows[k];
  }
}
