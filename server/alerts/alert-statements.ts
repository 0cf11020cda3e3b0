/** CREATE, DROP and SHOW ALERT(S): what is checked where the statement was asked, and how alerts are shown. */
import { integerColumn, textColumn } from '../../model/index.ts';
import { QueryError, type ResultTable, type Statement } from '../../query/index.ts';
import { alertsOf, type CatalogueView, hasPrivilege, type User } from '../catalogue/index.ts';
import type { AlertStatus } from './alerts.ts';
import { namedAlert, OK } from './definition.ts';

export type AlertStatement = Extract<Statement, { kind: 'create alert' | 'drop alert' | 'show alerts' }>;

export interface AlertStatementsPort {
  readonly catalogue: CatalogueView;
  /** Executes what changes the catalogue. Rejects with QueryError. */
  change(statement: Exclude<AlertStatement, { kind: 'show alerts' }>, database: string): Promise<unknown>;
  /** Of all workers. */
  statuses(): Promise<readonly AlertStatus[]>;
}

const SHOWN_COLUMNS = [
  ...['name', 'query', 'level', 'series', 'pending', 'firing'],
  ...['waiting', 'failures', 'last_failure'],
];

export function isAlertStatement(statement: Statement): statement is AlertStatement {
  return ['create alert', 'drop alert', 'show alerts'].includes(statement.kind);
}

export interface AlertRequest {
  /** Where the statement names none; '' = none either. */
  readonly database: string;
  /** null = sees everything. */
  readonly user: User | null;
}

/** Rejects with QueryError. */
export async function executeAlert(
  statement: AlertStatement,
  { database: current, user }: AlertRequest,
  { catalogue, change, statuses }: AlertStatementsPort,
): Promise<ResultTable[]> {
  switch (statement.kind) {
    case 'create alert':
      await change(namedAlert(statement, current, catalogue), current);
      return [];
    case 'drop alert':
      await change(statement, current);
      return [];
    case 'show alerts': {
      const named = statement.database ?? current;
      if (named !== '' && !catalogue.has(named)) throw new QueryError('invalid', `database not found: ${named}`);
      const seen =
        named !== ''
          ? [named]
          : catalogue.databases.filter((name) => user === null || hasPrivilege(user, name, 'read'));
      const all = await statuses();
      return seen.map((database) => shown(database, catalogue, all));
    }
  }
}

// private functions

function shown(database: string, { documents }: CatalogueView, statuses: readonly AlertStatus[]): ResultTable {
  const alerts = alertsOf(documents, database);
  const found = alerts.map(({ name, created }) =>
    statuses.find((one) => one.database === database && one.name === name && one.created === created),
  );
  const counted = (of: (status: AlertStatus) => number) =>
    integerColumn(found.map((status) => (status === undefined ? 0 : of(status))));
  return {
    name: database,
    tags: null,
    columns: SHOWN_COLUMNS,
    rows: alerts.length,
    data: [
      textColumn(alerts.map(({ name }) => name)),
      textColumn(alerts.map(({ text }) => text)),
      textColumn(found.map((status) => (status === undefined ? 'stopped' : (status.level ?? OK)))),
      counted(({ series }) => series),
      counted(({ pending }) => pending),
      counted(({ firing }) => firing),
      counted(({ waiting }) => waiting),
      counted(({ failures }) => failures),
      textColumn(found.map((status) => status?.lastFailure ?? '')),
    ],
  };
}
