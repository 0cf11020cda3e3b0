/**
 * A tar archive as POSIX has it (ustar), what backups need of it: plain files. Pure.
 *
 * A header of 512 bytes; numbers are octal digits; then the file's bytes, padded with zeros to a multiple of 512; behind the last
 * file 1024 zeros:
 *
 *      0  100  name                        100    8  mode        108  8  owner   116  8  group
 *    124   12  bytes of the file           136   12  time, s     148  8  sum of the header's bytes, these eight taken as spaces
 *    156    1  kind, '0' = a file          257    8  "ustar\0" and "00"
 */

export const TAR_BLOCK = 512;
export const TAR_END_BYTES = 2 * TAR_BLOCK;
const NAME_BYTES_MAX = 100;
/** Eleven octal digits. */
const FILE_BYTES_MAX = 8 ** 11 - 1;

export interface TarHeader {
  readonly name: string;
  readonly bytes: number;
}

export function tarHeader({ name, bytes }: TarHeader, seconds: number): Uint8Array<ArrayBuffer> {
  if (name.length > NAME_BYTES_MAX) throw new RangeError(`"${name}" is too long a name for tar`);
  if (bytes > FILE_BYTES_MAX) throw new RangeError(`"${name}" is too large for tar: ${bytes} bytes`);
  const header = new Uint8Array(TAR_BLOCK);
  put(header, 0, name);
  put(header, 100, '0000644\0');
  put(header, 108, '0000000\0');
  put(header, 116, '0000000\0');
  put(header, 124, `${bytes.toString(8).padStart(11, '0')}\0`);
  put(header, 136, `${Math.floor(seconds).toString(8).padStart(11, '0')}\0`);
  put(header, 156, '0');
  put(header, 257, 'ustar\x0000');
  put(header, 148, `${sumOf(header).toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** null where this is no header as `tarHeader` makes it. */
export function readTarHeader(header: Uint8Array): TarHeader | null {
  if (textAt(header, 257, 5) !== 'ustar' || Number.parseInt(textAt(header, 148, 6), 8) !== sumOf(header)) return null;
  const bytes = Number.parseInt(textAt(header, 124, 11), 8);
  const name = textAt(header, 0, NAME_BYTES_MAX);
  return header[156] === 0x30 && name !== '' && bytes >= 0 ? { name, bytes } : null;
}

/** Zeros behind a file. */
export function tarPadding(bytes: number): number {
  return (TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK;
}

// private functions

function sumOf(header: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < TAR_BLOCK; i++) if (i < 148 || i >= 156) sum += header[i];
  return sum;
}

/** Texts are ASCII. */
function put(header: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) header[at + i] = text.charCodeAt(i);
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const end = header.subarray(at, at + length).indexOf(0);
  return String.fromCharCode(...header.subarray(at, end < 0 ? at + length : at + end));
}
