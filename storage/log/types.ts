/** What callers of the append log say and get; the log itself is in log.ts. */

export interface LogOptions {
  readonly shard: number;
  /** For a log that does not exist yet; an existing one keeps the generation it was made with. Default 1. */
  readonly generation?: number;
  /** A segment is rolled before it grows past this. Default 256 MiB. */
  readonly segmentBytesMax?: number;
  /** Largest payload; default 32 MiB. */
  readonly recordBytesMax?: number;
  /** Bytes of payload that may wait for the disk; beyond, `append` rejects with `full`. Default 64 MiB. */
  readonly queueBytesMax?: number;
  /** Called for every record found at opening, in order. The payload is valid only until it returns. */
  readonly recovered?: (sequence: number, payload: Uint8Array) => void;
  /**
   * Called once for each group commit, right after its fsync and before the appends of the group resolve: the payloads as they were
   * given to `append`, the first of which has sequence `first`. The array may be kept. A throw is a programmer's error.
   */
  readonly committed?: (first: number, payloads: readonly Uint8Array[]) => void;
}

export interface LogRecord {
  readonly sequence: number;
  /** Starts at a multiple of 8 in its buffer, which it may share with its neighbours. */
  readonly payload: Uint8Array;
}

/** What opening cut off the end of the last segment: the rest of a write that had never been acknowledged. */
export interface LogCut {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}
