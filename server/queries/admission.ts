/** Before a text is executed: the parameters that are bound in it, and whether whoever asks may ask all of it. */
import { QueryError, type Statement } from '../../query/index.ts';
import { AccessError, assertAllowed } from '../access/index.ts';
import { type CatalogueView, findUser, type User } from '../catalogue/index.ts';

/** The kinds of statements that change nothing. */
const READING = /^(select$|show |explain|backtest )/;

export interface Asker {
  /** null = may do everything; '' = nobody, while there are no users. */
  readonly user: string | null;
  readonly database: string;
  readonly readOnly: boolean;
}

/** Throws QueryError or AccessError. */
export function admit(statements: readonly Statement[], asker: Asker, catalogue: CatalogueView): void {
  if (asker.user !== null) assertAllowed(statements, asker.database, userOf(asker, catalogue));
  if (asker.readOnly) for (const statement of statements) refuseChange(statement);
}

/** null = everybody, or nobody yet. Throws AccessError where the user is no more. */
export function userOf({ user: name }: Asker, { documents }: CatalogueView): User | null {
  if (name === null || name === '') return null;
  const user = findUser(documents, name);
  if (user === null) throw new AccessError('unauthorized', 'user not found');
  return user;
}

export function parseParams(text: string): Record<string, unknown> {
  if (text === '') return {};
  let params: unknown;
  try {
    params = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const problem = message.includes('end of JSON') ? 'unexpected EOF' : message;
    throw new QueryError('parse', `error parsing query parameters: ${problem}`);
  }
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new QueryError('parse', 'error parsing query parameters: expected a JSON object');
  }
  return params as Record<string, unknown>;
}

// private functions

function refuseChange(statement: Statement): void {
  const { kind } = statement;
  const writes = kind === 'select' && statement.into !== undefined;
  if (!writes && READING.test(kind)) return;
  throw new QueryError('invalid', `${writes ? 'SELECT INTO' : kind.toUpperCase()} changes data: send it as POST`);
}
