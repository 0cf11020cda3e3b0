/**
 * A column of a block as it is stored: its values are unpacked when somebody asks for them, and are added up as they are. It holds as long
 * as the block, and is used again for the next chunk.
 */
import type { Column, FieldType, RunningSums, Stretches } from '../../model/index.ts';
import { PackedNumbers } from './packed-numbers.ts';

export class PackedColumn {
  type: FieldType = 'integer';
  readonly present = null;
  declare readonly values: Column['values'];
  readonly #numbers = new PackedNumbers();
  #unpack: () => Column['values'] = noValues;
  #values: Column['values'] | null = null;

  constructor() {
    // of its own, so that a copy of the column has the values, and not what says how they are packed
    Object.defineProperty(this, 'values', { enumerable: true, get: () => (this.#values ??= this.#unpack()) });
  }

  /** False: the column has to be decoded. Integers stand from word `at` on, of decimals divided by `scale`. */
  load(
    type: FieldType,
    words: Uint32Array,
    at: number,
    rows: number,
    starts: Uint32Array,
    scale: number | null,
    unpack: () => Column['values'],
  ): boolean {
    if (!this.#numbers.load(words, at, rows, starts, scale)) return false;
    this.type = type;
    this.#unpack = unpack;
    this.#values = null;
    return true;
  }

  /** It holds no longer. */
  leave(): void {
    this.#values = null;
    this.#unpack = noValues;
  }

  addStretches(stretches: Stretches, into: RunningSums): boolean {
    return this.#numbers.addStretches(stretches, into);
  }
}

// private functions

function noValues(): never {
  throw new Error('a column of a block was read after the next block had been asked for');
}
