/**
 * A bucket: an immutable file with rows of one measurement, sorted by series, then time. Little endian. Chunks hold some thousand rows:
 * whole series where they are small, a part of one where it is large; a chunk has a block for its runs of series, one for its times, one
 * per field. Blocks stand end to end, each a whole number of 32-bit words; the footer knows the place and crc32c of each, so every byte
 * of the file is under a checksum.
 *
 * Header (32 bytes)
 *      0  8 bytes  magic "MLRBKT02"; the digits are the format
 *      8  u32  crc32c of [12, 32)
 *     12  reserved, 0
 *
 * Blocks: runs, times, fields of chunk 0; of chunk 1; …; then the series keys (`series-section.ts`), in the order of their bytes. Fields,
 * times, runs: `column-block.ts`.
 *
 * Chunks of one series whose number of rows and whose times are the same may name the same block of times: so thousands of
 * series measured together cost one column of times; the price is that damage to it is felt by all of them.
 *
 * Footer
 *      0  i64  base: times are offsets from it, in ns
 *      8  f64  least offset           16  f64  greatest offset
 *     24  f64  rows                   32  u32  series
 *     36  u32  chunks                 40  u32  fields
 *     44  u32  key sections           48  u32  generation, and
 *     52  f64  sequence of the position the caller gave
 *     60  u32  bytes of the database's name, 64 of the retention policy's, 68 of the measurement's
 *     72  PLACE of the first keys: a section of the first key of each key section; length 0 where there are no series
 *     88  the three names, end to end; zeros to a multiple of 4
 *     per field         u8 type (index in FIELD_TYPES), 3 bytes 0, u32 bytes of the name, the name, zeros to a multiple of 4
 *     per key section   PLACE, u32 series in it
 *     per chunk         u32 rows, u32 first series, u32 last series, u32 0, f64 least offset, f64 greatest offset,
 *                       PLACE of the runs (length 0: all rows are of the first series), PLACE of the times,
 *                       and per field  PLACE (length 0: no row has it), statistics (`statistics.ts`)
 *     PLACE = u64 offset in the file, u32 length in bytes, u32 crc32c
 *
 * Trailer (32 bytes), the end of the file
 *      0  u64  offset of the footer    8  u32  its length         12  u32  its crc32c
 *     16  u32  0                      20  u32  crc32c of [0, 20)  24  8 bytes  magic "MLRBKTND"
 */
import { FIELD_TYPES, type FieldType, type Position } from '../../model/index.ts';
import { STATISTICS_BYTES } from './statistics.ts';

export const HEADER_BYTES = 32;
export const TRAILER_BYTES = 32;
const FIRST_KEYS_AT = 72;
const FOOTER_FIXED_BYTES = 88;
const PLACE_BYTES = 16;
const SECTION_BYTES = PLACE_BYTES + 4;
const CHUNK_FIXED_BYTES = 32;
export const RUNS_AT = CHUNK_FIXED_BYTES;
export const TIMES_AT = RUNS_AT + PLACE_BYTES;
const FIELDS_AT = TIMES_AT + PLACE_BYTES;
const FIELD_BYTES = PLACE_BYTES + STATISTICS_BYTES;
const MAGIC = 'MLRBKT02';
const MAGIC_END = 'MLRBKTND';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes [at, at + length) of a file. */
export interface ByteRange {
  readonly at: number;
  readonly length: number;
}

export interface Place extends ByteRange {
  readonly checksum: number;
}

export interface KeySection extends Place {
  readonly series: number;
}

export interface Footer {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly position: Position;
  readonly base: bigint;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly rows: number;
  readonly series: number;
  /** In the order of the chunks' entries. */
  readonly fields: readonly { readonly name: string; readonly type: FieldType }[];
  readonly sections: readonly KeySection[];
  /** A section of the sections' first keys. */
  readonly firstKeys: Place;
  readonly chunks: number;
  /** The chunks' records end to end, `chunkBytes` of the number of fields each. */
  readonly chunkTable: Uint8Array;
}

export function chunkBytes(fields: number): number {
  return FIELDS_AT + fields * FIELD_BYTES;
}

/** Where a field's place stands in a chunk's record; its statistics follow. */
export function fieldAt(field: number): number {
  return FIELDS_AT + field * FIELD_BYTES;
}

export function statisticsAt(field: number): number {
  return fieldAt(field) + PLACE_BYTES;
}

export function writePlace(view: DataView, at: number, place: Place): void {
  view.setBigUint64(at, BigInt(place.at), true);
  view.setUint32(at + 8, place.length, true);
  view.setUint32(at + 12, place.checksum, true);
}

