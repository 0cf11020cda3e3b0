/**
 * The head of one shard: what is known of its measurements, and the points that are not sealed yet as columns in memory. Batches are
 * applied in the order of the stream; queries read through `describe`, `series` and `scan`, which have the shape of the query side's
 * source and see sealed points too (measurement.ts). Everything is synchronous and on one thread; the same batches in the same order
 * give the same head. The store (`../store/`) seals it and brings it back at start.
 *
 * The last position wins for a (series, time), field by field. A value of another type than its field has in this shard is left out
 * and reported. Names are case sensitive; a batch for a database or policy that is not known makes it.
 */
import { type Batch, type Block, compareText, type MeasurementSchema, type SeriesTable } from '../../model/index.ts';
import { Measurement } from './measurement.ts';
import type { PinnedRows } from './row-layer.ts';
import type { Applied, DropScope, HeadScan, HeadStats, MeasurementName, TagListener } from './types.ts';

export class Head {
  /** Database → retention policy → measurement. */
  readonly #databases = new Map<string, Map<string, Map<string, Measurement>>>();
  readonly #listener: TagListener | null;

  constructor(listener: TagListener | null = null) {
    this.#listener = listener;
  }

  createDatabase(name: string): void {
    if (!this.#databases.has(name)) this.#databases.set(name, new Map());
  }

  /** Forgets the database and all that is in it. True: it was there. */
  dropDatabase(name: string): boolean {
    return this.#databases.delete(name);
  }

  /** Forgets what is in a policy, or one measurement of it; null = of all policies. True: something was there. */
  drop({ database, retentionPolicy, measurement }: DropScope): boolean {
    if (retentionPolicy === null && measurement === null) return this.dropDatabase(database);
    let found = false;
    const policies = this.#databases.get(database) ?? new Map<string, Map<string, Measurement>>();
    for (const [policy, measurements] of policies) {
      if (retentionPolicy !== null && policy !== retentionPolicy) continue;
      if (measurement === null) found ||= measurements.size > 0;
      else found = measurements.delete(measurement) || found;
      if (measurement === null || measurements.size === 0) policies.delete(policy);
    }
    return found;
  }

  /** Sorted. */
  databases(): string[] {
    return [...this.#databases.keys()].sort(compareText);
  }

  /** Of a database: those that have measurements. */
  policies(database: string): string[] {
    return [...(this.#databases.get(database)?.keys() ?? [])];
  }

  apply(batch: Batch): Applied {
    return this.measurement(batch).apply(batch);
  }

  /** Makes what does not exist. */
  measurement(scope: MeasurementName): Measurement {
    const { database, retentionPolicy, measurement: name } = scope;
    this.createDatabase(database);
    const policies = this.#databases.get(database)!;
    let measurements = policies.get(retentionPolicy);
    if (measurements === undefined) {
      measurements = new Map();
      policies.set(retentionPolicy, measurements);
    }
    let measurement = measurements.get(name);
    if (measurement === undefined) {
      const listener = this.#listener;
      const place = { database, retentionPolicy, measurement: name };
      measurement = new Measurement(name, listener && ((tag) => listener(place, tag)));
      measurements.set(name, measurement);
    }
    return measurement;
  }

  find(database: string, retentionPolicy: string, name: string): Measurement | null {
    return this.#databases.get(database)?.get(retentionPolicy)?.get(name) ?? null;
  }

  /** All of them, or those of one database. */
  *measurements(only: string | null = null): Generator<[MeasurementName, Measurement]> {
    for (const [database, policies] of this.#databases) {
      if (only !== null && database !== only) continue;
      for (const [retentionPolicy, measurements] of policies) {
        for (const [measurement, found] of measurements) yield [{ database, retentionPolicy, measurement }, found];
      }
    }
  }

  /** Memory of the rows that are not being sealed yet. Walks all chunks. */
  activeBytes(): number {
    return sum(
      [...this.measurements()].map(([, m]) => m),
      (m) => m.activeBytes,
    );
  }

  /** A batch of the stream that has been applied, as a block again; null where its measurement is no more. */
  view(batch: Batch): Block | null {
    return this.find(batch.database, batch.retentionPolicy, batch.measurement)?.view(batch) ?? null;
  }

  describe(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[] {
    const measurements = this.#databases.get(database)?.get(retentionPolicy);
    if (measurements === undefined) return [];
    const names = [...measurements.keys()].filter(wanted).sort(compareText);
    return names.map((name) => measurements.get(name)!.schema());
  }

  series(database: string, retentionPolicy: string, measurement: string): SeriesTable | null {
    return this.find(database, retentionPolicy, measurement)?.series ?? null;
  }

  /** Blocks are valid until the next `apply` or `dropDatabase`. */
  *scan(request: HeadScan): Generator<Block> {
    const measurement = this.find(request.database, request.retentionPolicy, request.measurement);
    if (measurement !== null) yield* measurement.scan(request);
  }

  /** As SealedRows.bringNear, for a `scan` of the same. */
  async bringNear({ database, retentionPolicy, measurement, ...asked }: HeadScan, bytesMax: number): Promise<void> {
    const sealed = this.find(database, retentionPolicy, measurement)?.sealed;
    await sealed?.bringNear({ min: asked.minTime, max: asked.maxTime }, asked.series, asked.fields, bytesMax);
  }

  /** As Measurement.pin; null where there is no such measurement. */
  pin(request: HeadScan): PinnedRows | null {
    return this.find(request.database, request.retentionPolicy, request.measurement)?.pin(request) ?? null;
  }

  /** Walks all chunks: for a status page, not for a hot path. */
  stats(): HeadStats {
    const all = [...this.measurements()].map(([, measurement]) => measurement);
    return {
      databases: this.#databases.size,
      measurements: all.length,
      series: sum(all, (m) => m.series.size - m.series.gone.count),
      points: sum(all, (m) => m.points),
      lateRows: sum(all, (m) => m.lateRows),
      overwrittenRows: sum(all, (m) => m.overwrittenRows),
      bytes: sum(all, (m) => m.bytes),
    };
  }
}

// private functions

function sum(measurements: readonly Measurement[], of: (measurement: Measurement) => number): number {
  return measurements.reduce((total, measurement) => total + of(measurement), 0);
}
