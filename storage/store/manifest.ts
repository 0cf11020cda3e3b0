/**
 * The manifest of one shard: which buckets there are and up to where in the stream they reach, as records (manifest-record.ts) in an
 * append log of its own: checksums, torn tails and damage are that log's business. One record is one step: all of it or nothing.
 *
 * When records have come to twice what a full one took, the next sealing writes a full one; once that is durable, what stands before
 * it is trimmed away, segment by segment. Until then both say the same, so the exchange can be cut short anywhere.
 *
 * An empty record follows each: a damaged record at the end of a log is taken for a torn write, unless one behind it proves that it
 * had been durable.
 */
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import { ShardLog } from '../log/log.ts';
import { decodeManifestRecord, encodeManifestRecord, type ManifestRecord } from './manifest-record.ts';

/** Small ones, so that little stays in front of a full record. */
const SEGMENT_BYTES_MAX = 1024 * 1024;
/** A full record holds every series key of the shard: some 100 MB at a million series. */
const RECORD_BYTES_MAX = 1024 * 1024 * 1024;
/** Below this, no full record is worth its writing. */
const FULL_BYTES_MIN = 4 * 1024 * 1024;
const PROOF = new Uint8Array(0);

export interface ManifestOptions {
  readonly shard: number;
  /** Below this, no full record is written. Default 4 MiB. */
  readonly fullBytesMin?: number;
}

export class Manifest {
  readonly #log: ShardLog;
  readonly #fullBytesMin: number;
  #fullBytes: number;

  private constructor(log: ShardLog, fullBytesMin: number, fullBytes: number) {
    this.#log = log;
    this.#fullBytesMin = fullBytesMin;
    this.#fullBytes = fullBytes;
  }

  /** Gives all records to `apply`, in order. Throws StorageError `corrupt` with file and offset. */
  static async open(
    files: Files,
    directory: string,
    { shard, fullBytesMin = FULL_BYTES_MIN }: ManifestOptions,
    apply: (record: ManifestRecord) => void,
  ): Promise<Manifest> {
    let fullBytes = 0;
    /** What begins behind trimmed records means something only from the full one on for whose sake they were trimmed. */
    let isWhole = false;
    const log = await ShardLog.open(files, directory, {
      shard,
      segmentBytesMax: Math.min(SEGMENT_BYTES_MAX, fullBytesMin),
      recordBytesMax: RECORD_BYTES_MAX,
      recovered: (sequence, payload) => {
        if (payload.byteLength === 0) return;
        const record = decodeManifestRecord(payload);
        if (record.full) fullBytes = payload.byteLength;
        isWhole ||= record.full || sequence === 1;
        if (isWhole) apply(record);
      },
    });
    if (!isWhole && log.last > 0) {
      await log.close();
      throw new StorageError('corrupt', `${directory}: begins at record ${log.first}, and no full record follows`);
    }
    return new Manifest(log, fullBytesMin, fullBytes);
  }

  /** What opening took for a torn write, for whoever finds that something is missing; '' = nothing. */
  get cut(): string {
    const { cut } = this.#log;
    return cut === null ? '' : `; ${cut.file} was cut at byte ${cut.offset}, where it is damaged or was torn`;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  /** The next record ought to be a full one. */
  get grown(): boolean {
    return this.#log.bytes > Math.max(this.#fullBytesMin, 2 * this.#fullBytes);
  }

  /** Resolves when the record is durable; records are in the order of the calls. Rejects with StorageError: then it is not there. */
  async append(record: ManifestRecord): Promise<void> {
    const bytes = encodeManifestRecord(record);
    const sequence = await this.#log.append(bytes);
    // where it fails the record is durable all the same, and the next one will tell
    await this.#log.append(PROOF).catch(() => {});
    if (!record.full) return;
    this.#fullBytes = bytes.byteLength;
    // what cannot be removed now goes after a later full record
    await this.#log.trim(sequence - 1, 0).catch(() => {});
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
