/** The chunks of a bucket as its footer tells of them (`layout.ts`), read in place: there is no object per chunk. Touches no file. */
import {
  type ByteRange,
  chunkBytes,
  type Footer,
  fieldAt,
  type Place,
  placeLength,
  placeStart,
  RUNS_AT,
  readPlace,
  statisticsAt,
  TIMES_AT,
} from './layout.ts';
import { SHARED_PLACES_MAX } from './shared-times.ts';
import { Ranges } from './spans.ts';
import { readStatistics } from './statistics.ts';
import type { BucketScan, ChunkStatistics, FieldStatistics } from './types.ts';

/** Chunks that are read together, and where their blocks are. */
export interface ChunkGroup {
  readonly members: readonly number[];
  readonly places: readonly ByteRange[];
}

export class ChunkTable {
  readonly #footer: Footer;
  readonly #view: DataView;
  readonly #stride: number;

  constructor(footer: Footer) {
    const { buffer, byteOffset, byteLength } = footer.chunkTable;
    this.#footer = footer;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#stride = chunkBytes(footer.fields.length);
  }

  rows(chunk: number): number {
    return this.#view.getUint32(chunk * this.#stride, true);
  }

  minOffset(chunk: number): number {
    return this.#view.getFloat64(chunk * this.#stride + 16, true);
  }

  maxOffset(chunk: number): number {
    return this.#view.getFloat64(chunk * this.#stride + 24, true);
  }

  firstSeries(chunk: number): number {
    return this.#view.getUint32(chunk * this.#stride + 4, true);
  }

  lastSeries(chunk: number): number {
    return this.#view.getUint32(chunk * this.#stride + 8, true);
  }

