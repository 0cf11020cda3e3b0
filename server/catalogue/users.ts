/**
 * Users: who they are and what each may do in which database. A user is a document of the server; the rules and texts are InfluxDB's. A
 * password is known here only as its hash.
 */
import type { CatalogueDocument, Documents } from '../../model/index.ts';
import { QueryError } from '../../query/index.ts';
import type { CatalogueEdit } from './catalogue.ts';

export type Privilege = 'none' | 'read' | 'write' | 'all';

export interface User {
  readonly name: string;
  readonly hash: string;
  /** May do everything. */
  readonly isAdmin: boolean;
  /** By database, in the order in which they were first given. */
  readonly privileges: Readonly<Record<string, Privilege>>;
}

const BITS: Readonly<Record<Privilege, number>> = { none: 0, read: 1, write: 2, all: 3 };
const OF_BITS: readonly Privilege[] = ['none', 'read', 'write', 'all'];

export function usersOf(documents: Documents): User[] {
  return documents.list('user', '').map(toUser);
}

export function findUser(documents: Documents, name: string): User | null {
  const document = documents.get({ kind: 'user', database: '', name });
  return document === null ? null : toUser(document);
}

/** Throws QueryError. */
export function userNamed(documents: Documents, name: string): User {
  const user = findUser(documents, name);
  if (user === null) throw new QueryError('invalid', 'user not found');
  return user;
}

/** May the user do it in that database? */
export function hasPrivilege(user: User, database: string, asked: 'read' | 'write'): boolean {
  return user.isAdmin || (BITS[privilegeOn(user, database)] & BITS[asked]) !== 0;
}

/** Anything at all. */
export function seesDatabase(user: User, database: string): boolean {
  return user.isAdmin || privilegeOn(user, database) !== 'none';
}

/** `isSamePassword`: of the user who is there. Throws QueryError. */
export function createUser(
  there: User | null,
  { name, hash, isAdmin }: Pick<User, 'name' | 'hash' | 'isAdmin'>,
  isSamePassword: boolean,
): CatalogueEdit {
  if (name === '') throw new QueryError('invalid', 'username required');
  if (there === null) return putUser({ name, hash, isAdmin, privileges: {} });
  if (!isSamePassword || there.isAdmin !== isAdmin) throw new QueryError('invalid', 'user already exists');
  return {};
}

export function changePassword(documents: Documents, name: string, hash: string): CatalogueEdit {
  return putUser({ ...userNamed(documents, name), hash });
}

export function dropUser(documents: Documents, name: string): CatalogueEdit {
  return { remove: [{ kind: 'user', database: '', name: userNamed(documents, name).name }] };
}

export function changeAdmin(documents: Documents, name: string, isAdmin: boolean): CatalogueEdit {
  return putUser({ ...userNamed(documents, name), isAdmin });
}

/** What is granted takes the place of what was; what is revoked is taken away from it. */
export function changePrivilege(
  documents: Documents,
  {
    user: name,
    database,
    privilege,
  }: { readonly user: string; readonly database: string; readonly privilege: Privilege },
  kind: 'grant' | 'revoke',
): CatalogueEdit {
  const user = userNamed(documents, name);
  const before = privilegeOn(user, database);
  const after = kind === 'grant' ? privilege : OF_BITS[BITS[before] & ~BITS[privilege]];
  return putUser({ ...user, privileges: { ...user.privileges, [database]: after } });
}

/** A database of the same name later is another one. */
export function forgetPrivileges(documents: Documents, database: string): CatalogueEdit {
  const users = usersOf(documents).filter(({ privileges }) => Object.hasOwn(privileges, database));
  return {
    put: users.flatMap(({ privileges: { [database]: _gone, ...privileges }, ...user }) => {
      return putUser({ ...user, privileges }).put!;
    }),
  };
}

// private functions

function toUser({ name, body }: CatalogueDocument): User {
  return { name, ...(body as Omit<User, 'name'>) };
}

function putUser({ name, ...body }: User): CatalogueEdit {
  return { put: [{ kind: 'user', database: '', name, body }] };
}

function privilegeOn({ privileges }: User, database: string): Privilege {
  return Object.hasOwn(privileges, database) ? privileges[database] : 'none';
}
