/**
 * A backup as an archive: a tar (tar.ts) of `backup.json` first, which says all about it, then the sealed buckets it names, in its
 * order, then `SHA256SUMS` of everything before, as `sha256sum -c` reads it. An archive without the last is not whole.
 */

export const BACKUP_JSON = 'backup.json';
export const SUMS = 'SHA256SUMS';
export const BACKUP_FORMAT = 1;
/** Of those that say what is replaced, with its series: who does not know of it must not restore them. */
export const BACKUP_FORMAT_REPLACING = 3;
/** 2 said what is replaced by measurement and times only. */
export const BACKUP_FORMATS: readonly number[] = [BACKUP_FORMAT, 2, BACKUP_FORMAT_REPLACING];
/** Of one bucket: it goes back to a server as one body. */
export const BACKUP_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** Rows of a bucket: these times, both included, ns, of the series of these numbers in the bucket; null = all. */
export interface BackupRows {
  readonly minTime: string;
  readonly maxTime: string;
  readonly series: readonly number[] | null;
}

/** Which rows of a bucket count. */
export interface BackupChoice {
  /** Not these, they had been deleted; not there = all do. */
  readonly hidden?: readonly BackupRows[];
  /** And of the others only these; not there = all of them. */
  readonly only?: readonly BackupRows[];
}

export interface BackupFile extends BackupChoice {
  readonly name: string;
  readonly bytes: number;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly rows: number;
  /** First and last time, ns. */
  readonly minTime: string;
  readonly maxTime: string;
}

/** Rows, in whichever policy, that go before the files are restored: those that are still there are in the files. */
export interface BackupReplaced {
  readonly database: string;
  /** null = the database is dropped; where it is there again, `databases` has it. */
  readonly measurement: string | null;
  /** Of the series that meet it, as in a DELETE; null or not there = of all. */
  readonly condition?: string | null;
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
  /** One of BACKUP_FORMATS. */
  readonly format: number;
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
