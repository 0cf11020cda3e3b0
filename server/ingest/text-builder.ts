/** Texts in the making, end to end in one array that is used again for the next batch: keys of series, values of a string field. */
import { TextDictionary } from '../../model/index.ts';
import { grown } from './known-series.ts';

const TEXTS_MIN = 16;
/** Up to so many bytes a loop copies faster than a call. */
const COPY_BYTES = 48;

/** Counts bytes allocated by the builders of one decoder. */
export interface Allocation {
  bytes: number;
}

export class TextBuilder {
  size = 0;
  bytes = new Uint8Array(256);
  offsets = new Uint32Array(TEXTS_MIN + 1);
  #table: Int32Array | null = null;
  #hashes = new Int32Array(0);
  readonly #factor = ((Math.random() * 2 ** 32) | 5) & ~2;
  readonly #allocation: Allocation;

  constructor(allocation: Allocation) {
    this.#allocation = allocation;
  }

  reset(): void {
    this.size = 0;
    this.#table?.fill(0);
  }

  /** Appends, known or not; its number. */
  append(source: Uint8Array, from: number, to: number): number {
    const id = this.size++;
    const at = this.offsets[id];
    const end = at + to - from;
    if (id + 2 > this.offsets.length) {
      this.#allocation.bytes += 4 * this.offsets.length;
      this.offsets = grown(this.offsets, 2 * this.offsets.length);
    }
    if (end > this.bytes.length) {
      const length = Math.max(end, 2 * this.bytes.length);
      this.#allocation.bytes += length - this.bytes.length;
      this.bytes = grown(this.bytes, length);
    }
    const bytes = this.bytes;
    if (to - from > COPY_BYTES) bytes.set(source.subarray(from, to), at);
    else for (let i = from, o = at; i < to; i++, o++) bytes[o] = source[i];
    this.offsets[id + 1] = end;
    return id;
  }

  /** The number of a text, appended where it is new. */
  intern(source: Uint8Array, from: number, to: number): number {
    const factor = this.#factor;
    let hash = to - from;
    for (let i = from; i < to; i++) {
      hash = Math.imul(hash ^ source[i], factor);
      hash ^= hash >>> 15;
    }
    const table = (this.#table ??= new Int32Array(64));
    const mask = table.length - 1;
    let slot = hash & mask;
    for (; table[slot] !== 0; slot = (slot + 1) & mask) {
      const id = table[slot] - 1;
      if (this.#hashes[id] === hash && this.#equal(id, source, from, to)) return id;
    }
    const id = this.append(source, from, to);
    if (id >= this.#hashes.length) this.#hashes = grown(this.#hashes, this.offsets.length);
    this.#hashes[id] = hash;
    table[slot] = id + 1;
    if (2 * this.size > table.length) this.#growTable(table.length * 2);
    return id;
  }

  finish(): TextDictionary {
    return new TextDictionary(this.bytes, this.offsets, this.size);
  }

  // private functions

  #equal(id: number, source: Uint8Array, from: number, to: number): boolean {
    const at = this.offsets[id];
    if (this.offsets[id + 1] - at !== to - from) return false;
    const bytes = this.bytes;
    for (let i = from, o = at; i < to; i++, o++) if (bytes[o] !== source[i]) return false;
    return true;
  }

  #growTable(length: number): void {
    const table = new Int32Array(length);
    const mask = length - 1;
    for (let id = 0; id < this.size; id++) {
      let slot = this.#hashes[id] & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id + 1;
    }
    this.#allocation.bytes += 4 * length;
    this.#table = table;
  }
}
