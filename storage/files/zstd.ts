/** Zstandard through node:zlib, for the adapters that run on Node. */
import * as zlib from 'node:zlib';
import { StorageError } from '../error.ts';
import type { Compression } from './files.ts';

/** zstd's own default: level 3, a few hundred MB/s. */
const LEVEL = 3;

export const zstd: Compression = { compress, decompress };

// private functions

function compress(bytes: Uint8Array): Uint8Array {
  return zlib.zstdCompressSync(bytes, { params: { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL } });
}

function decompress(bytes: Uint8Array, length: number): Uint8Array {
  let out: Uint8Array;
  try {
    out = zlib.zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    throw new StorageError('corrupt', `zstd: ${(error as Error).message}`, error);
  }
  if (out.length !== length)
    throw new StorageError('corrupt', `zstd: ${out.length} bytes where ${length} were expected`);
  return out;
}
