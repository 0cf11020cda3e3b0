/**
 * The tier of one shard: its buckets in object storage, and what stays here of them.
 *
 *     <shard>/tier/id             who we are there, made once
 *     <shard>/tier/<id>.ends      of each bucket that lies there, its ends (far-source.ts)
 *     <shard>/tier/cache          pages that were fetched (page-cache.ts)
 *     object                      <id>/shard-<n>/<bucket>-<checksum>.bucket
 *
 * An object is believed when every byte has been read back. It is ours as long as it is registered here: from before its put until
 * `remove`; `sweep` removes what lies under our prefix and is not registered. A copy of the whole data directory has the same id, and
 * must not be started beside the original on the same tier.
 */
import { HEADER_BYTES } from '../buckets/layout.ts';
import type { OpenBuckets } from '../buckets/open-buckets.ts';
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';
import { FarReads } from './far-reads.ts';
import { type FarPlace, FarSource } from './far-source.ts';
import type { ObjectStore } from './object-store.ts';
import { PageCache } from './page-cache.ts';

/** Of fetched pages, all shards of a server together. */
export const TIER_CACHE_BYTES = 1024 * 1024 * 1024;
/** Read, compared and held in memory at a time. */
const PART_BYTES = 4 * 1024 * 1024;
const ID_PATTERN = /^[0-9a-z]{16}$/;

export interface TierOptions {
  readonly objects: ObjectStore;
  /** Of this shard. */
  readonly cacheBytesMax: number;
  /** 16 characters of `0-9a-z` that nobody else has. */
  readonly identity: () => string;
}

export interface TierStats {
  readonly cacheBytes: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly cacheFailures: number;
  readonly bytesFetched: number;
}

export class Tier {
  readonly #files: Files;
  readonly #directory: string;
  readonly #prefix: string;
  readonly #objects: ObjectStore;
  readonly #cache: PageCache;
  readonly #reads: FarReads;
  readonly #open: OpenBuckets;
  readonly #registered = new Set<string>();
  /** Something under our prefix may be nobody's. */
  #hasStrays = true;
  #isClosed = false;

  private constructor(parts: TierParts) {
    const { objects, cache } = parts;
    this.#files = parts.files;
    this.#directory = parts.directory;
    this.#prefix = parts.prefix;
    this.#open = parts.open;
    this.#objects = objects;
    this.#cache = cache;
    this.#reads = new FarReads(objects, cache);
  }

  /** Asks nothing of the object store. */
  static async open(
    files: Files,
    shardDirectory: string,
    shard: number,
    buckets: OpenBuckets,
    { objects, cacheBytesMax, identity }: TierOptions,
  ): Promise<Tier> {
    const directory = `${shardDirectory}/tier`;
    await files.makeDirectory(directory);
    const id = await identityIn(files, directory, identity);
    const cache = await PageCache.open(files, `${directory}/cache`, cacheBytesMax);
    return new Tier({ files, directory, prefix: `${id}/shard-${shard}/`, open: buckets, objects, cache });
  }

  /**
   * The buckets that lie in the tier. Ends of others are removed; those that are missing are fetched, and where that fails now, reads
   * of their bucket fail.
   */
  async expect(buckets: readonly { readonly id: number; readonly far: FarPlace }[]): Promise<void> {
    const missing = new Map(buckets.map((bucket) => [endsName(bucket.id), bucket]));
    for (const { far } of buckets) this.#registered.add(far.object);
    for (const name of await this.#files.list(this.#directory)) {
      if (name.endsWith('.ends') && !missing.delete(name)) await this.#files.remove(`${this.#directory}/${name}`);
    }
    for (const { id, far } of missing.values()) await this.#fetchEnds(id, far).catch(ignore);
  }

  /** What one reader may have brought near, so that others still find what is theirs. */
  get nearBytesMax(): number {
    return this.#cache.bytesMax / 2;
  }

