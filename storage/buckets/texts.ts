/**
 * Lists of texts, and string columns.
 *
 *      texts    INTEGERS of the lengths; u32 stored bytes: zstd where they are fewer than all lengths together, else the texts as they are
 *      strings  u32 texts; the texts, in the order of their first row; INTEGERS of each row's text
 */
import { type Compression, TextDictionary } from '../../model/index.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import { takeBytes, takeWord, type WordReader, type WordWriter } from './words.ts';

/** A call of zstd takes some 60 µs however little there is to do: a scan that reads a few rows would feel it. */
const COMPRESSED_BYTES_MIN = 4096;
/** What it must leave at most. */
const COMPRESSED_SHARE = 0.8;

export function encodeTexts(
  bytes: Uint8Array,
  offsets: Uint32Array,
  n: number,
  into: WordWriter,
  zstd: Compression,
): void {
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) lengths[i] = offsets[i + 1] - offsets[i];
  encodeIntegers(lengths, n, into);
  const plain = bytes.subarray(offsets[0], offsets[n]);
  const squeezed = plain.length < COMPRESSED_BYTES_MIN ? plain : zstd.compress(plain);
  const stored = squeezed.length < COMPRESSED_SHARE * plain.length ? squeezed : plain;
  into.push(stored.length);
  into.pushBytes(stored);
}

/** The texts' bytes are a copy or fresh. */
export function decodeTexts(from: WordReader, n: number, zstd: Compression): TextDictionary {
  const lengths = new Float64Array(n);
  const stored = readTexts(from, n, lengths, zstd);
  const offsets = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) offsets[i + 1] = offsets[i] + lengths[i];
  return new TextDictionary(stored.buffer === from.words.buffer ? stored.slice() : stored, offsets, n);
}

/** The bytes of the texts, end to end, where they are if they are not compressed; and their lengths. */
export function readTexts(from: WordReader, n: number, lengths: Float64Array, zstd: Compression): Uint8Array {
  decodeIntegers(from, n, lengths);
  let total = 0;
  for (let i = 0; i < n; i++) total += lengths[i];
  const stored = takeBytes(from, takeWord(from));
  return stored.length < total ? zstd.decompress(stored, total) : stored;
}

/** Rows are indexes into the dictionary; only the texts they name are written. */
export function encodeStrings(
  values: Uint32Array,
  n: number,
  dictionary: TextDictionary,
  into: WordWriter,
  zstd: Compression,
): void {
  const numbers = new Map<number, number>();
  const rows = new Float64Array(n);
  let length = 0;
  for (let i = 0; i < n; i++) {
    const text = values[i];
    let number = numbers.get(text);
    if (number === undefined) {
      numbers.set(text, (number = numbers.size));
      length += dictionary.offsets[text + 1] - dictionary.offsets[text];
    }
    rows[i] = number;
  }
  const bytes = new Uint8Array(length);
  const offsets = new Uint32Array(numbers.size + 1);
  for (const [text, number] of numbers) {
    bytes.set(dictionary.bytes.subarray(dictionary.offsets[text], dictionary.offsets[text + 1]), offsets[number]);
    offsets[number + 1] = offsets[number] + dictionary.offsets[text + 1] - dictionary.offsets[text];
  }
  into.push(numbers.size);
  encodeTexts(bytes, offsets, numbers.size, into, zstd);
  encodeIntegers(rows, n, into);
}

export function decodeStrings(
  from: WordReader,
  n: number,
  zstd: Compression,
): { values: Uint32Array; dictionary: TextDictionary } {
  const dictionary = decodeTexts(from, takeWord(from), zstd);
  const rows = new Float64Array(n);
  decodeIntegers(from, n, rows);
  return { values: Uint32Array.from(rows), dictionary };
}
