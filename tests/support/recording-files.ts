/**
 * Files that write down every change made through them, and the disk that a power cut may leave at any place of that record: what
 * was synced is there; of the rest any subset of 512-byte sectors and directory entries may be, as POSIX allows and as ALICE
 * (Pillai et al., OSDI 2014) and B3 (Mohan et al., OSDI 2018) enumerate it.
 */

import type { DirectoryLock, Files, OpenMode, StoredFile } from '../../storage/files/files.ts';
import { MemoryFiles } from '../../storage/index.ts';
import type { Random } from './random.ts';

const SECTOR_BYTES = 512;

export type Change =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'write'; readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: number; readonly length: number }
  | { readonly kind: 'datasync'; readonly file: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'syncDirectory'; readonly directory: string }
  /** Said by the test: so many messages have been acknowledged. */
  | { readonly kind: 'acknowledged'; readonly count: number };

export class RecordingFiles implements Files {
  readonly changes: Change[] = [];
  readonly #inner = new MemoryFiles();
  readonly #numbers = new Map<string, number>();
  #files = 0;

  readonly checksum = this.#inner.checksum;
  readonly compression = this.#inner.compression;

  acknowledged(count: number): void {
    this.changes.push({ kind: 'acknowledged', count });
  }

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    const opened = await this.#inner.open(path, mode);
    if (mode === 'create') {
      this.#numbers.set(path, this.#files);
      this.changes.push({ kind: 'create', path, file: this.#files++ });
    }
    return this.#recorded(path, opened);
  }

  openSync(path: string): StoredFile {
    return this.#recorded(path, this.#inner.openSync(path));
  }

  list(directory: string): Promise<string[]> {
    return this.#inner.list(directory);
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#inner.makeDirectory(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    this.changes.push({ kind: 'rename', from, to });
    await this.#inner.rename(from, to);
    this.#numbers.set(to, this.#numbers.get(from)!);
  }

  remove(path: string): Promise<void> {
    this.changes.push({ kind: 'remove', path });
    return this.#inner.remove(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#inner.syncDirectory(directory);
    this.changes.push({ kind: 'syncDirectory', directory });
  }

  lock(directory: string): Promise<DirectoryLock> {
    return this.#inner.lock(directory);
  }

  // private functions

  #recorded(path: string, opened: StoredFile): StoredFile {
    const file = this.#numbers.get(path)!;
    return {
      read: (target, at) => opened.read(target, at),
      readSync: (target, at) => opened.readSync(target, at),
      write: (bytes, at) => {
        this.changes.push({ kind: 'write', file, at, bytes: bytes.slice() });
        return opened.write(bytes, at);
      },
      datasync: async () => {
        await opened.datasync();
        this.changes.push({ kind: 'datasync', file });
      },
      truncate: (length) => {
        this.changes.push({ kind: 'truncate', file, length });
        return opened.truncate(length);
      },
      size: () => opened.size(),
      close: () => opened.close(),
    };
  }
}

/** What of the unsynced changes survives. */
export type Survival = 'nothing' | 'everything' | { readonly random: Random; readonly part: number };

/** A disk to which recorded changes happen one by one. */
export class CrashDisk {
  readonly #files = new Map<number, { durable: Uint8Array; pending: Content[] }>();
  readonly #directories = new Map<string, { durable: Map<string, number>; pending: Entry[] }>();

  happen(change: Change): void {
    switch (change.kind) {
      case 'create':
        this.#files.set(change.file, { durable: new Uint8Array(0), pending: [] });
        this.#directory(change.path).pending.push({ set: nameOf(change.path), file: change.file });
        return;
      case 'write':
      case 'truncate':
        this.#files.get(change.file)!.pending.push(change);
        return;
      case 'datasync': {
        const file = this.#files.get(change.file)!;
        file.durable = contentOf(file.durable, file.pending, 'everything');
        file.pending = [];
        return;
      }
      case 'rename': {
        const directory = this.#directory(change.from);
        const file = entriesOf(directory, 'everything').get(nameOf(change.from))!;
        directory.pending.push({ set: nameOf(change.to), file, gone: nameOf(change.from) });
        return;
      }
      case 'remove':
        this.#directory(change.path).pending.push({ gone: nameOf(change.path) });
        return;
      case 'syncDirectory': {
        const directory = this.#directory(`${change.directory}/`);
        directory.durable = entriesOf(directory, 'everything');
        directory.pending = [];
        return;
      }
      case 'acknowledged':
        return;
    }
  }

  /** What the next start would find; `id` is the same for equal disks. */
  async after(survival: Survival, directories: readonly string[]): Promise<{ files: MemoryFiles; id: string }> {
    const files = new MemoryFiles();
    const parts: string[] = [];
    for (const path of directories) await files.makeDirectory(path);
    for (const [path, directory] of [...this.#directories].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const [name, number] of [...entriesOf(directory, survival)].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const { durable, pending } = this.#files.get(number)!;
        const bytes = contentOf(durable, pending, survival);
        files.place(`${path}/${name}`, bytes);
        parts.push(`${path}/${name} ${bytes.length} ${files.checksum(bytes)}`);
      }
    }
    return { files, id: parts.join('\n') };
  }

  // private functions

  #directory(path: string): { durable: Map<string, number>; pending: Entry[] } {
    const name = path.slice(0, path.lastIndexOf('/'));
    let directory = this.#directories.get(name);
    if (directory === undefined) this.#directories.set(name, (directory = { durable: new Map(), pending: [] }));
    return directory;
  }
}

// private functions

type Content = Extract<Change, { kind: 'write' | 'truncate' }>;
type Entry = { readonly set?: string; readonly file?: number; readonly gone?: string };

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A rename is atomic; entries of one directory may reach the disk in any combination. */
function entriesOf({ durable, pending }: { durable: Map<string, number>; pending: Entry[] }, survival: Survival) {
  const entries = new Map(durable);
  for (const { set, file, gone } of pending) {
    if (!survives(survival)) continue;
    if (gone !== undefined) entries.delete(gone);
    if (set !== undefined) entries.set(set, file!);
  }
  return entries;
}

function contentOf(durable: Uint8Array, pending: readonly Content[], survival: Survival): Uint8Array {
  let bytes = durable;
  for (const [i, change] of pending.entries()) {
    if (change.kind === 'truncate') {
      if (survives(survival)) bytes = resized(bytes, change.length);
      continue;
    }
    // the last write may be torn at any byte
    const isTorn = typeof survival === 'object' && i === pending.length - 1 && survival.random.next() < 0.3;
    const length = isTorn ? survival.random.between(0, change.bytes.length) : change.bytes.length;
    for (let from = 0; from < length; ) {
      const to = Math.min(length, (Math.floor((change.at + from) / SECTOR_BYTES) + 1) * SECTOR_BYTES - change.at);
      if (isTorn || survives(survival)) {
        if (bytes.length < change.at + to) bytes = resized(bytes, change.at + to);
        else if (bytes === durable) bytes = durable.slice();
        bytes.set(change.bytes.subarray(from, to), change.at + from);
      }
      from = to;
    }
  }
  return bytes;
}

function survives(survival: Survival): boolean {
  if (typeof survival === 'string') return survival === 'everything';
  return survival.random.next() < survival.part;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, Math.min(length, bytes.length)));
  return next;
}
