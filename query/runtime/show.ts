/**
 * The SHOW statements over data. Each shard answers `showShard` with plain texts (what it has, filtered by tag conditions), and
 * `showAnswer` merges those of all shards into the tables of the answer. SHOW DATABASES and SHOW RETENTION POLICIES ask the server's
 * catalog instead: `textTable` makes their tables. Conditions are over tags; time in them is ignored, as what is known has no time.
 */
import { type Column, compareText, type MeasurementSchema, TextDictionary } from '../../model/index.ts';
import type { KeyMatch, Statement } from '../language/ast.ts';
import { compileRegex } from '../language/regex.ts';
import { bindCondition } from '../planner/bind.ts';
import { checkShowCondition } from '../planner/check-show.ts';
import type { Bound } from '../planner/plan.ts';
import { matchesName, measurementMatchers, mergeSchemas } from '../planner/schema.ts';
import { splitTime } from '../planner/time-range.ts';
import { RowFilter } from './filter.ts';
import type { ResultTable } from './result.ts';
import type { Source } from './source.ts';
import { TABLE_ROWS_MAX } from './table-writer.ts';

const COLUMNS = {
  'show tag keys': ['tagKey'],
  'show tag values': ['key', 'value'],
  'show field keys': ['fieldKey', 'fieldType'],
} as const;

export type ShowStatement = Extract<
  Statement,
  { kind: 'show measurements' | 'show tag keys' | 'show tag values' | 'show field keys' | 'show series' }
>;

export type CountStatement = Extract<Statement, { kind: 'show cardinality' }>;

export interface ShowContext {
  readonly database: string;
  readonly defaultRetentionPolicy: string;
  /** ns. */
  readonly now: bigint;
}

/** What one shard has of one measurement, as plain data; texts that the statement does not ask for are left out. */
export interface ShowPart {
  readonly name: string;
  /** Rows of texts, distinct: [] for measurements, [key], [key, value], [field, type], [series key]. */
  readonly rows: readonly (readonly string[])[];
}

/** Stage 1: runs where the shard is. */
export function showShard(statement: ShowStatement, context: ShowContext, source: Source): ShowPart[] {
  const database = statement.database ?? context.database;
  checkShowCondition(statement.kind, statement.condition);
  const { rest } = splitTime(statement.condition, context.now);
  const every = { database: null, retentionPolicy: null, name: { regex: '' } };
  const asked = statement.sources.length > 0 ? statement.sources : [every];
  const matchers = measurementMatchers(asked, { ...context, database });
  const parts: ShowPart[] = [];
  for (const { database, retentionPolicy, name } of matchers) {
    const named = matchesName(name);
    const wanted = (measurement: string): boolean => named(measurement) && passesMatch(statement, measurement);
    for (const schema of mergeSchemas([source.describe(database, retentionPolicy, wanted)])) {
      const condition = rest === null ? null : bindCondition(rest, { fields: new Map(), tagKeys: schema.tagKeys });
      const rows = rowsOf(statement, schema, condition, { source, database, retentionPolicy });
      if (rows !== null) parts.push({ name: schema.name, rows });
    }
  }
  return parts;
}

/** Stage 2: merges what the shards gave. */
export function showAnswer(statement: ShowStatement, perShard: readonly (readonly ShowPart[])[]): ResultTable[] {
  const byName = new Map<string, Map<string, readonly string[]>>();
  for (const { name, rows } of perShard.flat()) {
    let known = byName.get(name);
    if (known === undefined) byName.set(name, (known = new Map()));
    for (const row of rows) known.set(row.join('\0'), row);
  }
  const names = [...byName.keys()].sort(compareText);
  const { limit, offset } = statement;
  const page = <T>(items: T[]): T[] => items.slice(offset, limit > 0 ? offset + limit : undefined);
  const sorted = (name: string): (readonly string[])[] => [...byName.get(name)!.values()].sort(compareTexts);
  if (statement.kind === 'show measurements') {
    return textTables('measurements', ['name'], page(names.map((name) => [name])));
  }
  if (statement.kind === 'show series') {
    return textTables(
      '',
      ['key'],
      page(names.flatMap(sorted)).map(([text]) => [withPlainBackslashes(text)]),
    );
  }
  return names.flatMap((name) => textTables(name, COLUMNS[statement.kind], page(sorted(name))));
}

/** The statement whose rows a SHOW … CARDINALITY counts: what the shards are asked. */
export function countedStatement({ of, key, ...rest }: CountStatement): ShowStatement {
  const { database, sources, condition } = rest;
  const clauses = { database, sources, condition, limit: 0, offset: 0 };
  switch (of) {
    case 'series':
      return { kind: 'show series', ...clauses };
    case 'measurement':
      return { kind: 'show measurements', match: null, ...clauses };
    case 'field key':
      return { kind: 'show field keys', ...clauses };
    case 'tag key':
      return { kind: 'show tag keys', ...clauses };
    case 'tag values':
      return { kind: 'show tag values', key: key!, ...clauses };
  }
}

