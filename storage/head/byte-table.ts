/**
 * A set of byte strings with dense numbers: series keys of a measurement, texts of a string column. Open addressing over one arena,
 * so a known text is found without making a string. Numbers begin at 0 and are never reused.
 */
import { hashBytes, TextDictionary } from '../../model/index.ts';

const SLOTS_MIN = 16;
const ARENA_BYTES_MIN = 256;

export class ByteTable {
  size = 0;
  #arena = new Uint8Array(ARENA_BYTES_MIN);
  /** On the arena: bytes are compared four at a time, which their places allow only through a view. */
  #view = new DataView(this.#arena.buffer);
  #offsets = new Uint32Array(SLOTS_MIN);
  /** Number + 1 of the text in each slot, 0 = free; at most half are taken. */
  #slots = new Uint32Array(SLOTS_MIN);
  /** Numbers that came to their places one after the other mostly come so again. */
  #following = -1;
  #dictionary: TextDictionary | null = null;

  /** Bytes of all texts. */
  get textBytes(): number {
    return this.#offsets[this.size];
  }

  /** Memory held. */
  get bytes(): number {
    return this.#arena.byteLength + this.#offsets.byteLength + this.#slots.byteLength;
  }

  /** Numbers of the texts of a dictionary, written to `numbers`; texts that are new are added. */
  internAll(texts: TextDictionary, numbers: Uint32Array): void {
    const { bytes, offsets, size } = texts;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < size; i++) numbers[i] = this.#intern(bytes, view, offsets[i], offsets[i + 1]);
  }

  /** Number of one text of a dictionary, which is added if it is new. */
  intern(texts: TextDictionary, text: number): number {
    const { bytes, offsets } = texts;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#intern(bytes, view, offsets[text], offsets[text + 1]);
  }

  /** All texts as they are now. */
  dictionary(): TextDictionary {
    if (this.#dictionary?.size !== this.size) {
      this.#dictionary = new TextDictionary(this.#arena, this.#offsets, this.size);
    }
    return this.#dictionary!;
  }

  /** The texts [from, to) as they are now, copied. */
  slice(from: number, to: number): TextDictionary {
    const start = this.#offsets[from];
    const offsets = this.#offsets.slice(from, to + 1).map((offset) => offset - start);
    return new TextDictionary(this.#arena.slice(start, this.#offsets[to]), offsets);
  }

  /** Order of two texts by their bytes: negative, 0 or positive. */
  compare(a: number, b: number): number {
    const arena = this.#arena;
    const [from, end] = [this.#offsets[a], this.#offsets[a + 1]];
    const [other, otherEnd] = [this.#offsets[b], this.#offsets[b + 1]];
    const length = Math.min(end - from, otherEnd - other);
    for (let i = 0; i < length; i++) {
      const difference = arena[from + i] - arena[other + i];
      if (difference !== 0) return difference;
    }
    return end - from - (otherEnd - other);
  }

  /** The texts listed, copied. */
  pick(numbers: Uint32Array): TextDictionary {
    const offsets = new Uint32Array(numbers.length + 1);
    for (let i = 0; i < numbers.length; i++) {
      offsets[i + 1] = offsets[i] + this.#offsets[numbers[i] + 1] - this.#offsets[numbers[i]];
    }
    const bytes = new Uint8Array(offsets[numbers.length]);
    for (let i = 0; i < numbers.length; i++) {
      bytes.set(this.#arena.subarray(this.#offsets[numbers[i]], this.#offsets[numbers[i] + 1]), offsets[i]);
    }
    return new TextDictionary(bytes, offsets);
  }

  // private functions

  #intern(source: Uint8Array, view: DataView, from: number, to: number): number {
    const guess = this.#following + 1 < this.size ? this.#following + 1 : 0;
    if (guess < this.size && this.#equals(guess, view, from, to)) return (this.#following = guess);
    const mask = this.#slots.length - 1;
    let slot = hashBytes(source, from, to, 0) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] - 1;
      if (this.#equals(number, view, from, to)) return (this.#following = number);
    }
    return (this.#following = this.#add(source, from, to, slot));
  }

  #equals(number: number, source: DataView, from: number, to: number): boolean {
    const arena = this.#view;
    const start = this.#offsets[number];
    const length = to - from;
    if (this.#offsets[number + 1] - start !== length) return false;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      if (arena.getInt32(start + i, true) !== source.getInt32(from + i, true)) return false;
    }
    for (; i < length; i++) if (arena.getUint8(start + i) !== source.getUint8(from + i)) return false;
    return true;
  }

  #add(source: Uint8Array, from: number, to: number, slot: number): number {
    const number = this.size;
    const start = this.#offsets[number];
    const end = start + to - from;
    if (end > this.#arena.length) {
      this.#arena = grown(this.#arena, new Uint8Array(Math.max(end, 2 * this.#arena.length)));
      this.#view = new DataView(this.#arena.buffer);
    }
    if (number + 2 > this.#offsets.length) {
      this.#offsets = grown(this.#offsets, new Uint32Array(2 * this.#offsets.length));
    }
    this.#arena.set(source.subarray(from, to), start);
    this.#offsets[number + 1] = end;
    this.#slots[slot] = number + 1;
    this.size++;
    if (2 * this.size > this.#slots.length) this.#rehash();
    return number;
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let number = 0; number < this.size; number++) {
      let slot = hashBytes(this.#arena, this.#offsets[number], this.#offsets[number + 1], 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

// private functions

function grown<T extends Uint8Array | Uint32Array>(old: T, next: T): T {
  next.set(old);
  return next;
}
