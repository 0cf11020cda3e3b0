/** Objects in memory, for tests. */
import { StorageError } from '../error.ts';
import type { ObjectInfo, ObjectSource, ObjectStore } from './object-store.ts';

export class MemoryObjects implements ObjectStore {
  readonly #objects = new Map<string, Uint8Array>();

  async put(name: string, source: ObjectSource): Promise<void> {
    if (this.#objects.has(name)) throw new StorageError('exists', `${name}: is there already`);
    const bytes = new Uint8Array(source.bytes);
    const n = await source.read(bytes, 0);
    if (n !== bytes.length) throw new StorageError('failed', `${name}: the source ended at byte ${n}`);
    if (this.#objects.has(name)) throw new StorageError('exists', `${name}: is there already`);
    this.#objects.set(name, bytes);
  }

  async read(name: string, at: number, length: number): Promise<Uint8Array> {
    const bytes = this.#objects.get(name);
    if (bytes === undefined) throw new StorageError('not found', `${name}: no such object`);
    if (at + length > bytes.length) throw new StorageError('failed', `${name}: has no bytes ${at} to ${at + length}`);
    return bytes.slice(at, at + length);
  }

  async head(name: string): Promise<ObjectInfo | null> {
    const bytes = this.#objects.get(name);
    return bytes === undefined ? null : { name, bytes: bytes.length };
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).sort();
    for (const name of names) {
      const info = await this.head(name);
      if (info !== null) yield info;
    }
  }

  async remove(name: string): Promise<void> {
    this.#objects.delete(name);
  }

  async clear(): Promise<void> {}
}
