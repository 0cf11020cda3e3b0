/** Bounds of one write: with them any body costs time and memory in proportion to its length. */

export interface IngestLimits {
  /** Bytes of a body, after decompression. InfluxDB's `max-body-size`. */
  readonly bodyBytesMax: number;
  /** Bytes of one line, strings with newlines included: a line is one point, and a point is no document store. */
  readonly lineBytesMax: number;
  /** Bytes of measurement and tags as written, and of these with any one field's name: InfluxDB's `MaxKeyLength`. */
  readonly keyBytesMax: number;
  readonly tagsPerPointMax: number;
  readonly fieldsPerPointMax: number;
  /** A body of `bodyBytesMax` in shortest lines has fewer than this. */
  readonly pointsPerBodyMax: number;
  /** Different measurements in a body; each costs a batch per shard. */
  readonly measurementsPerBodyMax: number;
  /** Fields nobody has seen before, in one body: each has to be declared. */
  readonly newFieldsPerBodyMax: number;
  /** Rows × columns of all batches of a body, holes included: holds the memory of bodies in which every point has other fields. */
  readonly cellsPerBodyMax: number;
  /** Bad lines that are listed; the others are only counted. */
  readonly errorsListedMax: number;
  /** Bytes of a bad line that an error quotes. */
  readonly errorQuoteBytesMax: number;
  /** Tag sets a decoder remembers as they were written; at this number or … */
  readonly knownSeriesMax: number;
  /** … at this many bytes of them it forgets all and starts over. */
  readonly knownSeriesBytesMax: number;
  /** Bytes of column buffers that a decoder keeps between bodies. */
  readonly keptBytesMax: number;
}

export const INGEST_LIMITS: IngestLimits = {
  bodyBytesMax: 25_000_000,
  lineBytesMax: 1024 * 1024,
  keyBytesMax: 65_535,
  tagsPerPointMax: 1_000,
  fieldsPerPointMax: 10_000,
  pointsPerBodyMax: 5_000_000,
  measurementsPerBodyMax: 10_000,
  newFieldsPerBodyMax: 100_000,
  cellsPerBodyMax: 32_000_000,
  errorsListedMax: 100,
  errorQuoteBytesMax: 1_024,
  knownSeriesMax: 128 * 1024,
  knownSeriesBytesMax: 32 * 1024 * 1024,
  keptBytesMax: 64 * 1024 * 1024,
};
