/**
 * Reads of objects that lie far away: the pages that some blocks stand in are taken from the cache, or else fetched, neighbours in one
 * request, few requests at a time, and no page twice at the same time. What came is held in memory by whoever asked, so that it can
 * be read at once afterwards, whatever the cache does meanwhile.
 */
import type { ByteRange } from '../buckets/layout.ts';
import type { ObjectStore } from './object-store.ts';
import { PAGE_BYTES, type PageCache } from './page-cache.ts';

/** Missing pages with no more than this between them are fetched in one request: a request costs about as long as reading this. */
const GAP_BYTES_MAX = 256 * 1024;
/** Longer runs are fetched by several requests beside each other. */
const REQUEST_BYTES_MAX = 2 * 1024 * 1024;
/** Of one shard. */
const REQUESTS_MAX = 8;

/** Bytes of an object in memory. */
export class HeldPages {
  readonly #pages: ReadonlyMap<number, Uint8Array>;

  constructor(pages: ReadonlyMap<number, Uint8Array>) {
    this.#pages = pages;
  }

  /** As StoredFile.readSync, within what was asked for. */
  readSync(target: Uint8Array, at: number): number {
    let done = 0;
    while (done < target.length) {
      const page = this.#pages.get(Math.floor((at + done) / PAGE_BYTES));
      const from = (at + done) % PAGE_BYTES;
      if (page === undefined || from >= page.length) break;
      const part = page.subarray(from, from + target.length - done);
      target.set(part, done);
      done += part.length;
    }
    return done;
  }
}

export class FarReads {
  bytesFetched = 0;
  readonly #objects: ObjectStore;
  readonly #cache: PageCache;
  readonly #underWay = new Map<string, Promise<Uint8Array>>();
  /** Pages on their way into the cache. */
  readonly #landing = new Set<Promise<void>>();
  #requests = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(objects: ObjectStore, cache: PageCache) {
    this.#objects = objects;
    this.#cache = cache;
  }

  /**
   * What comes again is kept in the cache, what does not (`once`) pushes nothing out of it. Rejects with StorageError, as
   * ObjectStore.read.
   */
  async fetch(object: string, objectBytes: number, ranges: readonly ByteRange[], once = false): Promise<HeldPages> {
    const numbers = new Set<number>();
    for (const { at, length } of ranges) {
      for (let page = Math.floor(at / PAGE_BYTES); page * PAGE_BYTES < at + length; page++) numbers.add(page);
    }
    const ascending = [...numbers].sort((a, b) => a - b);
    const cached = await Promise.all(ascending.map((page) => this.#cache.read(object, page)));
    const pages = new Map<number, Uint8Array>();
    const missing: number[] = [];
    const joined: Promise<void>[] = [];
    for (const [i, page] of ascending.entries()) {
      const kept = cached[i];
      const coming = this.#underWay.get(`${object}:${page}`);
      if (kept !== null) pages.set(page, kept);
      else if (coming !== undefined) joined.push(coming.then((bytes) => void pages.set(page, bytes)));
      else missing.push(page);
    }
    for (const [first, last] of runsOf(missing)) {
      for (const [page, bytes] of this.#fetchRun(object, objectBytes, first, last, once)) {
        joined.push(bytes.then((value) => void pages.set(page, value)));
      }
    }
    await Promise.all(joined);
    return new HeldPages(pages);
  }

  /** Has what is fetched in the cache when it resolves, as far as the cache keeps it. Rejects as `fetch`. */
  async bringNear(object: string, objectBytes: number, ranges: readonly ByteRange[]): Promise<void> {
    await this.fetch(object, objectBytes, ranges);
    await Promise.all(this.#landing);
  }

  /** As StoredFile.readSync, of what is in the cache; fewer bytes where it is not. */
  readSync(object: string, target: Uint8Array, at: number): number {
    const pages = new Map<number, Uint8Array>();
    for (let page = Math.floor(at / PAGE_BYTES); page * PAGE_BYTES < at + target.length; page++) {
      const bytes = this.#cache.readSync(object, page);
      if (bytes === null) break;
      pages.set(page, bytes);
    }
    return new HeldPages(pages).readSync(target, at);
  }

  forget(object: string): void {
    this.#cache.forget(object);
  }

  // private functions

  /** One request; a promise for each of its pages. */
  #fetchRun(
    object: string,
    objectBytes: number,
    first: number,
    last: number,
    once: boolean,
  ): Map<number, Promise<Uint8Array>> {
    const at = first * PAGE_BYTES;
    const length = Math.min(objectBytes, (last + 1) * PAGE_BYTES) - at;
    const whole = this.#request(() => this.#objects.read(object, at, length));
    const pages = new Map<number, Promise<Uint8Array>>();
    for (let page = first; page <= last; page++) {
      const from = (page - first) * PAGE_BYTES;
      const key = `${object}:${page}`;
      const bytes = whole.then((all) => all.slice(from, from + PAGE_BYTES));
      this.#underWay.set(key, bytes);
      const landed = async (): Promise<void> => {
        try {
          const value = await bytes;
          if (!once) await this.#cache.keep(object, page, value);
        } catch {
          // told to those who wait for the page
        }
        if (this.#underWay.get(key) === bytes) this.#underWay.delete(key);
      };
      const landing = landed().then(() => void this.#landing.delete(landing));
      this.#landing.add(landing);
      pages.set(page, bytes);
    }
    return pages;
  }

  async #request(read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#requests >= REQUESTS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#requests++;
    try {
      const bytes = await read();
      this.bytesFetched += bytes.length;
      return bytes;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#requests--;
      else next();
    }
  }
}

// private functions

/** First and last page of what is fetched in one request, of ascending pages. */
function runsOf(pages: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const page of pages) {
    const run = runs.at(-1);
    const isNear = run !== undefined && (page - run[1] - 1) * PAGE_BYTES <= GAP_BYTES_MAX;
    if (run !== undefined && isNear && (page - run[0] + 1) * PAGE_BYTES <= REQUEST_BYTES_MAX) run[1] = page;
    else runs.push([page, page]);
  }
  return runs;
}
