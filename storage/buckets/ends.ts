/** Both ends of a bucket's file: what must be read, and be intact, before anything else is believed. */
import { StorageError } from '../error.ts';
import type { Files, StoredFile } from '../files/files.ts';
import { decodeFooter, decodeTrailer, type Footer, HEADER_BYTES, headerIntact, TRAILER_BYTES } from './layout.ts';

export interface Opened {
  readonly footer: Footer;
  readonly checksum: number;
  readonly bytes: number;
}

/** Header, trailer and footer. */
export async function readEnds(files: Files, path: string, file: StoredFile): Promise<Opened> {
  const size = await file.size();
  if (size < HEADER_BYTES + TRAILER_BYTES) throw corrupt(path, size, 'too short for a bucket');
  const header = await readPart(file, path, 0, HEADER_BYTES);
  if (!headerIntact(header, files.checksum)) throw corrupt(path, 0, 'the header is damaged');
  const trailerAt = size - TRAILER_BYTES;
  const place = decodeTrailer(await readPart(file, path, trailerAt, TRAILER_BYTES), files.checksum);
  if (place === null) throw corrupt(path, trailerAt, 'the trailer is damaged or missing');
  if (place.at + place.length !== trailerAt) throw corrupt(path, trailerAt, 'the trailer is of another file');
  const bytes = await readPart(file, path, place.at, place.length);
  if (files.checksum(bytes) !== place.checksum) throw corrupt(path, place.at, 'the footer is damaged');
  return { footer: decodeFooter(bytes), checksum: place.checksum, bytes: size };
}

/** What every damage is reported as. */
export function corrupt(path: string, at: number, what: string, cause?: unknown): StorageError {
  return new StorageError('corrupt', `${path}: at byte ${at}: ${what}`, cause);
}

// private functions

async function readPart(file: StoredFile, path: string, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const n = await file.read(bytes, at);
  if (n < length) throw corrupt(path, at + n, 'the file ends early');
  return bytes;
}
