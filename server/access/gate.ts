/**
 * The gate: who somebody is, by password or token, and what they may do. Main thread. Without `--auth` it stands open. While there are
 * no users only the first administrator can be made, by anybody.
 *
 * A user is known by its name; '' is nobody, while there are no users; null = nobody is asked who they are.
 */
import type { Documents } from '../../model/index.ts';
import { findUser, hasPrivilege, type User, usersOf } from '../catalogue/index.ts';
import { AccessError } from './access-error.ts';
import { type Passwords, PasswordsBusy } from './passwords.ts';
import { readToken } from './tokens.ts';

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

export interface GateOptions {
  /** False: everybody may do everything. */
  readonly guarded: boolean;
  /** Shared with those who make bearer tokens; '' = none are taken. */
  readonly tokenSecret: string;
  readonly documents: Documents;
  readonly passwords: Passwords;
  readonly nowMs: () => number;
  readonly refused: () => void;
}

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get guarded(): boolean {
    return this.#options.guarded;
  }

  /** Rejects with AccessError. */
  async authenticate(credentials: Credentials | null): Promise<string | null> {
    const { guarded, documents, refused } = this.#options;
    if (!guarded) return null;
    if (usersOf(documents).length === 0) return '';
    try {
      return await this.#known(credentials);
    } catch (error) {
      refused();
      if (error instanceof PasswordsBusy) throw new AccessError('busy', error.message);
      throw error;
    }
  }

  /** null = may do everything. Throws AccessError where the user is no more. */
  user(name: string | null): User | 'nobody' | null {
    if (name === null) return null;
    if (name === '') return 'nobody';
    const user = findUser(this.#options.documents, name);
    if (user === null) throw new AccessError('unauthorized', 'user not found');
    return user;
  }

  /** Throws AccessError. */
  assertWrite(name: string | null, database: string): void {
    const user = this.user(name);
    if (user === null) return;
    if (user === 'nobody') {
      throw new AccessError('forbidden', `user is required to write to database "${database}"`);
    }
    if (hasPrivilege(user, database, 'write')) return;
    throw new AccessError('forbidden', `"${user.name}" user is not authorized to write to database "${database}"`);
  }

  /** Throws AccessError. */
  assertRead(name: string | null, database: string): void {
    const user = this.user(name);
    if (user === null) return;
    if (user === 'nobody') throw new AccessError('forbidden', 'create admin user first or disable authentication');
    if (hasPrivilege(user, database, 'read')) return;
    throw new AccessError('forbidden', `"${user.name}" user is not authorized to read from database "${database}"`);
  }

  /** Makes and drops databases. */
  isAdmin(name: string | null): boolean {
    const user = this.user(name);
    return user === null || (user !== 'nobody' && user.isAdmin);
  }

  // private functions

  async #known(credentials: Credentials | null): Promise<string> {
    const { documents, passwords, tokenSecret, nowMs } = this.#options;
    if (credentials === null) {
      throw new AccessError('unauthorized', 'unable to parse authentication credentials');
    }
    if (credentials.kind === 'bearer') {
      const read = readToken(credentials.token, tokenSecret, nowMs());
      if ('refused' in read) throw new AccessError('unauthorized', read.refused);
      if (findUser(documents, read.user) === null) throw new AccessError('unauthorized', 'user not found');
      return read.user;
    }
    const { user, password } = credentials;
    if (user === '') throw new AccessError('unauthorized', 'username required');
    const fits = await passwords.fits(user, password, findUser(documents, user)?.hash ?? null);
    if (!fits) throw new AccessError('unauthorized', 'authorization failed');
    return user;
  }
}
