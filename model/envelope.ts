/**
 * An envelope: one message of a shard's stream. Either the batches that one write brings to this shard (one per measurement; they
 * are kept or lost together), or a control entry. It says who produced it and which of that producer's messages it is, so that a
 * repeated one is recognised for ever, and carries its own checksum, so that it can be verified wherever it lies.
 *
 * Byte layout, little endian:
 *
 *      0  u32  magic "MLR1"
 *      4  u32  crc32c of everything behind it, [8, end)
 *      8  u8   kind: 1 = batches, 2 = control
 *      9  u8   reserved, 0          10  u16  shard
 *     12  u32  generation of the shard's stream
 *     16  f64  producer: a whole number below 2^53, drawn at random by each process that publishes
 *     24  f64  number: 1, 2, 3 … per producer and shard
 *     32  u32  batches: how many    36  u32  rows in all of them
 *     40  i64  least time, ns       48  i64  greatest time, ns   (0, 0 for a control entry)
 *     56  u32  bytes of the body        60  u32  bytes it is packed in, 0 = it is not packed
 *     64       the body: batches (batch.ts), or the control entry as JSON in UTF-8 padded with spaces; packed with zstd where that
 *              is much shorter, as keys of series and texts mostly repeat; padded with zeros to a multiple of 8
 */
import { type Batch, type BatchReading, batchBytes, readBatch, writeBatch } from './batch.ts';
import type { Checksum } from './checksum.ts';
import type { Compression } from './compression.ts';
import type { CatalogueDocument, DocumentChange } from './documents.ts';
import { freeBuffer } from './narrow.ts';

/** What everybody who reads the stream must do at this place of it. */
export type ControlEntry =
  | {
      readonly type: 'create database';
      readonly database: string;
      /** What it begins with, such as its retention policies; not there = nothing. */
      readonly documents?: readonly CatalogueDocument[];
    }
  /** With its documents. */
  | { readonly type: 'drop database'; readonly database: string }
  | ({ readonly type: 'change documents' } & DocumentChange)
  /** DELETE or DROP SERIES as canonical text without now(): each shard finds out which of its rows are meant. */
  | { readonly type: 'delete'; readonly database: string; readonly statement: string }
  /** In all policies, with the types of its fields. */
  | { readonly type: 'drop measurement'; readonly database: string; readonly measurement: string }
  /** With what was written to it. */
  | { readonly type: 'drop retention policy'; readonly database: string; readonly retentionPolicy: string }
  /** What a policy has of times before this one (ns, as a text) is gone: whole spans of it. */
  | {
      readonly type: 'expire';
      readonly database: string;
      readonly retentionPolicy: string;
      readonly before: string;
    };

/** Names a message for ever: the same id published again is refused as a duplicate. */
export interface MessageId {
  readonly producer: number;
  readonly number: number;
}

export interface EnvelopeHeader extends MessageId {
  readonly kind: 'batches' | 'control';
  readonly shard: number;
  readonly generation: number;
  readonly batches: number;
  readonly rows: number;
  readonly minTime: bigint;
  readonly maxTime: bigint;
}

export const ENVELOPE_HEADER_BYTES = 64;
/** Shorter bodies are not worth the call. */
const PACKED_BYTES_MIN = 2048;
/** Packed where it comes to less than this part. */
const PACKED_PART_MAX = 0.75;
/** Bodies mostly are like those before; what is in them may change. */
const SKIPPED_MAX = 31;
const MAGIC = 0x31524c4d;
const KIND_BATCHES = 1;
const KIND_CONTROL = 2;

/** What packs bodies, and the memory in which they are made, used again for every message. One per writer. */
export class BodyPacking {
  readonly #compression: Compression;
  #room = new Uint8Array(0);
  /** Bodies that are not tried: twice as many after each that was tried in vain. */
  #skips = 0;
  #skip = 0;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** null where it is not much shorter, or was not tried. */
  pack(body: Uint8Array): Uint8Array | null {
    if (this.#skip > 0) {
      this.#skip--;
      return null;
    }
    const packed = this.#compression.compress(body, 'fast');
    if (packed.length < PACKED_PART_MAX * body.length) {
      this.#skips = 0;
      return packed;
    }
    this.#skips = Math.min(SKIPPED_MAX, 2 * this.#skips + 1);
    this.#skip = this.#skips;
    freeBuffer(packed);
    return null;
  }

