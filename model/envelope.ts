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
 *     56       the batches (batch.ts), or the control entry as JSON in UTF-8 padded with spaces; a multiple of 8 in length
 */
import { type Batch, batchBytes, readBatch, writeBatch } from './batch.ts';
import type { Checksum } from './checksum.ts';

/** What everybody who reads the stream must do at this place of it. */
export type ControlEntry =
  | { readonly type: 'create database'; readonly database: string }
  | { readonly type: 'drop database'; readonly database: string };

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

export const ENVELOPE_HEADER_BYTES = 56;
const MAGIC = 0x31524c4d;
const KIND_BATCHES = 1;
const KIND_CONTROL = 2;

type Address = MessageId & { readonly shard: number; readonly generation: number };

/** One fresh buffer with the envelope; it may be handed to another thread. */
export function encodeBatches(
  address: Address,
  batches: readonly Batch[],
  checksum: Checksum,
): Uint8Array<ArrayBuffer> {
  let length = ENVELOPE_HEADER_BYTES;
  for (const batch of batches) length += batchBytes(batch);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  let end = ENVELOPE_HEADER_BYTES;
  let rows = 0;
  let minTime = batches[0].minTime;
  let maxTime = batches[0].maxTime;
  for (const batch of batches) {
    end = writeBatch(batch, bytes, end);
    rows += batch.rows;
    if (batch.minTime < minTime) minTime = batch.minTime;
    if (batch.maxTime > maxTime) maxTime = batch.maxTime;
  }
  writeHeader(bytes, { ...address, kind: 'batches', batches: batches.length, rows, minTime, maxTime }, checksum);
  return bytes;
}

export function encodeControl(address: Address, entry: ControlEntry, checksum: Checksum): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(entry));
  const bytes = new Uint8Array(new ArrayBuffer(ENVELOPE_HEADER_BYTES + Math.ceil(json.length / 8) * 8));
  bytes.fill(0x20, ENVELOPE_HEADER_BYTES);
  bytes.set(json, ENVELOPE_HEADER_BYTES);
  writeHeader(bytes, { ...address, kind: 'control', batches: 0, rows: 0, minTime: 0n, maxTime: 0n }, checksum);
  return bytes;
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

/** The batches of an envelope of kind `batches`, as views on its bytes, which start at a multiple of 8 in their buffer. */
export function readBatches(bytes: Uint8Array): Batch[] {
  const { batches: count } = readEnvelopeHeader(bytes);
  const batches: Batch[] = [];
  let at = ENVELOPE_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const { batch, end } = readBatch(bytes, at);
    batches.push(batch);
    at = end;
  }
  return batches;
}

export function readControl(bytes: Uint8Array): ControlEntry {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(ENVELOPE_HEADER_BYTES))) as ControlEntry;
}

// private functions

function writeHeader(bytes: Uint8Array, header: EnvelopeHeader, checksum: Checksum): void {
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
  view.setUint32(4, checksum(bytes.subarray(8)), true);
}
