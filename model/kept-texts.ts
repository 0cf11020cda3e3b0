/**
 * Lists of texts that come again and again as they are, like the series of an agent's every write. Whoever writes them packs them
 * once and sends the same bytes each time; whoever reads them knows them by their bytes: the same list is the same object, and what
 * was found out about it (`storage/head/series.ts`) still holds. Mostly nobody unpacks them. Nothing refers to an earlier message:
 * each carries its list whole.
 *
 * Packed, in zstd: u32[size] the length of each text, then the texts end to end.
 */
import { TextDictionary } from './column.ts';
import type { Compression } from './compression.ts';
import { hashBytes } from './series-key.ts';

/** A shorter list is read as fast as it is recognised. */
export const KEPT_TEXTS_BYTES_MIN = 2048;
/** Packed bytes of the lists that a reader keeps: full, it forgets all. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Of a packed list, to find it: frames differ most at their ends. */
const HASHED_BYTES = 64;

export class KeptTexts {
  readonly size: number;
  /** Of all texts. */
  readonly bytes: number;
  /** Padded with zeros to a multiple of 8. */
  readonly packed: Uint8Array<ArrayBuffer>;
  readonly packedBytes: number;
  readonly #compression: Compression;

  /** Copies what is packed. */
  constructor(packed: Uint8Array, { size, bytes }: TextsSize, compression: Compression) {
    this.size = size;
    this.bytes = bytes;
    this.packed = new Uint8Array(paddedBytes(packed.length));
    this.packed.set(packed);
    this.packedBytes = packed.length;
    this.#compression = compression;
  }

  static pack(texts: TextDictionary, compression: Compression): KeptTexts {
    const { size, offsets } = texts;
    const bytes = offsets[size];
    const plain = new Uint8Array(4 * size + bytes);
    const lengths = new Uint32Array(plain.buffer, 0, size);
    for (let i = 0; i < size; i++) lengths[i] = offsets[i + 1] - offsets[i];
    plain.set(texts.bytes.subarray(0, bytes), 4 * size);
    return new KeptTexts(compression.compress(plain, 'fast'), { size, bytes }, compression);
  }

  /** Unpacked anew at each call. Throws RangeError on nonsense and what the compression throws. */
  texts(): TextDictionary {
    const { size, bytes } = this;
    const plain = this.#compression.decompress(this.packed.subarray(0, this.packedBytes), 4 * size + bytes);
    const view = new DataView(plain.buffer, plain.byteOffset);
    const offsets = new Uint32Array(size + 1);
    for (let i = 0; i < size; i++) offsets[i + 1] = offsets[i] + view.getUint32(4 * i, true);
    if (offsets[size] !== bytes) throw new RangeError('batch: a list of texts disagrees with its size');
    return new TextDictionary(plain.subarray(4 * size), offsets, size);
  }
}

export interface TextsSize {
  readonly size: number;
  /** Of all texts. */
  readonly bytes: number;
}

/** The lists that a reader has met. */
export class KeptLists {
  readonly #byHash = new Map<number, KeptTexts[]>();
  #bytes = 0;

  /** The list packed in the first bytes of `padded`, which is padded as `KeptTexts.packed` is and begins at a multiple of 4. */
  find(padded: Uint8Array, packedBytes: number, size: TextsSize, compression: Compression): KeptTexts {
    const hash = hashBytes(padded, Math.max(0, packedBytes - HASHED_BYTES), packedBytes, packedBytes);
    const alike = this.#byHash.get(hash) ?? [];
    for (const list of alike) {
      if (list.size === size.size && list.bytes === size.bytes && isSame(list.packed, padded)) return list;
    }
    if (this.#bytes + padded.length > KEPT_BYTES_MAX) {
      this.#byHash.clear();
      this.#bytes = 0;
    }
    const list = new KeptTexts(padded.subarray(0, packedBytes), size, compression);
    this.#byHash.set(hash, [...alike, list]);
    this.#bytes += padded.length;
    return list;
  }
}

export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

// private functions

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const words = a.length / 4;
  const left = new Int32Array(a.buffer, a.byteOffset, words);
  const right = new Int32Array(b.buffer, b.byteOffset, words);
  for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false;
  return true;
}
