/**
 * The partition map of one measurement: split points in time → the sealed buckets of that span, oldest sealing first. Copy-on-write:
 * `with` and `without` make a new one, whoever reads goes on with the one it took. A bucket that has left the map stays open until
 * its last reader has let go of it.
 */
import type { Block } from '../../model/index.ts';
import type { BlockCache } from '../buckets/cache.ts';
import type { BucketReader } from '../buckets/reader.ts';
import type { RowLayer, SealedRows, TimeRange } from '../head/row-layer.ts';
import type { HeadSeries } from '../head/series.ts';
import type { ManifestBucket } from './manifest-record.ts';

/** One bucket lies within one span: 7 days, the width of a shard group in InfluxDB for a policy that keeps its data for ever. */
export const SPAN_NS = 7n * 24n * 3600n * 1_000_000_000n;

export interface SealedBucketParts {
  /** As in the manifest. */
  readonly listed: ManifestBucket;
  readonly reader: BucketReader;
  /** Of its measurement. */
  readonly series: HeadSeries;
  readonly cache: BlockCache;
  /** The cache's number for maps from bucket series to those of the shard; one for all buckets of a shard. */
  readonly maps: number;
}

export class SealedBucket implements RowLayer {
  readonly reader: BucketReader;
  readonly listed: ManifestBucket;
  readonly #parts: SealedBucketParts;
  #readers = 0;
  #left: (() => void) | null = null;

  constructor(parts: SealedBucketParts) {
    this.reader = parts.reader;
    // who was last in it is of use when the manifest is read, never again
    this.listed = { ...parts.listed, lastSeries: new Uint32Array(0), lastOffsets: new Float64Array(0) };
    this.#parts = parts;
  }

  get id(): number {
    return this.listed.id;
  }

  get minTime(): bigint {
    return this.listed.minTime;
  }

  get maxTime(): bigint {
    return this.listed.maxTime;
  }

  get late(): TimeRange | null {
    return this.listed.late;
  }

  scan(minTime: bigint, maxTime: bigint, wanted: Uint8Array | null, fields: readonly string[] | null): Iterable<Block> {
    return this.reader.scan({ minTime, maxTime, series: wanted, fields, map: this.#map() });
  }

  hold(): void {
    this.#readers++;
  }

  letGo(): void {
    if (--this.#readers === 0) this.#left?.();
  }

  /** Closes the file when its last reader has gone. It must have left the map. */
  async retire(): Promise<void> {
    if (this.#readers > 0) {
      await new Promise<void>((resolve) => {
        this.#left = resolve;
      });
    }
    await this.reader.close();
  }

  // private functions

  /** Made of the keys in the file when first asked for, and again when the cache has dropped it. */
  #map(): Uint32Array {
    const { cache, maps, listed, series, reader } = this.#parts;
    const { id } = listed;
    const known = cache.get(maps, id) as Uint32Array | undefined;
    if (known !== undefined) return known;
    const map = series.number(reader.seriesKeys());
    cache.set(maps, id, map, map.byteLength);
    return map;
  }
}

export class PartitionMap implements SealedRows {
  /** Starts of the spans that have buckets, ascending. */
  readonly #starts: readonly bigint[];
  readonly #buckets: ReadonlyMap<bigint, readonly SealedBucket[]>;

  constructor(buckets: ReadonlyMap<bigint, readonly SealedBucket[]> = new Map()) {
    this.#buckets = buckets;
    this.#starts = [...buckets.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** A map that has these too, as the latest of their spans. */
  with(added: readonly SealedBucket[]): PartitionMap {
    const buckets = new Map(this.#buckets);
    for (const bucket of added) {
      const start = spanStart(bucket.minTime);
      buckets.set(start, [...(buckets.get(start) ?? []), bucket]);
    }
    return new PartitionMap(buckets);
  }

  *all(): Generator<SealedBucket> {
    for (const buckets of this.#buckets.values()) yield* buckets;
  }

  hold({ min, max }: TimeRange): { readonly layers: readonly SealedBucket[]; readonly release: () => void } {
    const layers: SealedBucket[] = [];
    for (let i = this.#firstFrom(spanStart(min)); i < this.#starts.length && this.#starts[i] <= max; i++) {
      for (const bucket of this.#buckets.get(this.#starts[i])!) {
        if (bucket.minTime <= max && bucket.maxTime >= min) layers.push(bucket);
      }
    }
    for (const bucket of layers) bucket.hold();
    return {
      layers,
      release: () => {
        for (const bucket of layers) bucket.letGo();
      },
    };
  }

  // private functions

  /** Index of the first span that starts at `start` or later. */
  #firstFrom(start: bigint): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle] < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function spanStart(time: bigint): bigint {
  const rest = time % SPAN_NS;
  return time - rest - (rest < 0n ? SPAN_NS : 0n);
}
