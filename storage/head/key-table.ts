/**
 * A large set of byte strings with dense numbers: the series keys of a measurement, the values of a tag. A known one is found without
 * making a string of it. Numbers begin at 0 and are never reused.
 *
 * It grows one text at a time: linear hashing (Litwin) splits one bucket for each text that comes, so there is no moment at which all is
 * hashed anew, and texts lie in segments that are never copied. A text costs its bytes, one or two for its length, and 16 for its place,
 * its hash and its bucket. Small dictionaries that are read as a whole are ByteTables.
 */
import { hashBytes, TextDictionary } from '../../model/index.ts';
import { GrowingWords } from './growing-words.ts';

const ARENA_BITS = 20;
/** A segment of texts. Places are 32 bits: 4 GiB of texts. */
const ARENA_BYTES = 1 << ARENA_BITS;
const ARENA_MASK = ARENA_BYTES - 1;
const ARENA_SEGMENTS_MAX = 2 ** (32 - ARENA_BITS);
const FIRST_ARENA_BYTES_MIN = 256;
/** Longest encoding of a length. */
const LENGTH_BYTES_MAX = 5;
/** Strings kept of the texts last asked for. A power of two. */
const STRINGS_KEPT = 1024;

const decoder = new TextDecoder();

export class KeyTable {
  size = 0;
  readonly #arena = [new Uint8Array(FIRST_ARENA_BYTES_MIN)];
  readonly #views = [new DataView(this.#arena[0].buffer)];
  /** Taken of the last segment. */
  #used = 0;
  /** By number: segment << ARENA_BITS | offset of the length, before the bytes. */
  readonly #places = new GrowingWords();
  /** By bucket: number + 1 of the newest text in it; 0 = none. */
  readonly #heads = new GrowingWords();
  /** By number: number + 1 of the text before it in its bucket. */
  readonly #next = new GrowingWords();
  /** By number: a bucket is split, and most others are told apart, without looking at texts. */
  readonly #hashes = new GrowingWords();
  #buckets = 1;
  /** Least 2^n − 1 that is not below the last bucket's number. */
  #mask = 0;
  /** Numbers that came to their places one after the other mostly come so again. */
  #following = -1;
  /** Where `#locate` found the bytes, in which segment and how many. */
  #at = 0;
  #segment = 0;
  #length = 0;
  readonly #strings: (string | undefined)[] = [];
  readonly #stringNumbers: number[] = [];

  /** Memory held. */
  get bytes(): number {
    let total = this.#places.bytes + this.#heads.bytes + this.#next.bytes + this.#hashes.bytes;
    for (const { byteLength } of this.#arena) total += byteLength;
    return total;
  }

  /** Numbers of the texts of a dictionary, written to `numbers`; texts that are new are added. */
  internAll(texts: TextDictionary, numbers: Uint32Array): void {
    const { bytes, offsets, size } = texts;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < size; i++) numbers[i] = this.intern(bytes, view, offsets[i], offsets[i + 1]);
  }

