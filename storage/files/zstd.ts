/** Zstandard through node:zlib, for the adapters that run on Node. */
import * as zlib from 'node:zlib';
import type { Compression } from '../../model/index.ts';
import { StorageError } from '../error.ts';

/** zstd's own default: a few hundred MB/s. */
const LEVEL = 3;
/** A gigabyte a second where there is much to find. */
const FAST_LEVEL = 1;
/** Room of the output: one piece where it can be. */
const PIECE_BYTES_MIN = 1024;

export const zstd: Compression = { compress, decompress };

// private functions

function compress(bytes: Uint8Array, effort?: 'fast'): Uint8Array {
  const level = effort === 'fast' ? FAST_LEVEL : LEVEL;
  return zlib.zstdCompressSync(bytes, {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
    chunkSize: Math.max(PIECE_BYTES_MIN, bytes.length),
  });
}

function decompress(bytes: Uint8Array, length: number): Uint8Array {
  let out: Uint8Array;
  try {
    out = zlib.zstdDecompressSync(bytes, {
      maxOutputLength: Math.max(1, length),
      chunkSize: Math.max(PIECE_BYTES_MIN, length),
    });
  } catch (error) {
    throw new StorageError('corrupt', `zstd: ${(error as Error).message}`, error);
  }
  if (out.length !== length)
    throw new StorageError('corrupt', `zstd: ${out.length} bytes where ${length} were expected`);
  return out;
}
