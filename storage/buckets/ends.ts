/** Both ends of a bucket's file: what must be read, and be intact, before anything else is believed. */
import type { Checksum } from '../../model/index.ts';
import { StorageError } from '../error.ts';
import { decodeFooter, decodeTrailer, type Footer, HEADER_BYTES, headerIntact, TRAILER_BYTES } from './layout.ts';
import type { BucketSource } from './source.ts';

export interface Opened {
  readonly footer: Footer;
  readonly checksum: number;
  /** Where the footer stands. */
  readonly at: number;
  /** Length of the footer. */
  readonly footerBytes: number;
}

/** Header, trailer and footer. */
export function readEnds(source: BucketSource, checksum: Checksum): Opened {
  const { path, bytes: size } = source;
  if (size < HEADER_BYTES + TRAILER_BYTES) throw corrupt(path, size, 'too short for a bucket');
  const header = readPart(source, 0, HEADER_BYTES);
  if (!headerIntact(header, checksum)) throw corrupt(path, 0, 'the header is damaged');
  const trailerAt = size - TRAILER_BYTES;
  const place = decodeTrailer(readPart(source, trailerAt, TRAILER_BYTES), checksum);
  if (place === null) throw corrupt(path, trailerAt, 'the trailer is damaged or missing');
  if (place.at + place.length !== trailerAt) throw corrupt(path, trailerAt, 'the trailer is of another file');
  const bytes = readPart(source, place.at, place.length);
  if (checksum(bytes) !== place.checksum) throw corrupt(path, place.at, 'the footer is damaged');
  return { footer: decodeFooter(bytes), checksum: place.checksum, at: place.at, footerBytes: place.length };
}

/** What every damage is reported as. */
export function corrupt(path: string, at: number, what: string, cause?: unknown): StorageError {
  return new StorageError('corrupt', `${path}: at byte ${at}: ${what}`, cause);
}

// private functions

function readPart(source: BucketSource, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const n = source.readSync(bytes, at);
  if (n < length) throw corrupt(source.path, at + n, 'the file ends early');
  return bytes;
}
