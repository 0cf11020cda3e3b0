/** Files beside the buckets, and buckets without a file: whether the disk holds what the manifest says. Called when a store opens. */
import { StorageError } from '../error.ts';
import type { Files } from '../files/files.ts';
import type { ManifestBucket } from './manifest-record.ts';
import { bucketName } from './seal-rows.ts';

/**
 * Names of files that no record names: of a sealing that was cut short, or of a database that was dropped. Throws `corrupt` where a
 * bucket has no file.
 */
export async function findStrays(
  files: Files,
  directory: string,
  buckets: readonly ManifestBucket[],
  manifestCut: string,
): Promise<string[]> {
  const near = buckets.filter(({ far }) => far === undefined);
  const listed = new Set(near.map(({ id }) => bucketName(id)));
  const strays = (await files.list(directory)).filter((name) => !listed.delete(name));
  for (const name of listed)
    throw new StorageError('corrupt', `${directory}/${name}: the bucket is missing${manifestCut}`);
  return strays;
}
