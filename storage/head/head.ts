/** The recent points of one shard as columns in memory: lands in a moment. */
import type { Batch, Block, MeasurementSchema, SeriesTable } from '../../model/index.ts';
import type { Applied, HeadScan, HeadStats, TagPredicate } from './types.ts';

export class Head {
  createDatabase(_name: string): void {}
  /** True: it was there. */
  dropDatabase(_name: string): boolean {
    return false;
  }
  /** Sorted. */
  databases(): string[] {
    return [];
  }
  apply(_batch: Batch): Applied {
    throw new Error('not yet');
  }
  describe(_database: string, _retentionPolicy: string, _wanted: (name: string) => boolean): MeasurementSchema[] {
    return [];
  }
  series(_database: string, _retentionPolicy: string, _measurement: string): SeriesTable | null {
    return null;
  }
  scan(_request: HeadScan): Iterable<Block> {
    return [];
  }
  seriesMatching(
    _database: string,
    _retentionPolicy: string,
    _measurement: string,
    _predicates: readonly TagPredicate[],
  ): Uint8Array {
    return new Uint8Array();
  }
  stats(): HeadStats {
    throw new Error('not yet');
  }
}
