/** What a measurement of one shard has to show, as texts: its series, their tags and their values, or its fields. */
import type { MeasurementSchema } from '../../../model/index.ts';
import type { KeyMatch, Statement } from '../../language/ast.ts';
import { compileRegex } from '../../language/regex.ts';
import type { Bound } from '../../planner/plan.ts';
import type { Source } from '../source/source.ts';
import { STEP_SERIES } from '../source/steps.ts';
import { DistinctTexts } from './distinct-texts.ts';
import { RowFilter } from './filter.ts';

export type ShowStatement = Extract<
  Statement,
  { kind: 'show measurements' | 'show tag keys' | 'show tag values' | 'show field keys' | 'show series' }
>;

/** Where the measurement is. */
export interface Place {
  readonly source: Source;
  readonly database: string;
  readonly retentionPolicy: string;
}

/** In steps: some rows, or null between two of them. A measurement that has nothing to show gives none at all. */
export function* shownRows(
  statement: ShowStatement,
  schema: MeasurementSchema,
  condition: Bound | null,
  place: Place,
): Generator<string[][] | null> {
  const { kind } = statement;
  if (kind === 'show field keys') yield [...schema.fields];
  else if (condition === null && kind === 'show measurements') yield [];
  else if (condition === null && kind === 'show tag keys') yield schema.tagKeys.map((key) => [key]);
  else yield* rowsOfSeries(statement, schema, condition, place);
}

// private functions

function* rowsOfSeries(
  statement: ShowStatement,
  schema: MeasurementSchema,
  condition: Bound | null,
  place: Place,
): Generator<string[][] | null> {
  const { kind } = statement;
  const table = place.source.series(place.database, place.retentionPolicy, schema.name);
  if (table === null) return;
  const filter = new RowFilter(condition);
  const keys = kind === 'show tag values' ? schema.tagKeys.filter(keyTest(statement.key)) : schema.tagKeys;
  const prefix = escapeName(schema.name);
  const known = new DistinctTexts();
  let rows: string[][] = [];
  let isAny = false;
  const { size } = table;
  for (let series = 0; series < size; series++) {
    if (series % STEP_SERIES === STEP_SERIES - 1) {
      yield rows.length > 0 ? rows : null;
      rows = [];
    }
    if (table.has?.(series) === false || !filter.passesSeries(table, series)) continue;
    if (!isAny) yield [];
    isAny = true;
    if (kind === 'show measurements') return;
    if (kind === 'show series') {
      const key = table.key(series);
      rows.push([prefix + (key === '' ? '' : `,${key}`)]);
      continue;
    }
    for (const key of keys) {
      const value = table.tag(series, key);
      if (value === '') continue;
      const row = kind === 'show tag keys' ? [key] : [key, value];
      if (known.add(row.join('\0'))) rows.push(row);
    }
  }
  if (rows.length > 0) yield rows;
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

function escapeName(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}
