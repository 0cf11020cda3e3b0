/**
 * The partition map of one measurement: split points in time → the sealed buckets of that span, oldest layer first. Copy-on-write:
 * `with`, `without` and `spanned` make a new one, whoever reads goes on with the one it took. A bucket that has left the map stays
 * open until its last reader has let go of it.
 */
import type { SeriesChoice } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { RowLayer, SealedRows, TimeRange } from '../head/row-layer.ts';
import type { SealedBucket } from './sealed-bucket.ts';
import { SPAN_NS, spanStart } from './spans.ts';

export class PartitionMap implements SealedRows {
  readonly spanNs: bigint;
  /** Starts of the spans that have buckets, ascending. */
  readonly #starts: readonly bigint[];
  readonly #buckets: Spans;
  /** Of an earlier width: they lie across the borders of spans, until they are written anew. */
  readonly #wide: readonly SealedBucket[];

  constructor(spanNs = SPAN_NS, buckets: Spans = new Map(), wide: readonly SealedBucket[] = []) {
    this.spanNs = spanNs;
    this.#buckets = buckets;
    this.#wide = wide;
    this.#starts = [...buckets.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** A map that has these too, each in its layer. */
  with(added: readonly SealedBucket[]): PartitionMap {
    const buckets = new Map(this.#buckets);
    const wide = [...this.#wide];
    const touched = new Set<bigint>();
    for (const bucket of added) {
      const start = spanStart(bucket.minTime, this.spanNs);
      if (bucket.maxTime >= start + this.spanNs) {
        wide.push(bucket);
        continue;
      }
      touched.add(start);
      buckets.set(start, [...(buckets.get(start) ?? []), bucket]);
    }
    for (const start of touched) buckets.set(start, inLayers(buckets.get(start)!));
    return new PartitionMap(this.spanNs, buckets, inLayers(wide));
  }

  /** A map without these. */
  without(gone: ReadonlySet<SealedBucket>): PartitionMap {
    const kept = [...this.#buckets].map(([start, list]) => [start, list.filter((b) => !gone.has(b))] as const);
    const wide = this.#wide.filter((bucket) => !gone.has(bucket));
    return new PartitionMap(this.spanNs, new Map(kept.filter(([, list]) => list.length > 0)), wide);
  }

  /** A map of the same buckets by spans of this width. */
  spanned(spanNs: bigint): PartitionMap {
    return spanNs === this.spanNs ? this : new PartitionMap(spanNs).with([...this.all()]);
  }

  /** A map in which another stands for one that is there, with the same rows. */
  replaced(bucket: SealedBucket, by: SealedBucket): PartitionMap {
    return this.without(new Set([bucket])).with([by]);
  }

  has(bucket: SealedBucket): boolean {
    const start = spanStart(bucket.minTime, this.spanNs);
    return this.#buckets.get(start)?.includes(bucket) === true || this.#wide.includes(bucket);
  }

  /** Of two whose times meet the older layer comes first. */
  *all(): Generator<SealedBucket> {
    if (this.#wide.length > 0) yield* inLayers([...this.#wide, ...[...this.#buckets.values()].flat()]);
    else for (const buckets of this.#buckets.values()) yield* buckets;
  }

  /** The buckets of each span, in layers. */
  spans(): Iterable<readonly SealedBucket[]> {
    return this.#buckets.values();
  }

  /** Buckets that lie across the borders of spans, in layers. */
  get wide(): readonly SealedBucket[] {
    return this.#wide;
  }

  hold(
    { min, max }: TimeRange,
    mayWait = false,
  ): { readonly layers: readonly RowLayer[]; readonly release: () => void } {
    const held = this.#meeting({ min, max });
    for (const bucket of held) bucket.hold();
    return {
      layers: held.map((bucket) => (mayWait ? bucket.ahead : bucket.living)),
      release: () => {
        for (const bucket of held) bucket.letGo();
      },
    };
  }

  async bringNear(
    range: TimeRange,
    wanted: SeriesChoice,
    fields: readonly string[] | null,
    bytesMax: number,
  ): Promise<void> {
    const held = this.#meeting(range);
    for (const bucket of held) bucket.hold();
    try {
      const bytes = held.reduce((sum, bucket) => sum + bucket.awayBytes(range, wanted, fields), 0);
      if (bytes > bytesMax) {
        const text = `the time range reaches into object storage, for ${bytes} bytes of blocks, more than can be brought near`;
        throw new StorageError(
          'away',
          `${text} (${Math.floor(bytesMax)}): begin it later, or say a greater tier_after`,
        );
      }
      for (const bucket of held) await bucket.bringNear(range, wanted, fields);
    } finally {
      for (const bucket of held) bucket.letGo();
    }
  }

  // private functions

  /** Buckets that may hold rows of these times, oldest first. */
  #meeting({ min, max }: TimeRange): SealedBucket[] {
    const meets = ({ minTime, maxTime }: SealedBucket): boolean => minTime <= max && maxTime >= min;
    const found = this.#wide.filter(meets);
    const isMixed = found.length > 0;
    for (let i = this.#firstFrom(spanStart(min, this.spanNs)); i < this.#starts.length && this.#starts[i] <= max; i++) {
      for (const bucket of this.#buckets.get(this.#starts[i])!) if (meets(bucket)) found.push(bucket);
    }
    return isMixed ? inLayers(found) : found;
  }

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

/** Of a measurement, which knows them only as rows. */
export function sealedMap(sealed: SealedRows): PartitionMap {
  return sealed instanceof PartitionMap ? sealed : new PartitionMap();
}

// private functions

type Spans = ReadonlyMap<bigint, readonly SealedBucket[]>;

function inLayers(buckets: readonly SealedBucket[]): SealedBucket[] {
  return [...buckets].sort((a, b) => a.layer - b.layer);
}
