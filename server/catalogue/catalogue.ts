/**
 * The authority for what databases are besides points: which there are, and the documents of each (model/documents.ts). Main thread
 * only. Every change is decided on what the changes before it have left, put as one control entry into the stream of every shard, and
 * told to the workers when all shards have applied it; only then is its caller answered. So at most one change is half done when the
 * process dies, and the next start says it again to the shards that missed it.
 *
 *     change ──▶ decide on documents ──▶ link.publish (all streams) ──▶ documents ──▶ link.tell (workers) ──▶ answer
 */
import {
  type CatalogueDocument,
  type ControlEntry,
  compareText,
  type DocumentChange,
  type DocumentId,
  type DocumentKind,
  Documents,
} from '../../model/index.ts';
import { QueryError } from '../../query/index.ts';
import type { CatalogueNews } from './view.ts';

/** A document is read and sent whole; what is larger is data, and belongs into points. */
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** All are held by every thread, and by every shard's store. */
const DOCUMENTS_MAX = 100_000;
/** Of a series it is the whole tag set. */
const NAME_LENGTH_MAX = 4096;

/** The way to the shards and the workers. */
export interface CatalogueLink {
  /** Resolves when every shard has applied the entry. */
  publish(entry: ControlEntry): Promise<void>;
  /** Reaches a worker before anything that is sent to it later. */
  tell(news: CatalogueNews): void;
}

/** What a change puts and removes, before it has a revision. */
export interface CatalogueEdit {
  readonly remove?: readonly DocumentId[];
  readonly put?: readonly (DocumentId & { readonly body: unknown })[];
}

/** What the shards' stores hold at start. */
export interface FoundCatalogue {
  readonly databases: readonly string[];
  /** By shard, in any order. */
  readonly documents: readonly (readonly CatalogueDocument[])[];
}

export interface CatalogueLimits {
  readonly documentBytesMax: number;
  readonly documentsMax: number;
}

export class Catalogue {
  readonly documents = new Documents();
  readonly #limits: CatalogueLimits;
  /** Resolves when the database is there for everybody. */
  readonly #databases = new Map<string, Promise<void>>();
  #link: CatalogueLink | null = null;
  #revision = 0;
  /** The end of the change asked for last. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: Partial<CatalogueLimits> = {}) {
    this.#limits = { documentBytesMax: DOCUMENT_BYTES_MAX, documentsMax: DOCUMENTS_MAX, ...limits };
  }

  /** From here on it can be changed. Resolves when all shards agree. `missing` gives what a database found must have. */
  async open(
    link: CatalogueLink,
    found: FoundCatalogue,
    missing: (documents: Documents, database: string) => CatalogueEdit,
  ): Promise<void> {
    this.#link = link;
    for (const database of found.databases) this.#databases.set(database, Promise.resolve());
    for (const document of found.documents.flat()) {
      this.#revision = Math.max(this.#revision, document.revision);
      const known = this.documents.get(document);
      if (known === null || known.revision < document.revision) this.documents.put(document);
    }
    const held = found.documents.map(documentsOf);
    const again = [...this.documents.all()].filter((document) =>
      held.some((documents) => documents.get(document)?.revision !== document.revision),
    );
    link.tell({ databases: this.databases(), change: { remove: [], put: [...this.documents.all()] } });
    await this.#inOrder(() => this.#apply({ remove: [], put: again }));
    for (const database of found.databases) await this.change(() => missing(this.documents, database));
  }

  /** Sorted. */
  databases(): string[] {
    return [...this.#databases.keys()].sort(compareText);
  }

  has(database: string): boolean {
    return this.#databases.has(database);
  }

  /** Resolves when the database is there, whoever makes it; null where nobody does. */
  known(database: string): Promise<void> | null {
    return this.#databases.get(database) ?? null;
  }

  /** Makes the database unless it exists, with documents of its own: both at once or not at all. */
  createDatabase(database: string, documents: CatalogueEdit = {}): Promise<void> {
    const known = this.#databases.get(database);
    if (known !== undefined) return known;
    const done = this.#inOrder(async () => {
      const { put } = this.#stamped(documents);
      await this.#link!.publish({ type: 'create database', database, documents: put });
      this.#tell({ remove: [], put });
    });
    this.#databases.set(database, done);
    done.catch(() => this.#databases.delete(database));
    return done;
  }

