/**
 * Finds a row by (series, time) in a list of chunks: open addressing over row numbers, keys are compared in the chunks. Made only
 * where late rows ask for it, and brought up to date when asked: appending in order never pays for it. Deleted rows are left out; where
 * more are deleted it is made anew.
 */
import { CHUNK_BITS, CHUNK_ROWS, type Chunk } from './chunk.ts';

const SLOTS_MIN = 64;
/** For each row that is there when the index is made: chunks that are asked about mostly grow. */
const SLOTS_PER_ROW = 4;
const ROW_MASK = CHUNK_ROWS - 1;

export class RowIndex {
  readonly #chunks: readonly Chunk[];
  /** Row id + 1 in each slot, 0 = free; an id is chunk × CHUNK_ROWS + row. At most half of the slots are taken. */
  #slots: Uint32Array;
  #size = 0;
  /** Where `find` goes on indexing. */
  #chunk = 0;
  #row = 0;

  constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
    const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(SLOTS_MIN, SLOTS_PER_ROW * rows))));
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** Id of the row, -1 where there is none. */
  find(series: number, offset: number): number {
    this.#catchUp();
    const slot = this.#slots[this.#locate(series, offset)];
    return slot - 1;
  }

  // private functions

  #catchUp(): void {
    while (this.#chunk < this.#chunks.length) {
      const chunk = this.#chunks[this.#chunk];
      for (; this.#row < chunk.rows; this.#row++) {
        if (chunk.dead?.[this.#row] === 1) continue;
        if (2 * (this.#size + 1) > this.#slots.length) this.#grow();
        const slot = this.#locate(chunk.series[this.#row], chunk.offsets[this.#row]);
        this.#slots[slot] = this.#chunk * CHUNK_ROWS + this.#row + 1;
        this.#size++;
      }
      if (this.#chunk === this.#chunks.length - 1) return;
      this.#chunk++;
      this.#row = 0;
    }
  }

  /** The slot that holds the row, or the free one where it belongs. */
  #locate(series: number, offset: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash(series, offset) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const id = slots[slot] - 1;
      const chunk = this.#chunks[id >>> CHUNK_BITS];
      const row = id & ROW_MASK;
      if (chunk.offsets[row] === offset && chunk.series[row] === series) break;
    }
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * old.length);
    const mask = this.#slots.length - 1;
    for (const taken of old) {
      if (taken === 0) continue;
      const chunk = this.#chunks[(taken - 1) >>> CHUNK_BITS];
      const row = (taken - 1) & ROW_MASK;
      let slot = hash(chunk.series[row], chunk.offsets[row]) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = taken;
    }
  }
}

// private functions

/** Mixes as MurmurHash3 ends; times are often multiples of powers of ten. */
function hash(series: number, offset: number): number {
  let h = Math.imul(series, 0x9e3779b1) ^ (offset | 0) ^ Math.imul((offset / 2 ** 32) | 0, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
