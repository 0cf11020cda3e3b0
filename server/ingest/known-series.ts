/**
 * Measurement and tags as they were written, in a hash table: a tag set that has been seen once is never split again, its bytes
 * lead to its measurement, shard and canonical key. All in typed arrays, about 60 bytes an entry plus the bytes of the key.
 *
 * An entry is one spelling. Spellings of the same series (tags in another order, needless escapes) point at one `main` entry, which
 * stands for the series. Spelling is compared byte by byte, so a collision costs time and nothing else; the hash is salted at
 * random, so collisions cannot be made from outside.
 */

/** Few, so that growing is nothing new to code that was compiled while there were not many. */
const SLOTS_MIN = 512;
const HAS_SPACES = 0x20202020;
const HAS_NEWLINES = 0x0a0a0a0a;
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080;

export class KnownSeries {
  size = 0;
  scanEnd = -1;
  /** Bytes of all spellings and keys. */
  bytes = new Uint8Array(1 << 16);
  bytesUsed = 0;
  measurement = new Int32Array(SLOTS_MIN);
  shard = new Uint16Array(SLOTS_MIN);
  main = new Int32Array(SLOTS_MIN);
  /** The entry that followed this one last time: mostly it does again. */
  successor = new Int32Array(SLOTS_MIN);
  keyFrom = new Uint32Array(SLOTS_MIN);
  keyTo = new Uint32Array(SLOTS_MIN);
  /** Which batch the series was last put in, and its number there. */
  batch = new Float64Array(SLOTS_MIN);
  local = new Uint32Array(SLOTS_MIN);
  #view = new DataView(this.bytes.buffer);
  #from = new Uint32Array(SLOTS_MIN);
  #length = new Uint32Array(SLOTS_MIN);
  #hash = new Int32Array(SLOTS_MIN);
  /** Entry + 1; 0 = free. A power of two, at most half full. */
  #slots = new Int32Array(2 * SLOTS_MIN);
  readonly #salt = (Math.random() * 2 ** 32) | 0;
  readonly #factor = ((Math.random() * 2 ** 32) | 5) & ~2;

  /** Do the bytes at `at` spell entry `id`, and does a space follow? */
  spells(id: number, view: DataView, at: number, end: number): boolean {
    const length = this.#length[id];
    if (at + length >= end || view.getUint8(at + length) !== 32) return false;
    return this.#equal(id, view, at, length);
  }

  lengthOf(id: number): number {
    return this.#length[id];
  }

  /**
   * The hash of the spelling at `from`, whose end goes to `scanEnd`: the first space without a backslash before it, or −1 where a
   * newline comes first. Four bytes at a time; a newline must follow somewhere.
   */
  scan(view: DataView, from: number, scope: number): number {
    const factor = this.#factor;
    const sure = view.byteLength - 4;
    let h = this.#salt ^ Math.imul(scope, 0x9e3779b1);
    for (let i = from; ; i += 4) {
      const word = i <= sure ? view.getInt32(i, true) : HAS_SPACES;
      const spaces = word ^ HAS_SPACES;
      const newlines = word ^ HAS_NEWLINES;
      // A byte of these is zero where there is a space or newline; the sums find zero bytes (Mycroft).
      if ((((spaces - LOW_BITS) & ~spaces) | ((newlines - LOW_BITS) & ~newlines)) & HIGH_BITS) {
        for (let k = i; k < i + 4; k++) {
          const c = view.getUint8(k);
          if (c === 10) {
            this.scanEnd = -1;
            return 0;
          }
          if (c === 32 && (k === from || view.getUint8(k - 1) !== 92)) {
            this.scanEnd = k;
            for (; i < k; i++) h = mix(h, view.getUint8(i), factor);
            return finish(h, k - from);
          }
        }
      }
      h = mix(h, word, factor);
    }
  }

  /** The same hash of a spelling whose end is known. */
  hash(view: DataView, from: number, to: number, scope: number): number {
    const factor = this.#factor;
    let h = this.#salt ^ Math.imul(scope, 0x9e3779b1);
    let i = from;
    for (; i + 4 <= to; i += 4) h = mix(h, view.getInt32(i, true), factor);
    for (; i < to; i++) h = mix(h, view.getUint8(i), factor);
    return finish(h, to - from);
  }

