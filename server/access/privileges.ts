/**
 * What a statement needs of whoever asks it, as InfluxDB 1.8 has it: nothing, a privilege on some databases, or an administrator. A text
 * is refused as a whole before any of it is executed.
 */
import { measurementsOf, print, type SelectStatement, type Statement, targetsOf } from '../../query/index.ts';
import { hasPrivilege, type User } from '../catalogue/index.ts';
import { AccessError } from './access-error.ts';

type Need = 'administrator' | { readonly privilege: 'read' | 'write'; readonly database: string };

/** `user` null = nobody is known yet, as there are no users. Throws AccessError. */
export function assertAllowed(statements: readonly Statement[], database: string, user: User | null): void {
  if (user === null) {
    const [first] = statements;
    if (first?.kind === 'create user' && first.isAdmin) return;
    throw new AccessError('forbidden', 'error authorizing query: create admin user first or disable authentication');
  }
  if (user.isAdmin) return;
  for (const statement of statements) {
    const missing = needsOf(statement, database).find((need) => !meets(user, need));
    if (missing === undefined) continue;
    const wanted =
      missing === 'administrator' ? 'admin privilege' : `${missing.privilege.toUpperCase()} on ${missing.database}`;
    const text = `${user.name} not authorized to execute statement '${print(statement)}', requires ${wanted}`;
    throw new AccessError('forbidden', `error authorizing query: ${text}`);
  }
}

// private functions

function meets(user: User, need: Need): boolean {
  return need !== 'administrator' && hasPrivilege(user, need.database, need.privilege);
}

function needsOf(statement: Statement, current: string): readonly Need[] {
  const on = (privilege: 'read' | 'write', database: string | null = null): readonly Need[] => [
    { privilege, database: database ?? current },
  ];
  switch (statement.kind) {
    case 'select':
      return selectNeeds(statement, current);
    case 'explain':
      return selectNeeds(statement.select, current);
    // of databases, stored queries and alerts everybody sees those that are theirs
    case 'show databases':
    case 'show continuous queries':
      return [];
    case 'show alerts':
      return statement.database === null && current === '' ? [] : on('read', statement.database);
    case 'show queries':
      return on('read');
    case 'show measurements':
    case 'show tag keys':
    case 'show tag values':
    case 'show field keys':
    case 'show series':
    case 'show cardinality':
    case 'show retention policies':
    case 'show metadata':
    case 'explain continuous query':
    case 'backtest continuous query':
      return on('read', statement.database);
    case 'delete':
    case 'drop series':
      return on('write');
    case 'alter measurement':
    case 'alter series':
    case 'drop retention policy':
    case 'drop continuous query':
    case 'pause continuous query':
    case 'resume continuous query':
    case 'refresh continuous query':
    case 'drop alert':
      return on('write', statement.database);
    case 'create continuous query':
      return [...on('read', statement.database), ...selectNeeds(statement.select, statement.database)];
    case 'create alert':
      // the server itself would speak to these addresses
      if (statement.notify.length > 0) return ['administrator'];
      return [...on('write', statement.database), ...selectNeeds(statement.select, statement.database ?? current)];
    default:
      return ['administrator'];
  }
}

function selectNeeds(select: SelectStatement, current: string): readonly Need[] {
  const target = targetsOf(select).map(({ database }) => ({
    privilege: 'write' as const,
    database: database ?? current,
  }));
  const sources = measurementsOf(select).map(({ database }) => ({
    privilege: 'read' as const,
    database: database ?? current,
  }));
  return [...sources, ...target];
}
