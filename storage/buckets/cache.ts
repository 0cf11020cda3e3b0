/**
 * Decoded pieces of bucket chunks, kept while they fit a limit in bytes; the piece asked for longest ago goes first. One for all the
 * buckets of a shard. What it gives out is shared: nobody changes it. A chunk is let in when it is asked for a second time within some
 * thousand others (the doorkeeper of TinyLFU, Einziger and others, 2017): of chunks that are read once nothing is kept, and they are
 * decoded into arrays that are used again.
 */
import { ScanArrays } from './scan-arrays.ts';

/** Enough for the hot ends of some thousand series; a shard's head is far larger. */
export const BLOCK_CACHE_BYTES = 32 * 1024 * 1024;
/** A scratch larger than this is not kept. */
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;
const SCRATCH_BYTES_MIN = 256 * 1024;
/** Chunks that were asked for lately, by so many bits of a hash of their keys. */
const SEEN_BITS = 13;
/** Arrays of scans that have ended, kept for the next. */
const IDLE_ARRAYS_MAX = 4;
/** Of those that are near, which are few. */
const IDLE_NEAR_MAX = 2;
/** Keys are reader · this + block: exact below 2^53 for two million readers. */
const BLOCKS_PER_READER = 2 ** 32;

export class BlockCache {
  readonly bytesMax: number;
  hits = 0;
  misses = 0;
  /** Blocks that were read from buckets, and their bytes. */
  blocksRead = 0;
  blockBytesRead = 0;
  #bytes = 0;
  #readers = 0;
  /** Numbers that were given back. */
  readonly #free: number[] = [];
  /** In order of use, latest last. */
  readonly #entries = new Map<number, Entry>();
  #scratch = new Uint8Array(SCRATCH_BYTES_MIN);

  /** Key + 1 of the chunk that was asked for last, by slot. */
  readonly #seen = new Float64Array(1 << SEEN_BITS);
  readonly #idle: ScanArrays[] = [];
  readonly #idleNear: ScanArrays[] = [];

  constructor(bytesMax = BLOCK_CACHE_BYTES) {
    this.bytesMax = bytesMax;
  }

  /** Memory held by what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A number for a bucket, whose entries are found under it. */
  register(): number {
    return this.#free.pop() ?? this.#readers++;
  }

  /** Room for stored bytes until they are decoded: the next call may give the same. Exactly that long, at a multiple of 8 in its buffer. */
  scratch(bytes: number): Uint8Array {
    if (bytes > SCRATCH_BYTES_MAX) return new Uint8Array(bytes);
    if (bytes > this.#scratch.length) this.#scratch = new Uint8Array(Math.max(bytes, 2 * this.#scratch.length));
    return this.#scratch.subarray(0, bytes);
  }

  /** Whether what is decoded of a chunk is to be kept: it was asked for before. `block` is its first. */
  admits(reader: number, block: number): boolean {
    const key = reader * BLOCKS_PER_READER + block;
    const slot = (Math.imul(block, 0x9e3779b1) ^ Math.imul(reader, 0x85ebca6b)) >>> (32 - SEEN_BITS);
    if (this.#seen[slot] === key + 1) return true;
    this.#seen[slot] = key + 1;
    return false;
  }

  /** For one scan at a time. */
  takeArrays(): ScanArrays {
    return this.#idle.pop() ?? new ScanArrays(false);
  }

  /** The same, near to kernels, for a scan whose blocks hold no longer when it is left. */
  takeNearArrays(): ScanArrays {
    return this.#idleNear.pop() ?? new ScanArrays(true);
  }

  /** Of a scan that has been left, and into which nothing is read any more. */
  giveNearArrays(arrays: ScanArrays): void {
    arrays.left();
    if (this.#idleNear.length < IDLE_NEAR_MAX && arrays.bytes <= SCRATCH_BYTES_MAX) this.#idleNear.push(arrays);
    else arrays.giveBack();
  }

  /** Of a scan that has come to its end: its last block holds no longer. */
  giveArrays(arrays: ScanArrays): void {
    arrays.left();
    if (this.#idle.length < IDLE_ARRAYS_MAX && arrays.bytes <= SCRATCH_BYTES_MAX) this.#idle.push(arrays);
  }

  get(reader: number, block: number): unknown {
    const key = reader * BLOCKS_PER_READER + block;
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(reader: number, block: number, value: unknown, bytes: number): void {
    if (bytes > this.bytesMax) return;
    const key = reader * BLOCKS_PER_READER + block;
    const old = this.#entries.get(key);
    if (old !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= old.bytes;
    }
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }

  /** Takes the number of a bucket that is read no more back: keys stay exact however many buckets come and go. */
  unregister(reader: number): void {
    this.drop(reader);
    this.#free.push(reader);
  }

  /** Forgets what was kept for a bucket. */
  drop(reader: number): void {
    for (const [key, entry] of this.#entries) {
      if (Math.floor(key / BLOCKS_PER_READER) !== reader) continue;
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
    }
  }
}

// private functions

type Entry = { readonly value: unknown; readonly bytes: number };
