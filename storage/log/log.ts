/**
 * The append log of one shard: messages in order, each durable before it is acknowledged. The embedded broker publishes into it and
 * reads from it; with another broker it is the recorder's own copy. One process at a time (the server locks the data directory).
 *
 * Group commit: while one write and fdatasync run, appends wait in a queue; then all of them (up to GROUP_BYTES_MAX) are written
 * with one write and made durable with one fdatasync. Sequences are given in the order of `append` calls, without holes.
 *
 * After a failed fdatasync, or a write that failed for anything but lack of space, nobody knows what is on disk: the log refuses
 * further appends for good, and never tries the same file again. Where the disk was full, the file is cut back to what is durable,
 * this group is refused with `no space`, and the next append tries anew.
 *
 * A long file: the writing half is one state machine over the same few fields, and reads best in one place.
 *
 * Segments leave at the front only (`trim`), one after the other, each removal durable before the next: what is left has no holes.
 */
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';
import { encodeHeader, encodeRecord, recordBytes, SEGMENT_HEADER_BYTES, segmentName } from './record.ts';
import { recover } from './recovery.ts';
import { scanRecords } from './scan.ts';
import { Segment } from './segment.ts';
import type { LogCut, LogOptions, LogRecord } from './types.ts';

/** Of what need not be kept, this much is, for those who resume: at a megabyte a second, a quarter of an hour. */
export const LOG_KEEP_BYTES = 1024 * 1024 * 1024;
const SEGMENT_BYTES_MAX = 256 * 1024 * 1024;
const RECORD_BYTES_MAX = 32 * 1024 * 1024;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Staged bytes of one write: beyond this a larger write is no faster, and appends wait longer. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
/** First size of the staging buffer. */
const STAGING_BYTES = 64 * 1024;
/** What a waiting append costs beside its payload, so that empty ones cannot fill the memory. */
const APPEND_OVERHEAD_BYTES = 128;

export class ShardLog {
  readonly generation: number;
  /** What opening cut off; null = the log ended cleanly. For the server's log and a counter. */
  readonly cut: LogCut | null;
  readonly #files: Files;
  readonly #directory: string;
  readonly #limits: Limits;
  readonly #segments: Segment[];
  #file: StoredFile | null;
  #staging = new Uint8Array(STAGING_BYTES);
  #queue: Append[] = [];
  #queueBytes = 0;
  #running: Promise<void> | null = null;
  #trimming: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  #readOnly = false;
  #closed = false;

  /** For `open`. */
  private constructor(parts: LogParts) {
    this.#files = parts.files;
    this.#directory = parts.directory;
    this.#limits = parts.limits;
    this.#segments = parts.segments;
    this.#file = parts.file;
    this.generation = parts.generation;
    this.cut = parts.cut;
  }

  /** Opens or makes the log in `directory`, verifying all of it. Throws StorageError `corrupt` and what the files adapter throws. */
  static async open(files: Files, directory: string, options: LogOptions): Promise<ShardLog> {
    await files.makeDirectory(directory);
    const { segments, generation, cut } = await recover(files, directory, options.shard, options.recovered ?? ignore);
    const active = segments.at(-1);
    return new ShardLog({
      files,
      directory,
      segments,
      cut,
      file: active === undefined ? null : await files.open(active.path, 'write'),
      generation: generation ?? options.generation ?? 1,
      limits: {
        shard: options.shard,
        segmentBytesMax: options.segmentBytesMax ?? SEGMENT_BYTES_MAX,
        recordBytesMax: options.recordBytesMax ?? RECORD_BYTES_MAX,
        queueBytesMax: options.queueBytesMax ?? QUEUE_BYTES_MAX,
        committed: options.committed ?? ignore,
      },
    });
  }

  /** First sequence kept; `last` + 1 where nothing is. */
  get first(): number {
    return this.#segments[0]?.base ?? 1;
  }

