/**
 * The SHOW statements over data. Each shard answers `showShard` with plain texts (what it has, filtered by tag conditions), in batches;
 * `Shown` collects those of all shards, and `showAnswer` makes the tables of the answer. All of it in steps, as there may be a million
 * series. SHOW DATABASES and SHOW RETENTION POLICIES ask the server's
 * catalog instead: `textTable` makes their tables. Conditions are over tags; time in them is ignored, as what is known has no time.
 */
import { compareText, integerColumn, textColumn } from '../../model/index.ts';
import { ordered } from '../functions/ordered.ts';
import type { Statement } from '../language/ast.ts';
import { bindCondition } from '../planner/bind.ts';
import { checkShowCondition, isUnnamed, ofTagsOnly } from '../planner/check-show.ts';
import { matchesName, measurementMatchers, mergeSchemas } from '../planner/schema.ts';
import { splitTime } from '../planner/time-range.ts';
import { TABLE_ROWS_MAX } from './cells/table-writer.ts';
import { DistinctTexts } from './rows/distinct-texts.ts';
import { type ShowStatement, shownRows } from './rows/shown-rows.ts';
import type { ResultTable } from './source/result.ts';
import type { Source } from './source/source.ts';
import type { Steps } from './source/steps.ts';

/** Rows, and measurements, of a batch: it is one message between threads. */
const STEP_TEXTS = 4_096;

const COLUMNS = {
  'show tag keys': ['tagKey'],
  'show tag values': ['key', 'value'],
  'show field keys': ['fieldKey', 'fieldType'],
} as const;

export type { ShowStatement } from './rows/shown-rows.ts';

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

/** Stage 1, where the shard is, in steps: batches of parts, of which several may be of one measurement. */
export function* showShard(
  statement: ShowStatement,
  context: ShowContext,
  source: Source,
): Generator<readonly ShowPart[] | null> {
  const database = statement.database ?? context.database;
  checkShowCondition(statement.kind, statement.condition);
  const split = splitTime(statement.condition, context.now);
  const rest = split.rest && statement.kind !== 'show measurements' ? ofTagsOnly(split.rest) : split.rest;
  const every = { database: null, retentionPolicy: null, name: { regex: '' } };
  // a source without a name is none, as on InfluxDB
  const named = statement.sources.filter((one) => !isUnnamed(one));
  const asked = named.length > 0 ? named : [every];
  const matchers = measurementMatchers(asked, { ...context, database });
  let batch: ShowPart[] = [];
  let held = 0;
  for (const { database, retentionPolicy, name } of matchers) {
    const named = matchesName(name);
    const wanted = (measurement: string): boolean => named(measurement) && passesMatch(statement, measurement);
    for (const schema of mergeSchemas([source.describe(database, retentionPolicy, wanted)])) {
      const condition = rest === null ? null : bindCondition(rest, { fields: new Map(), tagKeys: schema.tagKeys });
      for (const rows of shownRows(statement, schema, condition, { source, database, retentionPolicy })) {
        if (rows !== null) {
          batch.push({ name: schema.name, rows });
          held += 1 + rows.length;
        }
        if (rows !== null && held < STEP_TEXTS) continue;
        yield batch.length > 0 ? batch : null;
        batch = [];
        held = 0;
      }
    }
  }
  if (batch.length > 0) yield batch;
}

/** What shards gave: the distinct rows of each measurement. */
export class Shown {
  readonly #names = new Map<string, { readonly known: DistinctTexts; readonly rows: (readonly string[])[] }>();

  add(parts: readonly ShowPart[]): void {
    for (const { name, rows } of parts) {
      let shown = this.#names.get(name);
      if (shown === undefined) this.#names.set(name, (shown = { known: new DistinctTexts(), rows: [] }));
      for (const row of rows) if (shown.known.add(row.length === 1 ? row[0] : row.join('\0'))) shown.rows.push(row);
    }
  }

  get names(): string[] {
    return [...this.#names.keys()].sort(compareText);
  }

  /** Of each name, in the order of names. A tag value that several keys have is one, as in InfluxDB. */
  counts({ of }: CountStatement): ReadonlyMap<string, number> {
    const count = (rows: readonly (readonly string[])[]): number =>
      of === 'tag values' ? new Set(rows.map(([, value]) => value)).size : rows.length;
    return new Map(this.names.map((name) => [name, count(this.rows(name))]));
  }

  /** As they came. */
  rows(name: string): readonly (readonly string[])[] {
    return this.#names.get(name)!.rows;
  }

  *sorted(name: string): Steps<(readonly string[])[]> {
    const rows = this.rows(name);
    const order = yield* ordered(rows.length, (a, b) => compareTexts(rows[a], rows[b]));
    return Array.from(order, (i) => rows[i]);
  }
}

/** Stage 2, in steps: null between two of them. */
export function* showAnswer(statement: ShowStatement, shown: Shown): Generator<ResultTable | null> {
  const { names } = shown;
  const { limit, offset } = statement;
  const page = <T>(items: T[]): T[] => items.slice(offset, limit > 0 ? offset + limit : undefined);
  if (statement.kind === 'show measurements') {
    yield* tablesOf('measurements', ['name'], page(names.map((name) => [name])));
    return;
  }
  if (statement.kind === 'show series') {
    const all: (readonly string[])[] = [];
    for (const name of names) for (const row of yield* shown.sorted(name)) all.push(row);
    yield* tablesOf('', ['key'], page(all), withPlainBackslashes);
    return;
  }
  for (const name of names) yield* tablesOf(name, COLUMNS[statement.kind], page(yield* shown.sorted(name)));
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

/** Whether SHOW … CARDINALITY asks for one number of the whole database, which InfluxDB estimates. */
export function isEstimate({ exact, sources, condition, limit }: CountStatement): boolean {
  return !exact && sources.length === 0 && condition === null && limit === 0;
}

/**
 * Stage 2 of SHOW … CARDINALITY: exact always. The estimate of series and of measurements is one number under the title that InfluxDB
 * gives it; measurements are always one number, all else one per measurement. `counts`: by measurement, in order.
 */
export function countAnswer(statement: CountStatement, counts: ReadonlyMap<string, number>): ResultTable[] {
  const { of, limit, offset } = statement;
  if (offset > 0 && limit >= 0) return [];
  const whole = isEstimate(statement);
  if (of === 'measurement' || (of === 'series' && whole)) {
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const count = of === 'measurement' ? counts.size : all;
    if (!whole && count === 0) return [];
    return [countTable('', whole ? 'cardinality estimation' : 'count', count)];
  }
  return [...counts].filter(([, count]) => count > 0).map(([name, count]) => countTable(name, 'count', count));
}

/** Tables of text columns without time; none where there are no rows. */
export function textTables(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): ResultTable[] {
  return [...tablesOf(name, columns, rows)];
}

// private functions

function* tablesOf(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  shownAs: (text: string) => string = (text) => text,
): Generator<ResultTable> {
  for (let from = 0; from < rows.length; from += TABLE_ROWS_MAX) {
    const some = rows.slice(from, from + TABLE_ROWS_MAX);
    const data = columns.map((_, c) => textColumn(some.map((row) => shownAs(row[c]))));
    yield { name, tags: null, columns, rows: some.length, data };
  }
}

function countTable(name: string, column: string, count: number): ResultTable {
  return { name, tags: null, columns: [column], rows: 1, data: [integerColumn([count])] };
}

function passesMatch(statement: ShowStatement, measurement: string): boolean {
  if (statement.kind !== 'show measurements' || statement.match === null) return true;
  return matchesName(statement.match)(measurement);
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
