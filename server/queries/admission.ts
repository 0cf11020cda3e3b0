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

/** Numbers with a point are floats, all others int64, as in InfluxDB. Throws QueryError. */
export function parseParams(text: string): Record<string, unknown> {
  if (text === '') return {};
  let params: unknown;
  try {
    params = JSON.parse(text, numberOf);
  } catch (error) {
    if (error instanceof QueryError) throw error;
    const { message } = error as Error;
    const ends = message.includes('end of JSON') || message.includes(`at position ${text.length} `);
    const problem = ends ? 'unexpected EOF' : message;
    throw new QueryError('parse', `error parsing query parameters: ${problem}`);
  }
  if (params === null) return {};
  if (typeof params !== 'object' || Array.isArray(params)) {
    const type = Array.isArray(params) ? 'array' : typeof params === 'boolean' ? 'bool' : typeof params;
    const problem = `json: cannot unmarshal ${type === 'bigint' ? 'number' : type} into Go value of type map[string]interface {}`;
    throw new QueryError('parse', `error parsing query parameters: ${problem}`);
  }
  const entries = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === 'number' ? { float: value } : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

// private functions

function numberOf(_key: string, value: unknown, { source = '' }: { source?: string } = {}): unknown {
  if (typeof value !== 'number') return value;
  const isFloat = source.includes('.');
  const isWhole = !isFloat && !/e/i.test(source);
  if (isFloat && Number.isFinite(value)) return value;
  if (isWhole && BigInt.asIntN(64, BigInt(source)) === BigInt(source)) return BigInt(source);
  const problem = isFloat || isWhole ? 'value out of range' : 'invalid syntax';
  const detail = `strconv.Parse${isFloat ? 'Float' : 'Int'}: parsing "${source}": ${problem}`;
  throw new QueryError('parse', `error parsing json value: ${detail}`);
}

function refuseChange(statement: Statement): void {
  const { kind } = statement;
  const writes = kind === 'select' && statement.into !== undefined;
  if (!writes && READING.test(kind)) return;
  throw new QueryError('invalid', `${writes ? 'SELECT INTO' : kind.toUpperCase()} changes data: send it as POST`);
}
