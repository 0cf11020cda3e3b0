/**
 * Objects as files of a directory, which may be a mounted one: the simple form of a tier. All lie in that directory; the `/` of their
 * names is a `+` there. An object is written beside its name, synced, and renamed; so it is whole or not there.
 *
 * Whether a name is taken is looked up before it is written: two processes that put the same name at the same time would both
 * succeed. Names have one writer (tiering.ts), so they do not.
 */
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { ObjectInfo, ObjectSource, ObjectStore } from './object-store.ts';

/** Neither is a character of names. */
const UNFINISHED = '~';
const SLASH = '+';
/** Copied in parts of this size. */
const PART_BYTES = 1024 * 1024;

export class DirectoryObjects implements ObjectStore {
  readonly #files: Files;
  readonly #root: string;

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  async put(name: string, source: ObjectSource): Promise<void> {
    if ((await this.head(name)) !== null) throw new StorageError('exists', `${name}: is there already`);
    const path = this.#path(name);
    const unfinished = `${path}${UNFINISHED}`;
    await this.#files.makeDirectory(this.#root);
    // of a put that failed before
    await this.#removed(unfinished);
    const file = await this.#files.open(unfinished, 'create');
    try {
      const part = new Uint8Array(Math.min(PART_BYTES, source.bytes));
      for (let at = 0; at < source.bytes; at += part.length) {
        const bytes = part.subarray(0, Math.min(part.length, source.bytes - at));
        const n = await source.read(bytes, at);
        if (n < bytes.length) throw new StorageError('failed', `${name}: the source ended at byte ${at + n}`);
        await file.write(bytes, at);
      }
      await file.datasync();
    } catch (error) {
      await file.close();
      await this.#removed(unfinished).catch(() => {});
      throw error;
    }
    await file.close();
    await this.#files.rename(unfinished, path);
    await this.#files.syncDirectory(this.#root);
  }

  async read(name: string, at: number, length: number): Promise<Uint8Array> {
    const file = await this.#files.open(this.#path(name), 'read');
    try {
      const bytes = new Uint8Array(length);
      const n = await file.read(bytes, at);
      if (n < length) throw new StorageError('failed', `${name}: has no bytes ${at + n} to ${at + length}`);
      return bytes;
    } finally {
      await file.close();
    }
  }

  async head(name: string): Promise<ObjectInfo | null> {
    try {
      const file = await this.#files.open(this.#path(name), 'read');
      try {
        return { name, bytes: await file.size() };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not found') return null;
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    for (const name of await this.#names(prefix)) {
      const info = name.endsWith(UNFINISHED) ? null : await this.head(name);
      if (info !== null) yield info;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#removed(this.#path(name));
  }

  async clear(prefix: string): Promise<void> {
    for (const name of await this.#names(prefix)) if (name.endsWith(UNFINISHED)) await this.remove(name);
  }

  // private functions

  #path(name: string): string {
    return `${this.#root}/${name.replaceAll('/', SLASH)}`;
  }

  /** Of all files, whole or not, sorted. */
  async #names(prefix: string): Promise<string[]> {
    try {
      const names = (await this.#files.list(this.#root)).map((name) => name.replaceAll(SLASH, '/'));
      return names.filter((name) => name.startsWith(prefix)).sort();
    } catch (error) {
      if (error instanceof StorageError && error.code === 'not found') return [];
      throw error;
    }
  }

  async #removed(path: string): Promise<void> {
    try {
      await this.#files.remove(path);
      await this.#files.syncDirectory(this.#root);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'not found')) throw error;
    }
  }
}
