/**
 * Alerts as documents: the text of CREATE ALERT with all names spelled out, its secret apart from it, so that the text can be shown, and
 * when it was made, which tells an alert from one of the same name before it. What runs them is server/alerts.
 */
import type { CatalogueDocument, DocumentId, Documents } from '../../model/index.ts';
import { type AdministrationStatement, print, QueryError } from '../../query/index.ts';
import type { CatalogueEdit } from './catalogue.ts';

/** Of one database; each is a live query. */
const ALERTS_MAX = 1_000;

export type CreateAlert = AdministrationStatement & { readonly kind: 'create alert' };

export interface StoredAlert {
  readonly database: string;
  readonly name: string;
  /** Canonical CREATE ALERT, without OR REPLACE and without options. */
  readonly text: string;
  /** '' = webhooks are not signed. */
  readonly secret: string;
  /** ns since 1970; of no two alerts the same. */
  readonly created: string;
}

/** In the order in which they were made. */
export function alertsOf(documents: Documents, database: string): StoredAlert[] {
  return documents.list('alert', database).map(toAlert);
}

/** null = there is none. */
export function alertNamed(documents: Documents, database: string, name: string): StoredAlert | null {
  const document = documents.get(idOf(database, name));
  return document === null ? null : toAlert(document);
}

/** `database` is where the statement says ON, or else where it was asked. The same once more changes nothing. Throws QueryError. */
export function createAlert(
  documents: Documents,
  database: string,
  statement: CreateAlert,
  nowNs: bigint,
): CatalogueEdit {
  const { name, options } = statement;
  const text = print({ ...statement, database, replace: false, options: [] });
  const secret = secretOf(options);
  const there = alertNamed(documents, database, name);
  if (there !== null) {
    if (there.text === text && there.secret === secret) return {};
    if (!statement.replace) throw new QueryError('invalid', `alert already exists: ${database}.${name}`);
  } else if (documents.list('alert', database).length >= ALERTS_MAX) {
    throw new QueryError('invalid', `database "${database}" has ${ALERTS_MAX} alerts already`);
  }
  return { put: [{ ...idOf(database, name), body: { text, secret, created: String(nowNs) } }] };
}

/** Throws QueryError. */
export function dropAlert(documents: Documents, database: string, name: string): CatalogueEdit {
  if (alertNamed(documents, database, name) === null) {
    throw new QueryError('invalid', `alert not found: ${database}.${name}`);
  }
  return { remove: [idOf(database, name)] };
}

// private functions

function idOf(database: string, name: string): DocumentId {
  return { kind: 'alert', database, name };
}

function toAlert({ database, name, body }: CatalogueDocument): StoredAlert {
  return { database, name, ...(body as Omit<StoredAlert, 'database' | 'name'>) };
}

function secretOf(options: CreateAlert['options']): string {
  let secret = '';
  for (const { key, value } of options) {
    if (key !== 'secret') throw new QueryError('invalid', `unknown option "${key}" of an alert: expected secret`);
    if (value.kind !== 'string') throw new QueryError('invalid', 'option "secret" of an alert: expected a string');
    secret = value.value;
  }
  return secret;
}