  /** The entry of a spelling; −1 = unknown. `scopes[measurement]` must be `scope`. */
  find(view: DataView, from: number, to: number, hash: number, scope: number, scopes: ArrayLike<number>): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot] - 1;
      if (id < 0) return -1;
      if (
        this.#hash[id] === hash &&
        this.#length[id] === to - from &&
        scopes[this.measurement[id]] === scope &&
        this.#equal(id, view, from, to - from)
      ) {
        return id;
      }
    }
  }

  /** A new entry, its own main. The spelling must be unknown. */
  add(spelling: Uint8Array, hash: number, measurement: number, shard: number, key: Uint8Array): number {
    const id = this.size++;
    if (id === this.#from.length) this.#growEntries();
    const from = this.#append(spelling);
    const inside = from + spelling.length - key.length;
    const same = key.length <= spelling.length && endsWith(spelling, key);
    this.#from[id] = from;
    this.#length[id] = spelling.length;
    this.#hash[id] = hash;
    this.measurement[id] = measurement;
    this.shard[id] = shard;
    this.main[id] = id;
    this.successor[id] = -1;
    this.keyFrom[id] = same ? inside : this.#append(key);
    this.keyTo[id] = this.keyFrom[id] + key.length;
    this.batch[id] = 0;
    if (2 * this.size > this.#slots.length) this.#growSlots();
    else this.#place(id);
    return id;
  }

  /** Forgets all and keeps its memory. */
  clear(): void {
    this.size = 0;
    this.bytesUsed = 0;
    this.#slots.fill(0);
  }

  // private functions

  #equal(id: number, view: DataView, at: number, length: number): boolean {
    const own = this.#view;
    const from = this.#from[id];
    let i = 0;
    // four words to a step: a branch each would cost more than they do
    for (; i + 16 <= length; i += 16) {
      const a = own.getInt32(from + i, true) ^ view.getInt32(at + i, true);
      const b = own.getInt32(from + i + 4, true) ^ view.getInt32(at + i + 4, true);
      const c = own.getInt32(from + i + 8, true) ^ view.getInt32(at + i + 8, true);
      const d = own.getInt32(from + i + 12, true) ^ view.getInt32(at + i + 12, true);
      if ((a | b | c | d) !== 0) return false;
    }
    for (; i + 4 <= length; i += 4) if (own.getInt32(from + i, true) !== view.getInt32(at + i, true)) return false;
    for (; i < length; i++) if (own.getUint8(from + i) !== view.getUint8(at + i)) return false;
    return true;
  }

  #append(bytes: Uint8Array): number {
    const from = this.bytesUsed;
    if (from + bytes.length > this.bytes.length) {
      this.bytes = grown(this.bytes, Math.max(2 * this.bytes.length, from + bytes.length));
      this.#view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(bytes, from);
    this.bytesUsed = from + bytes.length;
    return from;
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hash[id] & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id + 1;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let id = 0; id < this.size; id++) this.#place(id);
  }

  #growEntries(): void {
    const length = 2 * this.#from.length;
    this.measurement = grown(this.measurement, length);
    this.shard = grown(this.shard, length);
    this.main = grown(this.main, length);
    this.successor = grown(this.successor, length);
    this.keyFrom = grown(this.keyFrom, length);
    this.keyTo = grown(this.keyTo, length);
    this.batch = grown(this.batch, length);
    this.local = grown(this.local, length);
    this.#from = grown(this.#from, length);
    this.#length = grown(this.#length, length);
    this.#hash = grown(this.#hash, length);
  }
}

type Growable = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array | BigInt64Array | BigUint64Array;

/** A longer copy. */
export function grown<T extends Growable>(array: T, length: number): T {
  const longer = new (array.constructor as new (length: number) => T)(length);
  (longer as Uint8Array).set(array as Uint8Array);
  return longer;
}

// private functions

function mix(hash: number, word: number, factor: number): number {
  const h = Math.imul(hash ^ word, factor);
  return h ^ (h >>> 15);
}

function finish(hash: number, length: number): number {
  const h = Math.imul(hash ^ length, 0x85ebca6b);
  return h ^ (h >>> 13);
}

function endsWith(bytes: Uint8Array, tail: Uint8Array): boolean {
  const from = bytes.length - tail.length;
  for (let i = 0; i < tail.length; i++) if (bytes[from + i] !== tail[i]) return false;
  return true;
}
