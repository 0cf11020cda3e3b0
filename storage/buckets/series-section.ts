/**
 * The canonical keys of a bucket's series, some hundred a section: what a key shares with the one before it is not repeated.
 *
 *      INTEGERS (`integers.ts`) of the shared bytes of each key, then the rests as texts (`texts.ts`)
 */
import { type Compression, TextDictionary } from '../../model/index.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';
import type { ScanArrays } from './scan-arrays.ts';
import { decodeTexts, encodeTexts, readTexts } from './texts.ts';
import { WordWriter } from './words.ts';

/** A section is read in one piece: who looks for one key walks through it. One key of each section is kept in memory. */
export const SECTION_SERIES_MAX = 256;

/** Keys [from, to). */
export function encodeKeys(keys: TextDictionary, from: number, to: number, zstd: Compression): Uint8Array {
  const { bytes, offsets } = keys;
  const n = to - from;
  const shared = new Float64Array(n);
  const restOffsets = new Uint32Array(n + 1);
  const rests = new Uint8Array(offsets[to] - offsets[from]);
  for (let i = 0; i < n; i++) {
    const start = offsets[from + i];
    const end = offsets[from + i + 1];
    const same = i === 0 ? 0 : sharedBytes(bytes, offsets[from + i - 1], start, end);
    shared[i] = same;
    rests.set(bytes.subarray(start + same, end), restOffsets[i]);
    restOffsets[i + 1] = restOffsets[i] + end - start - same;
  }
  const into = new WordWriter();
  encodeIntegers(shared, n, into);
  encodeTexts(rests, restOffsets, n, into, zstd);
  return into.bytes();
}

export function decodeKeys(words: Uint32Array, n: number, zstd: Compression): TextDictionary {
  const from = { words, at: 0 };
  const shared = new Float64Array(n);
  decodeIntegers(from, n, shared);
  const rests = decodeTexts(from, n, zstd);
  const offsets = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) {
    offsets[i + 1] = offsets[i] + shared[i] + rests.offsets[i + 1] - rests.offsets[i];
  }
  const bytes = new Uint8Array(offsets[n]);
  for (let i = 0; i < n; i++) {
    if (shared[i] > 0) bytes.copyWithin(offsets[i], offsets[i - 1], offsets[i - 1] + shared[i]);
    bytes.set(rests.bytes.subarray(rests.offsets[i], rests.offsets[i + 1]), offsets[i] + shared[i]);
  }
  return new TextDictionary(bytes, offsets, n);
}

/**
 * The place of a key among the `n` of a section, −1 = it is none of them. No key is put together: each is told from the one before it by
 * how much both share, and how much that one shares with what is looked for.
 */
export function placeOf(words: Uint32Array, n: number, key: Uint8Array, zstd: Compression, arrays: ScanArrays): number {
  const from = { words, at: 0 };
  const shared = arrays.doubles(0, n);
  const lengths = arrays.doubles(1, n);
  decodeIntegers(from, n, shared);
  const rests = readTexts(from, n, lengths, zstd);
  /** Bytes that the key has in common with the one before, which is smaller. */
  let common = 0;
  let end = 0;
  for (let i = 0; i < n; i++) {
    const start = end;
    end += lengths[i];
    // as different from the key as the one before, and so smaller still
    if (shared[i] > common) continue;
    if (shared[i] < common) return -1;
    let at = start;
    while (at < end && common < key.length && rests[at] === key[common]) {
      at++;
      common++;
    }
    if (at === end && common === key.length) return i;
    if (common === key.length || (at < end && rests[at] > key[common])) return -1;
  }
  return -1;
}

/** Dictionaries end to end as one. */
export function concatenated(parts: readonly TextDictionary[]): TextDictionary {
  if (parts.length === 1) return parts[0];
  const offsets = new Uint32Array(1 + parts.reduce((sum, part) => sum + part.size, 0));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.offsets[part.size], 0));
  let number = 0;
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes.subarray(0, part.offsets[part.size]), at);
    for (let i = 0; i < part.size; i++) offsets[++number] = at + part.offsets[i + 1];
    at += part.offsets[part.size];
  }
  return new TextDictionary(bytes, offsets, offsets.length - 1);
}

// private functions

function sharedBytes(bytes: Uint8Array, previous: number, start: number, end: number): number {
  const most = Math.min(start - previous, end - start);
  let same = 0;
  while (same < most && bytes[previous + same] === bytes[start + same]) same++;
  return same;
}
