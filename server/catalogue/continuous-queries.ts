/**
 * Stored continuous queries as documents: the text of CREATE CONTINUOUS QUERY with all names spelled out, whether it is paused, and when
 * it was made, which tells a query from one of the same name before it. The rules and texts are InfluxDB's. What runs them is
 * server/standing.
 */
import type { CatalogueDocument, DocumentId, Documents } from '../../model/index.ts';
import { type AdministrationStatement, print, QueryError } from '../../query/index.ts';
import type { CatalogueEdit } from './catalogue.ts';

export type CreateContinuousQuery = AdministrationStatement & { readonly kind: 'create continuous query' };

export interface ContinuousQuery {
  readonly database: string;
  readonly name: string;
  /** Canonical CREATE CONTINUOUS QUERY, without OR REPLACE. */
  readonly text: string;
  /** ns since 1970; of no two queries the same. */
  readonly created: string;
  readonly paused: boolean;
}

/** In the order in which they were made. */
export function continuousQueriesOf(documents: Documents, database: string): ContinuousQuery[] {
  return documents.list('continuous query', database).map(toContinuousQuery);
}

/** Throws QueryError. */
export function continuousQueryNamed(documents: Documents, database: string, name: string): ContinuousQuery {
  const document = documents.get(idOf(database, name));
  if (document === null) throw new QueryError('invalid', `continuous query not found: ${database}.${name}`);
  return toContinuousQuery(document);
}

/** The same once more changes nothing. Throws QueryError. */
export function createContinuousQuery(
  documents: Documents,
  statement: CreateContinuousQuery,
  nowNs: bigint,
): CatalogueEdit {
  const { database, name } = statement;
  const there = documents.get(idOf(database, name));
  const text = print({ ...statement, replace: false });
  if (there !== null) {
    if (toContinuousQuery(there).text.toLowerCase() === text.toLowerCase()) return {};
    if (!statement.replace) throw new QueryError('invalid', 'continuous query already exists');
  }
  return putContinuousQuery({ database, name, text, created: String(nowNs), paused: false });
}

/** Without effect where it is not there. */
export function dropContinuousQuery(database: string, name: string): CatalogueEdit {
  return { remove: [idOf(database, name)] };
}

/** Throws QueryError. */
export function pauseContinuousQuery(
  documents: Documents,
  { database, name }: { readonly database: string; readonly name: string },
  paused: boolean,
): CatalogueEdit {
  const query = continuousQueryNamed(documents, database, name);
  return query.paused === paused ? {} : putContinuousQuery({ ...query, paused });
}

// private functions

function idOf(database: string, name: string): DocumentId {
  return { kind: 'continuous query', database, name };
}

function toContinuousQuery({ database, name, body }: CatalogueDocument): ContinuousQuery {
  return { database, name, ...(body as Omit<ContinuousQuery, 'database' | 'name'>) };
}

function putContinuousQuery({ database, name, ...body }: ContinuousQuery): CatalogueEdit {
  return { put: [{ ...idOf(database, name), body }] };
}
