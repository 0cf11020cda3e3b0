/**
 * Reads a backup (client/protocol/backup.ts) from a stream of bytes, checking all of it: every header, every zero of the padding, every
 * file against its checksum, and the files against what `backup.json` says. Damage is told with its file and its place in the archive.
 * Holds a piece of the archive, and of the files only those that are asked for.
 */
import { createHash } from 'node:crypto';
import {
  BACKUP_FORMATS,
  BACKUP_JSON,
  type BackupFile,
  type BackupManifest,
  readTarHeader,
  SUMS,
  TAR_BLOCK,
  TAR_END_BYTES,
  tarPadding,
} from '../protocol/index.ts';

/** `backup.json` names some hundred bytes a bucket. */
const MANIFEST_BYTES_MAX = 1024 * 1024 * 1024;

export class ArchiveError extends Error {}

export interface ArchiveReader {
  manifest?(manifest: BackupManifest): void | Promise<void>;
  /** Called for files that are wanted, whole, before their checksum is known. */
  file?(file: BackupFile, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  wanted?(file: BackupFile): boolean;
  /** So many bytes of the archive have gone by. */
  passed?(bytes: number): void;
}

/** Gives what the archive says of itself. Throws ArchiveError at the first damage, the archive's end being one that is not there. */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  reader: ArchiveReader = {},
): Promise<BackupManifest> {
  const tar = new TarReader(source, reader);
  const text = await tar.entry(BACKUP_JSON, MANIFEST_BYTES_MAX);
  const manifest = parseManifest(text.bytes);
  await reader.manifest?.(manifest);
  const read = [text];
  for (const file of manifest.files) {
    const isWanted = reader.wanted?.(file) ?? false;
    const entry = await tar.entry(file.name, isWanted ? file.bytes : 0);
    if (entry.length !== file.bytes) {
      throw new ArchiveError(`"${file.name}" has ${entry.length} bytes, ${BACKUP_JSON} says ${file.bytes}`);
    }
    read.push({ ...entry, bytes: EMPTY });
    if (isWanted) await reader.file?.(file, entry.bytes);
  }
  const sums = await tar.entry(SUMS, MANIFEST_BYTES_MAX);
  compareSums(read, sums);
  await tar.end();
  return manifest;
}

/** What a backup says of itself, without reading on. */
export async function readManifest(source: AsyncIterable<Uint8Array>): Promise<BackupManifest> {
  return parseManifest((await new TarReader(source, {}).entry(BACKUP_JSON, MANIFEST_BYTES_MAX)).bytes);
}

// private functions

const EMPTY = new Uint8Array(0);

type Entry = {
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly at: number;
  readonly length: number;
  readonly sum: string;
  /** Empty where they were not to be kept. */
  readonly bytes: Uint8Array<ArrayBuffer>;
};

class TarReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #reader: ArchiveReader;
  #piece: Uint8Array = EMPTY;
  /** In the archive, of what is read next. */
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>, reader: ArchiveReader) {
    this.#pieces = source[Symbol.asyncIterator]();
    this.#reader = reader;
  }

  /** The next file, which must have this name. Its bytes are kept where they are no more than that. */
  async entry(name: string, keptBytesMax: number): Promise<Entry> {
    const from = this.#at;
    const block = await this.#collected(TAR_BLOCK, name);
    const header = readTarHeader(block);
    if (header === null) throw damaged(name, from, 'its header is damaged');
    if (header.name !== name) throw damaged(name, from, `found "${header.name}" in its place`);
    const at = this.#at;
    const hash = createHash('sha256');
    const length = header.bytes;
    const isKept = length <= keptBytesMax;
    const bytes = new Uint8Array(isKept ? length : 0);
    let done = 0;
    for await (const piece of this.#take(length, name)) {
      hash.update(piece);
      if (isKept) bytes.set(piece, done);
      done += piece.length;
    }
    await this.#zeros(tarPadding(length), name);
    return { name, at, length, sum: hash.digest('hex'), bytes };
  }

  async end(): Promise<void> {
    await this.#zeros(TAR_END_BYTES, 'the end');
    const { done } = await this.#next();
    if (done !== true) throw damaged('the end', this.#at, 'something follows it');
  }

  // private functions

  async #zeros(length: number, name: string): Promise<void> {
    const from = this.#at;
    const zeros = await this.#collected(length, name);
    const found = zeros.findIndex((byte) => byte !== 0);
    if (found >= 0) throw damaged(name, from + found, 'expected zeros behind it');
  }

  async #collected(length: number, name: string): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    for await (const piece of this.#take(length, name)) {
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  async *#take(length: number, name: string): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#piece.length === 0) {
        const { done, value } = await this.#next();
        if (done === true) throw damaged(name, this.#at, 'the archive ends here');
        this.#piece = value;
        continue;
      }
      const part = this.#piece.subarray(0, left);
      this.#piece = this.#piece.subarray(part.length);
      this.#at += part.length;
      left -= part.length;
      this.#reader.passed?.(part.length);
      yield part;
    }
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#pieces.next() as Promise<IteratorResult<Uint8Array, undefined>>;
  }
}

function parseManifest(bytes: Uint8Array): BackupManifest {
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse(new TextDecoder().decode(bytes)) as BackupManifest;
  } catch (error) {
    throw damaged(BACKUP_JSON, TAR_BLOCK, (error as Error).message);
  }
  if (!BACKUP_FORMATS.includes(manifest?.format)) {
    const expected = `expected one of ${BACKUP_FORMATS.join(', ')}`;
    throw new ArchiveError(`${BACKUP_JSON}: format ${manifest?.format} is not known, ${expected}`);
  }
  const { files, databases, documents } = manifest;
  if (![files, databases, documents].every(Array.isArray) || !files.every(({ name }) => typeof name === 'string')) {
    throw damaged(BACKUP_JSON, TAR_BLOCK, 'expected files, databases and documents');
  }
  return manifest;
}

function compareSums(read: readonly Entry[], sums: Entry): void {
  const lines = new TextDecoder().decode(sums.bytes).split('\n');
  for (const [i, { name, at, length, sum }] of read.entries()) {
    if (lines[i] === `${sum}  ${name}`) continue;
    throw damaged(name, at, `its ${length} bytes have the checksum ${sum}, ${SUMS} has "${lines[i] ?? ''}"`);
  }
  if (lines.length !== read.length + 1) throw damaged(SUMS, sums.at, `expected ${read.length} lines`);
}

function damaged(name: string, at: number, what: string): ArchiveError {
  return new ArchiveError(`"${name}" is damaged at byte ${at} of the archive: ${what}`);
}
