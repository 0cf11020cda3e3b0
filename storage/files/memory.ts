/**
 * Files in memory, for tests. It knows what is durable: each file has the bytes everybody sees and the bytes that survive `crash`,
 * each directory the entries everybody sees and those that survive. `crash` is a power cut at its worst: everything not synced is
 * gone (or, with a `survives` function, the bytes of unsynced writes it chooses). Directories themselves are durable at once.
 */
import { type Checksum, type Compression, crc32c } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { DirectoryLock, Files, OpenMode, StoredFile } from './files.ts';
import { zstd } from './zstd.ts';

class MemoryFile implements StoredFile {
  readonly #inode: Inode;
  readonly #path: string;
  readonly #life: { ended: boolean };
  #closed = false;

  constructor(inode: Inode, path: string, life: { ended: boolean }) {
    this.#inode = inode;
    this.#path = path;
    this.#life = life;
  }

  async read(target: Uint8Array, at: number): Promise<number> {
    return this.readSync(target, at);
  }

  readSync(target: Uint8Array, at: number): number {
    const { seen } = this.#live();
    const part = seen.subarray(Math.min(at, seen.length), Math.min(at + target.length, seen.length));
    target.set(part);
    return part.length;
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    const inode = this.#live();
    if (at + bytes.length > inode.seen.length) inode.seen = resized(inode.seen, at + bytes.length);
    inode.seen.set(bytes, at);
  }

  async datasync(): Promise<void> {
    const inode = this.#live();
    inode.durable = inode.seen.slice();
  }

  async truncate(length: number): Promise<void> {
    const inode = this.#live();
    inode.seen = resized(inode.seen, length);
  }

  async size(): Promise<number> {
    return this.#live().seen.length;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  // private functions

  #live(): Inode {
    if (this.#closed || this.#life.ended) throw new StorageError('closed', `${this.#path} has been closed`);
    return this.#inode;
  }
}

export class MemoryFiles implements Files {
  readonly checksum: Checksum = crc32c;
  readonly compression: Compression = zstd;
  readonly #directories = new Map<string, Directory>();
  #locks = new Set<string>();
  /** Handles of an earlier life are dead. */
  #life = { ended: false };

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    if (mode !== 'create') return this.openSync(path);
    const { directory, name } = this.#find(path);
    if (directory.seen.has(name)) throw new StorageError('failed', `${path}: exists`);
    const inode = { seen: new Uint8Array(0), durable: new Uint8Array(0) };
    directory.seen.set(name, inode);
    return new MemoryFile(inode, path, this.#life);
  }

  openSync(path: string): StoredFile {
    const { directory, name } = this.#find(path);
    const inode = directory.seen.get(name);
    if (inode === undefined) throw new StorageError('not found', `${path}: no such file`);
    return new MemoryFile(inode, path, this.#life);
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#directory(directory).seen.keys()].sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    if (!this.#directories.has(directory)) this.#directories.set(directory, { seen: new Map(), durable: new Map() });
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#find(from);
    const target = this.#find(to);
    const inode = source.directory.seen.get(source.name);
    if (inode === undefined) throw new StorageError('not found', `${from}: no such file`);
    source.directory.seen.delete(source.name);
    target.directory.seen.set(target.name, inode);
  }

  async remove(path: string): Promise<void> {
    const { directory, name } = this.#find(path);
    if (!directory.seen.delete(name)) throw new StorageError('not found', `${path}: no such file`);
  }

  async syncDirectory(directory: string): Promise<void> {
    const entries = this.#directory(directory);
    entries.durable = new Map(entries.seen);
  }

  async lock(directory: string): Promise<DirectoryLock> {
    this.#directory(directory);
    if (this.#locks.has(directory)) throw new StorageError('locked', `${directory} is in use`);
    const locks = this.#locks;
    locks.add(directory);
    return { release: async () => void locks.delete(directory) };
  }

  /** Power cut: open files die, locks are free, what was not synced is lost but for the bytes of a file that `survives` picks. */
  crash(survives?: (durable: Uint8Array, seen: Uint8Array) => Uint8Array): void {
    this.#life.ended = true;
    this.#life = { ended: false };
    this.#locks = new Set();
    for (const directory of this.#directories.values()) {
      directory.seen = new Map(directory.durable);
      for (const inode of directory.seen.values()) {
        inode.durable = survives === undefined ? inode.durable : survives(inode.durable, inode.seen).slice();
        inode.seen = inode.durable.slice();
      }
    }
  }

  /** All bytes of a file as everybody sees them: a copy, for tests that damage files. */
  bytes(path: string): Uint8Array {
    const { directory, name } = this.#find(path);
    const inode = directory.seen.get(name);
    if (inode === undefined) throw new StorageError('not found', `${path}: no such file`);
    return inode.seen.slice();
  }

  /** Sets a file's bytes, durably, making it if need be. */
  place(path: string, bytes: Uint8Array): void {
    const { directory, name } = this.#find(path);
    const inode = { seen: bytes.slice(), durable: bytes.slice() };
    directory.seen.set(name, inode);
    directory.durable.set(name, inode);
  }

  // private functions

  #directory(path: string): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw new StorageError('not found', `${path}: no such directory`);
    return directory;
  }

  #find(path: string): { directory: Directory; name: string } {
    const slash = path.lastIndexOf('/');
    return { directory: this.#directory(path.slice(0, slash)), name: path.slice(slash + 1) };
  }
}

// private functions

type Inode = { seen: Uint8Array; durable: Uint8Array };
type Directory = { seen: Map<string, Inode>; durable: Map<string, Inode> };

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const next = new Uint8Array(length);
  next.set(bytes.subarray(0, Math.min(length, bytes.length)));
  return next;
}
