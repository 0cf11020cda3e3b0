/** CellTable: the slots of (group, window) cells, found by an open-addressed hash. Slots of dropped cells are used again. */
import { QueryError } from '../../language/errors.ts';
import { sortedBy } from '../raw/row-order.ts';
import { STEP_ROWS, type Steps } from '../source/steps.ts';

/** Cells of one query on one thread: at some 100 bytes a cell and aggregate, 200 MB. */
export const CELLS_MAX = 2_000_000;

/** Fewer windows of a group are compared with each other. */
const SORTED_MAX = 256;
const VACANT = -1;
/** Most of the tables that thousands of live queries have hold few cells, and arrays so short lie in V8's own heap. */
const SLOTS_FIRST = 8;

export class CellTable {
  /** By slot. Slots in `free` mean nothing. */
  group = new Int32Array(SLOTS_FIRST);
  window = new Float64Array(SLOTS_FIRST);
  live = new Uint8Array(SLOTS_FIRST);
  /** One more than the greatest slot ever used. */
  end = 0;
  size = 0;
  #free: number[] = [];
  /** Power of two, at most half full. */
  #table = new Int32Array(SLOTS_FIRST * 2).fill(VACANT);

  /** Slot of a cell, made if need be. */
  slot(group: number, window: number): number {
    const mask = this.#table.length - 1;
    let at = hash(group, window) & mask;
    for (; ; at = (at + 1) & mask) {
      const slot = this.#table[at];
      if (slot === VACANT) return this.#make(group, window, at);
      if (this.group[slot] === group && this.window[slot] === window) return slot;
    }
  }

  /** Makes room for so many more cells at once. */
  reserve(more: number): void {
    const wanted = Math.min(CELLS_MAX, this.size + more);
    if (wanted > this.group.length) this.#growSlots(Math.max(wanted, Math.ceil(1.5 * this.group.length)));
    if (wanted * 2 > this.#table.length) this.#rehash(2 ** Math.ceil(Math.log2(wanted * 2)));
  }

  /** −1 = there is none. */
  find(group: number, window: number): number {
    const mask = this.#table.length - 1;
    for (let at = hash(group, window) & mask; ; at = (at + 1) & mask) {
      const slot = this.#table[at];
      if (slot === VACANT || (this.group[slot] === group && this.window[slot] === window)) return slot;
    }
  }

  /** Forgets cells of windows below `window`; returns their slots, which the caller must empty. */
  dropBefore(window: number): number[] {
    const dropped: number[] = [];
    for (let slot = 0; slot < this.end; slot++) {
      if (this.live[slot] === 0 || this.window[slot] >= window) continue;
      this.live[slot] = 0;
      dropped.push(slot);
    }
    if (dropped.length === 0) return dropped;
    this.size -= dropped.length;
    for (const slot of dropped) {
      this.#remove(slot);
      this.#free.push(slot);
    }
    return dropped;
  }

  /** Slots of the cells wanted, by the rank of their group, then by window. */
  *order(groupRanks: Uint32Array, isWanted: (slot: number) => boolean): Steps<Int32Array> {
    const { group, window, live, end } = this;
    const wanted = new Uint8Array(end);
    const next = new Uint32Array(groupRanks.length + 1);
    let count = 0;
    for (let slot = 0; slot < end; slot++) {
      if (slot % STEP_ROWS === STEP_ROWS - 1) yield null;
      if (live[slot] === 0 || !isWanted(slot)) continue;
      wanted[slot] = 1;
      next[groupRanks[group[slot]] + 1]++;
      count++;
    }
    for (let rank = 0; rank < groupRanks.length; rank++) next[rank + 1] += next[rank];
    const slots = new Int32Array(count);
    for (let slot = 0; slot < end; slot++) {
      if (slot % STEP_ROWS === STEP_ROWS - 1) yield null;
      if (wanted[slot] === 1) slots[next[groupRanks[group[slot]]]++] = slot;
    }
    for (let rank = 0, from = 0; rank < groupRanks.length; from = next[rank++]) {
      const part = slots.subarray(from, next[rank]);
      // windows are mostly met in their order
      for (let i = 1; i < part.length; i++) {
        if (window[part[i - 1]] <= window[part[i]]) continue;
        part.set(yield* byWindow(part, window));
        break;
      }
      if (rank % STEP_ROWS === STEP_ROWS - 1 || part.length >= STEP_ROWS) yield null;
    }
    return slots;
  }

  // private functions

  #make(group: number, window: number, at: number): number {
    if (this.size >= CELLS_MAX) {
      throw new QueryError('invalid', `max-select-buckets limit exceeded: (${this.size + 1}/${CELLS_MAX})`);
    }
    const slot = this.#free.pop() ?? this.end++;
    if (slot >= this.group.length) this.#growSlots(this.group.length * 2);
    this.group[slot] = group;
    this.window[slot] = window;
    this.live[slot] = 1;
    this.size++;
    this.#table[at] = slot;
    if (this.size * 2 > this.#table.length) this.#rehash(this.#table.length * 2);
    return slot;
  }

  /** Takes a slot out of the table: who stands behind it, and belongs before its place, moves up (Knuth, TAOCP 6.4, algorithm R). */
  #remove(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let free = hash(this.group[slot], this.window[slot]) & mask;
    while (table[free] !== slot) free = (free + 1) & mask;
    for (let at = (free + 1) & mask; table[at] !== VACANT; at = (at + 1) & mask) {
      const home = hash(this.group[table[at]], this.window[table[at]]) & mask;
      // as far as it is from home, it may go back to the free place
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      table[free] = table[at];
      free = at;
    }
    table[free] = VACANT;
  }

  #growSlots(length: number): void {
    const group = new Int32Array(length);
    const window = new Float64Array(length);
    const live = new Uint8Array(length);
    group.set(this.group);
    window.set(this.window);
    live.set(this.live);
    this.group = group;
    this.window = window;
    this.live = live;
  }

  #rehash(length: number): void {
    this.#table = new Int32Array(length).fill(VACANT);
    const mask = length - 1;
    for (let slot = 0; slot < this.end; slot++) {
      if (this.live[slot] === 0) continue;
      let at = hash(this.group[slot], this.window[slot]) & mask;
      while (this.#table[at] !== VACANT) at = (at + 1) & mask;
      this.#table[at] = slot;
    }
  }
}

// private functions

function hash(group: number, window: number): number {
  const h = Math.imul(group, 0x9e3779b1) ^ Math.imul(window | 0, 0x85ebca6b);
  return h ^ (h >>> 15);
}

/** Few are compared, many are counted, as rows are. */
function* byWindow(slots: Int32Array, window: Float64Array): Steps<Int32Array> {
  if (slots.length < SORTED_MAX) return slots.slice().sort((a, b) => window[a] - window[b]);
  let least = Number.POSITIVE_INFINITY;
  for (const slot of slots) if (window[slot] < least) least = window[slot];
  const low = new Uint32Array(slots.length);
  const high = new Uint32Array(slots.length);
  for (let i = 0; i < slots.length; i++) {
    const ahead = window[slots[i]] - least;
    high[i] = Math.floor(ahead / 2 ** 32);
    low[i] = ahead - high[i] * 2 ** 32;
    if (i % STEP_ROWS === STEP_ROWS - 1) yield null;
  }
  const places = Uint32Array.from(slots, (_, i) => i);
  const order = yield* sortedBy(yield* sortedBy(places, low), high);
  return Int32Array.from(order, (i) => slots[i]);
}
