/**
 * Documents: what a database is besides its points — retention policies, users, advice, metadata, stored queries — as small JSON
 * values under (kind, database, name). They are put and removed by control entries at a place of every shard's stream, so every
 * shard comes to hold the same ones; a revision that grows over all of them tells which of two is the newer where a crash fell
 * between two shards.
 */

export type DocumentKind =
  | 'retention policy'
  | 'measurement advice'
  | 'metadata'
  | 'user'
  | 'continuous query'
  | 'alert';

export interface DocumentId {
  readonly kind: DocumentKind;
  /** '' = of the server as a whole. */
  readonly database: string;
  readonly name: string;
}

export interface CatalogueDocument extends DocumentId {
  readonly revision: number;
  /** Plain JSON. */
  readonly body: unknown;
}

/** Removals come first. */
export interface DocumentChange {
  readonly remove: readonly DocumentId[];
  readonly put: readonly CatalogueDocument[];
}

export class Documents {
  /** Kind and database → name → document, in the order in which they were first put. */
  readonly #groups = new Map<string, Map<string, CatalogueDocument>>();

  get({ kind, database, name }: DocumentId): CatalogueDocument | null {
    return this.#groups.get(groupKey(kind, database))?.get(name) ?? null;
  }

  /** In the order in which they were first put. */
  list(kind: DocumentKind, database: string): CatalogueDocument[] {
    return [...(this.#groups.get(groupKey(kind, database))?.values() ?? [])];
  }

  *all(): Generator<CatalogueDocument> {
    for (const group of this.#groups.values()) yield* group.values();
  }

  /** Of one database; '' = those of the server. */
  ofDatabase(database: string): CatalogueDocument[] {
    return [...this.all()].filter((document) => document.database === database);
  }

  change({ remove, put }: DocumentChange): void {
    for (const id of remove) this.remove(id);
    for (const document of put) this.put(document);
  }

  put(document: CatalogueDocument): void {
    const key = groupKey(document.kind, document.database);
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = new Map()));
    group.set(document.name, document);
  }

  /** True: it was there. */
  remove({ kind, database, name }: DocumentId): boolean {
    const key = groupKey(kind, database);
    const group = this.#groups.get(key);
    if (group?.delete(name) !== true) return false;
    if (group.size === 0) this.#groups.delete(key);
    return true;
  }

  get size(): number {
    let size = 0;
    for (const group of this.#groups.values()) size += group.size;
    return size;
  }
}

// private functions

function groupKey(kind: DocumentKind, database: string): string {
  return `${kind}\0${database}`;
}
