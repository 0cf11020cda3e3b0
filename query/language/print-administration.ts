/** The statements that change, remove or steer something → canonical text. Passwords and secrets become `[REDACTED]`. */
import type { AdministrationStatement, AlertLevel, Expression, PolicyDurations, SelectStatement } from './ast.ts';
import { printDuration, printExpression, printIdentifier, printString } from './print-expression.ts';
import { printOptions, REDACTED } from './print-options.ts';
import { printCondition, printSelect, printSource } from './print-select.ts';

export function printAdministration(statement: AdministrationStatement): string {
  const head = statement.kind.toUpperCase();
  switch (statement.kind) {
    case 'delete':
    case 'drop series': {
      const { sources, condition } = statement;
      const from = sources.length > 0 ? ' FROM ' + sources.map(printSource).join(', ') : '';
      return head + from + printCondition(condition);
    }
    case 'drop measurement':
      return `${head} ${printIdentifier(statement.measurement)}`;
    case 'create retention policy':
    case 'alter retention policy':
      return [
        `${head} ${printIdentifier(statement.name)}${printOn(statement.database)}`,
        printDurations(statement),
        statement.isDefault ? ' DEFAULT' : '',
        printOptions(statement.options),
      ].join('');
    case 'drop retention policy':
    case 'drop continuous query':
    case 'pause continuous query':
    case 'resume continuous query':
    case 'drop alert':
      return `${head} ${printIdentifier(statement.name)}${printOn(statement.database)}`;
    case 'alter measurement':
      return (
        head +
        ` ${printIdentifier(statement.measurement)}${printOn(statement.database)}${printOptions(statement.options)}`
      );
    case 'alter series': {
      const { measurement, condition, database, options } = statement;
      const from = ` FROM ${printIdentifier(measurement)}${printCondition(condition)}`;
      return head + from + printOn(database) + printOptions(options);
    }
    case 'kill query':
      return `${head} ${statement.id}${printOn(statement.host)}`;
    case 'create user': {
      const admin = statement.isAdmin ? ' WITH ALL PRIVILEGES' : '';
      return `${head} ${printIdentifier(statement.user)} WITH PASSWORD ${REDACTED}${admin}`;
    }
    case 'set password':
      return `${head} FOR ${printIdentifier(statement.user)} = ${REDACTED}`;
    case 'drop user':
      return `${head} ${printIdentifier(statement.user)}`;
    case 'grant':
    case 'revoke': {
      const { privilege, database, user } = statement;
      const direction = statement.kind === 'grant' ? 'TO' : 'FROM';
      const what = privilege === 'all' ? 'ALL PRIVILEGES' : privilege.toUpperCase();
      return `${head} ${what}${printOn(database)} ${direction} ${printIdentifier(user)}`;
    }
    case 'drop shard':
      return `${head} ${statement.id}`;
    case 'create subscription':
      return (
        `${head} ${printPolicyPath(statement)} DESTINATIONS ${statement.mode.toUpperCase()} ` +
        statement.destinations.map(printString).join(', ')
      );
    case 'drop subscription':
      return `${head} ${printPolicyPath(statement)}`;
    case 'create continuous query': {
      const { replace, name, database, resample, options, select } = statement;
      const every = resample?.every ? ` EVERY ${printDuration(resample.every)}` : '';
      const wide = resample?.for ? ` FOR ${printDuration(resample.for)}` : '';
      return [
        `CREATE ${replace ? 'OR REPLACE ' : ''}CONTINUOUS QUERY ${printIdentifier(name)}${printOn(database)}`,
        resample === null ? '' : ` RESAMPLE${every}${wide}`,
        printOptions(options),
        printBody(select),
      ].join('');
    }
    case 'explain continuous query': {
      const { analyze, name, database } = statement;
      return `EXPLAIN ${analyze ? 'ANALYZE ' : ''}CONTINUOUS QUERY ${printIdentifier(name)}${printOn(database)}`;
    }
    case 'backtest continuous query':
    case 'refresh continuous query': {
      const { name, database, from, to } = statement;
      const range = ` FROM ${printExpression(from)} TO ${printExpression(to)}`;
      return `${head} ${printIdentifier(name)}${printOn(database)}${range}`;
    }
    case 'create alert':
      return printAlert(statement);
  }
}

// private functions

function printOn(database: string | null): string {
  return database === null ? '' : ' ON ' + printIdentifier(database);
}

function printDurations({ duration, replication, shardDuration }: PolicyDurations): string {
  return [
    duration === null ? '' : ` DURATION ${duration === 0n ? 'INF' : printDuration(duration)}`,
    replication === null ? '' : ` REPLICATION ${replication}`,
    shardDuration === null ? '' : ` SHARD DURATION ${printDuration(shardDuration)}`,
  ].join('');
}

function printPolicyPath(target: { name: string; database: string; retentionPolicy: string }): string {
  const path = `${printIdentifier(target.database)}.${printIdentifier(target.retentionPolicy)}`;
  return `${printIdentifier(target.name)} ON ${path}`;
}

function printBody(select: SelectStatement): string {
  return ` BEGIN ${printSelect(select)} END`;
}

function printAlert(alert: AdministrationStatement & { kind: 'create alert' }): string {
  const { replace, name, database, select, levels, noData, remindEvery, notify, options } = alert;
  const place = database === null ? '' : printIdentifier(database) + ' ';
  return [
    `CREATE ${replace ? 'OR REPLACE ' : ''}ALERT ${printIdentifier(name)} ON ${place}(${printSelect(select)})`,
    ' ' + levels.map(printLevel).join(' ELSE '),
    noData === null ? '' : ` NO DATA FOR ${printDuration(noData.for)}${printLevelName(noData.level)}`,
    remindEvery === null ? '' : ` REMIND EVERY ${printDuration(remindEvery)}`,
    notify.length === 0 ? '' : ` NOTIFY ${notify.map(printString).join(', ')}`,
    printOptions(options),
  ].join('');
}

function printLevel({ condition, for: least, level, until }: AlertLevel): string {
  const end: Expression | null = until;
  return [
    `WHEN ${printExpression(condition)}`,
    least === 0n ? '' : ` FOR ${printDuration(least)}`,
    printLevelName(level),
    end === null ? '' : ` UNTIL ${printExpression(end)}`,
  ].join('');
}

function printLevelName(level: string | null): string {
  return level === null ? '' : ` LEVEL ${printString(level)}`;
}
