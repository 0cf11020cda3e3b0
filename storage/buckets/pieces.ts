/** The decoded blocks of one chunk while a scan needs them, backed by the cache of the shard. */
import type { Column } from '../../model/index.ts';
import type { BlockCache } from './cache.ts';
import type { Runs } from './column-block.ts';

/** The cache's names for the blocks of a chunk: its runs, its times, then its fields. */
export const RUNS = 0;
export const TIMES = 1;
export const FIELDS = 2;

/** The runs of a chunk of one series. */
export const ONE_START = new Uint32Array(1);

export class Pieces {
  readonly #cache: BlockCache;
  readonly #reader: number;
  readonly #first: number;
  readonly #isCached: boolean;
  readonly #values = new Map<number, unknown>();

  constructor(cache: BlockCache, reader: number, first: number, isCached: boolean) {
    this.#cache = cache;
    this.#reader = reader;
    this.#first = first;
    this.#isCached = isCached;
  }

  get runs(): Runs {
    return this.#values.get(RUNS) as Runs;
  }

  get starts(): Uint32Array {
    return this.#values.has(RUNS) ? this.runs.starts : ONE_START;
  }

  get times(): Float64Array {
    return this.#values.get(TIMES) as Float64Array;
  }

  get(block: number): unknown {
    return this.#values.get(block);
  }

  /** What is known from elsewhere in the scan. */
  give(block: number, value: unknown): void {
    this.#values.set(block, value);
  }

  /** Whether it is here or in the cache. */
  find(block: number): boolean {
    if (this.#values.has(block)) return true;
    const value = this.#cache.get(this.#reader, this.#first + block);
    if (value === undefined) return false;
    this.#values.set(block, value);
    return true;
  }

  add(block: number, value: unknown, bytes: number): void {
    this.#values.set(block, value);
    if (this.#isCached) this.#cache.set(this.#reader, this.#first + block, value, bytes);
  }
}

/** Memory held. */
export function columnBytes(column: Column): number {
  const texts =
    column.type === 'string' ? column.dictionary.bytes.byteLength + column.dictionary.offsets.byteLength : 0;
  return column.values.byteLength + (column.present?.byteLength ?? 0) + texts;
}