export function readPlace(view: DataView, at: number): Place {
  return { at: placeStart(view, at), length: placeLength(view, at), checksum: view.getUint32(at + 12, true) };
}

export function placeStart(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export function placeLength(view: DataView, at: number): number {
  return view.getUint32(at + 8, true);
}

export function encodeHeader(checksum: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(encoder.encode(MAGIC));
  new DataView(bytes.buffer).setUint32(8, checksum(bytes.subarray(12)), true);
  return bytes;
}

export function headerIntact(bytes: Uint8Array, checksum: (bytes: Uint8Array) => number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decoder.decode(bytes.subarray(0, 8)) === MAGIC && view.getUint32(8, true) === checksum(bytes.subarray(12));
}

export function encodeTrailer(footer: Place, checksum: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  writePlace(view, 0, footer);
  view.setUint32(20, checksum(bytes.subarray(0, 20)), true);
  bytes.set(encoder.encode(MAGIC_END), 24);
  return bytes;
}

/** null where the bytes are not an intact trailer. */
export function decodeTrailer(bytes: Uint8Array, checksum: (bytes: Uint8Array) => number): Place | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (decoder.decode(bytes.subarray(24)) !== MAGIC_END) return null;
  return view.getUint32(20, true) === checksum(bytes.subarray(0, 20)) ? readPlace(view, 0) : null;
}

export function encodeFooter(footer: Footer): Uint8Array {
  const names = [footer.database, footer.retentionPolicy, footer.measurement].map((name) => encoder.encode(name));
  const fields = footer.fields.map(({ name }) => encoder.encode(name));
  let length = pad(FOOTER_FIXED_BYTES + total(names)) + footer.sections.length * SECTION_BYTES;
  for (const name of fields) length += pad(8 + name.length);
  const bytes = new Uint8Array(length + footer.chunkTable.length);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, footer.base, true);
  view.setFloat64(8, footer.minOffset, true);
  view.setFloat64(16, footer.maxOffset, true);
  view.setFloat64(24, footer.rows, true);
  view.setUint32(32, footer.series, true);
  view.setUint32(36, footer.chunks, true);
  view.setUint32(40, fields.length, true);
  view.setUint32(44, footer.sections.length, true);
  view.setUint32(48, footer.position.generation, true);
  view.setFloat64(52, footer.position.sequence, true);
  writePlace(view, FIRST_KEYS_AT, footer.firstKeys);
  let at = FOOTER_FIXED_BYTES;
  names.forEach((name, i) => {
    view.setUint32(60 + 4 * i, name.length, true);
    bytes.set(name, at);
    at += name.length;
  });
  at = pad(at);
  fields.forEach((name, i) => {
    bytes[at] = FIELD_TYPES.indexOf(footer.fields[i].type);
    view.setUint32(at + 4, name.length, true);
    bytes.set(name, at + 8);
    at += pad(8 + name.length);
  });
  for (const section of footer.sections) {
    writePlace(view, at, section);
    view.setUint32(at + PLACE_BYTES, section.series, true);
    at += SECTION_BYTES;
  }
  bytes.set(footer.chunkTable, at);
  return bytes;
}

/** Of bytes that have passed their checksum. */
export function decodeFooter(bytes: Uint8Array): Footer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = FOOTER_FIXED_BYTES;
  const names = [60, 64, 68].map((slot) => {
    const length = view.getUint32(slot, true);
    at += length;
    return decoder.decode(bytes.subarray(at - length, at));
  });
  at = pad(at);
  const fields = Array.from({ length: view.getUint32(40, true) }, () => {
    const type = FIELD_TYPES[bytes[at]];
    const length = view.getUint32(at + 4, true);
    const name = decoder.decode(bytes.subarray(at + 8, at + 8 + length));
    at += pad(8 + length);
    return { name, type };
  });
  const sections = Array.from({ length: view.getUint32(44, true) }, () => {
    const section = { ...readPlace(view, at), series: view.getUint32(at + PLACE_BYTES, true) };
    at += SECTION_BYTES;
    return section;
  });
  return {
    database: names[0],
    retentionPolicy: names[1],
    measurement: names[2],
    position: { generation: view.getUint32(48, true), sequence: view.getFloat64(52, true) },
    base: view.getBigInt64(0, true),
    minOffset: view.getFloat64(8, true),
    maxOffset: view.getFloat64(16, true),
    rows: view.getFloat64(24, true),
    series: view.getUint32(32, true),
    fields,
    sections,
    firstKeys: readPlace(view, FIRST_KEYS_AT),
    chunks: view.getUint32(36, true),
    chunkTable: bytes.subarray(at),
  };
}

// private functions

function pad(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function total(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
