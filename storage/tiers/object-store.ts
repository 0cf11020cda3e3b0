/**
 * Object store: the port to where old buckets lie. Objects are immutable: a name is given once, with all its bytes, and is gone for
 * good when removed. Adapters: `directory-objects.ts` (a directory, through Files), `memory-objects.ts` (for tests), and the S3
 * protocol in the server, as this folder knows no network.
 *
 * All calls may run at the same time, but for `clear`. An object is there whole or not at all: a put that fails, or whose process
 * dies, leaves nothing that `read`, `head` or `list` shows. After a put that was answered everybody sees the object.
 *
 * Errors are StorageError. `unreachable`: the adapter has tried again as long as it may; later it may work. `not found`, `exists`:
 * the object is not, or is, there. `no space`. `failed`: the store refuses, and will again until somebody changes something.
 */

export interface ObjectInfo {
  readonly name: string;
  readonly bytes: number;
}

/** What is put: read in parts, in order, some parts perhaps more than once. */
export interface ObjectSource {
  readonly bytes: number;
  /** Fills `target` from `at` on. */
  read(target: Uint8Array, at: number): Promise<number>;
}

export interface ObjectStore {
  /** Names are parts of `A-Z a-z 0-9 . _ -` joined by `/`. Rejects with `exists` where one of that name is there. */
  put(name: string, source: ObjectSource): Promise<void>;
  /** Exactly these bytes; a range that is not within the object is `failed`. */
  read(name: string, at: number, length: number): Promise<Uint8Array>;
  /** null = there is no such object. */
  head(name: string): Promise<ObjectInfo | null>;
  /** All whose names begin so, sorted by name in UTF-8; `prefix` is empty or ends with `/`. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Fine if it is not there. */
  remove(name: string): Promise<void>;
  /** Removes what puts under this prefix, in an earlier life, have left unfinished. Called while no put is under way. */
  clear(prefix: string): Promise<void>;
}
