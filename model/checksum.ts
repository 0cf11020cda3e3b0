/**
 * crc32c (Castagnoli polynomial, RFC 3720 appendix B.4), the checksum of every record and envelope. This is the plain reference;
 * adapters may pass in a faster one of the same answers wherever `Checksum` is asked for.
 */

export type Checksum = (bytes: Uint8Array) => number;

const TABLE = makeTable();

/** Unsigned 32-bit crc32c of the bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

// private functions

function makeTable(): Int32Array {
  const table = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
    table[n] = c;
  }
  return table;
}