  /** Room for so many bytes, all zero, until the next call. */
  room(bytes: number): Uint8Array {
    if (bytes > this.#room.length) this.#room = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
    return this.#room.subarray(0, bytes).fill(0);
  }
}

type Address = MessageId & { readonly shard: number; readonly generation: number };

/** One fresh buffer with the envelope; it may be handed to another thread. */
export function encodeBatches(
  address: Address,
  batches: readonly Batch[],
  checksum: Checksum,
  packing: BodyPacking | null = null,
): Uint8Array<ArrayBuffer> {
  let bodyBytes = 0;
  let rows = 0;
  let { minTime, maxTime } = batches[0];
  for (const batch of batches) {
    bodyBytes += batchBytes(batch);
    rows += batch.rows;
    if (batch.minTime < minTime) minTime = batch.minTime;
    if (batch.maxTime > maxTime) maxTime = batch.maxTime;
  }
  const header: Header = { ...address, kind: 'batches', batches: batches.length, rows, minTime, maxTime, bodyBytes };
  if (packing !== null && bodyBytes >= PACKED_BYTES_MIN) {
    const body = packing.room(bodyBytes);
    writeBatches(batches, body, 0);
    const packed = packing.pack(body);
    const bytes = envelope(header, packed ?? body, packed !== null, checksum);
    if (packed !== null) freeBuffer(packed);
    return bytes;
  }
  const bytes = new Uint8Array(ENVELOPE_HEADER_BYTES + bodyBytes);
  writeBatches(batches, bytes, ENVELOPE_HEADER_BYTES);
  writeHeader(bytes, header, 0, checksum);
  return bytes;
}

export function encodeControl(address: Address, entry: ControlEntry, checksum: Checksum): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(entry));
  const body = new Uint8Array(pad(json.length)).fill(0x20);
  body.set(json);
  const header = { batches: 0, rows: 0, minTime: 0n, maxTime: 0n, bodyBytes: body.length };
  return envelope({ ...address, ...header, kind: 'control' }, body, false, checksum);
}

/** The header alone, without verifying the checksum. Throws RangeError where this is no envelope. */
export function readEnvelopeHeader(bytes: Uint8Array): EnvelopeHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < ENVELOPE_HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new RangeError('envelope: no magic at its start');
  }
  const kind = view.getUint8(8);
  if (kind !== KIND_BATCHES && kind !== KIND_CONTROL) throw new RangeError(`envelope: unknown kind ${kind}`);
  return {
    kind: kind === KIND_BATCHES ? 'batches' : 'control',
    shard: view.getUint16(10, true),
    generation: view.getUint32(12, true),
    producer: view.getFloat64(16, true),
    number: view.getFloat64(24, true),
    batches: view.getUint32(32, true),
    rows: view.getUint32(36, true),
    minTime: view.getBigInt64(40, true),
    maxTime: view.getBigInt64(48, true),
  };
}

export function envelopeIntact(bytes: Uint8Array, checksum: Checksum): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.byteLength >= ENVELOPE_HEADER_BYTES && view.getUint32(4, true) === checksum(bytes.subarray(8));
}

/**
 * The batches of an envelope of kind `batches`, whose bytes start at a multiple of 8 in their buffer. They may be views on the bytes.
 * Throws RangeError on nonsense, and what the compression throws.
 */
export function readBatches(bytes: Uint8Array, reading: BatchReading = {}): Batch[] {
  const { compression, scratch } = reading;
  const { batches: count } = readEnvelopeHeader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packedBytes = view.getUint32(60, true);
  let body = bytes.subarray(ENVELOPE_HEADER_BYTES);
  if (packedBytes > 0) {
    if (compression === undefined)
      throw new RangeError('envelope: its body is packed, and there is nothing to unpack it with');
    body = compression.decompress(body.subarray(0, packedBytes), view.getUint32(56, true));
    if (body.byteOffset % 8 !== 0) body = body.slice();
  }
  scratch?.begin();
  if (packedBytes > 0) scratch?.adopt(body);
  const batches: Batch[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { batch, end } = readBatch(body, at, reading);
    batches.push(batch);
    at = end;
  }
  return batches;
}

export function readControl(bytes: Uint8Array): ControlEntry {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(ENVELOPE_HEADER_BYTES))) as ControlEntry;
}

// private functions

type Header = EnvelopeHeader & { readonly bodyBytes: number };

function writeBatches(batches: readonly Batch[], target: Uint8Array, at: number): void {
  for (const batch of batches) at = writeBatch(batch, target, at);
}

function envelope(header: Header, body: Uint8Array, packed: boolean, checksum: Checksum): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ENVELOPE_HEADER_BYTES + pad(body.length));
  bytes.set(body, ENVELOPE_HEADER_BYTES);
  writeHeader(bytes, header, packed ? body.length : 0, checksum);
  return bytes;
}

function pad(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function writeHeader(bytes: Uint8Array, header: Header, packedBytes: number, checksum: Checksum): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(0, MAGIC, true);
  view.setUint8(8, header.kind === 'batches' ? KIND_BATCHES : KIND_CONTROL);
  view.setUint16(10, header.shard, true);
  view.setUint32(12, header.generation, true);
  view.setFloat64(16, header.producer, true);
  view.setFloat64(24, header.number, true);
  view.setUint32(32, header.batches, true);
  view.setUint32(36, header.rows, true);
  view.setBigInt64(40, header.minTime, true);
  view.setBigInt64(48, header.maxTime, true);
  view.setUint32(56, header.bodyBytes, true);
  view.setUint32(60, packedBytes, true);
  view.setUint32(4, checksum(bytes.subarray(8)), true);
}
