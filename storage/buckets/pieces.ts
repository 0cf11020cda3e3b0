/**
 * The decoded blocks of the chunk that a scan is at, backed by the cache of the shard where there is one to ask. Used again from chunk to
 * chunk.
 */
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
  /** null: nothing is looked for there. */
  readonly #cache: BlockCache | null;
  readonly #reader: number;
  #first = 0;
  #isKept = false;
  /** By block; those of the chunk are told from those of earlier chunks by their numbers in `#chunks`. */
  readonly #values: unknown[] = [];
  readonly #chunks: number[] = [];
  #chunk = 0;

  constructor(cache: BlockCache | null, reader: number) {
    this.#cache = cache;
    this.#reader = reader;
  }

  /** Nothing is known of the next chunk, whose first block has this number in the cache. `isKept`: what is added goes there, too. */
  begin(first: number, isKept: boolean): void {
    this.#first = first;
    this.#isKept = isKept;
    this.#chunk++;
  }

  get runs(): Runs {
    return this.#values[RUNS] as Runs;
  }

  get starts(): Uint32Array {
    return this.#chunks[RUNS] === this.#chunk ? this.runs.starts : ONE_START;
  }

  get times(): Float64Array {
    return this.#values[TIMES] as Float64Array;
  }

  get(block: number): unknown {
    return this.#values[block];
  }

  /** What is known from elsewhere in the scan. */
  give(block: number, value: unknown): void {
    this.#values[block] = value;
    this.#chunks[block] = this.#chunk;
  }

  /** Whether it is here or in the cache. */
  find(block: number): boolean {
    if (this.#chunks[block] === this.#chunk) return true;
    const value = this.#cache?.get(this.#reader, this.#first + block);
    if (value === undefined) return false;
    this.give(block, value);
    return true;
  }

  add(block: number, value: unknown, bytes: number): void {
    this.give(block, value);
    if (this.#isKept) this.#cache?.set(this.#reader, this.#first + block, value, bytes);
  }
}

/** Memory held. */
export function columnBytes(column: Column): number {
  const texts =
    column.type === 'string' ? column.dictionary.bytes.byteLength + column.dictionary.offsets.byteLength : 0;
  return column.values.byteLength + (column.present?.byteLength ?? 0) + texts;
}
