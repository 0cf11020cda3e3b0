/**
 * SharedDirectory: what every thread knows of every shard without asking it, in memory that all of them see: the version of its
 * schema, and a Bloom filter of the values that its tags have ever had. The shard's own thread writes before whoever wrote the point
 * is answered; so who asks afterwards, on any thread, finds it.
 *
 *     i32 × shards     versions of the schemas
 *     u32 × WORDS      the filter of shard 0, then of shard 1 …
 *
 * A bit that is set stays: of what was deleted, and of values that share their bits, it says "may". When millions of values have set
 * most of the bits, it says so of everything, and every shard is asked, as it would be without.
 */
import type { TagListener } from '../../storage/index.ts';
import type { ShardDirectory, TagValue } from '../queries/index.ts';

/** Of a shard: a million values leave "may" for one in twenty that are not there. */
const FILTER_BITS = 2 ** 23;
const WORDS = FILTER_BITS / 32;
const FILTER_SHIFT = 32 - Math.log2(FILTER_BITS);
/** FNV-1a. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** In no name and no value: texts that stand side by side are not taken for others. */
const END = 0xff;

const encoder = new TextEncoder();

export class SharedDirectory implements ShardDirectory {
  /** To be given to the other threads. */
  readonly memory: SharedArrayBuffer;
  readonly #versions: Int32Array;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer, shards: number) {
    this.memory = memory;
    this.#versions = new Int32Array(memory, 0, shards);
    this.#words = new Int32Array(memory, 4 * shards, WORDS * shards);
  }

  static make(shards: number): SharedDirectory {
    return new SharedDirectory(new SharedArrayBuffer(4 * shards * (1 + WORDS)), shards);
  }

  /** Only on the shard's own thread, as `setVersion`. */
  listener(shard: number): TagListener {
    return ({ database, measurement }, tag) => {
      const named = hashOfNames(database, measurement, tag);
      return (bytes, from, to) => {
        const hash = hashOn(named, bytes, from, to);
        this.#set(shard, firstBit(hash));
        this.#set(shard, secondBit(hash));
      };
    };
  }

  setVersion(shard: number, version: number): void {
    Atomics.store(this.#versions, shard, version);
  }

  mayHold(shard: number, { database, measurement, tag, value }: TagValue): boolean {
    const hash = hashOnText(hashOfNames(database, measurement, tag), value);
    return this.#has(shard, firstBit(hash)) && this.#has(shard, secondBit(hash));
  }

  version(shard: number): number {
    return Atomics.load(this.#versions, shard);
  }

  // private functions

  #set(shard: number, bit: number): void {
    Atomics.or(this.#words, shard * WORDS + (bit >>> 5), 1 << (bit & 31));
  }

  #has(shard: number, bit: number): boolean {
    return (Atomics.load(this.#words, shard * WORDS + (bit >>> 5)) & (1 << (bit & 31))) !== 0;
  }
}

// private functions

function hashOfNames(...names: readonly string[]): number {
  let hash = FNV_BASIS;
  for (const name of names) hash = Math.imul(hashOnText(hash, name) ^ END, FNV_PRIME);
  return hash;
}

/** As of its bytes in UTF-8, which are only made where they are not the characters themselves. */
function hashOnText(hash: number, text: string): number {
  let h = hash;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) {
      const bytes = encoder.encode(text);
      return hashOn(hash, bytes, 0, bytes.length);
    }
    h = Math.imul(h ^ code, FNV_PRIME);
  }
  return h;
}

function hashOn(hash: number, bytes: Uint8Array, from: number, to: number): number {
  let h = hash;
  for (let at = from; at < to; at++) h = Math.imul(h ^ bytes[at], FNV_PRIME);
  return h;
}

/** FNV leaves the last bytes in the low bits: these spread them over all of it, each in its own way (murmur3's and splitmix's). */
function firstBit(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> FILTER_SHIFT;
}

function secondBit(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return (h ^ (h >>> 15)) >>> FILTER_SHIFT;
}
