/**
 * SHOW SERIES CARDINALITY as InfluxDB counts where it is exact: its shards are spans of time, each with its own series, so a series counts
 * once for every span of its policy in which it has points. Here that is the rows of a SELECT with windows of that span. The one number
 * of a whole database (no EXACT, no clauses) counts each series once, there and here, and does not come by.
 */
import { compareText, TIME_MAX } from '../../model/index.ts';
import {
  type CountStatement,
  type MeasurementSource,
  parse,
  type ResultTable,
  type SelectStatement,
} from '../../query/index.ts';
import { type CatalogueView, findPolicy } from '../catalogue/index.ts';
import { policyNamed } from './policy-names.ts';

/** InfluxDB counts spans from the first day of year 1, a Monday; windows here from 1970: so far apart, ns. */
const FIRST_DAY = -719_162n * 86_400_000_000_000n;

/** One for each policy that is read. Throws QueryError. */
export function seriesBySpan(statement: CountStatement, database: string, catalogue: CatalogueView): SelectStatement[] {
  const every: MeasurementSource = { database: null, retentionPolicy: null, name: { regex: '' } };
  const byPolicy = new Map<string, MeasurementSource[]>();
  for (const source of statement.sources.length > 0 ? statement.sources : [every]) {
    const place = source.database ?? statement.database ?? database;
    const retentionPolicy = policyNamed(source.retentionPolicy, place, catalogue);
    const key = `${place}\0${retentionPolicy}`;
    byPolicy.set(key, [...(byPolicy.get(key) ?? []), { ...source, database: place, retentionPolicy }]);
  }
  return [...byPolicy.values()].map((sources) => {
    const { database: place, retentionPolicy } = sources[0];
    const span = findPolicy(catalogue.documents, place!, retentionPolicy!)!.shardDuration;
    // where no end is said there would be none behind now
    const windows = `WHERE time <= ${TIME_MAX} GROUP BY *, time(${span}ns, ${FIRST_DAY % span}ns) fill(none)`;
    const select = parse(`SELECT count(*) FROM m ${windows}`)[0] as SelectStatement;
    const [ever, asked] = [select.condition!, statement.condition];
    const condition = asked && { kind: 'binary' as const, operator: 'AND' as const, left: ever, right: asked };
    return { ...select, sources, condition: condition ?? ever };
  });
}

/** Rows by measurement, in the order of their names. */
export async function countRows(answers: Iterable<AsyncIterable<ResultTable>>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const tables of answers) {
    for await (const { name, rows } of tables) counts.set(name, (counts.get(name) ?? 0) + rows);
  }
  return new Map([...counts].sort(([a], [b]) => compareText(a, b)));
}