/**
 * Stage 2 of SHOW … CARDINALITY: exact always. Without EXACT and further clauses, series and measurements are one number under the title
 * that InfluxDB gives its estimate; measurements are always one number, all else one per measurement.
 */
export function countAnswer(statement: CountStatement, perShard: readonly (readonly ShowPart[])[]): ResultTable[] {
  const byName = new Map<string, Set<string>>();
  for (const { name, rows } of perShard.flat()) {
    let known = byName.get(name);
    if (known === undefined) byName.set(name, (known = new Set()));
    for (const row of rows) known.add(row.join('\0'));
  }
  const { of, exact, sources, condition, limit, offset } = statement;
  if (offset > 0 && limit >= 0) return [];
  const whole = !exact && sources.length === 0 && condition === null && limit === 0;
  if (of === 'measurement' || (of === 'series' && whole)) {
    const series = [...byName.values()].reduce((sum, { size }) => sum + size, 0);
    const count = of === 'measurement' ? byName.size : series;
    if (!whole && count === 0) return [];
    return [countTable('', whole ? 'cardinality estimation' : 'count', count)];
  }
  return [...byName.keys()]
    .sort(compareText)
    .filter((name) => byName.get(name)!.size > 0)
    .map((name) => countTable(name, 'count', byName.get(name)!.size));
}

/** Tables of text columns without time; none where there are no rows. */
export function textTables(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): ResultTable[] {
  const tables: ResultTable[] = [];
  for (let from = 0; from < rows.length; from += TABLE_ROWS_MAX) {
    const some = rows.slice(from, from + TABLE_ROWS_MAX);
    const data = columns.map((_, c) => textColumn(some.map((row) => row[c])));
    tables.push({ name, tags: null, columns, rows: some.length, data });
  }
  return tables;
}

// private functions

function countTable(name: string, column: string, count: number): ResultTable {
  const data: Column = { type: 'integer', values: Float64Array.of(count), present: null };
  return { name, tags: null, columns: [column], rows: 1, data: [data] };
}

interface Place {
  readonly source: Source;
  readonly database: string;
  readonly retentionPolicy: string;
}

function passesMatch(statement: ShowStatement, measurement: string): boolean {
  if (statement.kind !== 'show measurements' || statement.match === null) return true;
  return matchesName(statement.match)(measurement);
}

/** null = the measurement has nothing to show. */
function rowsOf(
  statement: ShowStatement,
  schema: MeasurementSchema,
  condition: Bound | null,
  place: Place,
): string[][] | null {
  const { kind } = statement;
  if (kind === 'show field keys') return [...schema.fields];
  if (condition === null && kind === 'show measurements') return [];
  if (condition === null && kind === 'show tag keys') return schema.tagKeys.map((key) => [key]);
  const table = place.source.series(place.database, place.retentionPolicy, schema.name);
  if (table === null) return null;
  const filter = new RowFilter(condition);
  const keys = kind === 'show tag values' ? schema.tagKeys.filter(keyTest(statement.key)) : schema.tagKeys;
  const found = new Map<string, string[]>();
  let passed = 0;
  for (let series = 0; series < table.size; series++) {
    if (table.has?.(series) === false || !filter.passesSeries(table, series)) continue;
    passed++;
    if (kind === 'show measurements') break;
    if (kind === 'show series') {
      const key = table.key(series);
      const text = escapeName(schema.name) + (key === '' ? '' : `,${key}`);
      found.set(text, [text]);
      continue;
    }
    for (const key of keys) {
      const value = table.tag(series, key);
      if (value === '') continue;
      if (kind === 'show tag keys') found.set(key, [key]);
      else found.set(`${key}\0${value}`, [key, value]);
    }
  }
  return passed === 0 ? null : [...found.values()];
}

function keyTest(match: KeyMatch): (key: string) => boolean {
  switch (match.operator) {
    case '=':
      return (key) => key === match.key;
    case '!=':
      return (key) => key !== match.key;
    case 'in':
      return (key) => match.keys.includes(key);
    default: {
      const regex = compileRegex(match.pattern);
      return (key) => regex.test(key) === (match.operator === '=~');
    }
  }
}

function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareText(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

/** InfluxDB's text of a series escapes no backslash. */
function withPlainBackslashes(text: string): string {
  return text.replace(/\\(.)/gs, (pair, character) => (character === '\\' ? character : pair));
}

function escapeName(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}

function textColumn(texts: readonly string[]): Column {
  const indexes = new Map<string, number>();
  const values = new Uint32Array(texts.length);
  for (let i = 0; i < texts.length; i++) {
    let index = indexes.get(texts[i]);
    if (index === undefined) indexes.set(texts[i], (index = indexes.size));
    values[i] = index;
  }
  return { type: 'string', values, dictionary: TextDictionary.of([...indexes.keys()]), present: null };
}
