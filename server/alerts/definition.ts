/**
 * What a stored alert means: the live query it stands on, the rules of its levels, and the conditions on the rows. Pure: no shards, no
 * clock.
 */
import {
  assertLive,
  assertWritesNothing,
  columnNames,
  type Expression,
  matchesName,
  measurementsOf,
  parse,
  print,
  QueryError,
  RowCondition,
  type SelectStatement,
  type Window,
  walk,
} from '../../query/index.ts';
import type { CatalogueView, CreateAlert, StoredAlert } from '../catalogue/index.ts';
import { spelledOut } from '../standing/index.ts';
import type { AlertRules } from './series-state.ts';

/** Where the changes of all alerts of a database are written. */
export const ALERTS_MEASUREMENT = '_alerts';
/** The tag that has the alert's name there. */
export const ALERT_TAG = '_alert';
/** Columns that are asked for beside those of the SELECT where windows are not of time: their start and end, ns. */
export const WINDOW_EDGES = ['_alert_start', '_alert_end'] as const;
/** Levels that are not named. */
const LEVEL = 'alert';
const NO_DATA_LEVEL = 'no data';
/** What is told where no level is on. */
export const OK = 'ok';
const URLS_MAX = 8;
const LEVELS_MAX = 16;

export interface AlertDefinition {
  /** Of all that it reads. */
  readonly database: string;
  /** Canonical text: it is the same operator that a subscriber of this text has. */
  readonly query: string;
  readonly rules: AlertRules;
  /** By level. `until` null = where `when` no longer holds. */
  readonly conditions: readonly { readonly when: RowCondition; readonly until: RowCondition | null }[];
  /** What its SELECT groups by beside `time(…)`; its rows then have the columns of `WINDOW_EDGES`. null = time. */
  readonly window: Window | null;
  readonly notify: readonly string[];
}

/** The statement with the databases and policies that it means at this moment. Throws QueryError where it could not run. */
export function namedAlert(statement: CreateAlert, current: string, catalogue: CatalogueView): CreateAlert {
  const database = statement.database ?? current;
  for (const name of [database, ...measurementsOf(statement.select).map((source) => source.database ?? database)]) {
    if (!catalogue.has(name)) throw new QueryError('invalid', `database not found: ${name}`);
  }
  const named = { ...statement, database, select: spelledOut(statement.select, database, catalogue) };
  assertRuns(named);
  return named;
}

/** Throws QueryError where this version cannot read what another one has kept. */
export function alertDefinition({ text }: Pick<StoredAlert, 'text'>): AlertDefinition {
  const { select, levels, noData, remindEvery, notify } = parse(text)[0] as CreateAlert;
  const window = windowOf(select);
  return {
    database: measurementsOf(select)[0].database!,
    query: print(window === null ? select : withEdges(select)),
    window,
    rules: {
      levels: levels.map((level) => ({ name: level.level ?? LEVEL, for: level.for })),
      noData: noData === null ? null : { name: noData.level ?? NO_DATA_LEVEL, for: noData.for },
      remindEveryMs: remindEvery === null ? null : Number(remindEvery / 1_000_000n),
    },
    conditions: levels.map(({ condition, until }) => ({
      when: new RowCondition(condition),
      until: until === null ? null : new RowCondition(until),
    })),
    notify,
  };
}

// private functions

function windowOf({ dimensions }: SelectStatement): Window | null {
  const found = dimensions.find((dimension) => dimension.kind === 'window');
  return found?.window ?? null;
}

function withEdges(select: SelectStatement): SelectStatement {
  const edges = (['_start', '_end'] as const).map((name, i) => ({
    expression: { kind: 'reference', name, cast: null } as const,
    alias: WINDOW_EDGES[i],
  }));
  return { ...select, fields: [...select.fields, ...edges] };
}

function assertRuns({ database, select, levels, noData, remindEvery, notify }: CreateAlert): void {
  if (!select.dimensions.some(({ kind }) => kind === 'time' || kind === 'window')) {
    throw new QueryError('invalid', 'an alert judges windows: expected GROUP BY time(…), or another kind of windows');
  }
  if (select.emit?.every(({ on }) => on !== 'close' && on !== 'final')) {
    throw new QueryError('invalid', 'an alert judges final rows: expected ON CLOSE or FINAL in EMIT');
  }
  assertLive(select);
  assertWritesNothing(select);
  const sources = measurementsOf(select);
  for (const source of sources) {
    if (source.database !== sources[0].database) {
      const both = `"${sources[0].database}" and "${source.database}"`;
      throw new QueryError('invalid', `an alert reads one database: found ${both}`);
    }
    if (source.database === database && matchesName(source.name)(ALERTS_MEASUREMENT)) {
      throw new QueryError(
        'invalid',
        `an alert cannot read "${ALERTS_MEASUREMENT}", where its own changes are written`,
      );
    }
  }
  const names = [
    ...levels.map(({ level }) => level ?? LEVEL),
    ...(noData === null ? [] : [noData.level ?? NO_DATA_LEVEL]),
  ];
  if (levels.length > LEVELS_MAX) throw new QueryError('invalid', `an alert has at most ${LEVELS_MAX} levels`);
  if (names.includes(OK)) throw new QueryError('invalid', `a level cannot be called '${OK}': that is where none is on`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new QueryError('invalid', `two levels are called '${twice}': name them by LEVEL`);
  const expressions = levels.flatMap(({ condition, until }) => (until === null ? [condition] : [condition, until]));
  for (const expression of expressions) assertKnown(expression, select);
  if (remindEvery !== null && notify.length === 0) {
    throw new QueryError('invalid', 'REMIND EVERY without NOTIFY: reminders go to webhooks only');
  }
  if (notify.length > URLS_MAX) throw new QueryError('invalid', `an alert notifies at most ${URLS_MAX} URLs`);
  for (const url of notify) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new QueryError('invalid', `NOTIFY '${url}': expected an http or https URL`);
    }
  }
}

/** Conditions are about the columns of the SELECT and the tags it groups by; where it has wildcards, nobody knows them yet. */
function assertKnown(expression: Expression, { fields, dimensions }: SelectStatement): void {
  let open = dimensions.some(({ kind }) => kind === 'wildcard' || kind === 'regex');
  for (const field of fields) {
    walk(field.expression, ({ kind }) => {
      open ||= kind === 'wildcard' || kind === 'regex';
      return undefined;
    });
  }
  const columns = columnNames(fields, 'time').slice();
  const tags = dimensions.flatMap((dimension) => (dimension.kind === 'tag' ? [dimension.name] : []));
  walk(expression, (part) => {
    if (part.kind === 'call') {
      throw new QueryError(
        'invalid',
        `a condition of an alert is about columns: found ${part.name}(), expected ${columns.join(', ')}`,
      );
    }
    if (part.kind === 'reference' && !open && ![...columns, ...tags].includes(part.name)) {
      const known = [...columns, ...tags].map((name) => `"${name}"`).join(', ');
      throw new QueryError('invalid', `a condition of an alert names "${part.name}": expected one of ${known}`);
    }
    return undefined;
  });
}
