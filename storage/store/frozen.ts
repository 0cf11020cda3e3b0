/**
 * A head at the moment at which it was frozen: the rows to be sealed, and what was known of each measurement then, for the manifest. By
 * the time the record is written the head has gone on.
 */
import type { DocumentChange, FieldType } from '../../model/index.ts';
import type { Head } from '../head/head.ts';
import type { Measurement } from '../head/measurement.ts';
import type { HeadRows } from '../head/rows.ts';
import type { MeasurementName } from '../head/types.ts';
import type { DocumentNews } from './document-news.ts';
import type { ManifestMeasurement } from './manifest-record.ts';
import type { Tombstone } from './tombstones.ts';

export interface FrozenHead {
  /** Up to here everything is in the rows, or sealed before. */
  readonly sequence: number;
  /** The record will say everything, not what is new. */
  readonly full: boolean;
  readonly databases: readonly string[];
  readonly documents: DocumentChange;
  readonly measurements: readonly FrozenMeasurement[];
}

/** In one turn: readers see what they saw, writers begin anew. */
export function freezeHead(head: Head, documents: DocumentNews, sequence: number, full: boolean): FrozenHead {
  return {
    sequence,
    full,
    databases: head.databases(),
    documents: documents.take(full),
    measurements: [...head.measurements()].map(([name, measurement]) => new FrozenMeasurement(name, measurement, full)),
  };
}

export class FrozenMeasurement {
  readonly name: MeasurementName;
  readonly measurement: Measurement;
  readonly rows: HeadRows;
  /** Of what was deleted since the freeze: it may be in buckets already. */
  tombstones: readonly Tombstone[] = [];
  readonly #fields: readonly (readonly [string, FieldType])[];
  readonly #firstSeries: number;
  readonly #series: number;
  readonly #gone: Uint32Array;
  readonly #goneVersion: number;
  readonly #last: { readonly high: Int16Array; readonly low: Float64Array };

  constructor(name: MeasurementName, measurement: Measurement, full: boolean) {
    this.name = name;
    this.measurement = measurement;
    this.rows = measurement.freeze();
    this.#fields = [...measurement.fields];
    this.#firstSeries = full ? 0 : measurement.recordedSeries;
    this.#series = measurement.series.size;
    this.#gone = measurement.series.gone.list();
    this.#goneVersion = measurement.series.gone.version;
    this.#last = measurement.lastTimes.save(full ? this.#series : 0);
  }

  /** The manifest does not know all of it. */
  get hasNews(): boolean {
    const { recordedSeries, recordedFields, recordedGone } = this.measurement;
    if (this.#goneVersion !== recordedGone) return true;
    return this.#last.high.length > 0 || this.#series > recordedSeries || this.#fields.length > recordedFields;
  }

  manifest(): ManifestMeasurement {
    return {
      ...this.name,
      fields: this.#fields,
      firstSeries: this.#firstSeries,
      keys: this.measurement.series.keys(this.#firstSeries, this.#series),
      lastHigh: this.#last.high,
      lastLow: this.#last.low,
      gone: this.#gone,
    };
  }

  /** The manifest knows it now. */
  recorded(): void {
    this.measurement.recordedSeries = this.#series;
    this.measurement.recordedFields = this.#fields.length;
    this.measurement.recordedGone = this.#goneVersion;
  }
}
