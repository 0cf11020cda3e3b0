/**
 * The head of one shard: its points as columns in memory, indexed, rebuilt from the stream at start. The recorder applies batches in the
 * order of the stream; queries read through `describe`, `series` and `scan`, which have the shape of the query side's source.
 * Everything is synchronous and on one thread; the same batches in the same order give the same head.
 *
 * The last position wins for a (series, time), field by field. A value of another type than its field has in this shard is left out
 * and reported. Names are case sensitive; a batch for a database or policy that is not known makes it.
 */
import { type Batch, type Block, compareText, type MeasurementSchema, type SeriesTable } from '../../model/index.ts';
import { Measurement } from './measurement.ts';
import type { Applied, HeadScan, HeadStats, TagPredicate } from './types.ts';

export class Head {
  /** Database → retention policy → measurement. */
  readonly #databases = new Map<string, Map<string, Map<string, Measurement>>>();

  createDatabase(name: string): void {
    if (!this.#databases.has(name)) this.#databases.set(name, new Map());
  }

  /** Forgets the database and all that is in it. True: it was there. */
  dropDatabase(name: string): boolean {
    return this.#databases.delete(name);
  }

  /** Sorted. */
  databases(): string[] {
    return [...this.#databases.keys()].sort(compareText);
  }

  apply(batch: Batch): Applied {
    this.createDatabase(batch.database);
    const policies = this.#databases.get(batch.database)!;
    let measurements = policies.get(batch.retentionPolicy);
    if (measurements === undefined) {
      measurements = new Map();
      policies.set(batch.retentionPolicy, measurements);
    }
    let measurement = measurements.get(batch.measurement);
    if (measurement === undefined) {
      measurement = new Measurement(batch.measurement);
      measurements.set(batch.measurement, measurement);
    }
    return measurement.apply(batch);
  }

  /** A batch of the stream that has been applied, as a block again; null where its measurement is no more. */
  view(batch: Batch): Block | null {
    return this.#measurement(batch.database, batch.retentionPolicy, batch.measurement)?.view(batch) ?? null;
  }

  describe(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[] {
    const measurements = this.#databases.get(database)?.get(retentionPolicy);
    if (measurements === undefined) return [];
    const names = [...measurements.keys()].filter(wanted).sort(compareText);
    return names.map((name) => measurements.get(name)!.schema());
  }

  series(database: string, retentionPolicy: string, measurement: string): SeriesTable | null {
    return this.#measurement(database, retentionPolicy, measurement)?.series ?? null;
  }

  /** Blocks are valid until the next `apply` or `dropDatabase`. */
  *scan(request: HeadScan): Generator<Block> {
    const measurement = this.#measurement(request.database, request.retentionPolicy, request.measurement);
    // Sealed buckets will be read here, before the head: their blocks, less the rows that the head overwrites, then these.
    if (measurement !== null) yield* measurement.scan(request);
  }

  /** The mask for `scan` of the series that meet all of the predicates; empty where there is no such measurement. */
  seriesMatching(
    database: string,
    retentionPolicy: string,
    measurement: string,
    predicates: readonly TagPredicate[],
  ): Uint8Array {
    const found = this.#measurement(database, retentionPolicy, measurement);
    return found === null ? new Uint8Array(0) : found.series.matching(predicates);
  }

  /** Walks all chunks: for a status page, not for a hot path. */
  stats(): HeadStats {
    const all = [...this.#databases.values()].flatMap((policies) =>
      [...policies.values()].flatMap((m) => [...m.values()]),
    );
    return {
      databases: this.#databases.size,
      measurements: all.length,
      series: sum(all, (m) => m.series.size),
      points: sum(all, (m) => m.points),
      lateRows: sum(all, (m) => m.lateRows),
      overwrittenRows: sum(all, (m) => m.overwrittenRows),
      bytes: sum(all, (m) => m.bytes),
    };
  }

  // private functions

  #measurement(database: string, retentionPolicy: string, name: string): Measurement | null {
    return this.#databases.get(database)?.get(retentionPolicy)?.get(name) ?? null;
  }
}

// private functions

function sum(measurements: readonly Measurement[], of: (measurement: Measurement) => number): number {
  return measurements.reduce((total, measurement) => total + of(measurement), 0);
}
