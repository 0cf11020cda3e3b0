/**
 * Puts names of retention policies into a statement where it says none, as the catalogue has them at this moment: SELECT reads the default
 * policy of each database it names; what a database has of measurements, series and tags is shown over all of its policies, as in
 * InfluxDB, whose index is one per database. A policy that does not exist is refused in InfluxDB's words.
 */
import {
  type JoinSide,
  type MeasurementSource,
  QueryError,
  type SelectSource,
  type SelectStatement,
  type ShowStatement,
} from '../../query/index.ts';
import { type CatalogueView, defaultPolicy, hasPolicy, policiesOf, policyNotFound } from '../catalogue/index.ts';

/** Throws QueryError. */
export function namePolicies(select: SelectStatement, database: string, catalogue: CatalogueView): SelectStatement {
  const named = (source: SelectSource): SelectSource => {
    if ('subquery' in source) return { subquery: namePolicies(source.subquery, database, catalogue) };
    if ('join' in source) return { ...source, left: side(source.left), right: side(source.right) };
    return {
      ...source,
      retentionPolicy: policyNamed(source.retentionPolicy, source.database ?? database, catalogue),
    };
  };
  const side = (one: JoinSide): JoinSide => ({ ...one, source: named(one.source) });
  return { ...select, sources: select.sources.map(named) };
}

/** Throws QueryError. */
export function nameShownPolicies(statement: ShowStatement, database: string, catalogue: CatalogueView): ShowStatement {
  const every: MeasurementSource = { database: null, retentionPolicy: null, name: { regex: '' } };
  const asked = statement.sources.length > 0 ? statement.sources : [every];
  const sources = asked.flatMap((source) => {
    const place = source.database ?? statement.database ?? database;
    const { retentionPolicy } = source;
    const names =
      statement.kind === 'show field keys' || retentionPolicy !== null
        ? [policyNamed(retentionPolicy, place, catalogue)]
        : policiesOf(catalogue.documents, place).map(({ name }) => name);
    return names.map((name) => ({ ...source, retentionPolicy: name }));
  });
  return { ...statement, sources };
}

/** The policy meant by a name, or by none. Throws QueryError. */
export function policyNamed(name: string | null, database: string, { documents }: CatalogueView): string {
  const meant = name ?? defaultPolicy(documents, database);
  if (!hasPolicy(documents, database, meant)) throw new QueryError('invalid', policyNotFound(meant));
  return meant;
}
