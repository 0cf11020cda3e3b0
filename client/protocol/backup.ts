/**
 * A backup as an archive: a tar (tar.ts) of `backup.json` first, which says all about it, then the sealed buckets it names, in its
 * order, then `SHA256SUMS` of everything before, as `sha256sum -c` reads it. An archive without the last is not whole.
 */

export const BACKUP_JSON = 'backup.json';
export const SUMS = 'SHA256SUMS';
export const BACKUP_FORMAT = 1;
/** Of those that say what is replaced: who does not know of it must not restore them. */
export const BACKUP_FORMAT_REPLACING = 2;
/** Of one bucket: it goes back to a server as one body. */
export const BACKUP_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** Rows of a bucket that had been deleted: these times, both included, ns, of the series of these numbers in the bucket; null = all. */
export interface BackupHidden {
  readonly minTime: string;
  readonly maxTime: string;
  readonly series: readonly number[] | null;
}

export interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly rows: number;
  /** First and last time, ns. */
  readonly minTime: string;
  readonly maxTime: string;
  /** Not there = all rows count. */
  readonly hidden?: readonly BackupHidden[];
}

/** Rows of a measurement, in whichever policy, that go before the files are restored: those that are still there are in the files. */
export interface BackupReplaced {
  readonly database: string;
  readonly measurement: string;
  /** First and last time, ns; null = no bound. */
  readonly minTime: string | null;
  readonly maxTime: string | null;
}

/** A document of the catalogue: a policy, a user, metadata; '' = of the server as a whole. */
export interface BackupDocument {
  readonly kind: string;
  readonly database: string;
  readonly name: string;
  readonly body: unknown;
}

/** `backup.json`. */
export interface BackupManifest {
  readonly format: typeof BACKUP_FORMAT | typeof BACKUP_FORMAT_REPLACING;
  /** RFC3339, for people. */
  readonly made: string;
  /** What the archive holds is the state at this position of every shard's stream … */
  readonly position: string;
  /** … or what came to it after this one; null = everything. */
  readonly since: string | null;
  readonly databases: readonly string[];
  /** Every database of the server is in it. */
  readonly complete: boolean;
  readonly documents: readonly BackupDocument[];
  /** Not there = none; only where `since` is. */
  readonly replaced?: readonly BackupReplaced[];
  /** To be restored in this order: of two points at one time of one series the later file has the newer. */
  readonly files: readonly BackupFile[];
}
