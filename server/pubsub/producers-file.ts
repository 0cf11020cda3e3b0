/**
 * The table of producers on disk, beside the log of its shard: written before the log lets go of messages, since from then on the log
 * cannot say who had published what. Called by embedded.ts. Replaced as a whole: `producers.new` is written, fsynced and renamed.
 *
 * Byte layout of `producers`, little endian:
 *
 *      0  8 bytes  magic "MLRPRD01"; the digits are the format
 *      8  u32  crc32c of [16, end)     12  u32  producers: how many
 *     16  f64  sequence of the last message that is in the table
 *     24       per producer, the one silent for longest first: f64 producer, f64 last number, f64 its last sequence,
 *              f64[64] sequences of the numbers n up to the last, at n % 64; 0 = not seen
 */
import { type Files, StorageError } from '../../storage/index.ts';
import { PRODUCER_NUMBERS, type Producers } from './producers.ts';

const NAME = 'producers';
const MAGIC = 'MLRPRD01';
const HEADER_BYTES = 24;

/** What `producers` holds now is durable in `directory` when this resolves, as of the message at `sequence`. */
export async function saveProducers(
  files: Files,
  directory: string,
  producers: Producers,
  sequence: number,
): Promise<void> {
  const table = producers.save();
  const bytes = new Uint8Array(HEADER_BYTES + table.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(12, table.length / 8 / PRODUCER_NUMBERS, true);
  view.setFloat64(16, sequence, true);
  bytes.set(table, HEADER_BYTES);
  view.setUint32(8, files.checksum(bytes.subarray(16)), true);
  const path = `${directory}/${NAME}`;
  if ((await files.list(directory)).includes(`${NAME}.new`)) await files.remove(`${path}.new`);
  const file = await files.open(`${path}.new`, 'create');
  try {
    await file.write(bytes, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(`${path}.new`, path);
  await files.syncDirectory(directory);
}

/** Fills the table; gives the sequence up to which it reaches, 0 where none was saved. Throws StorageError `corrupt`. */
export async function loadProducers(files: Files, directory: string, producers: Producers): Promise<number> {
  if (!(await files.list(directory)).includes(NAME)) return 0;
  const path = `${directory}/${NAME}`;
  const file = await files.open(path, 'read');
  try {
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    const view = new DataView(bytes.buffer);
    const isWhole =
      bytes.length >= HEADER_BYTES &&
      new TextDecoder().decode(bytes.subarray(0, 8)) === MAGIC &&
      bytes.length === HEADER_BYTES + 8 * PRODUCER_NUMBERS * view.getUint32(12, true) &&
      view.getUint32(8, true) === files.checksum(bytes.subarray(16));
    if (!isWhole) throw new StorageError('corrupt', `${path} at 0: the table of producers is not as it was written`);
    producers.restore(bytes.subarray(HEADER_BYTES));
    return view.getFloat64(16, true);
  } finally {
    await file.close();
  }
}