  source(id: number, place: FarPlace): FarSource {
    const ends = this.#open.inFile(this.#endsPath(id), HEADER_BYTES + place.bytes - place.endAt);
    return new FarSource(place, ends, this.#reads);
  }

  /** Resolves when every byte of the file has been read back from the tier, and its ends are on disk here. */
  async upload(id: number, file: StoredFile, endAt: number): Promise<FarPlace> {
    const bytes = await file.size();
    const checksums: number[] = [];
    for (let at = 0; at < bytes; at += PART_BYTES) {
      this.#assertOpen();
      checksums.push(this.#files.checksum(await readPart(file, at, Math.min(PART_BYTES, bytes - at))));
    }
    const checksum = this.#files.checksum(new Uint8Array(Uint32Array.from(checksums).buffer));
    const number = String(id).padStart(10, '0');
    const object = `${this.#prefix}${number}-${checksum.toString(16).padStart(8, '0')}.bucket`;
    this.#registered.add(object);
    try {
      await this.#put(object, bytes, file);
      await this.#verify(object, bytes, checksums);
      this.#assertOpen();
      await this.#writeEnds(id, await readPart(file, 0, HEADER_BYTES), await readPart(file, endAt, bytes - endAt));
    } catch (error) {
      this.#registered.delete(object);
      this.#hasStrays = true;
      throw error;
    }
    return { object, bytes, endAt };
  }

  /** What cannot be removed now is found by a later sweep. */
  async remove(id: number, { object }: FarPlace): Promise<void> {
    await this.#files.remove(this.#endsPath(id)).catch(ignore);
    this.#cache.forget(object);
    this.#registered.delete(object);
    try {
      await this.#objects.remove(object);
    } catch {
      this.#hasStrays = true;
    }
  }

  /** Removes what lies under our prefix and is not registered, where there may be such; gives how many. No upload may be under way. */
  async sweep(): Promise<number> {
    if (!this.#hasStrays) return 0;
    this.#hasStrays = false;
    let count = 0;
    try {
      await this.#objects.clear(this.#prefix);
      for await (const { name } of this.#objects.list(this.#prefix)) {
        if (this.#registered.has(name)) continue;
        await this.#objects.remove(name);
        count++;
      }
    } catch (error) {
      this.#hasStrays = true;
      throw error;
    }
    return count;
  }

  stats(): TierStats {
    const { bytes, hits, misses, failures } = this.#cache;
    return {
      cacheBytes: bytes,
      cacheHits: hits,
      cacheMisses: misses,
      cacheFailures: failures,
      bytesFetched: this.#reads.bytesFetched,
    };
  }

  /** Uploads under way fail at their next step. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#cache.close();
  }

  // private functions

  #endsPath(id: number): string {
    return `${this.#directory}/${endsName(id)}`;
  }

  /** An object of that name is ours, of an attempt whose end we did not see: what it holds is looked at afterwards. */
  async #put(object: string, bytes: number, file: StoredFile): Promise<void> {
    try {
      await this.#objects.put(object, {
        bytes,
        read: (target, at) => {
          this.#assertOpen();
          return file.read(target, at);
        },
      });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'exists')) throw error;
    }
  }

  async #fetchEnds(id: number, { object, bytes, endAt }: FarPlace): Promise<void> {
    const head = await this.#objects.read(object, 0, HEADER_BYTES);
    await this.#writeEnds(id, head, await this.#objects.read(object, endAt, bytes - endAt));
  }

  async #verify(object: string, bytes: number, checksums: readonly number[]): Promise<void> {
    for (const [i, checksum] of checksums.entries()) {
      this.#assertOpen();
      const at = i * PART_BYTES;
      const part = await this.#objects.read(object, at, Math.min(PART_BYTES, bytes - at));
      if (this.#files.checksum(part) !== checksum) {
        throw new StorageError('corrupt', `${object}: at byte ${at}: is not what was put`);
      }
    }
    const found = await this.#objects.head(object);
    if (found?.bytes !== bytes) {
      throw new StorageError('corrupt', `${object}: expected ${bytes} bytes, found ${found?.bytes ?? 'no object'}`);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError('closed', `${this.#directory} has been closed`);
  }

  async #writeEnds(id: number, head: Uint8Array, tail: Uint8Array): Promise<void> {
    await written(this.#files, this.#directory, endsName(id), [head, tail]);
  }
}

// private functions

type TierParts = {
  readonly files: Files;
  readonly directory: string;
  readonly prefix: string;
  readonly open: OpenBuckets;
  readonly objects: ObjectStore;
  readonly cache: PageCache;
};

function endsName(id: number): string {
  return `${String(id).padStart(10, '0')}.ends`;
}

async function identityIn(files: Files, directory: string, make: () => string): Promise<string> {
  try {
    const file = await files.open(`${directory}/id`, 'read');
    const bytes = await readPart(file, 0, await file.size()).finally(() => file.close());
    const id = new TextDecoder().decode(bytes);
    if (!ID_PATTERN.test(id)) throw new StorageError('corrupt', `${directory}/id: is not as it was written`);
    return id;
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'not found')) throw error;
  }
  const id = make();
  if (!ID_PATTERN.test(id)) throw new Error(`"${id}" is no id of a tier`);
  await written(files, directory, 'id', [new TextEncoder().encode(id)]);
  return id;
}

/** A file that is whole or not there, durably; in place of one of that name. */
async function written(files: Files, directory: string, name: string, parts: readonly Uint8Array[]): Promise<void> {
  const fresh = `${directory}/new`;
  await files.remove(fresh).catch(ignore);
  const file = await files.open(fresh, 'create');
  try {
    let at = 0;
    for (const part of parts) {
      await file.write(part, at);
      at += part.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(fresh, `${directory}/${name}`);
  await files.syncDirectory(directory);
}

async function readPart(file: StoredFile, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const n = await file.read(bytes, at);
  if (n < length) throw new StorageError('corrupt', `a bucket ends at byte ${at + n}`);
  return bytes;
}

function ignore(): void {}
