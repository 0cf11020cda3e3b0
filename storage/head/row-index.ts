/**
 * Finds a row by (series, time) in a list of chunks: open addressing over row numbers, keys are compared in the chunks. Made only
 * where late rows ask for it, and brought up to date when asked: appending in order never pays for it. Deleted rows are left out; where
 * more are deleted it is made anew.
 *
 *     hash of a row    1 0 1 | . . . . . . . . .        directory    000 001 010 011 100 101 110 111
 *                      depth   slot, by low bits        segments     └──a──┘ └──┘b   └───────c─────┘
 *
 * Slots stand in segments. A full one becomes two, by one more bit of the hash, so no row that comes waits for more than one segment to
 * be put in order again, however many there are (extendible hashing, Fagin et al., 1979).
 */
import { CHUNK_BITS, CHUNK_ROWS, type Chunk } from './chunk.ts';

const SLOTS_MIN = 64;
/** Of one segment: half of them are put in order again in well below a millisecond. */
const SLOTS_MAX = 1 << 13;
/** Bits that segments differ by. Beyond, for so many rows or for rows of one hash, segments grow instead. */
const DEPTH_MAX = 16;
/** For each row that is there when the index is made: chunks that are asked about mostly grow. */
const SLOTS_PER_ROW = 4;
const ROW_MASK = CHUNK_ROWS - 1;

interface Segment {
  /** Row id + 1 in each slot, 0 = free; an id is chunk × CHUNK_ROWS + row. At most half of the slots are taken. */
  slots: Uint32Array;
  taken: number;
  /** Bits of the hash that all of its rows have in common. */
  depth: number;
}

export class RowIndex {
  readonly #chunks: readonly Chunk[];
  /** By the first `#depth` bits of the hash; a segment of fewer bits stands here several times. */
  #directory: Segment[];
  #depth: number;
  #slotsTotal: number;
  /** Where `find` goes on indexing. */
  #chunk = 0;
  #row = 0;

  constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
    const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    const bits = Math.ceil(Math.log2(Math.max(SLOTS_MIN, SLOTS_PER_ROW * rows)));
    const depth = Math.min(DEPTH_MAX, Math.max(0, bits - Math.log2(SLOTS_MAX)));
    this.#depth = depth;
    this.#slotsTotal = 2 ** bits;
    this.#directory = Array.from({ length: 2 ** depth }, () => emptySegment(2 ** (bits - depth), depth));
  }

  get bytes(): number {
    return this.#slotsTotal * Uint32Array.BYTES_PER_ELEMENT;
  }

  /** Id of the row, -1 where there is none. */
  find(series: number, offset: number): number {
    this.#catchUp();
    const hash = hashOf(series, offset);
    const { slots } = this.#segmentOf(hash);
    return slots[this.#locate(slots, hash, series, offset)] - 1;
  }

  // private functions

  #catchUp(): void {
    while (this.#chunk < this.#chunks.length) {
      const chunk = this.#chunks[this.#chunk];
      for (; this.#row < chunk.rows; this.#row++) {
        if (chunk.dead?.[this.#row] === 1) continue;
        this.#add(this.#chunk * CHUNK_ROWS + this.#row, chunk.series[this.#row], chunk.offsets[this.#row]);
      }
      if (this.#chunk === this.#chunks.length - 1) return;
      this.#chunk++;
      this.#row = 0;
    }
  }

  #add(id: number, series: number, offset: number): void {
    const hash = hashOf(series, offset);
    let segment = this.#segmentOf(hash);
    while (2 * (segment.taken + 1) > segment.slots.length) {
      this.#widen(segment, hash);
      segment = this.#segmentOf(hash);
    }
    put(segment, hash, id + 1);
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[firstBits(hash, this.#depth)];
  }

  /** The slot that holds the row, or the free one where it belongs. */
  #locate(slots: Uint32Array, hash: number, series: number, offset: number): number {
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const id = slots[slot] - 1;
      const chunk = this.#chunks[id >>> CHUNK_BITS];
      const row = id & ROW_MASK;
      if (chunk.offsets[row] === offset && chunk.series[row] === series) break;
    }
    return slot;
  }

  /** More room where rows of this hash belong: twice as many slots for small segments, or two segments. */
  #widen(segment: Segment, hash: number): void {
    const { slots, depth } = segment;
    const isSplit = slots.length >= SLOTS_MAX && depth < DEPTH_MAX;
    const wide = isSplit
      ? [0, 1].map(() => emptySegment(slots.length, depth + 1))
      : [emptySegment(2 * slots.length, depth)];
    for (const taken of slots) {
      if (taken === 0) continue;
      const chunk = this.#chunks[(taken - 1) >>> CHUNK_BITS];
      const row = (taken - 1) & ROW_MASK;
      const itsHash = hashOf(chunk.series[row], chunk.offsets[row]);
      put(wide[isSplit ? firstBits(itsHash, depth + 1) & 1 : 0], itsHash, taken);
    }
    if (isSplit && depth === this.#depth) {
      this.#directory = this.#directory.flatMap((one) => [one, one]);
      this.#depth++;
    }
    // where the segment stands: a stretch of as many entries as there are bits that it does not look at
    const length = 2 ** (this.#depth - depth);
    const from = firstBits(hash, depth) * length;
    const each = length / wide.length;
    for (const [i, one] of wide.entries()) this.#directory.fill(one, from + i * each, from + (i + 1) * each);
    this.#slotsTotal += wide.length * wide[0].slots.length - slots.length;
  }
}

// private functions

function emptySegment(slots: number, depth: number): Segment {
  return { slots: new Uint32Array(slots), taken: 0, depth };
}

/** A row that is not there yet. */
function put(segment: Segment, hash: number, taken: number): void {
  const { slots } = segment;
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = taken;
  segment.taken++;
}

function firstBits(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}

/** Mixes as MurmurHash3 ends; times are often multiples of powers of ten. */
function hashOf(series: number, offset: number): number {
  let h = Math.imul(series, 0x9e3779b1) ^ (offset | 0) ^ Math.imul((offset / 2 ** 32) | 0, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
