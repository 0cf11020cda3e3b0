/**
 * Files that fail on purpose: wraps another adapter and makes chosen calls fail. For tests only. Calls are counted per kind from 1
 * on; the plan says for each what happens: null = goes through. A failing write may leave some of its bytes behind, as disks do.
 */
import { StorageError, type StorageErrorCode } from '../error.ts';
import type { DirectoryLock, Files, OpenMode, StoredFile } from './files.ts';

export type FaultyCall = 'open' | 'write' | 'datasync' | 'truncate' | 'syncDirectory' | 'rename' | 'remove' | 'read';

export interface Fault {
  readonly code: StorageErrorCode;
  /** Writes: this many bytes reach the file before the error. */
  readonly bytes?: number;
}

/** What the `count`-th call of its kind does. */
export type FaultPlan = (call: FaultyCall, count: number) => Fault | null;

export class FaultyFiles implements Files {
  readonly #inner: Files;
  readonly #plan: FaultPlan;
  readonly counts = new Map<FaultyCall, number>();

  constructor(inner: Files, plan: FaultPlan) {
    this.#inner = inner;
    this.#plan = plan;
  }

  get checksum() {
    return this.#inner.checksum;
  }

  get compression() {
    return this.#inner.compression;
  }

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    this.#strike('open', path);
    return this.#faulty(await this.#inner.open(path, mode), path);
  }

  openSync(path: string): StoredFile {
    this.#strike('open', path);
    return this.#faulty(this.#inner.openSync(path), path);
  }

  list(directory: string): Promise<string[]> {
    return this.#inner.list(directory);
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#inner.makeDirectory(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#strike('rename', from);
    return this.#inner.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#strike('remove', path);
    return this.#inner.remove(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#strike('syncDirectory', directory);
    return this.#inner.syncDirectory(directory);
  }

  lock(directory: string): Promise<DirectoryLock> {
    return this.#inner.lock(directory);
  }

  // private functions

  #faulty(file: StoredFile, path: string): StoredFile {
    return {
      read: async (target, at) => {
        this.#strike('read', path);
        return file.read(target, at);
      },
      readSync: (target, at) => {
        this.#strike('read', path);
        return file.readSync(target, at);
      },
      write: async (bytes, at) => {
        const fault = this.#next('write');
        if (fault === null) return file.write(bytes, at);
        if (fault.bytes !== undefined) await file.write(bytes.subarray(0, fault.bytes), at);
        throw failure('write', path, fault);
      },
      datasync: async () => {
        this.#strike('datasync', path);
        return file.datasync();
      },
      truncate: async (length) => {
        this.#strike('truncate', path);
        return file.truncate(length);
      },
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  #next(call: FaultyCall): Fault | null {
    const count = (this.counts.get(call) ?? 0) + 1;
    this.counts.set(call, count);
    return this.#plan(call, count);
  }

  #strike(call: FaultyCall, path: string): void {
    const fault = this.#next(call);
    if (fault !== null) throw failure(call, path, fault);
  }
}

// private functions

function failure(call: FaultyCall, path: string, fault: Fault): StorageError {
  return new StorageError(fault.code, `${path}: ${call} failed as planned`);
}
