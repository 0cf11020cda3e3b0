/**
 * A bucket that lies in object storage, as readers see it. Its ends stay here, in a file of their own: what must be known to open it,
 * to say what it holds and to number its series. Everything between is fetched; who cannot wait has it brought near before (`bringNear`),
 * and reads it from the cache of pages.
 *
 * The file of the ends:
 *      0   the first HEADER_BYTES of the bucket
 *     32   the bucket from `endAt` (of the manifest) on: series keys, footer, trailer
 */
import { type ByteRange, HEADER_BYTES } from '../buckets/layout.ts';
import type { BucketSource } from '../buckets/source.ts';
import { StorageError } from '../error.ts';
import type { FarReads, HeldPages } from './far-reads.ts';

export interface FarPlace {
  readonly object: string;
  /** Of the whole bucket. */
  readonly bytes: number;
  readonly endAt: number;
}

export class FarSource implements BucketSource {
  readonly path: string;
  readonly bytes: number;
  readonly #endAt: number;
  readonly #ends: BucketSource;
  readonly #reads: FarReads;

  constructor({ object, bytes, endAt }: FarPlace, ends: BucketSource, reads: FarReads) {
    this.path = object;
    this.bytes = bytes;
    this.#endAt = endAt;
    this.#ends = ends;
    this.#reads = reads;
  }

  /** Of the ends, and of what the cache has; throws StorageError `away` for the rest. */
  readSync(target: Uint8Array, at: number): number {
    if (at + target.length <= HEADER_BYTES) return this.#ends.readSync(target, at);
    if (at >= this.#endAt) return this.#ends.readSync(target, at - this.#endAt + HEADER_BYTES);
    if (this.#reads.readSync(this.path, target, at) === target.length) return target.length;
    throw new StorageError('away', `the time range reaches into object storage, where ${this.path} lies`);
  }

  /** Has these blocks in the cache of pages when it resolves, as far as it keeps them: `readSync` finds them there. */
  bringNear(ranges: readonly ByteRange[]): Promise<void> {
    return this.#reads.bringNear(this.path, this.bytes, ranges);
  }

  /** Blocks between the ends, for a scan that reads them afterwards. */
  fetch(ranges: readonly ByteRange[]): Promise<HeldPages> {
    return this.#reads.fetch(this.path, this.bytes, ranges);
  }

  /** Any bytes, for who copies all of them: they are not kept here. */
  fetchOnce(range: ByteRange): Promise<HeldPages> {
    return this.#reads.fetch(this.path, this.bytes, [range], true);
  }

  /** What was fetched was damaged, here or there: it is fetched anew by the next who asks. */
  forget(): void {
    this.#reads.forget(this.path);
  }

  close(): Promise<void> {
    return this.#ends.close();
  }
}
