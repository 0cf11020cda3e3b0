/** Which measurements a statement names, what the shards know of them put together, and the type that a name has over several. */
import type { FieldType, MeasurementSchema } from '../../model/index.ts';
import type { IntoTarget, MeasurementSource, SelectSource, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { compileRegex } from '../language/regex.ts';

/** Plain data: can be sent to the threads that hold the shards. */
export interface MeasurementMatcher {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly name: MeasurementSource['name'];
}

/** What names are resolved in. */
export interface Schemas {
  readonly database: string;
  readonly defaultRetentionPolicy: string;
  /** Measurements of a policy whose name passes, over all shards. */
  schemas(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[];
}

/** From what has precedence where shards or measurements disagree, as InfluxDB ranks types. */
const PRECEDENCE: readonly FieldType[] = ['float', 'integer', 'unsigned', 'string', 'boolean'];

export function measurementMatchers(
  sources: readonly MeasurementSource[],
  defaults: Pick<Schemas, 'database' | 'defaultRetentionPolicy'>,
): MeasurementMatcher[] {
  return sources.map((source) => {
    const database = source.database ?? defaults.database;
    if (database === '') throw new QueryError('invalid', 'database name required');
    return { database, retentionPolicy: source.retentionPolicy ?? defaults.defaultRetentionPolicy, name: source.name };
  });
}

/** The measurements that a statement and its subqueries name. */
export function measurementsOf({ sources }: SelectStatement): MeasurementSource[] {
  return sources.flatMap(measurementsIn);
}

/** Where a statement says that points are written. */
export function targetsOf({ into, lateness }: SelectStatement): IntoTarget[] {
  const late = typeof lateness?.after === 'object' ? [lateness.after] : [];
  return into === undefined ? late : [into, ...late];
}

export function matchesName(name: MeasurementSource['name']): (measurement: string) => boolean {
  if ('text' in name) return (measurement) => measurement === name.text;
  const regex = compileRegex(name.regex);
  return (measurement) => regex.test(measurement);
}

/** One schema per measurement out of what each shard describes, sorted by name. */
export function mergeSchemas(perShard: readonly (readonly MeasurementSchema[])[]): MeasurementSchema[] {
  const byName = new Map<string, MeasurementSchema[]>();
  for (const schema of perShard.flat()) {
    const same = byName.get(schema.name);
    if (same === undefined) byName.set(schema.name, [schema]);
    else same.push(schema);
  }
  return [...byName.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schemas]) => ({ name, fields: unionFields(schemas), tagKeys: unionTagKeys(schemas) }));
}

export function unionFields(schemas: readonly { fields: ReadonlyMap<string, FieldType> }[]): Map<string, FieldType> {
  const union = new Map<string, FieldType>();
  for (const { fields } of schemas) {
    for (const [name, type] of fields) {
      const known = union.get(name);
      if (known === undefined || PRECEDENCE.indexOf(type) < PRECEDENCE.indexOf(known)) union.set(name, type);
    }
  }
  return union;
}

export function unionTagKeys(schemas: readonly { tagKeys: readonly string[] }[]): string[] {
  return [...new Set(schemas.flatMap(({ tagKeys }) => tagKeys))].sort();
}

// private functions

function measurementsIn(source: SelectSource): MeasurementSource[] {
  if ('subquery' in source) return measurementsOf(source.subquery);
  if ('join' in source) return [source.left, source.right].flatMap((side) => measurementsIn(side.source));
  return [source];
}
