/**
 * A record of the manifest, as bytes. It says what a sealing added and up to where in the stream, or what was dropped; a full one
 * says everything, so that what stands before it can be forgotten.
 *
 * Byte layout, little endian, every part padded with zeros to a multiple of 8:
 *
 *      0  u32  bytes of the text       4  u32  sections: how many
 *      8       u32[sections] their lengths in bytes
 *              the text: JSON in UTF-8, all but the arrays
 *              the sections, in the order in which the text needs them:
 *                for each measurement  u32[series + 1] offsets of the keys, the keys' bytes,
 *                                      i16[] and f64[] last time of every series (full records; else empty),
 *                                      u32[] series whose rows have all been deleted, ascending
 *                for each bucket       u32[] series and f64[] last time in the bucket, from its base (empty in full records)
 *                for each tombstone    u32[] its series, ascending; empty = all of them
 *
 * The log that carries it (`../log/record.ts`) has its checksum.
 */
import { type DocumentChange, type FieldType, TextDictionary } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import type { DropScope, MeasurementName } from '../head/types.ts';
import type { FarPlace } from '../tiers/far-source.ts';
import type { RemovalAt } from './removals.ts';
import type { Tombstone } from './tombstones.ts';

export interface ManifestRecord {
  /** True: forget everything before. */
  readonly full: boolean;
  /** Everything up to this sequence is in buckets; null = as before. */
  readonly sealed: number | null;
  /** Ids below this one have been given. */
  readonly nextBucket: number;
  /** Sequence of the last message that removed anything, 0 = none; not there in records older than this number. */
  readonly removedAt?: number;
  /** All there are, in place of those said before; not there in records older than these. */
  readonly removals?: readonly RemovalAt[];
  readonly untoldAt?: number;
  /** Gone, with all that was known of them before this record. */
  readonly dropped: readonly DropScope[];
  /** Buckets that are no more. */
  readonly removed: readonly number[];
  /** All of them, at `sealed`; null = as before but for `dropped`. */
  readonly databases: readonly string[] | null;
  /** Since the record before; null = none. */
  readonly documents: DocumentChange | null;
  readonly measurements: readonly ManifestMeasurement[];
  readonly buckets: readonly ManifestBucket[];
  /** Of buckets listed here or before. */
  readonly tombstones: readonly Tombstone[];
  /** By bucket the numbers of all of its tombstones, in place of those said before. */
  readonly hidden: readonly (readonly [bucket: number, tombstones: readonly number[]])[];
}

export type ManifestTombstones = Pick<ManifestRecord, 'tombstones' | 'hidden'>;

export interface ManifestMeasurement extends MeasurementName {
  readonly fields: readonly (readonly [string, FieldType])[];
  /** Number of the first of `keys`: those before are known. */
  readonly firstSeries: number;
  readonly keys: TextDictionary;
  /** As LastTimes.save gives them; empty = the buckets say. */
  readonly lastHigh: Int16Array;
  readonly lastLow: Float64Array;
  /** All series that have no rows any more. */
  readonly gone: Uint32Array;
}

export interface ManifestBucket extends MeasurementName {
  readonly id: number;
  /** Its place among the buckets of its times: the id of the youngest bucket whose rows are in it. */
  readonly layer: number;
  /** Of the last message that its rows may come from, as in the bucket itself; not there in records older than this number. */
  readonly sequence?: number;
  readonly bytes: number;
  readonly rows: number;
  readonly base: bigint;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** As RowLayer.late. */
  readonly late: { readonly min: bigint; readonly max: bigint } | null;
  /** Where it lies in object storage; absent = its file is here. A bucket listed again is the same one elsewhere. */
  readonly far?: FarPlace;
  /** Greatest time of each series in it, as an offset from base. */
  readonly lastSeries: Uint32Array;
  readonly lastOffsets: Float64Array;
}

/** What a record that is not of a sealing says where it says nothing. */
export const NO_NEWS = {
  full: false,
  sealed: null,
  dropped: [],
  removed: [],
  databases: null,
  documents: null,
  measurements: [],
  buckets: [],
  tombstones: [],
  hidden: [],
} as const satisfies Partial<ManifestRecord>;

