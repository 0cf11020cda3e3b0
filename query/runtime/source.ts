/**
 * Source: the port through which a query reads one shard. Storage fills it (the server joins the two), tests fill it with arrays.
 * Calls are synchronous and see one position of the shard: nothing is applied between the first and the last block of a scan that
 * is read to its end without leaving the event loop's turn. A scan that is left early is simply no longer iterated.
 */
import type { Block, MeasurementSchema, SeriesTable } from '../../model/index.ts';

export interface ScanRequest {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  /** Both ends included, ns. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** 1 at the numbers of the series wanted, at least as long as the table; null = all. */
  readonly series: Uint8Array | null;
  /** Fields wanted; a row that has none of them may be left out. null = all. */
  readonly fields: readonly string[] | null;
}

export interface Source {
  /** Measurements of a policy in this shard whose name passes, sorted by name. */
  describe(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[];
  /** null where the shard has no such measurement. The table grows while blocks are applied; it is not a copy. */
  series(database: string, retentionPolicy: string, measurement: string): SeriesTable | null;
  /** Blocks are valid until the next call that applies something to the shard. */
  scan(request: ScanRequest): Iterable<Block>;
}
