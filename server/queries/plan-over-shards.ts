/** Planning where the schema lies spread over shards: asks all of them what they know of the measurements named, then plans once. */
import type { MeasurementSchema } from '../../model/index.ts';
import {
  type MeasurementMatcher,
  matchesName,
  measurementMatchers,
  measurementsOf,
  mergeSchemas,
  type Plan,
  planSelect,
  type SelectStatement,
} from '../../query/index.ts';

export const DEFAULT_RETENTION_POLICY = 'autogen';

/** How a query reaches the shards, here or on other workers (workers/mesh.ts). */
export interface ShardMesh {
  readonly shards: number;
  /** Number of this worker. */
  readonly index: number;
  call<T>(shard: number, method: string, body: object): Promise<T>;
  callAll<T>(method: string, bodyOf: (shard: number) => object): Promise<T[]>;
  stream<T>(shard: number, method: string, body: object): AsyncIterable<T>;
  notifyAll(method: string, body: object): void;
}

export interface DescribeCall {
  readonly shard: number;
  readonly matchers: readonly MeasurementMatcher[];
}

export interface PartialsCall {
  readonly shard: number;
  readonly plan: Plan;
}

/** By matcher, in the order of the call. */
export type Described = readonly (readonly MeasurementSchema[])[];

/** Throws QueryError. */
export async function planOverShards(
  statement: SelectStatement,
  database: string,
  now: bigint,
  mesh: ShardMesh,
): Promise<Plan> {
  const defaults = { database, defaultRetentionPolicy: DEFAULT_RETENTION_POLICY };
  const matchers = measurementMatchers(measurementsOf(statement), defaults);
  const answers = await mesh.callAll<Described>('describe', (shard) => ({ shard, matchers }) satisfies DescribeCall);
  const known = matchers.map((matcher, i) => ({ ...matcher, schemas: mergeSchemas(answers.map((a) => a[i])) }));
  return planSelect(statement, {
    ...defaults,
    now,
    schemas: (db, retentionPolicy, wanted) => {
      const found = known
        .filter((k) => k.database === db && k.retentionPolicy === retentionPolicy)
        .flatMap((k) => k.schemas)
        .filter((schema) => wanted(schema.name));
      return mergeSchemas([[...new Map(found.map((schema) => [schema.name, schema])).values()]]);
    },
  });
}

/** The shard's part of it. */
export function describeMatching(
  describe: (database: string, retentionPolicy: string, wanted: (name: string) => boolean) => MeasurementSchema[],
  matchers: readonly MeasurementMatcher[],
): Described {
  return matchers.map(({ database, retentionPolicy, name }) => describe(database, retentionPolicy, matchesName(name)));
}
