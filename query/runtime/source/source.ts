/**
 * Source: the port through which a query reads one shard. Storage fills it (the server joins the two), tests fill it with arrays.
 *
 * `scan` is for live queries: synchronous, at one position of the shard, as nothing is applied between the first and the last block
 * of a scan that is read to its end without leaving the event loop's turn. `pin` is for historical ones, which read in slices: it
 * fixes in one turn what is there, and whatever is applied, sealed or dropped until it is released, a scan gives each row that was
 * there once, as it was, and no other. A scan that is left early is simply no longer iterated.
 */
import type { Block, FieldType, MeasurementSchema, SeriesChoice, SeriesTable } from '../../../model/index.ts';

export interface ScanRequest {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  /** Both ends included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly series: SeriesChoice;
  /** Fields wanted; a row that has none of them may be left out. null = all. */
  readonly fields: readonly string[] | null;
  /** Rows of all series are put in order of time afterwards: it is no use to have those of each series together. */
  readonly byTime?: boolean;
}

export interface Source {
  /** Measurements of a policy in this shard whose name passes, sorted by name. */
  describe(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[];
  /** null where the shard has no such measurement. The table grows while blocks are applied; it is not a copy. */
  series(database: string, retentionPolicy: string, measurement: string): SeriesTable | null;
  /** A block is valid until the next is asked for, or something is applied to the shard. */
  scan(request: ScanRequest): Iterable<Block>;
}

export interface PinnableSource extends Source {
  /** null where the shard has no such measurement. Whoever pins releases. */
  pin(request: ScanRequest): PinnedRows | null;
}

/** Both ends included, ns. */
export interface TimeRange {
  readonly min: bigint;
  readonly max: bigint;
}

/** A block; or a promise, which has to be kept before the next step is asked for: what is far away is fetched. */
export type ScanStep = Block | Promise<void>;

/** What is known of all rows of a part of one series without reading them. */
export interface Totals {
  readonly series: number;
  readonly rows: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** Offsets of first and last values are from it. */
  readonly base: bigint;
  readonly fields: ReadonlyMap<string, FieldTotals>;
}

/** Of the rows that have the field; null = not known. */
export interface FieldTotals {
  readonly type: FieldType;
  readonly count: number;
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  /** Of floats: `sum + sumRest` is the sum to about 106 bits. */
  readonly sum: number | bigint | null;
  readonly sumRest: number;
  readonly first: { readonly offset: number; readonly value: number | bigint } | null;
  readonly last: { readonly offset: number; readonly value: number | bigint } | null;
}

/** Asked for parts whose rows are all wanted: true = the part is taken, its rows need not be read. */
export type TakeTotals = (totals: Totals) => boolean;

/** The rows of a measurement as they were when they were pinned. */
export interface PinnedRows {
  /** A block stays valid until the next step is asked for. May be asked for several times, within the times and fields that were pinned. */
  scan(range: TimeRange, series: SeriesChoice, take?: TakeTotals): Iterable<ScanStep>;
  /** What may be there, by parts, without reading it: times that hold all rows of a part, and about how many these are. */
  extents(range: TimeRange, series: SeriesChoice, each: (minTime: bigint, maxTime: bigint, rows: number) => void): void;
  /** Once, when no scan goes on. */
  release(): void;
}

/**
 * Asked often by whoever works long: null = go on; a promise = others have waited long enough, go on when it is kept. Throws, or
 * rejects, where the query has been given up.
 */
export type Turn = () => Promise<void> | null;