  place(chunk: number, at: number): Place {
    return readPlace(this.#view, chunk * this.#stride + at);
  }

  /** Bytes of a block, as `place` says; 0 = the chunk has none of the kind. */
  length(chunk: number, at: number): number {
    return placeLength(this.#view, chunk * this.#stride + at);
  }

  /** Of all blocks of all chunks; what chunks share comes several times. */
  *places(): Generator<Place> {
    for (let chunk = 0; chunk < this.#footer.chunks; chunk++) {
      yield this.place(chunk, RUNS_AT);
      yield this.place(chunk, TIMES_AT);
      for (const field of this.#footer.fields.keys()) yield this.place(chunk, fieldAt(field));
    }
  }

  /** Numbers of the fields asked for that the bucket has. */
  fieldsNamed(names: readonly string[] | null): number[] {
    const wanted = names === null ? null : new Set(names);
    return this.#footer.fields.flatMap(({ name }, i) => (wanted === null || wanted.has(name) ? [i] : []));
  }

  /** Chunks whose times and series numbers overlap the request, ascending. */
  *candidates(request: BucketScan): Generator<number> {
    const { low, high } = this.offsetsOf(request);
    if (low > high) return;
    const list = request.series instanceof Uint32Array ? request.series : null;
    let at = 0;
    let chunk = list === null ? 0 : this.#chunkOf(list[0]);
    while (chunk < this.#footer.chunks) {
      if (list !== null) {
        while (at < list.length && list[at] < this.firstSeries(chunk)) at++;
        if (at === list.length) break;
        if (list[at] > this.lastSeries(chunk)) {
          chunk = Math.max(chunk + 1, this.#chunkOf(list[at]));
          continue;
        }
      }
      const isInTime = this.minOffset(chunk) <= high && this.maxOffset(chunk) >= low;
      if (isInTime && (list !== null || this.#mayHold(chunk, request))) yield chunk;
      chunk++;
    }
  }

  /**
   * Chunks that follow each other, with where all their blocks for these fields are, ascending, to about so many bytes together: the
   * first, then each to twice as many as the one before. Times that several chunks of one series share are among the places of the first
   * of them only, where `isOnce`: the scan has them then (`shared-times.ts`).
   */
  *groups(
    chunks: readonly number[],
    fields: readonly number[],
    firstBytes: number,
    bytesMax: number,
    isOnce: boolean,
  ): Generator<ChunkGroup> {
    // as blocks follow each other in the file
    const wanted = [RUNS_AT, TIMES_AT, ...fields.map(fieldAt)];
    let members: number[] = [];
    let places = new Ranges();
    const known = new Set<number>();
    let bytes = 0;
    let enough = firstBytes;
    for (const chunk of chunks) {
      let more = 0;
      for (const field of fields) more += this.length(chunk, fieldAt(field));
      if (more === 0) continue;
      more += this.length(chunk, RUNS_AT) + this.length(chunk, TIMES_AT);
      if (members.length > 0 && bytes + more > enough) {
        yield { members, places: places.ascending() };
        members = [];
        places = new Ranges();
        bytes = 0;
        enough = Math.min(2 * enough, bytesMax);
      }
      members.push(chunk);
      const isKnown = isOnce && this.length(chunk, RUNS_AT) === 0 && this.#isIn(known, chunk);
      for (const at of wanted) {
        if (isKnown && at === TIMES_AT) continue;
        const record = chunk * this.#stride + at;
        places.add(placeStart(this.#view, record), placeLength(this.#view, record));
      }
      bytes += more;
    }
    if (members.length > 0) yield { members, places: places.ascending() };
  }

  /** The request's times as offsets, cut to what the bucket has. */
  offsetsOf({ minTime, maxTime }: BucketScan): { low: number; high: number } {
    const { base, rows, minOffset, maxOffset } = this.#footer;
    const first = base + BigInt(minOffset);
    const last = base + BigInt(maxOffset);
    if (rows === 0 || maxTime < first || minTime > last) return { low: 1, high: 0 };
    return {
      low: minTime <= first ? minOffset : Number(minTime - base),
      high: maxTime >= last ? maxOffset : Number(maxTime - base),
    };
  }

  /** The part of a chunk's series that a mask wants: about that part of its rows. */
  shareOf(chunk: number, { series: mask, map }: BucketScan): number {
    if (mask === null || mask instanceof Uint32Array) return 1;
    const first = this.firstSeries(chunk);
    const last = this.lastSeries(chunk);
    let count = 0;
    for (let s = first; s <= last; s++) count += mask[map === null ? s : map(s)];
    return count / (last - first + 1);
  }

  /** Of the fields numbered. */
  statistics(chunk: number, wanted: readonly number[]): ChunkStatistics {
    const { base } = this.#footer;
    const fields = new Map<string, FieldStatistics>();
    for (const field of wanted) {
      if (this.place(chunk, fieldAt(field)).length === 0) continue;
      const { name, type } = this.#footer.fields[field];
      fields.set(name, readStatistics(this.#view, chunk * this.#stride + statisticsAt(field), type));
    }
    return {
      chunk,
      rows: this.rows(chunk),
      firstSeries: this.firstSeries(chunk),
      lastSeries: this.lastSeries(chunk),
      minTime: base + BigInt(this.minOffset(chunk)),
      maxTime: base + BigInt(this.maxOffset(chunk)),
      fields,
    };
  }

  // private functions

  /** Whether a chunk's times are; if not, they are then: as many as a scan remembers. */
  #isIn(known: Set<number>, chunk: number): boolean {
    const { at } = this.place(chunk, TIMES_AT);
    if (known.has(at)) return true;
    if (known.size === SHARED_PLACES_MAX) known.clear();
    known.add(at);
    return false;
  }

  /** The first chunk whose last series is not below this one. */
  #chunkOf(series: number): number {
    let low = 0;
    let high = this.#footer.chunks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.lastSeries(middle) < series) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #mayHold(chunk: number, { series: mask, map }: BucketScan): boolean {
    if (mask === null) return true;
    const last = this.lastSeries(chunk);
    for (let s = this.firstSeries(chunk); s <= last; s++) if (mask[map === null ? s : map(s)] === 1) return true;
    return false;
  }
}
