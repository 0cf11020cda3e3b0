/** What a thread knows of the catalogue: a copy that follows the authority's news, in their order. */
import { type DocumentChange, Documents } from '../../model/index.ts';

/** Plain data. */
export interface CatalogueNews {
  /** All of them, sorted. */
  readonly databases: readonly string[];
  readonly change: DocumentChange;
}

export class CatalogueView {
  readonly documents = new Documents();
  /** Sorted. */
  databases: readonly string[] = [];

  follow({ databases, change }: CatalogueNews): void {
    this.databases = databases;
    this.documents.change(change);
  }

  has(database: string): boolean {
    return this.databases.includes(database);
  }
}
