/**
 * Where a bucket's bytes are: a file, or anything else that has them at hand while a scan reads. What must be fetched first is fetched
 * before the scan (`RowLayer.prepare`). Errors are StorageError.
 */
import type { ByteRange } from './layout.ts';

export interface BucketSource {
  /** What errors call it. */
  readonly path: string;
  /** Length of the whole bucket. */
  readonly bytes: number;
  /** Bytes read into `target` from `at` on; fewer than asked only at the end. */
  readSync(target: Uint8Array, at: number): number;
  /** As `readSync`, by another thread; where it is not there, there is nothing to gain by it. */
  read?(target: Uint8Array, at: number): Promise<number>;
  /** When nothing more is read. May be called twice. */
  close(): Promise<void>;
}

/** Where a scan reads blocks from: the source, or what was brought near before. */
export interface BlockSource extends Pick<BucketSource, 'readSync'> {
  /** Bytes that are in memory together, at a multiple of 4 in their buffer; null where they are not. */
  view?(at: number, length: number): Uint8Array | null;
}

/** Brings blocks near, of ascending places. Rejects with StorageError. */
export type FetchBlocks = (places: readonly ByteRange[]) => Promise<BlockSource>;

/** A bucket that is in memory whole. */
export function bytesAsSource(path: string, bytes: Uint8Array): BucketSource {
  return {
    path,
    bytes: bytes.length,
    readSync(target, at) {
      const part = bytes.subarray(at, at + target.length);
      target.set(part);
      return part.length;
    },
    async close() {},
  };
}
