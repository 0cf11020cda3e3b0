/**
 * Statements → canonical text, the one form by which equal queries are known as equal. It follows what InfluxDB prints: keywords
 * in capitals, names in quotes only where they need them, durations in the largest unit that divides them, numbers without
 * exponent and with a point. `parse(print(statement))` is the statement again. Never fails on what the parser made; a tree made
 * by hand gets parentheses where its shape needs them.
 */
import type {
  Dimension,
  Expression,
  Fill,
  IntoTarget,
  KeyMatch,
  MeasurementSource,
  RetentionClauses,
  SelectSource,
  ShowClauses,
  Statement,
} from './ast.ts';
import { KEYWORDS } from './grammar.ts';
import { precedence } from './precedence.ts';

const RESERVED: ReadonlySet<string> = new Set(KEYWORDS);
const BARE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const UNITS: readonly (readonly [bigint, string])[] = [
  [604_800_000_000_000n, 'w'],
  [86_400_000_000_000n, 'd'],
  [3_600_000_000_000n, 'h'],
  [60_000_000_000n, 'm'],
  [1_000_000_000n, 's'],
  [1_000_000n, 'ms'],
  [1_000n, 'u'],
];

export function print(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
      return [
        'SELECT ' +
          statement.fields.map((field) => printExpression(field.expression) + printAlias(field.alias)).join(', '),
        printInto(statement.into),
        ' FROM ' + statement.sources.map(printSource).join(', '),
        printCondition(statement.condition),
        statement.dimensions.length > 0 ? ' GROUP BY ' + statement.dimensions.map(printDimension).join(', ') : '',
        statement.fill ? ` fill(${printFill(statement.fill)})` : '',
        statement.order === 'descending' ? ' ORDER BY time DESC' : '',
        printCount('LIMIT', statement.limit),
        printCount('OFFSET', statement.offset),
        printCount('SLIMIT', statement.seriesLimit),
        printCount('SOFFSET', statement.seriesOffset),
        statement.timeZone === undefined ? '' : ` TZ('${escapeText(statement.timeZone, "'")}')`,
      ].join('');
    case 'create database':
      return 'CREATE DATABASE ' + printIdentifier(statement.database) + printRetention(statement.retention);
    case 'explain':
      return `EXPLAIN ${statement.analyze ? 'ANALYZE ' : ''}${print(statement.select)}`;
    case 'show cardinality': {
      const head = `SHOW ${statement.of.toUpperCase()}${statement.exact ? ' EXACT' : ''} CARDINALITY`;
      return printShow(head, statement, statement.key ? printKeyMatch(statement.key) : '');
    }
    case 'drop database':
      return 'DROP DATABASE ' + printIdentifier(statement.database);
    case 'show databases':
      return 'SHOW DATABASES';
    case 'show retention policies':
      return 'SHOW RETENTION POLICIES' + printOn(statement.database);
    case 'show measurements':
      return printShow('SHOW MEASUREMENTS', statement, printMatch(statement.match, statement.negated));
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
  }
}

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'integer':
      return String(expression.value);
    case 'number':
      return printNumber(expression.value);
    case 'string':
      return `'${escapeText(expression.value, "'")}'`;
    case 'boolean':
      return String(expression.value);
    case 'duration':
      return printDuration(expression.ns);
    case 'regex':
      return printRegex(expression.pattern);
    case 'reference':
      return printIdentifier(expression.name) + (expression.cast ? '::' + expression.cast : '');
    case 'wildcard':
      return expression.of ? '*::' + expression.of : '*';
    case 'call':
      return `${printIdentifier(expression.name, 'distinct')}(${expression.args.map(printExpression).join(', ')})`;
    case 'parenthesis':
      return `(${printExpression(expression.inner)})`;
    case 'binary': {
      const rank = precedence(expression.operator);
      const left = printSide(expression.left, rank);
      return `${left} ${expression.operator} ${printSide(expression.right, rank + 1)}`;
    }
  }
}

/** The largest unit that divides, as `90m` for an hour and a half. */
export function printDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const [size, unit] = UNITS.find(([candidate]) => ns % candidate === 0n) ?? [1n, 'ns'];
  return ns / size + unit;
}

/** In quotes where it would not be read as a name; `free` is a reserved word that is allowed at this place. */
export function printIdentifier(name: string, free = ''): string {
  const bare = BARE_NAME.test(name) && (!RESERVED.has(name.toLowerCase()) || name === free);
  return bare ? name : `"${escapeText(name, '"')}"`;
}

