/** What the stores of a worker's shards hold when it starts, for the authorities on the main thread. */
import type { ShardStore } from '../../storage/index.ts';
import type { WorkerReady } from './messages.ts';

export function foundIn(stores: readonly ShardStore[]): WorkerReady {
  const names = [...new Set(stores.flatMap((store) => store.databases()))];
  const fields = stores.flatMap((store) =>
    names.flatMap((database) =>
      store.policies(database).map((retentionPolicy) => ({
        database,
        retentionPolicy,
        fields: store
          .describe(database, retentionPolicy, () => true)
          .flatMap(({ name, fields }) => [...fields].map(([field, type]) => ({ measurement: name, field, type }))),
      })),
    ),
  );
  return { databases: names, documents: stores.map((store) => [...store.documents.all()]), fields };
}
