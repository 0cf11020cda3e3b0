/**
 * Where a bucket's bytes are: a file, or anything else that has them at hand while a scan reads. What must be fetched first is fetched
 * before the scan (`RowLayer.prepare`). Errors are StorageError.
 */
export interface BucketSource {
  /** What errors call it. */
  readonly path: string;
  /** Length of the whole bucket. */
  readonly bytes: number;
  /** Bytes read into `target` from `at` on; fewer than asked only at the end. */
  readSync(target: Uint8Array, at: number): number;
  /** When nothing more is read. May be called twice. */
  close(): Promise<void>;
}

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