// private functions

function printAlias(alias: string | null): string {
  return alias === null ? '' : ' AS ' + printIdentifier(alias);
}

function printSource(source: SelectSource): string {
  if ('subquery' in source) return `(${print(source.subquery)})`;
  const name = printMeasurement(source.name);
  const policy = source.retentionPolicy === null ? '' : printIdentifier(source.retentionPolicy);
  if (source.database !== null) return `${printIdentifier(source.database)}.${policy}.${name}`;
  return policy === '' ? name : `${policy}.${name}`;
}

function printInto(into: IntoTarget | undefined): string {
  if (into === undefined) return '';
  const name = into.measurement === null ? ':MEASUREMENT' : printIdentifier(into.measurement);
  const policy = into.retentionPolicy === null ? '' : printIdentifier(into.retentionPolicy);
  if (into.database !== null) return ` INTO ${printIdentifier(into.database)}.${policy}.${name}`;
  return policy === '' ? ` INTO ${name}` : ` INTO ${policy}.${name}`;
}

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

function printMeasurement(name: MeasurementSource['name']): string {
  return 'regex' in name ? printRegex(name.regex) : printIdentifier(name.text);
}

function printCondition(condition: Expression | null): string {
  return condition ? ' WHERE ' + printExpression(condition) : '';
}

function printDimension(dimension: Dimension): string {
  switch (dimension.kind) {
    case 'time': {
      const offset = dimension.offset ? ', ' + printExpression(dimension.offset) : '';
      return `time(${printDuration(dimension.interval)}${offset})`;
    }
    case 'tag':
      return printIdentifier(dimension.name);
    case 'wildcard':
      return '*';
    case 'regex':
      return printRegex(dimension.pattern);
    case 'refused':
      return printExpression(dimension.expression);
  }
}

function printFill(fill: Fill): string {
  if (fill.kind !== 'value') return fill.kind;
  return typeof fill.value === 'bigint' ? String(fill.value) : printNumber(fill.value);
}

function printCount(keyword: string, count: number): string {
  return count > 0 ? ` ${keyword} ${count}` : '';
}

function printShow(head: string, clauses: ShowClauses, match = ''): string {
  const sources = clauses.sources.length > 0 ? ' FROM ' + clauses.sources.map(printSource).join(', ') : '';
  const counts = printCount('LIMIT', clauses.limit) + printCount('OFFSET', clauses.offset);
  return head + printOn(clauses.database) + sources + match + printCondition(clauses.condition) + counts;
}

function printOn(database: string | null): string {
  return database === null ? '' : ' ON ' + printIdentifier(database);
}

function printMatch(match: MeasurementSource['name'] | null, negated: boolean): string {
  if (match === null) return '';
  const operator = 'regex' in match ? (negated ? '!~' : '=~') : negated ? '!=' : '=';
  return ` WITH MEASUREMENT ${operator} ${printMeasurement(match)}`;
}

function printKeyMatch(match: KeyMatch): string {
  if (match.operator === 'in') return ` WITH KEY IN (${match.keys.map((key) => printIdentifier(key)).join(', ')})`;
  const right = 'key' in match ? printIdentifier(match.key) : printRegex(match.pattern);
  return ` WITH KEY ${match.operator} ${right}`;
}

/** The language has no exponents: `1e21` is written out. */
function printNumber(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  const [, sign, whole, , fraction = '', exponent] = /^(-?)(\d+)(\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  if (whole === undefined) throw new RangeError(`a literal must be a finite number, got ${value}`);
  const digits = whole + fraction;
  const point = whole.length + Number(exponent ?? 0);
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const cut = Math.max(point, 1);
  return `${sign}${padded.slice(0, cut)}.${padded.slice(cut) || '0'}`;
}

/** A slash is escaped unless the pattern already does; a line cannot end inside a regex, but `\n` means the same. */
function printRegex(pattern: string): string {
  const body = pattern.replace(/\\[^\n]|\/|\n/g, (part) => (part === '/' ? '\\/' : part === '\n' ? '\\n' : part));
  return `/${body}/`;
}

function printSide(expression: Expression, rank: number): string {
  const text = printExpression(expression);
  return expression.kind === 'binary' && precedence(expression.operator) < rank ? `(${text})` : text;
}

function escapeText(text: string, quote: string): string {
  return text.replace(/[\\\n'"]/g, (character) => {
    if (character === '\n') return '\\n';
    return character === '\\' || character === quote ? '\\' + character : character;
  });
}
