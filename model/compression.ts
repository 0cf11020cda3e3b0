/** Zstandard (RFC 8878), in one go. A port: whoever has a disk has an adapter (`storage/files/zstd.ts`). */
export interface Compression {
  /** `fast` where many bytes a second pass once; without it for what is kept for long. */
  compress(bytes: Uint8Array, effort?: 'fast'): Uint8Array;
  /** `length`: bytes that must come out; throws where the input is damaged or gives another number. */
  decompress(bytes: Uint8Array, length: number): Uint8Array;
}
