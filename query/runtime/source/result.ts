/** Results as columns: what both drivers give, and what the server's encoders turn into JSON, CSV and frames. */
import type { Column } from '../../../model/index.ts';
import type { ZoneShift } from '../../planner/time-zone.ts';

export interface TimeColumn {
  readonly type: 'time';
  readonly base: bigint;
  readonly offsets: Float64Array;
  /** As texts the times are local ones; not there = UTC. */
  readonly zone?: readonly ZoneShift[];
}

export type ResultColumn = FieldColumn | TimeColumn;

/** `instead`: the number of fill(number), which stands in texts of the answer for booleans and strings that are not there. */
export type FieldColumn = Column & { readonly instead?: number | bigint };

/** One series of an answer: InfluxQL's `{name, tags, columns, values}`, values by column. Row i of `data[c]` belongs to `columns[c]`. */
export interface ResultTable {
  readonly name: string;
  /** null where the statement has no GROUP BY tags. */
  readonly tags: readonly (readonly [string, string])[] | null;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly data: readonly ResultColumn[];
  /** Its rows as somebody wrote them (row-texts.ts), where that was asked for; `data` is empty then. */
  readonly texts?: Uint8Array;
}
