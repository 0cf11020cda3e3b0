/**
 * Files on the disk of this machine, through node:fs. Calls are made with callbacks, not FileHandles: half the cost per call.
 */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { crc32c } from '@node-rs/crc32';
import { StorageError, type StorageErrorCode } from '../error.ts';
import type { DirectoryLock, Files, OpenMode, StoredFile } from './files.ts';
import { lockDirectory } from './lock.ts';
import { zstd } from './zstd.ts';

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', write: 'r+', create: 'wx+' };

const fsOpen = promisify(fs.open);
const fsClose = promisify(fs.close);
const fsFdatasync = promisify(fs.fdatasync);
const fsFsync = promisify(fs.fsync);
const fsFtruncate = promisify(fs.ftruncate);
const fsFstat = promisify(fs.fstat);

class NodeFile implements StoredFile {
  readonly #path: string;
  #fd: number | null;
  /** Calls of other threads that are under way; the descriptor is theirs, too. */
  #transfers = 0;
  #whenIdle: (() => void) | null = null;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  async read(target: Uint8Array, at: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const n = await this.#transfer(fs.read, target, done, at);
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  readSync(target: Uint8Array, at: number): number {
    const fd = this.#open();
    let done = 0;
    try {
      while (done < target.length) {
        const n = fs.readSync(fd, target, done, target.length - done, at + done);
        if (n === 0) break;
        done += n;
      }
    } catch (error) {
      throw storageError(this.#path, error as NodeJS.ErrnoException);
    }
    return done;
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) done += await this.#transfer(fs.write, bytes, done, at);
  }

  async datasync(): Promise<void> {
    await guarded(this.#path, fsFdatasync(this.#open()));
  }

  async truncate(length: number): Promise<void> {
    await guarded(this.#path, fsFtruncate(this.#open(), length));
  }

  async size(): Promise<number> {
    return (await guarded(this.#path, fsFstat(this.#open()))).size;
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = null;
    if (fd === null) return;
    if (this.#transfers > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await guarded(this.#path, fsClose(fd));
  }

  // private functions

  #open(): number {
    if (this.#fd === null) throw new StorageError('closed', `${this.#path} has been closed`);
    return this.#fd;
  }

  #transfer(call: typeof fs.read | typeof fs.write, bytes: Uint8Array, done: number, at: number): Promise<number> {
    const fd = this.#open();
    this.#transfers++;
    return new Promise((resolve, reject) => {
      (call as typeof fs.write)(fd, bytes, done, bytes.length - done, at + done, (error, n) => {
        if (--this.#transfers === 0) this.#whenIdle?.();
        if (error === null) resolve(n);
        else reject(storageError(this.#path, error));
      });
    });
  }
}

export class NodeFiles implements Files {
  readonly checksum = checksum;
  readonly compression = zstd;

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    return new NodeFile(await guarded(path, fsOpen(path, FLAGS[mode])), path);
  }

  openSync(path: string): StoredFile {
    try {
      return new NodeFile(fs.openSync(path, FLAGS.read), path);
    } catch (error) {
      throw storageError(path, error as NodeJS.ErrnoException);
    }
  }

  async list(directory: string): Promise<string[]> {
    return (await guarded(directory, fs.promises.readdir(directory))).sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    const made = await guarded(directory, fs.promises.mkdir(directory, { recursive: true }));
    if (made === undefined) return;
    for (let parent = dirname(directory); ; parent = dirname(parent)) {
      await this.syncDirectory(parent);
      if (parent === dirname(made) || parent === dirname(parent)) return;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await guarded(from, fs.promises.rename(from, to));
  }

  async remove(path: string): Promise<void> {
    await guarded(path, fs.promises.unlink(path));
  }

  async syncDirectory(directory: string): Promise<void> {
    const fd = await guarded(directory, fsOpen(directory, 'r'));
    try {
      await guarded(directory, fsFsync(fd));
    } finally {
      await fsClose(fd);
    }
  }

  async lock(directory: string): Promise<DirectoryLock> {
    try {
      return await lockDirectory(directory);
    } catch (error) {
      throw error instanceof StorageError
        ? error
        : storageError(join(directory, 'lock'), error as NodeJS.ErrnoException);
    }
  }
}

// private functions

function checksum(bytes: Uint8Array): number {
  return crc32c(bytes);
}

async function guarded<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageError(path, error as NodeJS.ErrnoException);
  }
}

function storageError(path: string, error: NodeJS.ErrnoException): StorageError {
  let code: StorageErrorCode = 'failed';
  if (error.code === 'ENOENT') code = 'not found';
  else if (error.code === 'ENOSPC' || error.code === 'EDQUOT') code = 'no space';
  return new StorageError(code, `${path}: ${error.message}`, error);
}