  /** Number of the text bytes[from, to), which is added if it is new. `view` is of the same bytes. */
  intern(bytes: Uint8Array, view: DataView, from: number, to: number): number {
    const guess = this.#following + 1 < this.size ? this.#following + 1 : 0;
    if (guess < this.size && this.#equals(guess, view, from, to)) return (this.#following = guess);
    const hash = hashBytes(bytes, from, to, 0);
    const found = this.#find(hash, view, from, to);
    return (this.#following = found >= 0 ? found : this.#add(bytes, from, to, hash));
  }

  /** −1 = unknown. */
  find(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#find(hashBytes(bytes, 0, bytes.length, 0), view, 0, bytes.length);
  }

  text(number: number): string {
    const kept = number & (STRINGS_KEPT - 1);
    if (this.#stringNumbers[kept] === number) return this.#strings[kept]!;
    const text = decoder.decode(this.view(number));
    this.#stringNumbers[kept] = number;
    this.#strings[kept] = text;
    return text;
  }

  /** The bytes of a text, where they are. */
  view(number: number): Uint8Array {
    this.#locate(number);
    return this.#arena[this.#segment].subarray(this.#at, this.#at + this.#length);
  }

  /** Order of two texts by their bytes: negative, 0 or positive. */
  compare(a: number, b: number): number {
    this.#locate(a);
    const bytes = this.#arena[this.#segment];
    const from = this.#at;
    const length = this.#length;
    this.#locate(b);
    const others = this.#arena[this.#segment];
    const other = this.#at;
    const common = Math.min(length, this.#length);
    for (let i = 0; i < common; i++) {
      const difference = bytes[from + i] - others[other + i];
      if (difference !== 0) return difference;
    }
    return length - this.#length;
  }

  /** The texts [from, to), copied. */
  slice(from: number, to: number): TextDictionary {
    return this.pick(Uint32Array.from({ length: to - from }, (_, i) => from + i));
  }

  /** The texts listed, copied. */
  pick(numbers: Uint32Array): TextDictionary {
    const offsets = new Uint32Array(numbers.length + 1);
    for (let i = 0; i < numbers.length; i++) {
      this.#locate(numbers[i]);
      offsets[i + 1] = offsets[i] + this.#length;
    }
    const bytes = new Uint8Array(offsets[numbers.length]);
    for (let i = 0; i < numbers.length; i++) bytes.set(this.view(numbers[i]), offsets[i]);
    return new TextDictionary(bytes, offsets);
  }

  // private functions

  #find(hash: number, view: DataView, from: number, to: number): number {
    for (let entry = this.#heads.get(this.#bucketOf(hash)); entry !== 0; entry = this.#next.get(entry - 1)) {
      if (this.#hashes.get(entry - 1) === hash && this.#equals(entry - 1, view, from, to)) return entry - 1;
    }
    return -1;
  }

  #equals(number: number, source: DataView, from: number, to: number): boolean {
    this.#locate(number);
    const length = to - from;
    if (this.#length !== length) return false;
    const arena = this.#views[this.#segment];
    const start = this.#at;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      if (arena.getInt32(start + i, true) !== source.getInt32(from + i, true)) return false;
    }
    for (; i < length; i++) if (arena.getUint8(start + i) !== source.getUint8(from + i)) return false;
    return true;
  }

  #locate(number: number): void {
    const place = this.#places.get(number);
    const segment = place >>> ARENA_BITS;
    const bytes = this.#arena[segment];
    let at = place & ARENA_MASK;
    let byte = bytes[at++];
    let length = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++];
      length |= (byte & 127) << shift;
    }
    this.#segment = segment;
    this.#at = at;
    this.#length = length;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#buckets ? bucket : bucket & (this.#mask >>> 1);
  }

  #add(source: Uint8Array, from: number, to: number, hash: number): number {
    const number = this.size++;
    this.#places.reserve(this.size);
    this.#next.reserve(this.size);
    this.#hashes.reserve(this.size);
    this.#hashes.set(number, hash);
    this.#places.set(number, this.#store(source, from, to));
    this.#link(this.#bucketOf(hash), number);
    this.#split();
    return number;
  }

  #link(bucket: number, number: number): void {
    this.#next.set(number, this.#heads.get(bucket));
    this.#heads.set(bucket, number + 1);
  }

  /** One more bucket, which takes its texts from the one that had them so far. */
  #split(): void {
    const added = this.#buckets++;
    if (added > this.#mask) this.#mask = 2 * this.#mask + 1;
    this.#heads.reserve(this.#buckets);
    const from = added & (this.#mask >>> 1);
    let entry = this.#heads.get(from);
    this.#heads.set(from, 0);
    while (entry !== 0) {
      const number = entry - 1;
      entry = this.#next.get(number);
      this.#link(this.#bucketOf(this.#hashes.get(number)), number);
    }
  }

  #store(source: Uint8Array, from: number, to: number): number {
    this.#reserve(LENGTH_BYTES_MAX + to - from);
    const segment = this.#arena.length - 1;
    const bytes = this.#arena[segment];
    const start = this.#used;
    let length = to - from;
    for (; length > 127; length >>>= 7) bytes[this.#used++] = (length & 127) | 128;
    bytes[this.#used++] = length;
    bytes.set(source.subarray(from, to), this.#used);
    this.#used += to - from;
    return ((segment << ARENA_BITS) | start) >>> 0;
  }

  /** So many bytes behind what is taken of the last segment. Texts that fit no segment get a larger one. */
  #reserve(bytes: number): void {
    const last = this.#arena.length - 1;
    const segment = this.#arena[last];
    if (this.#used + bytes <= segment.length && this.#used < ARENA_BYTES) return;
    const wanted = this.#used + bytes;
    let next: Uint8Array<ArrayBuffer>;
    if (last === 0 && wanted <= ARENA_BYTES) {
      next = new Uint8Array(Math.min(ARENA_BYTES, Math.max(wanted, 2 * segment.length)));
      next.set(segment);
      this.#arena.pop();
      this.#views.pop();
    } else {
      if (last + 1 === ARENA_SEGMENTS_MAX) throw new RangeError('a set of texts has more than 4 GiB');
      next = new Uint8Array(Math.max(ARENA_BYTES, bytes));
      this.#used = 0;
    }
    this.#arena.push(next);
    this.#views.push(new DataView(next.buffer));
  }
}
