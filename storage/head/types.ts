/** What callers of the head say and get; the head itself is in head.ts. */
import type { Block, FieldType, SeriesChoice } from '../../model/index.ts';

/** Which rows of a measurement are wanted; the same shape as the query side's request. */
export interface HeadScan {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  /** Both ends included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  readonly series: SeriesChoice;
  /** Fields wanted; a row that has none of them may be left out. null = all. */
  readonly fields: readonly string[] | null;
  /** They are put in order of time afterwards: it is no use to have those of each series together. */
  readonly byTime?: boolean;
}

export interface MeasurementName {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
}

/** What is dropped with all that is in it; null = all of them. */
export interface DropScope {
  readonly database: string;
  readonly retentionPolicy: string | null;
  readonly measurement: string | null;
}

/** Rows that are no more from here on. */
export interface RowsDeletion extends MeasurementName {
  /** Both ends included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** As HeadScan.series. */
  readonly series: Uint8Array | null;
  /** What chose these series, for who tells it to other shards; null or not there = that cannot be said. */
  readonly condition?: string | null;
}

/** Hears of a value of a tag that no series of its measurement had before: bytes[from, to), as it is, not escaped. */
export type ValueListener = (bytes: Uint8Array, from: number, to: number) => void;

/** Gives who listens for the values of a tag. */
export type TagListener = (name: MeasurementName, tag: string) => ValueListener;

export interface Applied {
  /**
   * The rows just applied, with the shard's series numbers, as views on the batch (valid as long as its bytes are). Not free of
   * duplicates: a row may repeat an earlier (series, time). `selection` leaves out rows that lost all their values to conflicts.
   */
  readonly block: Block;
  /** Ascending numbers of the rows that are not newer than every earlier row of their series, earlier rows of this batch included. */
  readonly late: Uint32Array | null;
  /** True: `describe` answers something new for this measurement (itself, a field, a tag key). */
  readonly schemaChanged: boolean;
  /** Fields whose values were left out. */
  readonly conflicts: readonly Conflict[];
}

/** A batch's column of another type than the shard knows the field by: none of its values was kept. */
export interface Conflict {
  readonly field: string;
  readonly expected: FieldType;
  readonly found: FieldType;
  /** Values lost. */
  readonly rows: number;
}

export interface HeadStats {
  readonly databases: number;
  readonly measurements: number;
  readonly series: number;
  /** Distinct (series, time) in memory. */
  readonly points: number;
  /** Rows that came not newer than an earlier one of their series, since the last sealing. */
  readonly lateRows: number;
  /** Of these, rows that overwrote or completed a point in memory. */
  readonly overwrittenRows: number;
  /** Memory of columns and series tables. */
  readonly bytes: number;
}
