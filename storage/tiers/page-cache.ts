/**
 * Pages of objects that were read from far away, kept in one file of a bounded size: slots of a page each; the page used longest ago
 * gives its slot up. Which page is where stands in memory, so the cache is empty after a start; bytes are checked by whoever reads
 * them (buckets have checksums), and the cache forgets what was found damaged.
 *
 * It only ever helps: where its file cannot be written or read, the page is simply not there.
 */
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';

/** What is fetched and kept together: small enough for one user's timeline, large enough for a scan. */
export const PAGE_BYTES = 64 * 1024;

interface Slot {
  readonly object: string;
  readonly page: number;
  readonly length: number;
  /** Calls that read or write it now: until they have ended it is not given to another page. */
  busy: number;
}

export class PageCache {
  readonly bytesMax: number;
  hits = 0;
  misses = 0;
  /** Pages that could not be kept or read back. */
  failures = 0;
  readonly #file: StoredFile;
  /** By slot number. */
  readonly #slots: (Slot | null)[] = [];
  readonly #free: number[] = [];
  /** Slot numbers by object and page, in order of use, latest last. */
  readonly #places = new Map<string, number>();

  private constructor(file: StoredFile, bytesMax: number) {
    this.#file = file;
    this.bytesMax = bytesMax;
  }

  /** What an earlier life kept is forgotten. */
  static async open(files: Files, path: string, bytesMax: number): Promise<PageCache> {
    let file: StoredFile;
    try {
      file = await files.open(path, 'write');
      await file.truncate(0);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'not found')) throw error;
      file = await files.open(path, 'create');
    }
    return new PageCache(file, bytesMax);
  }

  /** Of the file: never more than `bytesMax`. */
  get bytes(): number {
    return this.#slots.length * PAGE_BYTES;
  }

  async read(object: string, page: number): Promise<Uint8Array | null> {
    const number = this.#used(object, page);
    if (number === null) return null;
    const slot = this.#slots[number]!;
    slot.busy++;
    try {
      const bytes = new Uint8Array(slot.length);
      const n = await this.#file.read(bytes, number * PAGE_BYTES);
      if (n === slot.length) {
        this.hits++;
        return bytes;
      }
    } catch {
      // as if it were not there
    } finally {
      slot.busy--;
    }
    this.failures++;
    this.misses++;
    return null;
  }

  /** As `read`, while the thread waits: for who cannot leave its turn. */
  readSync(object: string, page: number): Uint8Array | null {
    const number = this.#used(object, page);
    if (number === null) return null;
    const bytes = new Uint8Array(this.#slots[number]!.length);
    try {
      if (this.#file.readSync(bytes, number * PAGE_BYTES) === bytes.length) {
        this.hits++;
        return bytes;
      }
    } catch {
      // as if it were not there
    }
    this.failures++;
    this.misses++;
    return null;
  }

  /** Where all slots are in use at this moment, or the disk is full, it is not kept. */
  async keep(object: string, page: number, bytes: Uint8Array): Promise<void> {
    const key = keyOf(object, page);
    if (this.#places.has(key)) return;
    const number = this.#take();
    if (number === null) return;
    const slot: Slot = { object, page, length: bytes.length, busy: 1 };
    this.#slots[number] = slot;
    try {
      await this.#file.write(bytes, number * PAGE_BYTES);
      slot.busy--;
      if (this.#places.has(key)) this.#release(number);
      else this.#places.set(key, number);
    } catch {
      this.failures++;
      this.#release(number);
    }
  }

  /** All pages of an object. */
  forget(object: string): void {
    this.#slots.forEach((slot, number) => {
      if (slot === null || slot.object !== object) return;
      const key = keyOf(object, slot.page);
      if (this.#places.get(key) !== number) return;
      this.#places.delete(key);
      if (slot.busy === 0) this.#release(number);
    });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  // private functions

  /** The slot of a page, which is the one used last now; null = it is not there. */
  #used(object: string, page: number): number | null {
    const key = keyOf(object, page);
    const number = this.#places.get(key);
    if (number === undefined) {
      this.misses++;
      return null;
    }
    this.#places.delete(key);
    this.#places.set(key, number);
    return number;
  }

  /** A slot for a new page; null = there is none. */
  #take(): number | null {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if ((this.#slots.length + 1) * PAGE_BYTES <= this.bytesMax) return this.#slots.push(null) - 1;
    for (const [key, number] of this.#places) {
      if (this.#slots[number]!.busy > 0) continue;
      this.#places.delete(key);
      return number;
    }
    return null;
  }

  #release(number: number): void {
    this.#slots[number] = null;
    this.#free.push(number);
  }
}

// private functions

function keyOf(object: string, page: number): string {
  return `${object}:${page}`;
}
