/**
 * What a stored continuous query means: its text with all names spelled out (as it is kept and shown), the live query that runs for it,
 * and the SELECT that gives the same rows over history. Pure: no shards, no clock.
 *
 *     CREATE CONTINUOUS QUERY …            live                                     history
 *     plain                                EMIT ON CLOSE, ON LATE                    SELECT … WHERE … AND time >= from AND time < to
 *     RESAMPLE EVERY e FOR f               EMIT EVERY e ON CHANGE, ON CLOSE,         without INTO, without EMIT; empty windows only
 *                                          ON LATE  LATENESS f                       where the statement says fill()
 *     WITH (…)                             WITH (…) at its end
 */
import {
  assertLive,
  type EmitClause,
  type Expression,
  type IntoTarget,
  type MeasurementSource,
  matchesName,
  measurementsOf,
  parse,
  print,
  QueryError,
  type SelectSource,
  type SelectStatement,
  targetsOf,
} from '../../query/index.ts';
import type { CatalogueView, ContinuousQuery, CreateContinuousQuery } from '../catalogue/index.ts';
import { namePolicies, policyNamed, withEdges } from '../queries/index.ts';

export interface StoredDefinition {
  /** Of all that it reads. */
  readonly database: string;
  readonly live: SelectStatement;
  /** Canonical text of `live`: it is the same operator that a subscriber of this text has. */
  readonly query: string;
  /** Rows of windows that are open are written too. */
  readonly provisional: boolean;
  /** measurement null = that of each row. */
  readonly into: Target;
  /** Where points go that come too late; null = nowhere. */
  readonly late: (Target & { readonly measurement: string }) | null;
}

interface Target extends IntoTarget {
  readonly database: string;
  readonly retentionPolicy: string;
}

/** The statement with the databases and policies that it means at this moment. Throws QueryError where it could not run. */
export function namedDefinition(statement: CreateContinuousQuery, catalogue: CatalogueView): CreateContinuousQuery {
  const { database, select } = statement;
  const { lateness } = select;
  const read = [...measurementsOf(select), ...targetsOf(select)];
  for (const name of [database, ...read.map((source) => source.database ?? database)]) {
    if (!catalogue.has(name)) throw new QueryError('invalid', `database not found: ${name}`);
  }
  const named: CreateContinuousQuery = {
    ...statement,
    select: {
      ...spelledOut(select, database, catalogue),
      into: namedTarget(select.into!, database, catalogue),
      ...(typeof lateness?.after === 'object' && {
        lateness: { ...lateness, after: namedTarget(lateness.after, database, catalogue) },
      }),
    },
  };
  assertRuns(named);
  return named;
}

/** With the databases and policies that it means at this moment. Throws QueryError. */
export function spelledOut(select: SelectStatement, database: string, catalogue: CatalogueView): SelectStatement {
  const named = namePolicies(select, database, catalogue);
  return { ...named, sources: named.sources.map((source) => inDatabase(source, database)) };
}

/** Throws QueryError where this version cannot read what another one has kept. */
export function storedDefinition({ text }: Pick<ContinuousQuery, 'text'>): StoredDefinition {
  return definitionOf(parse(text)[0] as CreateContinuousQuery);
}

/** The same rows over history: of the windows that begin in [from, to), ns, both of them edges of windows. */
export function overHistory({ live }: StoredDefinition, from: bigint, to: bigint): SelectStatement {
  const { watermark: _w, lateness: _l, emit: _e, options: _o, ...select } = live;
  const range = both(timeIs('>=', from), timeIs('<', to));
  const condition = select.condition === null ? range : both({ kind: 'parenthesis', inner: select.condition }, range);
  return hasWindows(select)
    ? { ...select, condition, fill: select.fill ?? { kind: 'none' } }
    : { ...select, condition };
}

// private functions

function namedTarget(target: IntoTarget, database: string, catalogue: CatalogueView): Target {
  const own = target.database ?? database;
  return { ...target, database: own, retentionPolicy: policyNamed(target.retentionPolicy, own, catalogue) };
}

function definitionOf({ select, resample, ...statement }: CreateContinuousQuery): StoredDefinition {
  const { into, ...plain } = withEdges(select);
  const emit = plain.emit ?? emission(plain, resample?.every ?? null);
  const lateness =
    plain.lateness ?? (resample?.for == null ? undefined : { within: resample.for, after: 'drop' as const });
  const options = plain.options ?? (statement.options.length > 0 ? statement.options : undefined);
  const live: SelectStatement = {
    ...plain,
    ...(emit && { emit }),
    ...(lateness && { lateness }),
    ...(options && { options }),
  };
  return {
    database: measurementsOf(select)[0].database!,
    live,
    query: print(live),
    provisional: emit?.some(({ on }) => on === 'every' || on === 'update' || on === 'rows') ?? false,
    into: into as Target,
    late: typeof lateness?.after === 'object' ? (lateness.after as StoredDefinition['late']) : null,
  };
}

/** Points that are copied are neither open nor closed. */
function emission(select: SelectStatement, every: bigint | null): readonly EmitClause[] | undefined {
  if (!hasWindows(select)) return undefined;
  const finals: EmitClause[] = [{ on: 'close' }, { on: 'late' }];
  return every === null ? finals : [{ on: 'every', interval: every, ifChanged: true }, ...finals];
}

/** Of its own: those of its sides and subqueries have clauses of theirs. */
function hasWindows({ dimensions }: SelectStatement): boolean {
  return dimensions.some(({ kind }) => kind === 'time' || kind === 'window');
}

function assertRuns(statement: CreateContinuousQuery): void {
  const { database, live, into, late } = definitionOf(statement);
  if (late !== null && late.measurement === null) {
    const expected = 'expected the name of a measurement';
    throw new QueryError(
      'invalid',
      `continuous query: points that come too late keep their fields, and have no place among others of their measurement: ${expected}`,
    );
  }
  assertLive(live);
  for (const source of measurementsOf(live)) {
    if (source.database !== database) {
      throw new QueryError(
        'invalid',
        `continuous query: it reads "${database}" and "${source.database}": expected one database`,
      );
    }
    for (const target of late === null ? [into] : [into, late]) {
      if (!isRead(target, source)) continue;
      const name = target.measurement === null ? 'the measurements that it reads' : `"${target.measurement}"`;
      throw new QueryError('invalid', `continuous query: it would read what it writes to ${name}: name another target`);
    }
  }
}

function isRead({ database, retentionPolicy, measurement }: Target, source: MeasurementSource): boolean {
  if (database !== source.database || retentionPolicy !== source.retentionPolicy) return false;
  return measurement === null || matchesName(source.name)(measurement);
}

function inDatabase(source: SelectSource, database: string): SelectSource {
  if ('subquery' in source) {
    const { subquery } = source;
    return { subquery: { ...subquery, sources: subquery.sources.map((one) => inDatabase(one, database)) } };
  }
  if ('join' in source) {
    const side = (one: typeof source.left): typeof source.left => ({
      ...one,
      source: inDatabase(one.source, database),
    });
    return { ...source, left: side(source.left), right: side(source.right) };
  }
  return { ...source, database: source.database ?? database };
}

function timeIs(operator: '>=' | '<', ns: bigint): Expression {
  return {
    kind: 'binary',
    operator,
    left: { kind: 'reference', name: 'time', cast: null },
    right: { kind: 'integer', value: ns },
  };
}

function both(left: Expression, right: Expression): Expression {
  return { kind: 'binary', operator: 'AND', left, right };
}
