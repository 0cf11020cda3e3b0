/**
 * Records and the header of a segment, as bytes. A segment is a file `<base sequence, 16 digits>.log`: a header, then records end to
 * end with sequences base, base + 1, … Everything is little endian and padded with zeros to a multiple of 8.
 *
 * Header (64 bytes)
 *      0  8 bytes  magic "MLRLOG01"; the digits are the format
 *      8  u32  crc32c of [12, 64)
 *     12  u32  shard                    16  u32  generation of the shard's stream
 *     20  u32  reserved, 0              24  u64  base: sequence of the first record
 *     32  reserved, 0
 *
 * Record (24 bytes and the payload)
 *      0  u32  crc32c of everything behind it, [4, end of padding)
 *      4  u32  length of the payload
 *      8  u64  sequence
 *     16  u32  back: how many records of the same write (group commit) stand before this one
 *     20  u32  reserved, 0
 *     24  payload, padding
 *
 * Why `back`: a write is begun only when the one before is durable. So a valid record whose write began behind sequence s proves
 * that s had been durable; records of one write prove nothing about each other, as a power cut may keep any part of a write.
 */
import type { Checksum } from '../../model/index.ts';

export const SEGMENT_HEADER_BYTES = 64;
export const RECORD_HEADER_BYTES = 24;
const MAGIC = 'MLRLOG01';

export interface SegmentHeader {
  readonly shard: number;
  readonly generation: number;
  readonly base: number;
}

export function segmentName(base: number): string {
  return `${String(base).padStart(16, '0')}.log`;
}

/** The base sequence of a segment's file name; null for other files. */
export function segmentBase(name: string): number | null {
  return /^\d{16}\.log$/.test(name) ? Number(name.slice(0, 16)) : null;
}

export function encodeHeader(header: SegmentHeader, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(12, header.shard, true);
  view.setUint32(16, header.generation, true);
  view.setBigUint64(24, BigInt(header.base), true);
  view.setUint32(8, checksum(bytes.subarray(12)), true);
  return bytes;
}

/** null where the bytes are not a whole, intact header. */
export function decodeHeader(bytes: Uint8Array, checksum: Checksum): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_BYTES) return null;
  for (let i = 0; i < MAGIC.length; i++) if (bytes[i] !== MAGIC.charCodeAt(i)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  if (view.getUint32(8, true) !== checksum(bytes.subarray(12, SEGMENT_HEADER_BYTES))) return null;
  return {
    shard: view.getUint32(12, true),
    generation: view.getUint32(16, true),
    base: Number(view.getBigUint64(24, true)),
  };
}

/** Bytes of a record with a payload of this length. */
export function recordBytes(payloadLength: number): number {
  return RECORD_HEADER_BYTES + Math.ceil(payloadLength / 8) * 8;
}

/** Writes a record at `at`; returns its end. */
export function encodeRecord(
  target: Uint8Array,
  view: DataView,
  at: number,
  record: { readonly sequence: number; readonly back: number; readonly payload: Uint8Array },
  checksum: Checksum,
): number {
  const { sequence, back, payload } = record;
  const end = at + recordBytes(payload.length);
  view.setUint32(at + 4, payload.length, true);
  view.setUint32(at + 8, sequence >>> 0, true);
  view.setUint32(at + 12, Math.floor(sequence / 2 ** 32), true);
  view.setUint32(at + 16, back, true);
  view.setUint32(at + 20, 0, true);
  target.set(payload, at + RECORD_HEADER_BYTES);
  target.fill(0, at + RECORD_HEADER_BYTES + payload.length, end);
  view.setUint32(at, checksum(target.subarray(at + 4, end)), true);
  return end;
}

export function recordLength(view: DataView, at: number): number {
  return view.getUint32(at + 4, true);
}

export function recordSequence(view: DataView, at: number): number {
  return view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 8, true);
}

export function recordBack(view: DataView, at: number): number {
  return view.getUint32(at + 16, true);
}

/** Whether the record at `at`, which lies in `bytes` as a whole, matches its checksum. */
export function recordIntact(bytes: Uint8Array, view: DataView, at: number, checksum: Checksum): boolean {
  return view.getUint32(at, true) === checksum(bytes.subarray(at + 4, at + recordBytes(recordLength(view, at))));
}