export function encodeManifestRecord(record: ManifestRecord): Uint8Array<ArrayBuffer> {
  const sections: ArrayBufferView[] = [];
  const measurements = record.measurements.map(({ keys, lastHigh, lastLow, gone, ...rest }) => {
    sections.push(keys.offsets.subarray(0, keys.size + 1), keys.bytes.subarray(0, keys.offsets[keys.size]));
    sections.push(lastHigh, lastLow, gone);
    return rest;
  });
  const buckets = record.buckets.map(({ lastSeries, lastOffsets, ...rest }) => {
    sections.push(lastSeries, lastOffsets);
    return rest;
  });
  const tombstones = record.tombstones.map(({ min, max, series }) => {
    sections.push(series ?? new Uint32Array(0));
    return { min, max };
  });
  const text = encoder.encode(JSON.stringify({ ...record, measurements, buckets, tombstones }, bigintAsText));
  let length = pad(8 + 4 * sections.length) + pad(text.length);
  for (const section of sections) length += pad(section.byteLength);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, sections.length, true);
  sections.forEach((section, i) => {
    view.setUint32(8 + 4 * i, section.byteLength, true);
  });
  let at = pad(8 + 4 * sections.length);
  bytes.set(text, at);
  at += pad(text.length);
  for (const { buffer, byteOffset, byteLength } of sections) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += pad(byteLength);
  }
  return bytes;
}

/** Copies what it gives. Throws StorageError `corrupt` on what `encodeManifestRecord` does not make. */
export function decodeManifestRecord(bytes: Uint8Array): ManifestRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textBytes = view.getUint32(0, true);
  const lengths = Array.from({ length: view.getUint32(4, true) }, (_, i) => view.getUint32(8 + 4 * i, true));
  let at = pad(8 + 4 * lengths.length);
  const record = JSON.parse(decoder.decode(bytes.subarray(at, at + textBytes))) as Plain;
  at += pad(textBytes);
  let next = 0;
  const take = (): ArrayBuffer => {
    const length = lengths[next++];
    if (length === undefined || at + length > bytes.length) throw new StorageError('corrupt', 'a section is missing');
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(at, at + length));
    at += pad(length);
    return copy.buffer;
  };
  const removals = record.removals?.map(({ minTime, maxTime, ...rest }) => {
    // those of earlier versions say nothing of conditions
    return { condition: null, isWhole: false, ...rest, minTime: BigInt(minTime), maxTime: BigInt(maxTime) };
  });
  return {
    ...record,
    removals,
    measurements: record.measurements.map((rest) => {
      const offsets = new Uint32Array(take());
      const keys = new TextDictionary(new Uint8Array(take()), offsets);
      const [lastHigh, lastLow] = [new Int16Array(take()), new Float64Array(take())];
      return { ...rest, keys, lastHigh, lastLow, gone: new Uint32Array(take()) };
    }),
    buckets: record.buckets.map(({ base, minTime, maxTime, late, ...rest }) => {
      return {
        ...rest,
        base: BigInt(base),
        minTime: BigInt(minTime),
        maxTime: BigInt(maxTime),
        late: late === null ? null : { min: BigInt(late.min), max: BigInt(late.max) },
        lastSeries: new Uint32Array(take()),
        lastOffsets: new Float64Array(take()),
      };
    }),
    tombstones: record.tombstones.map(({ min, max }) => {
      const series = new Uint32Array(take());
      return { min: BigInt(min), max: BigInt(max), series: series.length === 0 ? null : series };
    }),
  };
}

// private functions

const encoder = new TextEncoder();
const decoder = new TextDecoder();

type PlainBucket = Omit<ManifestBucket, 'base' | 'minTime' | 'maxTime' | 'late' | 'lastSeries' | 'lastOffsets'> & {
  readonly base: string;
  readonly minTime: string;
  readonly maxTime: string;
  readonly late: { readonly min: string; readonly max: string } | null;
};

/** What the text holds. */
type Plain = Omit<ManifestRecord, 'measurements' | 'buckets' | 'tombstones' | 'removals'> & {
  readonly removals?: readonly (Omit<RemovalAt, 'minTime' | 'maxTime' | 'condition' | 'isWhole'> & {
    readonly condition?: string | null;
    readonly isWhole?: boolean;
    readonly minTime: string;
    readonly maxTime: string;
  })[];
  readonly measurements: readonly Omit<ManifestMeasurement, 'keys' | 'lastHigh' | 'lastLow' | 'gone'>[];
  readonly buckets: readonly PlainBucket[];
  readonly tombstones: readonly { readonly min: string; readonly max: string }[];
};

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function pad(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
