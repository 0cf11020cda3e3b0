/**
 * Columns: the values of one field for the rows of a batch or block, in typed arrays. A row without a value is 0 in `present`
 * (its entry in `values` means nothing); `present` is null where every row has one.
 */

import type { RunningSums, Stretches } from './stretches.ts';

/** One byte a row, 0 or 1; null = every row has a value. */
export type Presence = Uint8Array | null;

export type FloatColumn = { type: 'float'; values: Float64Array; present: Presence } & MaybePacked;
/** Float64Array while every value is a safe integer (|v| ≤ 2^53 − 1), which is nearly always; else exact 64-bit. */
export type IntegerColumn = { type: 'integer'; values: Float64Array | BigInt64Array; present: Presence } & MaybePacked;
export type UnsignedColumn = {
  type: 'unsigned';
  values: Float64Array | BigUint64Array;
  present: Presence;
} & MaybePacked;
export type BooleanColumn = { type: 'boolean'; values: Uint8Array; present: Presence };
/** `values[row]` is an index into the dictionary. */
export type StringColumn = { type: 'string'; values: Uint32Array; dictionary: TextDictionary; present: Presence };
export type Column = FloatColumn | IntegerColumn | UnsignedColumn | BooleanColumn | StringColumn;

/** Columns that are packed as long as nobody asks for `values`, which every row has. */
interface MaybePacked {
  /**
   * Adds stretches of rows to running sums without unpacking them, exactly, or of floats to twice the digits; false = nothing was added,
   * take `values`.
   */
  addStretches?(stretches: Stretches, into: RunningSums): boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Distinct texts as UTF-8 bytes end to end; text i is bytes[offsets[i] .. offsets[i + 1]). Decoded to a string when first asked. */
export class TextDictionary {
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  readonly size: number;
  #texts: (string | undefined)[] = [];

  constructor(bytes: Uint8Array, offsets: Uint32Array, size = offsets.length - 1) {
    this.bytes = bytes;
    this.offsets = offsets;
    this.size = size;
  }

  static of(texts: readonly string[]): TextDictionary {
    const dictionary = TextDictionary.ofBytes(texts.map((text) => encoder.encode(text)));
    dictionary.#texts = [...texts];
    return dictionary;
  }

  /** Of texts in UTF-8. */
  static ofBytes(parts: readonly Uint8Array[]): TextDictionary {
    const offsets = new Uint32Array(parts.length + 1);
    for (let i = 0; i < parts.length; i++) offsets[i + 1] = offsets[i] + parts[i].length;
    const bytes = new Uint8Array(offsets[parts.length]);
    for (let i = 0; i < parts.length; i++) bytes.set(parts[i], offsets[i]);
    return new TextDictionary(bytes, offsets);
  }

  get(i: number): string {
    return (this.#texts[i] ??= decoder.decode(this.bytes.subarray(this.offsets[i], this.offsets[i + 1])));
  }
}

/** A row for each text. */
export function textColumn(texts: readonly string[]): StringColumn {
  const numbers = new Map<string, number>();
  const values = Uint32Array.from(texts, (text) => {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, (number = numbers.size));
    return number;
  });
  return { type: 'string', values, dictionary: TextDictionary.of([...numbers.keys()]), present: null };
}

/** A row for each of these safe integers, or without a value. */
export function integerColumn(values: readonly (number | null | undefined)[]): IntegerColumn {
  const isThere = Uint8Array.from(values, (value) => (value == null ? 0 : 1));
  return {
    type: 'integer',
    values: Float64Array.from(values, (value) => value ?? 0),
    present: isThere.includes(0) ? isThere : null,
  };
}

/** The same texts under indices of a dictionary that holds no others. The dictionary given is not empty. */
export function compactTexts(
  indices: Uint32Array,
  dictionary: TextDictionary,
): { indices: Uint32Array; dictionary: TextDictionary } {
  const renumbered = new Map<number, number>();
  const mapped = indices.map((index) => {
    // of a row without a value: anything
    const i = index < dictionary.size ? index : 0;
    let n = renumbered.get(i);
    if (n === undefined) renumbered.set(i, (n = renumbered.size));
    return n;
  });
  const offsets = new Uint32Array(renumbered.size + 1);
  const olds = [...renumbered.keys()];
  olds.forEach((old, n) => {
    offsets[n + 1] = offsets[n] + dictionary.offsets[old + 1] - dictionary.offsets[old];
  });
  const bytes = new Uint8Array(offsets[olds.length]);
  olds.forEach((old, n) => {
    bytes.set(dictionary.bytes.subarray(dictionary.offsets[old], dictionary.offsets[old + 1]), offsets[n]);
  });
  return { indices: mapped, dictionary: new TextDictionary(bytes, offsets) };
}
