/** The one error of storage/: what the disk or the stored bytes refused, by a closed code. Everything else thrown here is a bug. */

export type StorageErrorCode =
  /** The queue of appends is full: nothing was written; try again after a pause. */
  | 'full'
  /** A record larger than the log's limit: split it. */
  | 'too large'
  /** The disk has no room: nothing was kept of this append; later ones may succeed. */
  | 'no space'
  /** A write or fsync failed, so nobody knows what is on disk: nothing more is written until the log has been opened anew. */
  | 'read only'
  /** Stored bytes are not what was written. */
  | 'corrupt'
  /** The sequence asked for is no longer kept. */
  | 'position gone'
  /** Another living process holds the directory. */
  | 'locked'
  | 'not found'
  /** An object of that name is there already. */
  | 'exists'
  /** Object storage has not answered in time, though it was asked more than once; later it may. */
  | 'unreachable'
  /** It lies in object storage, and whoever asked cannot wait for it. */
  | 'away'
  | 'closed'
  /** The operating system refused for another reason; see `cause`. */
  | 'failed';

export class StorageError extends Error {
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export function isNoSpace(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'no space';
}
