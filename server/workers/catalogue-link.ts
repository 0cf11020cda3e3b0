/** How the authority of the catalogue on the main thread reaches the workers, and what they found on disk reaches it. */
import type { ControlEntry } from '../../model/index.ts';
import { type Catalogue, type CatalogueNews, firstPolicy, policiesOf } from '../catalogue/index.ts';
import type { WorkerReady } from './messages.ts';
import type { Pool } from './pool.ts';

/**
 * `published` hears of an entry before the workers do; what frees types of fields is forgotten by all of them before any shard hears of
 * it. Resolves when all shards agree, and every database has a policy.
 */
export function openCatalogue(
  catalogue: Catalogue,
  pool: Pool,
  ready: readonly WorkerReady[],
  published: (entry: ControlEntry) => void,
): Promise<void> {
  const found = {
    databases: [...new Set(ready.flatMap(({ databases }) => databases))],
    documents: ready.flatMap(({ documents }) => documents),
  };
  const link = {
    publish: async (entry: ControlEntry) => {
      published(entry);
      if (freesTypes(entry)) await Promise.all(pool.peers.map((peer) => peer.call('forget types', { entry })));
      await Promise.all(pool.peers.map((peer) => peer.call('control', { entry })));
    },
    tell: (news: CatalogueNews) => {
      for (const peer of pool.peers) peer.notify('catalogue', news);
    },
  };
  return catalogue.open(link, found, (documents, database) =>
    policiesOf(documents, database).length === 0 ? firstPolicy(database, null) : {},
  );
}

// private functions

function freesTypes({ type }: ControlEntry): boolean {
  return type === 'drop database' || type === 'drop measurement' || type === 'drop retention policy';
}