  /** Last durable sequence; 0 in a log that never had one. */
  get last(): number {
    return (this.#segments.at(-1)?.next ?? 1) - 1;
  }

  /** Durable bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((total, segment) => total + segment.bytes, 0);
  }

  /** Why nothing can be appended any more; null while the log is well. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves with the sequence when the payload is durable. The payload must not change until then. Rejects with StorageError. */
  append(payload: Uint8Array): Promise<number> {
    const { recordBytesMax, queueBytesMax } = this.#limits;
    if (this.#closed) return Promise.reject(new StorageError('closed', 'the log has been closed'));
    if (this.#readOnly) return Promise.reject(this.#refusal());
    if (payload.length > recordBytesMax) {
      const text = `expected a record of at most ${recordBytesMax} bytes, found ${payload.length}`;
      return Promise.reject(new StorageError('too large', text));
    }
    const cost = payload.length + APPEND_OVERHEAD_BYTES;
    if (this.#queueBytes > 0 && this.#queueBytes + cost > queueBytesMax) {
      return Promise.reject(new StorageError('full', `${this.#queueBytes} bytes wait for the disk already`));
    }
    this.#queueBytes += cost;
    return new Promise((resolve, reject) => {
      this.#queue.push({ payload, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Records from `from` to the last that is durable now. Throws StorageError `position gone` or `corrupt` while iterated. */
  async *read(from: number): AsyncGenerator<LogRecord, void> {
    const last = this.last;
    if (from < this.first) {
      throw new StorageError('position gone', `sequence ${from} is no longer kept; the first is ${this.first}`);
    }
    for (const segment of this.#segments.slice()) {
      if (segment.next <= from) continue;
      if (segment.base > last) return;
      yield* this.#readSegment(segment, from, last);
    }
  }

  /** True: `trim` would remove something. */
  trims(upTo: number, keepBytes: number): boolean {
    const [first] = this.#segments;
    return this.#segments.length > 1 && first.next - 1 <= upTo && this.bytes - first.bytes >= keepBytes;
  }

  /**
   * Removes segments from the front, all of whose records are at or before `upTo`, while at least `keepBytes` stay. The last segment
   * always stays. A reader of what goes meets `position gone`. Calls queue up; throws what the files adapter throws.
   */
  trim(upTo: number, keepBytes: number): Promise<void> {
    const work = this.#trimming.then(() => this.#trim(upTo, keepBytes));
    this.#trimming = work.catch(ignore);
    return work;
  }

  /** Lets what was appended finish, then closes. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#trimming;
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  // private functions

  async #trim(upTo: number, keepBytes: number): Promise<void> {
    while (!this.#closed && this.trims(upTo, keepBytes)) {
      const segment = this.#segments.shift()!;
      try {
        await this.#files.remove(segment.path);
      } catch (error) {
        this.#segments.unshift(segment);
        throw error;
      }
      await this.#files.syncDirectory(this.#directory);
    }
  }

  async *#readSegment(segment: Segment, from: number, last: number): AsyncGenerator<LogRecord, void> {
    const start = { ...segment.seek(from), end: segment.bytes, reuse: false };
    const file = await this.#openKept(segment);
    let batch: LogRecord[] = [];
    try {
      const scan = scanRecords(file, start, this.#files.checksum, (sequence, payload) => {
        if (sequence >= from && sequence <= last) batch.push({ sequence, payload });
      });
      for (;;) {
        const step = await scan.next();
        const ready = batch;
        batch = [];
        yield* ready;
        if (!step.done) continue;
        const { broken, offset } = step.value;
        if (broken !== null) throw new StorageError('corrupt', `${segment.path} at ${offset}: ${broken}`);
        return;
      }
    } finally {
      await file.close();
    }
  }

  /** A segment may have been trimmed away after a reader had chosen it. */
  async #openKept({ path, next }: Segment): Promise<StoredFile> {
    try {
      return await this.#files.open(path, 'read');
    } catch (error) {
      if (next - 1 >= this.first || !(error instanceof StorageError && error.code === 'not found')) throw error;
      throw new StorageError('position gone', `${path} is no longer kept; the first sequence is ${this.first}`, error);
    }
  }

  async #run(): Promise<void> {
    await null; // appends of the same turn join the first group
    while (this.#queue.length > 0) {
      const group = await this.#prepare();
      if (group === null) continue;
      try {
        await this.#file!.write(this.#staging.subarray(0, group.bytes), this.#segments.at(-1)!.bytes);
      } catch (error) {
        await this.#writeFailed(group, error);
        continue;
      }
      try {
        await this.#file!.datasync();
      } catch (error) {
        this.#refuseAll(group.appends, error);
        continue;
      }
      this.#commit(group);
    }
    this.#running = null;
  }

  /** Makes sure that there is a segment with room, takes appends off the queue and stages their records. null = they were refused. */
  async #prepare(): Promise<Group | null> {
    const { segmentBytesMax } = this.#limits;
    let segment = this.#segments.at(-1);
    const firstBytes = recordBytes(this.#queue[0].payload.length);
    const isFull = segment !== undefined && segment.next > segment.base && segment.bytes + firstBytes > segmentBytesMax;
    if (segment === undefined || isFull) {
      if (!(await this.#roll())) return null;
      segment = this.#segments.at(-1)!;
    }
    const room = Math.min(GROUP_BYTES_MAX, segmentBytesMax - segment.bytes);
    let count = 1;
    let bytes = firstBytes;
    for (; count < this.#queue.length; count++) {
      const more = recordBytes(this.#queue[count].payload.length);
      if (bytes + more > room) break;
      bytes += more;
    }
    const appends = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count);
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    this.#stage(appends, bytes, segment.next);
    return { appends, bytes };
  }

  #stage(appends: readonly Append[], bytes: number, first: number): void {
    if (this.#staging.length < bytes || this.#staging.length > 2 * GROUP_BYTES_MAX) {
      this.#staging = new Uint8Array(Math.max(STAGING_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
    }
    const view = new DataView(this.#staging.buffer);
    let at = 0;
    for (let back = 0; back < appends.length; back++) {
      const record = { sequence: first + back, back, payload: appends[back].payload };
      at = encodeRecord(this.#staging, view, at, record, this.#files.checksum);
    }
  }

  #commit(group: Group): void {
    const segment = this.#segments.at(-1)!;
    const first = segment.next;
    let offset = segment.bytes;
    const payloads: Uint8Array[] = [];
    for (const { payload } of group.appends) {
      segment.note(segment.next++, offset);
      offset += recordBytes(payload.length);
      payloads.push(payload);
      this.#queueBytes -= payload.length + APPEND_OVERHEAD_BYTES;
    }
    segment.bytes = offset;
    this.#limits.committed(first, payloads);
    for (let i = 0; i < group.appends.length; i++) group.appends[i].resolve(first + i);
  }

  /** Begins a new segment. False: it could not, and the appends concerned have been refused. */
  async #roll(): Promise<boolean> {
    const { shard } = this.#limits;
    const base = this.last + 1;
    const path = `${this.#directory}/${segmentName(base)}`;
    let file: StoredFile | null = null;
    try {
      file = await this.#files.open(path, 'create');
      await file.write(encodeHeader({ shard, generation: this.generation, base }, this.#files.checksum), 0);
    } catch (error) {
      await this.#rollFailed(path, file, error);
      return false;
    }
    try {
      await file.datasync();
      await this.#files.syncDirectory(this.#directory);
      await this.#file?.close();
    } catch (error) {
      this.#refuseAll([], error);
      await file.close().catch(ignore);
      return false;
    }
    this.#file = file;
    const segment = new Segment(path, base);
    segment.bytes = SEGMENT_HEADER_BYTES;
    this.#segments.push(segment);
    return true;
  }

  async #rollFailed(path: string, file: StoredFile | null, error: unknown): Promise<void> {
    try {
      if (!isNoSpace(error)) throw error;
      if (file !== null) {
        await file.close();
        await this.#files.remove(path);
      }
      this.#refuse(this.#queue.splice(0), new StorageError('no space', `the disk is full: ${path}`, error));
    } catch (final) {
      this.#refuseAll([], final);
    }
  }

  async #writeFailed(group: Group, error: unknown): Promise<void> {
    const { path, bytes } = this.#segments.at(-1)!;
    try {
      if (!isNoSpace(error)) throw error;
      await this.#file!.truncate(bytes);
      await this.#file!.datasync();
    } catch (final) {
      this.#refuseAll(group.appends, final);
      return;
    }
    this.#refuse(group.appends, new StorageError('no space', `the disk is full: ${path}`, error));
  }

  /** The log is read only from here on. */
  #refuseAll(appends: readonly Append[], error: unknown): void {
    this.#readOnly = true;
    this.#failure = error;
    this.#refuse([...appends, ...this.#queue.splice(0)], this.#refusal());
  }

  #refuse(appends: readonly Append[], error: StorageError): void {
    for (const { payload, reject } of appends) {
      this.#queueBytes -= payload.length + APPEND_OVERHEAD_BYTES;
      reject(error);
    }
  }

  #refusal(): StorageError {
    const reason = this.#failure instanceof Error ? this.#failure.message : String(this.#failure);
    return new StorageError('read only', `the log takes no more records after a failure: ${reason}`, this.#failure);
  }
}

// private functions

type Append = {
  readonly payload: Uint8Array;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: StorageError) => void;
};
type Group = { readonly appends: readonly Append[]; readonly bytes: number };
type Limits = {
  readonly shard: number;
  readonly segmentBytesMax: number;
  readonly recordBytesMax: number;
  readonly queueBytesMax: number;
  readonly committed: (first: number, payloads: readonly Uint8Array[]) => void;
};
type LogParts = {
  readonly files: Files;
  readonly directory: string;
  readonly limits: Limits;
  readonly segments: Segment[];
  readonly file: StoredFile | null;
  readonly generation: number;
  readonly cut: LogCut | null;
};

function ignore(): void {}

function isNoSpace(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'no space';
}
