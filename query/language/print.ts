/**
 * Statements → canonical text, the one form by which equal queries are known as equal. It follows what InfluxDB prints, keywords in
 * capitals. `parse(print(statement))` is the statement again, but for passwords and other secrets, which are never printed.
 */
import type { KeyMatch, MeasurementSource, RetentionClauses, ShowClauses, Statement } from './ast.ts';
import { printAdministration } from './print-administration.ts';
import { printDuration, printIdentifier, printRegex, printString } from './print-expression.ts';
import {
  printCondition,
  printCount,
  printDimensions,
  printMeasurement,
  printSelect,
  printSource,
} from './print-select.ts';

export function print(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
      return printSelect(statement);
    case 'create database':
      return 'CREATE DATABASE ' + printIdentifier(statement.database) + printRetention(statement.retention);
    case 'explain':
      return `EXPLAIN ${statement.analyze ? 'ANALYZE ' : ''}${printSelect(statement.select)}`;
    case 'show cardinality': {
      const head = `SHOW ${statement.of.toUpperCase()}${statement.exact ? ' EXACT' : ''} CARDINALITY`;
      const dimensions = printDimensions(statement.dimensions ?? []);
      return printShow(head, statement, statement.key ? printKeyMatch(statement.key) : '', dimensions);
    }
    case 'drop database':
      return 'DROP DATABASE ' + printIdentifier(statement.database);
    case 'show databases':
      return 'SHOW DATABASES';
    case 'show retention policies':
      return 'SHOW RETENTION POLICIES' + printOn(statement.database);
    case 'show measurements':
      return printShow('SHOW MEASUREMENTS', statement, printMatch(statement.match));
    case 'show tag keys':
      return (
        printShow('SHOW TAG KEYS', statement) +
        printCount('SLIMIT', statement.seriesLimit ?? 0) +
        printCount('SOFFSET', statement.seriesOffset ?? 0)
      );
    case 'show tag values':
      return printShow('SHOW TAG VALUES', statement, printKeyMatch(statement.key));
    case 'show field keys':
      return printShow('SHOW FIELD KEYS', statement);
    case 'show series':
      return printShow('SHOW SERIES', statement);
    case 'show queries':
    case 'show users':
    case 'show shards':
    case 'show shard groups':
    case 'show subscriptions':
    case 'show continuous queries':
      return statement.kind.toUpperCase();
    case 'show stats':
    case 'show diagnostics':
      return statement.kind.toUpperCase() + (statement.module === null ? '' : ' FOR ' + printString(statement.module));
    case 'show grants':
      return 'SHOW GRANTS FOR ' + printIdentifier(statement.user);
    case 'show alerts':
      return 'SHOW ALERTS' + printOn(statement.database);
    case 'show metadata': {
      const from = statement.measurement === null ? '' : ' FROM ' + printIdentifier(statement.measurement);
      return 'SHOW METADATA' + printOn(statement.database) + from;
    }
    default:
      return printAdministration(statement);
  }
}

// private functions

function printRetention(retention: RetentionClauses | undefined): string {
  if (retention === undefined) return '';
  const { duration, replication, shardDuration, name } = retention;
  return [
    ' WITH',
    duration === null ? '' : ` DURATION ${duration === 0n ? 'INF' : printDuration(duration)}`,
    replication === null ? '' : ` REPLICATION ${replication}`,
    shardDuration === null ? '' : ` SHARD DURATION ${printDuration(shardDuration)}`,
    name === null ? '' : ` NAME ${printIdentifier(name)}`,
  ].join('');
}

function printShow(head: string, clauses: ShowClauses, match = '', dimensions = ''): string {
  const sources = clauses.sources.length > 0 ? ' FROM ' + clauses.sources.map(printSource).join(', ') : '';
  const counts = printCount('LIMIT', clauses.limit) + printCount('OFFSET', clauses.offset);
  return head + printOn(clauses.database) + sources + match + printCondition(clauses.condition) + dimensions + counts;
}

function printOn(database: string | null): string {
  return database === null ? '' : ' ON ' + printIdentifier(database);
}

function printMatch(match: MeasurementSource['name'] | null): string {
  if (match === null) return '';
  const operator = 'regex' in match ? '=~' : '=';
  return ` WITH MEASUREMENT ${operator} ${printMeasurement(match)}`;
}

function printKeyMatch(match: KeyMatch): string {
  if (match.operator === 'in') return ` WITH KEY IN (${match.keys.map((key) => printIdentifier(key)).join(', ')})`;
  const right = 'key' in match ? printIdentifier(match.key) : printRegex(match.pattern);
  return ` WITH KEY ${match.operator} ${right}`;
}
