/**
 * Files: the port to the disk. The log goes through it and nothing else, so tests can lose power, fill the disk and fail
 * any single call. Adapters: `node.ts` (node:fs), `memory.ts` (knows what is not yet durable), `faulty.ts` (wraps another).
 *
 * Durability, as POSIX gives it: bytes are durable after `datasync` of their file; that a file exists, has a new name or is gone
 * is durable after `syncDirectory` of its directory. Anything else may or may not survive a power cut, in any combination.
 *
 * Calls on different files may run at the same time. On one file at most one of write, datasync and truncate runs at a time
 * (the caller sees to it); reads may run beside them. Errors are StorageError: `not found`, `no space`, `locked`, `closed`,
 * `failed`. After a failed `datasync` the file's state is unknown and the caller must not sync it again. `close` may be called twice;
 * what is under way ends before it.
 */
import type { Checksum, Compression } from '../../model/index.ts';

/** `read`: must exist. `write`: must exist, for reading and writing. `create`: must not exist. */
export type OpenMode = 'read' | 'write' | 'create';

export interface StoredFile {
  /** Bytes read into `target` from `at` on; fewer than asked only at the end of the file. */
  read(target: Uint8Array, at: number): Promise<number>;
  /** As `read`, while the thread waits: for scans, which see one state of the shard because nothing runs between their blocks. */
  readSync(target: Uint8Array, at: number): number;
  /** Writes all the bytes at `at`; on an error any part of them may have been written. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Bytes and length are on disk when this resolves. */
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** An exclusive hold on a directory. A process that dies loses it. */
export interface DirectoryLock {
  release(): Promise<void>;
}

export interface Files {
  /** crc32c, as fast as the adapter has it. */
  readonly checksum: Checksum;
  /** Throws StorageError `corrupt`. */
  readonly compression: Compression;
  open(path: string, mode: OpenMode): Promise<StoredFile>;
  /** As `open` to read, while the thread waits: for scans. */
  openSync(path: string): StoredFile;
  /** Names in a directory, sorted. */
  list(directory: string): Promise<string[]>;
  /** With its parents, durably; fine if it exists. */
  makeDirectory(directory: string): Promise<void>;
  /** Replaces a file of the new name. */
  rename(from: string, to: string): Promise<void>;
  /** A file. */
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** Throws `locked` while a living process holds it; the lock of a dead one is taken over. */
  lock(directory: string): Promise<DirectoryLock>;
}
