/**
 * Opening a log: finds out what is there, verifies all of it and cuts off what a power cut left half written. Called by log.ts only.
 *
 * What is wrong and what follows:
 * - the last segment has no whole header: the file was being made; it is removed, nothing in it was ever acknowledged;
 * - the last segment ends in a broken record, and nothing behind it proves that it had been durable: cut off there;
 * - anything else (a broken record before later writes, in an older segment, a gap between segments, another shard's segment):
 *   `corrupt`, with the file, the offset and what was expected. Nothing is changed then.
 */
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';
import { decodeHeader, SEGMENT_HEADER_BYTES, segmentBase } from './record.ts';
import { laterWrite, scanRecords } from './scan.ts';
import { Segment } from './segment.ts';
import type { LogCut } from './types.ts';

export interface Recovered {
  /** Ascending. */
  readonly segments: Segment[];
  /** null where there is no segment. */
  readonly generation: number | null;
  readonly cut: LogCut | null;
}

export async function recover(
  files: Files,
  directory: string,
  shard: number,
  recovered: (sequence: number, payload: Uint8Array) => void,
): Promise<Recovered> {
  const names = (await files.list(directory)).filter((name) => segmentBase(name) !== null);
  const segments: Segment[] = [];
  let generation: number | null = null;
  let cut: LogCut | null = null;
  for (const name of names) {
    const segment = new Segment(`${directory}/${name}`, segmentBase(name)!);
    const isLast = name === names.at(-1);
    const file = await files.open(segment.path, isLast ? 'write' : 'read');
    try {
      const size = await file.size();
      const head = new Uint8Array(Math.min(size, SEGMENT_HEADER_BYTES));
      await file.read(head, 0);
      const header = decodeHeader(head, files.checksum);
      if (header === null) {
        if (!isLast || size > SEGMENT_HEADER_BYTES) throw corrupt(segment.path, 0, 'expected the header of a segment');
        await file.close();
        await files.remove(segment.path);
        await files.syncDirectory(directory);
        return { segments, generation, cut: { file: segment.path, offset: 0, bytes: size } };
      }
      checkHeader(segment, header, shard, generation, segments.at(-1));
      generation = header.generation;
      cut = await recoverSegment(files, file, segment, size, isLast, recovered);
      segments.push(segment);
    } finally {
      await file.close();
    }
  }
  return { segments, generation, cut };
}

// private functions

function corrupt(path: string, offset: number, what: string): StorageError {
  return new StorageError('corrupt', `${path} at ${offset}: ${what}`);
}

function checkHeader(
  segment: Segment,
  header: { shard: number; generation: number; base: number },
  shard: number,
  generation: number | null,
  before: Segment | undefined,
): void {
  const { path, base } = segment;
  if (header.base !== base) throw corrupt(path, 24, `expected base sequence ${base}, found ${header.base}`);
  if (header.shard !== shard) throw corrupt(path, 12, `expected shard ${shard}, found ${header.shard}`);
  if (generation !== null && header.generation !== generation) {
    throw corrupt(path, 16, `expected generation ${generation}, found ${header.generation}`);
  }
  if (before !== undefined && before.next !== base) {
    throw corrupt(path, 24, `expected sequence ${before.next} to follow ${before.path}, found ${base}`);
  }
}

async function recoverSegment(
  files: Files,
  file: StoredFile,
  segment: Segment,
  size: number,
  isLast: boolean,
  recovered: (sequence: number, payload: Uint8Array) => void,
): Promise<LogCut | null> {
  const start = { offset: SEGMENT_HEADER_BYTES, sequence: segment.base, end: size, reuse: true };
  const scan = scanRecords(file, start, files.checksum, (sequence, payload, offset) => {
    segment.note(sequence, offset);
    recovered(sequence, payload);
  });
  let step = await scan.next();
  while (!step.done) step = await scan.next();
  const { offset, sequence, broken } = step.value;
  segment.bytes = offset;
  segment.next = sequence;
  if (broken === null) return null;
  if (!isLast) throw corrupt(segment.path, offset, `${broken}; a later segment follows`);
  const later = await laterWrite(file, { offset, sequence }, size, files.checksum);
  if (later !== null) throw corrupt(segment.path, offset, `${broken}; a later write stands intact at ${later}`);
  await file.truncate(offset);
  await file.datasync();
  return { file: segment.path, offset, bytes: size - offset };
}
