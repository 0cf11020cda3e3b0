/**
 * The catalogue's part of a restore: makes the database where it is not there, and puts the documents of the archive that it lacks.
 * What is there stays as it is; so does the default policy of a database that has one.
 */
import type { BackupDocument } from '../../client/protocol/index.ts';
import type { DocumentId, DocumentKind } from '../../model/index.ts';
import { QueryError } from '../../query/index.ts';
import { type Catalogue, firstPolicy, refuseName } from '../catalogue/index.ts';

const KINDS: ReadonlySet<string> = new Set<DocumentKind>([
  'retention policy',
  'measurement advice',
  'metadata',
  'user',
  'continuous query',
  'alert',
]);

/** `database` '' = the documents of the server as a whole. Rejects with QueryError. */
export async function restoreDocuments(
  catalogue: Catalogue,
  database: string,
  documents: readonly BackupDocument[],
): Promise<void> {
  const put = documents.map((document) => checked(document, database));
  if (database !== '') {
    refuseName(database);
    if (!catalogue.has(database)) {
      const policies = put.filter(({ kind }) => kind === 'retention policy');
      await catalogue.createDatabase(database, policies.length > 0 ? { put: policies } : firstPolicy(database, null));
    }
  }
  await catalogue.change(() => {
    const missing = put.filter((document) => catalogue.documents.get(document) === null);
    return {
      put: missing.map((one) => (one.kind === 'retention policy' ? { ...one, body: notDefault(one.body) } : one)),
    };
  });
}

// private functions

function checked({ kind, name, body }: BackupDocument, database: string): DocumentId & { readonly body: unknown } {
  if (!KINDS.has(kind)) throw new QueryError('invalid', `"${kind}" is no kind of document`);
  if (kind === 'retention policy' && !isPolicyBody(body)) {
    throw new QueryError('invalid', `retention policy "${name}": its body is not one of a retention policy`);
  }
  return { kind: kind as DocumentKind, database, name, body };
}

function isPolicyBody(body: unknown): boolean {
  const { duration, shardDuration, replication, isDefault } = body as Record<string, unknown>;
  const isSpan = (value: unknown): boolean => typeof value === 'string' && /^\d{1,18}$/.test(value);
  return isSpan(duration) && isSpan(shardDuration) && typeof replication === 'number' && typeof isDefault === 'boolean';
}

function notDefault(body: unknown): unknown {
  return { ...(body as object), isDefault: false };
}
