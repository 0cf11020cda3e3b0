/**
 * Reading the records of one segment in order, in big pieces. Used by recovery (one buffer again and again) and by readers (fresh
 * buffers, so that payloads may be kept). It verifies every record; what a broken one means, recovery decides (`laterWrite`).
 */
import type { Checksum } from '../../model/index.ts';
import type { StoredFile } from '../files/files.ts';
import { RECORD_HEADER_BYTES, recordBack, recordBytes, recordIntact, recordLength, recordSequence } from './record.ts';

/** Large enough that the cost of a call does not count, small enough for the cache. */
const PIECE_BYTES = 2 * 1024 * 1024;

export interface ScanStart {
  /** Offset in the file of a record, and the sequence it must have. */
  readonly offset: number;
  readonly sequence: number;
  /** The scan ends here. */
  readonly end: number;
  /** Payloads of different calls of `visit` lie in one buffer that is used again. */
  readonly reuse: boolean;
}

/** Where the scan stopped. */
export interface ScanEnd {
  readonly offset: number;
  /** Of the record that would come next. */
  readonly sequence: number;
  /** What is wrong with the record at `offset`; null = the end was reached. */
  readonly broken: string | null;
}

/** Records of one piece of the file: a generator of pieces, so that the cost per record is a call, not a promise. */
export async function* scanRecords(
  file: StoredFile,
  start: ScanStart,
  checksum: Checksum,
  visit: (sequence: number, payload: Uint8Array, offset: number) => void,
): AsyncGenerator<void, ScanEnd> {
  let { offset, sequence } = start;
  let need = PIECE_BYTES;
  let buffer = new Uint8Array(0);
  while (offset < start.end) {
    const room = Math.min(need, start.end - offset);
    if (!start.reuse || buffer.length < room) buffer = new Uint8Array(room);
    const length = await file.read(buffer.subarray(0, Math.min(buffer.length, start.end - offset)), offset);
    const view = new DataView(buffer.buffer);
    let at = 0;
    need = PIECE_BYTES;
    while (at < length) {
      const left = start.end - offset - at;
      if (left < RECORD_HEADER_BYTES)
        return { offset: offset + at, sequence, broken: 'the record has no whole header' };
      if (length - at < RECORD_HEADER_BYTES) break;
      const found = recordSequence(view, at);
      if (found !== sequence) {
        return { offset: offset + at, sequence, broken: `expected sequence ${sequence}, found ${found}` };
      }
      const bytes = recordBytes(recordLength(view, at));
      if (bytes > left) return { offset: offset + at, sequence, broken: `expected ${bytes} bytes, found ${left}` };
      if (bytes > length - at) {
        need = Math.max(PIECE_BYTES, bytes);
        break;
      }
      if (!recordIntact(buffer, view, at, checksum)) {
        return { offset: offset + at, sequence, broken: `record ${sequence} does not match its checksum` };
      }
      const payload = at + RECORD_HEADER_BYTES;
      visit(sequence, buffer.subarray(payload, payload + recordLength(view, at)), offset + at);
      sequence++;
      at += bytes;
    }
    if (at === 0 && length < Math.min(buffer.length, start.end - offset)) {
      return { offset, sequence, broken: `expected ${start.end - offset} more bytes, found ${length}` };
    }
    offset += at;
    yield;
  }
  return { offset, sequence, broken: null };
}

/**
 * Looks behind a broken record for proof that it had once been durable: an intact record of a write that began later. Returns its
 * offset, or null: then everything from the broken record on belongs to one write that was never acknowledged.
 */
export async function laterWrite(
  file: StoredFile,
  broken: { readonly offset: number; readonly sequence: number },
  end: number,
  checksum: Checksum,
): Promise<number | null> {
  const bytes = new Uint8Array(Math.max(0, end - broken.offset));
  const length = await file.read(bytes, broken.offset);
  const view = new DataView(bytes.buffer);
  const sequenceMax = broken.sequence + length / RECORD_HEADER_BYTES;
  for (let at = 0; at + RECORD_HEADER_BYTES <= length; at += 8) {
    const sequence = recordSequence(view, at);
    if (sequence <= broken.sequence || sequence > sequenceMax) continue;
    if (sequence - recordBack(view, at) <= broken.sequence) continue;
    if (at + recordBytes(recordLength(view, at)) > length) continue;
    if (recordIntact(bytes, view, at, checksum)) return broken.offset + at;
  }
  return null;
}
