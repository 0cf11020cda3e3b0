/**
 * Statements that change the catalogue, executed by its authority on the main thread: each becomes one change, decided on what the
 * changes before it have left.
 */
import { QueryError, type Statement } from '../../query/index.ts';
import { createAlert, dropAlert } from './alerts.ts';
import type { Catalogue, CatalogueEdit } from './catalogue.ts';
import { createContinuousQuery, dropContinuousQuery, pauseContinuousQuery } from './continuous-queries.ts';
import { alterDescribed, seriesNamed } from './metadata.ts';
import {
  alterPolicy,
  assertFirstPolicy,
  createPolicy,
  firstPolicy,
  policiesOf,
  policyNotFound,
  refuseName,
} from './policies.ts';
import {
  changeAdmin,
  changePassword,
  changePrivilege,
  createUser,
  dropUser,
  findUser,
  forgetPrivileges,
  userNamed,
} from './users.ts';

export type CatalogueStatement = Extract<
  Statement,
  {
    kind:
      | 'create database'
      | 'drop database'
      | 'create retention policy'
      | 'alter retention policy'
      | 'drop retention policy'
      | 'alter measurement'
      | 'alter series'
      | 'create user'
      | 'set password'
      | 'drop user'
      | 'grant'
      | 'revoke'
      | 'drop subscription'
      | 'create alert'
      | 'drop alert'
      | 'create continuous query'
      | 'drop continuous query'
      | 'pause continuous query'
      | 'resume continuous query';
  }
>;

const KINDS: Readonly<Record<CatalogueStatement['kind'], true>> = {
  'create database': true,
  'drop database': true,
  'create retention policy': true,
  'alter retention policy': true,
  'drop retention policy': true,
  'alter measurement': true,
  'alter series': true,
  'create user': true,
  'set password': true,
  'drop user': true,
  grant: true,
  revoke: true,
  'drop subscription': true,
  'create alert': true,
  'drop alert': true,
  'create continuous query': true,
  'drop continuous query': true,
  'pause continuous query': true,
  'resume continuous query': true,
};

/** How passwords become hashes, and are compared with them. */
export interface PasswordHashing {
  hash(password: string): Promise<string>;
  fits(user: string, password: string, hash: string | null): Promise<boolean>;
}

export interface CatalogueMeans {
  readonly catalogue: Catalogue;
  readonly passwords: PasswordHashing;
  /** Never the same twice. */
  readonly nowNs: () => bigint;
}

export function changesCatalogue(statement: Statement): statement is CatalogueStatement {
  return Object.hasOwn(KINDS, statement.kind);
}

/** `current` = the database of the request, for statements that name none. Rejects with QueryError. */
export async function executeOnCatalogue(
  statement: CatalogueStatement,
  current: string,
  { catalogue, passwords, nowNs }: CatalogueMeans,
): Promise<void> {
  const { documents } = catalogue;
  switch (statement.kind) {
    case 'create database': {
      const { database, retention } = statement;
      refuseName(database);
      if (!catalogue.has(database)) {
        await catalogue.createDatabase(database, firstPolicy(database, retention?.name ?? null, retention));
      } else if (retention !== undefined) {
        await catalogue.change(() => assertFirstPolicy(documents, database, retention.name, retention));
      }
      return;
    }
    case 'drop database':
      await catalogue.dropDatabase(statement.database);
      return catalogue.change(() => forgetPrivileges(documents, statement.database));
    case 'create retention policy':
    case 'alter retention policy': {
      const { database, name } = statement;
      const change = statement.kind === 'create retention policy' ? createPolicy : alterPolicy;
      return inDatabase(catalogue, database, () => change(documents, database, name, statement));
    }
    case 'drop retention policy': {
      return catalogue.dropPolicy(statement.database, statement.name);
    }
    case 'alter measurement': {
      const database = statement.database ?? current;
      const thing = { measurement: statement.measurement, series: null };
      return inDatabase(catalogue, database, () => alterDescribed(documents, database, thing, statement.options));
    }
    case 'alter series': {
      const database = statement.database ?? current;
      const thing = { measurement: statement.measurement, series: seriesNamed(statement.condition) };
      return inDatabase(catalogue, database, () => alterDescribed(documents, database, thing, statement.options));
    }
    case 'create user': {
      const { user: name, password, isAdmin } = statement;
      const hash = await passwords.hash(password);
      return catalogue.change(async () => {
        const there = findUser(documents, name);
        const isSame = there !== null && (await passwords.fits(name, password, there.hash));
        return createUser(there, { name, hash, isAdmin }, isSame);
      });
    }
    case 'set password': {
      const hash = await passwords.hash(statement.password);
      return catalogue.change(() => changePassword(documents, statement.user, hash));
    }
    case 'drop user':
      return catalogue.change(() => dropUser(documents, statement.user));
    case 'drop subscription': {
      const { database, retentionPolicy } = statement;
      return inDatabase(catalogue, database, () => {
        const isThere = policiesOf(documents, database).some(({ name }) => name === retentionPolicy);
        throw new QueryError('invalid', isThere ? 'subscription not found' : policyNotFound(retentionPolicy));
      });
    }
    case 'create alert': {
      const database = statement.database ?? current;
      return inDatabase(catalogue, database, () => createAlert(documents, database, statement, nowNs()));
    }
    case 'drop alert': {
      const database = statement.database ?? current;
      return inDatabase(catalogue, database, () => dropAlert(documents, database, statement.name));
    }
    case 'create continuous query':
      return inDatabase(catalogue, statement.database, () => createContinuousQuery(documents, statement, nowNs()));
    case 'drop continuous query':
      return catalogue.change(() => dropContinuousQuery(statement.database, statement.name));
    case 'pause continuous query':
    case 'resume continuous query': {
      const paused = statement.kind === 'pause continuous query';
      return inDatabase(catalogue, statement.database, () => pauseContinuousQuery(documents, statement, paused));
    }
    case 'grant':
    case 'revoke': {
      const { database, kind, user, privilege } = statement;
      if (database === null) return catalogue.change(() => changeAdmin(documents, user, kind === 'grant'));
      userNamed(documents, user);
      return inDatabase(catalogue, database, () => changePrivilege(documents, { user, database, privilege }, kind));
    }
  }
}

// private functions

function inDatabase(catalogue: Catalogue, database: string, decide: () => CatalogueEdit): Promise<void> {
  return catalogue.change(() => {
    if (database === '') throw new QueryError('invalid', 'database name required');
    if (!catalogue.has(database)) throw new QueryError('invalid', `database not found: ${database}`);
    return decide();
  });
}
