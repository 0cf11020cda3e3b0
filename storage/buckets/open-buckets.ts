/**
 * What is open of a shard's buckets: handles of files, footers, decoded blocks. All of it comes with the first read that needs it and
 * may go at any time between two reads, longest unused first, for each has its limit: so a shard may have any number of buckets.
 *
 * A handle is looked up at every read and nobody keeps one, so the limit holds whatever readers do; one whose file was closed under it
 * opens it again, and its file is there, since files are removed behind their last reader. Reads that are under way end before their
 * handle does.
 */
import type { Files, StoredFile } from '../files/files.ts';
import { BlockCache } from './cache.ts';
import { BucketReader } from './reader.ts';
import type { BucketSource } from './source.ts';

/** Of some thousand that a process may usually have; a query over a year of weeks needs fifty. */
export const OPEN_FILES_MAX = 256;
/** Of a bucket of 64 MiB with ten fields some 2 MiB, of a small one some hundred bytes. */
export const FOOTER_BYTES_MAX = 32 * 1024 * 1024;

export class OpenBuckets {
  readonly blocks = new BlockCache();
  readonly #files: Files;
  readonly #filesMax: number;
  readonly #footers: BlockCache;
  /** In order of use, latest last. */
  readonly #handles = new Map<string, StoredFile>();

  constructor(files: Files, filesMax = OPEN_FILES_MAX, footerBytesMax = FOOTER_BYTES_MAX) {
    this.#files = files;
    this.#filesMax = filesMax;
    this.#footers = new BlockCache(footerBytesMax);
  }

  /** Files that are open. */
  get files(): number {
    return this.#handles.size;
  }

  get footerBytes(): number {
    return this.#footers.bytes;
  }

  /** The bucket registered under this number, ready to be read. Throws StorageError, `corrupt` with path and offset. */
  reader(number: number, source: BucketSource): BucketReader {
    const known = this.#footers.get(number, 0) as BucketReader | undefined;
    if (known !== undefined) return known;
    const reader = BucketReader.open(source, this.#files, this.blocks, number);
    this.#footers.set(number, 0, reader, reader.footerBytes);
    return reader;
  }

  /** A bucket in a file of this length. */
  inFile(path: string, bytes: number): BucketSource {
    return {
      path,
      bytes,
      readSync: (target, at) => this.#handle(path).readSync(target, at),
      read: (target, at) => this.#handle(path).read(target, at),
      close: async () => {
        const handle = this.#handles.get(path);
        this.#handles.delete(path);
        await handle?.close();
      },
    };
  }

  /** The bucket is read no more. */
  async forget(number: number, source: BucketSource): Promise<void> {
    this.#footers.drop(number);
    this.blocks.unregister(number);
    await source.close();
  }

  // private functions

  #handle(path: string): StoredFile {
    let handle = this.#handles.get(path);
    if (handle === undefined) {
      handle = this.#files.openSync(path);
      for (const [oldest, file] of this.#handles) {
        if (this.#handles.size < this.#filesMax) break;
        this.#handles.delete(oldest);
        // it was only read: there is nothing that could be lost
        void file.close().catch(() => {});
      }
    } else this.#handles.delete(path);
    this.#handles.set(path, handle);
    return handle;
  }
}
