/** What callers of the buckets say and get. The file itself is described in `layout.ts`. */
import type { Column, FieldType, Position, TextDictionary } from '../../model/index.ts';

/** Whose rows a bucket holds. */
export interface BucketIdentity {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  /** The caller's: up to where in the shard's stream the rows come from. Kept in the file, not interpreted. */
  readonly position: Position;
}

/** Rows sorted by series, then time; each (series, time) once. Arrays may be longer than `rows`. */
export interface BucketRows {
  readonly rows: number;
  /** Bucket series numbers (indexes into the bucket's `seriesKeys`), ascending. */
  readonly series: Uint32Array;
  /** From the bucket's base, ns, ascending within a series. */
  readonly offsets: Float64Array;
  readonly columns: ReadonlyMap<string, Column>;
}

/** A whole bucket as columns. */
export interface BucketContent extends BucketIdentity, BucketRows {
  /** Canonical keys; index = bucket series number. In the order of their bytes, each once. */
  readonly seriesKeys: TextDictionary;
  readonly base: bigint;
}

export interface BucketSummary {
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  readonly series: number;
  readonly chunks: number;
  /** Both included; of no meaning where there are no rows. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly fields: ReadonlyMap<string, FieldType>;
  /** crc32c of the footer: a manifest that keeps it knows this very file. */
  readonly footerChecksum: number;
  readonly position: Position;
}

export interface BucketScan {
  /** Both ends included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /**
   * Which series: null = all; a mask (Uint8Array) is indexed by what `map` makes of the bucket's numbers (as it comes with a request); a
   * list (Uint32Array) has the bucket's own numbers, ascending, and costs nothing for the series that are not in it.
   */
  readonly series: Uint8Array | Uint32Array | null;
  /** null = all. A row that has none of them may be left out. */
  readonly fields: readonly string[] | null;
  /** Bucket series number → number the blocks shall name (the shard's); null = the bucket's own. */
  readonly map: ((series: number) => number) | null;
  /** Blocks stay valid when the next is asked for, and the cache keeps nothing of them: for who reads everything once. */
  readonly lasting?: boolean;
}

/** What is known of the values of one field in one chunk without reading them. */
export interface FieldStatistics {
  readonly type: FieldType;
  readonly count: number;
  /** Numbers only; booleans as 0 and 1; null for strings. bigint only where a double would lose digits. */
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  /** Exact for integers. Floats: `sum + sumRest` is the sum to about 106 bits. null where it left 64 bits, and for booleans and strings. */
  readonly sum: number | bigint | null;
  readonly sumRest: number;
  /** First and last value by time with their offsets from the bucket's base; null where the chunk holds several series, and for strings. */
  readonly first: { readonly offset: number; readonly value: number | bigint } | null;
  readonly last: { readonly offset: number; readonly value: number | bigint } | null;
}

export interface ChunkStatistics {
  readonly chunk: number;
  readonly rows: number;
  readonly firstSeries: number;
  readonly lastSeries: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Fields that have values in the chunk. */
  readonly fields: ReadonlyMap<string, FieldStatistics>;
}