  /** With all its documents. */
  dropDatabase(database: string): Promise<void> {
    if (!this.#databases.delete(database)) return Promise.resolve();
    return this.#inOrder(async () => {
      await this.#link!.publish({ type: 'drop database', database });
      this.#tell({ remove: this.documents.ofDatabase(database).map(idOf), put: [] });
    });
  }

  /** With what was written to it; without effect where it is not there. */
  dropPolicy(database: string, name: string): Promise<void> {
    return this.#inOrder(async () => {
      const id: DocumentId = { kind: 'retention policy', database, name };
      if (this.documents.get(id) === null) return;
      await this.#link!.publish({ type: 'drop retention policy', database, retentionPolicy: name });
      this.#tell({ remove: [id], put: [] });
    });
  }

  /** Resolves when no shard has points of the policy from before that time any more. */
  expire(database: string, retentionPolicy: string, before: bigint): Promise<void> {
    return this.#inOrder(async () => {
      if (this.get('retention policy', database, retentionPolicy) === null) return;
      await this.#link!.publish({ type: 'expire', database, retentionPolicy, before: String(before) });
    });
  }

  get(kind: DocumentKind, database: string, name: string): CatalogueDocument | null {
    return this.documents.get({ kind, database, name });
  }

  /** In the order in which they were first put. */
  list(kind: DocumentKind, database: string): CatalogueDocument[] {
    return this.documents.list(kind, database);
  }

  /** Rejects with QueryError where the body, or one document more, is over the limit, or the database does not exist. */
  put(kind: DocumentKind, database: string, name: string, body: unknown): Promise<void> {
    return this.change(() => ({ put: [{ kind, database, name, body }] }));
  }

  async remove(kind: DocumentKind, database: string, name: string): Promise<boolean> {
    let found = false;
    await this.change(() => {
      found = this.get(kind, database, name) !== null;
      return { remove: [{ kind, database, name }] };
    });
    return found;
  }

  /** For a change that depends on what there is: `decide` sees everything before it, and nothing comes between. */
  change(decide: () => CatalogueEdit | Promise<CatalogueEdit>): Promise<void> {
    return this.#inOrder(async () => this.#apply(this.#stamped(this.#needed(await decide()))));
  }

  /** Any other entry that must not cross a change: resolves when every shard has applied it. */
  publish(entry: ControlEntry): Promise<void> {
    return this.#inOrder(() => this.#link!.publish(entry));
  }

  // private functions

  #inOrder<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act, act);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #apply(change: DocumentChange): Promise<void> {
    if (change.remove.length === 0 && change.put.length === 0) return;
    await this.#link!.publish({ type: 'change documents', ...change });
    this.#tell(change);
  }

  #tell(change: DocumentChange): void {
    this.documents.change(change);
    this.#link!.tell({ databases: this.databases(), change });
  }

  /** Without removals of what is not there. */
  #needed({ remove = [], put }: CatalogueEdit): CatalogueEdit {
    return { put, remove: remove.filter((id) => this.documents.get(id) !== null) };
  }

  #stamped({ remove = [], put = [] }: CatalogueEdit): DocumentChange {
    const { documentBytesMax, documentsMax } = this.#limits;
    for (const { kind, database, name, body } of put) {
      if (name === '' || name.length > NAME_LENGTH_MAX) {
        throw new QueryError('invalid', `name of a ${kind}: expected 1 to ${NAME_LENGTH_MAX} characters`);
      }
      const bytes = new TextEncoder().encode(JSON.stringify(body)).length;
      if (bytes > documentBytesMax) {
        const size = `${bytes} bytes, more than ${documentBytesMax}`;
        throw new QueryError('invalid', `${kind} "${name}" is too large: ${size}`);
      }
      if (database !== '' && !this.has(database)) throw new QueryError('invalid', `database not found: ${database}`);
    }
    const fresh = put.filter((id) => this.documents.get(id) === null).length;
    if (fresh > 0 && this.documents.size + fresh - remove.length > documentsMax) {
      throw new QueryError('invalid', `more than ${documentsMax} documents (policies, users, metadata and the like)`);
    }
    return { remove: remove.map(idOf), put: put.map((document) => ({ ...document, revision: ++this.#revision })) };
  }
}

// private functions

function documentsOf(list: readonly CatalogueDocument[]): Documents {
  const documents = new Documents();
  for (const document of list) documents.put(document);
  return documents;
}

function idOf({ kind, database, name }: DocumentId): DocumentId {
  return { kind, database, name };
}
