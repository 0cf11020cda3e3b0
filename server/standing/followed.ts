/**
 * Followed: keeps running, on this worker, what the documents of one kind say should run here. What is put is opened, what is removed
 * is closed, what is replaced is closed and opened. What concerns one name is done one after the other.
 */
import type { DocumentKind } from '../../model/index.ts';
import type { CatalogueNews } from '../catalogue/index.ts';

export interface Runs {
  /** Resolves when nothing of it is under way. `over`: it is dropped or replaced, and what it keeps may go. */
  close(over: boolean): Promise<void>;
}

export interface FollowedOptions<D, R extends Runs> {
  readonly kind: DocumentKind;
  /** As the documents are now; null = it is not there. */
  find(database: string, name: string): D | null;
  /** Whether what runs for the one does for the other. */
  same(one: D, other: D): boolean;
  /** null = it does not run here. */
  open(document: D): Promise<R | null>;
}

export class Followed<D, R extends Runs> {
  readonly #options: FollowedOptions<D, R>;
  readonly #running = new Map<string, { readonly document: D; readonly runs: R }>();
  /** By key: the end of what is being done about it. */
  readonly #work = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: FollowedOptions<D, R>) {
    this.#options = options;
  }

  /** After the documents have followed the same news. */
  follow({ change: { remove, put } }: CatalogueNews): void {
    for (const { kind, database, name } of [...remove, ...put]) {
      if (kind === this.#options.kind) this.#later(keyOf(database, name), () => this.#look(database, name));
    }
  }

  /** What runs for the document as it is now; null = nothing here. */
  async settled(database: string, name: string): Promise<R | null> {
    const key = keyOf(database, name);
    await this.#work.get(key);
    return this.#running.get(key)?.runs ?? null;
  }

  all(): R[] {
    return [...this.#running.values()].map(({ runs }) => runs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#work.values());
    await Promise.all(this.all().map((runs) => runs.close(false)));
    this.#running.clear();
  }

  // private functions

  #later(key: string, act: () => Promise<void>): void {
    const done = (this.#work.get(key) ?? Promise.resolve()).then(act).finally(() => {
      if (this.#work.get(key) === done) this.#work.delete(key);
    });
    this.#work.set(key, done);
  }

  async #look(database: string, name: string): Promise<void> {
    if (this.#closed) return;
    const { find, same, open } = this.#options;
    const key = keyOf(database, name);
    const before = this.#running.get(key);
    const document = find(database, name);
    if (before !== undefined) {
      if (document !== null && same(document, before.document)) return;
      this.#running.delete(key);
      await before.runs.close(true);
    }
    const runs = document === null ? null : await open(document);
    if (runs !== null) this.#running.set(key, { document: document!, runs });
  }
}

// private functions

function keyOf(database: string, name: string): string {
  return JSON.stringify([database, name]);
}
