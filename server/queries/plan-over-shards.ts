/** Planning where the schema lies spread over shards: asks all of them what they know of the measurements named, then plans once. */
import type { Epoch } from '../../client/protocol/index.ts';
import type { MeasurementSchema } from '../../model/index.ts';
import {
  type MeasurementMatcher,
  matchesName,
  measurementMatchers,
  measurementsOf,
  mergeSchemas,
  type PaneStore,
  type Plan,
  type PlanContext,
  planSelect,
  type SelectStatement,
  type ShowContext,
  type ShowStatement,
} from '../../query/index.ts';
import type { ShardStore } from '../../storage/index.ts';
import type { CatalogueView } from '../catalogue/index.ts';
import { namePolicies } from './policy-names.ts';

/** What every thread knows of every shard, without asking it, in the moment in which it looks. */
export interface ShardDirectory {
  /** False: no series of the measurement, in any policy, has ever had the value there. */
  mayHold(shard: number, name: TagValue): boolean;
  /** Of its schema. */
  version(shard: number): number;
}

export interface TagValue {
  readonly database: string;
  readonly measurement: string;
  readonly tag: string;
  /** Not empty: that would be the series without the tag. */
  readonly value: string;
}

/** How a query reaches the shards, here or on other workers (workers/mesh.ts). */
export interface ShardMesh {
  readonly shards: number;
  /** All of them, in the order in which to ask them. */
  readonly nearLast: readonly number[];
  readonly directory: ShardDirectory;
  /** Whether a shard is on this thread. */
  isNear(shard: number): boolean;
  /** Number of this worker. */
  readonly index: number;
  call<T>(shard: number, method: string, body: object): Promise<T>;
  callAll<T>(method: string, bodyOf: (shard: number) => object): Promise<T[]>;
  stream<T>(shard: number, method: string, body: object, signal: AbortSignal): AsyncIterable<T>;
  notifyAll(method: string, body: object): void;
}

export interface DescribeCall {
  readonly shard: number;
  readonly matchers: readonly MeasurementMatcher[];
}

export interface PartialsCall {
  readonly shard: number;
  readonly plan: Plan;
  /** Of the shard's schema over which the plan was made. */
  readonly version: number;
  /** The shard tells what it counts. */
  readonly isCounted?: boolean;
  /** As historicalShard has it; null where the shard is on another thread. */
  readonly home: PaneStore | null;
  /** Rows are wanted as JSON texts. */
  readonly texts: TextFormat | null;
}

export interface TextFormat {
  readonly epoch: Epoch | null;
}

export interface ShowCall {
  readonly shard: number;
  readonly statement: ShowStatement;
  readonly context: ShowContext;
}

export interface Described {
  /** By matcher, in the order of the call. */
  readonly schemas: readonly (readonly MeasurementSchema[])[];
  /** Of the shard's schema: another one once that has changed. */
  readonly version: number;
}

/** What all shards know of some measurements. */
export interface KnownSchemas {
  readonly measurements: readonly (MeasurementMatcher & { readonly schemas: readonly MeasurementSchema[] })[];
  /** By shard. */
  readonly versions: readonly number[];
}

/** Throws QueryError. */
export async function planOverShards(
  select: SelectStatement,
  database: string,
  now: bigint,
  { mesh, catalogue }: { readonly mesh: ShardMesh; readonly catalogue: CatalogueView },
): Promise<Plan> {
  const statement = namePolicies(select, database, catalogue);
  const known = await gatherSchemas(matchersOf(statement, database), mesh);
  return planSelect(statement, planContext(known, database, now));
}

/** What a statement whose policies are named reads. */
export function matchersOf(statement: SelectStatement, database: string): MeasurementMatcher[] {
  return measurementMatchers(measurementsOf(statement), { database, defaultRetentionPolicy: '' });
}

export async function gatherSchemas(matchers: readonly MeasurementMatcher[], mesh: ShardMesh): Promise<KnownSchemas> {
  const answers = await mesh.callAll<Described>('describe', (shard) => ({ shard, matchers }) satisfies DescribeCall);
  return {
    measurements: matchers.map((matcher, i) => ({
      ...matcher,
      schemas: mergeSchemas(answers.map((a) => a.schemas[i])),
    })),
    versions: answers.map(({ version }) => version),
  };
}

export function planContext(known: KnownSchemas, database: string, now: bigint): PlanContext {
  return {
    database,
    defaultRetentionPolicy: '',
    now,
    schemas: (db, retentionPolicy, wanted) => {
      const found = known.measurements
        .filter((k) => k.database === db && k.retentionPolicy === retentionPolicy)
        .flatMap((k) => k.schemas)
        .filter((schema) => wanted(schema.name));
      return mergeSchemas([[...new Map(found.map((schema) => [schema.name, schema])).values()]]);
    },
  };
}

/** The shard's part of it. */
export function describeMatching(store: ShardStore, matchers: readonly MeasurementMatcher[]): Described {
  const schemas = matchers.map(({ database, retentionPolicy, name }) =>
    store.describe(database, retentionPolicy, matchesName(name)),
  );
  return { schemas, version: store.schemaVersion };
}
