/**
 * The documents of a shard, and which of them the manifest does not know yet: a sealing takes these along, so that the stream before
 * it is not needed for them.
 */
import type { DocumentChange, DocumentId, Documents } from '../../model/index.ts';

export class DocumentNews {
  readonly documents: Documents;
  /** Put or removed since the last `take`, by key. */
  #news = new Map<string, DocumentId>();

  /** What the manifest says. */
  constructor(documents: Documents) {
    this.documents = documents;
  }

  change(change: DocumentChange): void {
    this.documents.change(change);
    for (const id of [...change.remove, ...change.put]) this.#note(id);
  }

  dropDatabase(database: string): void {
    for (const document of this.documents.ofDatabase(database)) {
      this.documents.remove(document);
      this.#note(document);
    }
  }

  /** What a record has to say: everything, or what is new. */
  take(full: boolean): DocumentChange {
    const news = [...this.#news.values()];
    this.#news = new Map();
    if (full) return { remove: [], put: [...this.documents.all()] };
    return {
      remove: news.filter((id) => this.documents.get(id) === null),
      put: news.map((id) => this.documents.get(id)).filter((document) => document !== null),
    };
  }

  // private functions

  #note({ kind, database, name }: DocumentId): void {
    this.#news.set(`${kind}\0${database}\0${name}`, { kind, database, name });
  }
}
