/** SchemaChanges: what the messages of one shard change of schemas, gathered message by message, for the homes of live queries. */
import type { DeletedSpan } from '../recorder/index.ts';
import type { SchemaChange } from './live-messages.ts';

interface Changes {
  readonly measurements: Set<string>;
  readonly deleted: DeletedSpan[];
  /** The database is no more. */
  isDropped: boolean;
}

export class SchemaChanges {
  readonly #shard: number;
  #byDatabase = new Map<string, Changes>();

  constructor(shard: number) {
    this.#shard = shard;
  }

  /** A measurement, a field or a tag has appeared. */
  appeared(database: string, measurement: string): void {
    this.#of(database).measurements.add(measurement);
  }

  deleted(database: string, deleted: readonly DeletedSpan[]): void {
    const changes = this.#of(database);
    for (const { measurement, minTime, maxTime } of deleted) {
      // plain data: what else is in them stays here
      changes.deleted.push({ measurement, minTime, maxTime });
      changes.measurements.add(measurement);
    }
  }

  dropped(database: string): void {
    this.#of(database).isDropped = true;
  }

  /** By database what has changed since the last call, which was by message `sequence`. */
  take(sequence: number): SchemaChange[] {
    if (this.#byDatabase.size === 0) return [];
    const changes = [...this.#byDatabase];
    this.#byDatabase = new Map();
    const at = { shard: this.#shard, sequence };
    return changes.map(([database, { measurements, deleted, isDropped }]) => {
      return { database, measurements: isDropped ? null : [...measurements], deleted, at };
    });
  }

  // private functions

  #of(database: string): Changes {
    let changes = this.#byDatabase.get(database);
    if (changes === undefined) {
      this.#byDatabase.set(database, (changes = { measurements: new Set(), deleted: [], isDropped: false }));
    }
    return changes;
  }
}
