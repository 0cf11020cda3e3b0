/**
 * What blocks are made of: little-endian 32-bit words, so that every encoding can be unpacked through a Uint32Array on the bytes as they
 * were read. A double is two words, low first; bytes are padded with zeros to whole words.
 */

const WORDS_MIN = 1024;

const DOUBLE = new Float64Array(1);
const PAIR = new Uint32Array(DOUBLE.buffer);

export class WordWriter {
  words = new Uint32Array(WORDS_MIN);
  length = 0;

  push(word: number): void {
    this.reserve(1);
    this.words[this.length++] = word;
  }

  pushDouble(value: number): void {
    this.reserve(2);
    this.words.set(wordsOf(value), this.length);
    this.length += 2;
  }

  pushWords(words: Uint32Array): void {
    this.reserve(words.length);
    this.words.set(words, this.length);
    this.length += words.length;
  }

  pushBytes(bytes: Uint8Array): void {
    const words = (bytes.length + 3) >>> 2;
    this.reserve(words);
    new Uint8Array(this.words.buffer).set(bytes, 4 * this.length);
    this.length += words;
  }

  /** Room for that many more words, which are zero. */
  reserve(words: number): void {
    const needed = this.length + words;
    if (needed <= this.words.length) return;
    const next = new Uint32Array(Math.max(needed, 2 * this.words.length));
    next.set(this.words.subarray(0, this.length));
    this.words = next;
  }

  /** A copy of what was pushed, as bytes. */
  bytes(): Uint8Array {
    return new Uint8Array(this.words.buffer.slice(0, 4 * this.length));
  }
}

/** A place in a block; decoders move it on. */
export interface WordReader {
  readonly words: Uint32Array;
  at: number;
}

export function takeWord(from: WordReader): number {
  return from.words[from.at++];
}

export function takeDouble(from: WordReader): number {
  PAIR[0] = from.words[from.at];
  PAIR[1] = from.words[from.at + 1];
  from.at += 2;
  return DOUBLE[0];
}

/** A view. */
export function takeBytes(from: WordReader, length: number): Uint8Array {
  const bytes = new Uint8Array(from.words.buffer, from.words.byteOffset + 4 * from.at, length);
  from.at += (length + 3) >>> 2;
  return bytes;
}

/** Bits that a whole number in [0, 2^53] takes. */
export function bitLength(value: number): number {
  if (value < 4294967296) return 32 - Math.clz32(value);
  return 64 - Math.clz32(Math.floor(value / 4294967296));
}

// private functions

function wordsOf(value: number): Uint32Array {
  DOUBLE[0] = value;
  return PAIR;
}
