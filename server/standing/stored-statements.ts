/**
 * The statements about stored continuous queries, on the worker that coordinates them. What changes the catalogue goes to its authority
 * with all names spelled out; what is asked of a running query goes to the worker that is its home; history is read from here.
 */
import { integerColumn, textColumn } from '../../model/index.ts';
import {
  type AdministrationStatement,
  explainPlan,
  type Plan,
  QueryError,
  type ResultTable,
  type SelectStatement,
  type Statement,
  textTables,
  timeValue,
  windowOf,
  windowStart,
} from '../../query/index.ts';
import {
  type CatalogueStatement,
  type CatalogueView,
  type ContinuousQuery,
  continuousQueriesOf,
  continuousQueryNamed,
  seesDatabase,
  type User,
} from '../catalogue/index.ts';
import { groupsByName, type LiveReport } from '../queries/index.ts';
import { namedDefinition, overHistory, type StoredDefinition, storedDefinition } from './definition.ts';
import { spansOf } from './spans.ts';
import type { RefreshCall, StoredStatus } from './stored-queries.ts';

const SHOWN_COLUMNS = ['name', 'query', 'state', 'points', 'failures', 'last_failure'];

export type StoredStatement =
  | Extract<AdministrationStatement, { kind: `${string} continuous query` }>
  | { readonly kind: 'show continuous queries' };

export interface StoredRequest {
  /** Of the request. */
  readonly database: string;
  /** null = sees everything. */
  readonly user: User | null;
  /** ns. */
  readonly now: bigint;
  readonly signal: AbortSignal;
}

export interface StoredStatementsPort {
  readonly catalogue: CatalogueView;
  readonly shards: number;
  readonly change: (statement: CatalogueStatement, database: string) => Promise<unknown>;
  /** Of all workers. */
  readonly statuses: () => Promise<readonly StoredStatus[]>;
  /** Of the live queries of all workers. */
  readonly live: () => Promise<LiveReport>;
  /** At the query's home. Gives the points written. */
  readonly refresh: (call: RefreshCall) => Promise<number>;
  readonly select: (
    statement: SelectStatement,
    request: { readonly database: string; readonly now: bigint; readonly signal: AbortSignal },
  ) => Promise<{ plan: Plan; tables: AsyncIterable<ResultTable> }>;
}

export function isStoredStatement(statement: Statement): statement is StoredStatement {
  return statement.kind.includes('continuous quer');
}

/** Rejects with QueryError. */
export async function executeStored(
  statement: StoredStatement,
  request: StoredRequest,
  port: StoredStatementsPort,
): Promise<Iterable<ResultTable> | AsyncIterable<ResultTable>> {
  const { catalogue, change } = port;
  switch (statement.kind) {
    case 'create continuous query':
      await change(namedDefinition(statement, catalogue), request.database);
      return [];
    case 'drop continuous query':
    case 'pause continuous query':
    case 'resume continuous query':
      await change(statement, request.database);
      return [];
    case 'show continuous queries':
      return show(request, port, await port.statuses());
    case 'explain continuous query':
      return explain(statement, request, port);
    case 'backtest continuous query': {
      const { tables } = await overRange(statement, request, port);
      return tables;
    }
    case 'refresh continuous query':
      return refresh(statement, request, port);
  }
}

// private functions

type OfRange = Extract<StoredStatement, { kind: 'backtest continuous query' | 'refresh continuous query' }>;

/** One table a database, in InfluxDB's shape, with what becomes of each query behind it. */
function show(
  { user }: StoredRequest,
  { catalogue }: StoredStatementsPort,
  statuses: readonly StoredStatus[],
): ResultTable[] {
  const seen = catalogue.databases.filter((database) => user === null || seesDatabase(user, database));
  return seen.map((database) => {
    const queries = continuousQueriesOf(catalogue.documents, database);
    const found = queries.map(({ name, created }) =>
      statuses.find((one) => one.database === database && one.name === name && one.created === created),
    );
    return {
      name: database,
      tags: null,
      columns: SHOWN_COLUMNS,
      rows: queries.length,
      data: [
        textColumn(queries.map(({ name }) => name)),
        textColumn(queries.map(({ text }) => text)),
        textColumn(found.map((one) => one?.state ?? 'stopped')),
        integerColumn(found.map((one) => one?.points ?? 0)),
        integerColumn(found.map((one) => one?.failures ?? 0)),
        textColumn(found.map((one) => one?.lastFailure ?? '')),
      ],
    };
  });
}

async function explain(
  statement: Extract<StoredStatement, { kind: 'explain continuous query' }>,
  { database, now, signal }: StoredRequest,
  port: StoredStatementsPort,
): Promise<ResultTable[]> {
  const [stored, definition] = definitionNamed(statement, database, port.catalogue);
  const { plan } = await port.select(definition.live, { database: definition.database, now, signal });
  const { into, query, provisional } = definition;
  const status = (await port.statuses()).find(({ created }) => created === stored.created);
  const lines = [
    ...explainPlan(plan, port.shards),
    `LIVE QUERY: ${query}`,
    `WRITES: ${provisional ? 'rows of open windows too' : 'final rows and their revisions'}`,
    `INTO: ${into.database}.${into.retentionPolicy}.${into.measurement ?? ':MEASUREMENT'}`,
  ];
  const { progress, groups } = await port.live();
  const live = progress.find((one) => one.database === definition.database && one.text === query);
  if (live !== undefined) {
    const { state, lagMs, panes, counters, group } = live;
    const shared = group === null ? undefined : groupsByName(groups).get(group);
    lines.push(`LIVE: ${state}`, `WATERMARK LAG: ${lagMs === null ? 'no point yet' : `${lagMs}ms`}`);
    const { onTime, late, tooLate, ahead, recomputed, letGo } = counters;
    lines.push(
      `PANES: ${panes}`,
      `POINTS: ${onTime} on time, ${late} late, ${tooLate} dropped, ${ahead} ahead of the clock`,
      `WINDOWS RECOMPUTED: ${recomputed}`,
      `SERIES LET GO: ${letGo}`,
    );
    lines.push(`SHARE GROUP: ${shared === undefined ? 'none' : `${shared.name}, live queries: ${shared.views}`}`);
    if (shared !== undefined) lines.push(`STATE BYTES: ${shared.bytes}`);
  }
  if (statement.analyze) {
    lines.push(`POINTS WRITTEN: ${status?.points ?? 0}`, `FAILURES: ${status?.failures ?? 0}`);
    if (status !== undefined && status.lastFailure !== '') lines.push(`LAST FAILURE: ${status.lastFailure}`);
  }
  const rows = lines.map((line) => [line]);
  return textTables('', [statement.analyze ? 'EXPLAIN ANALYZE' : 'QUERY PLAN'], rows);
}

async function refresh(statement: OfRange, request: StoredRequest, port: StoredStatementsPort): Promise<ResultTable[]> {
  const { stored, plan, from, to } = await overRange(statement, request, port);
  let written = 0;
  for (const [start, end] of spansOf(plan, from, to)) {
    request.signal.throwIfAborted();
    written += await port.refresh({ database: stored.database, name: stored.name, from: start, to: end });
  }
  return [
    {
      name: 'result',
      tags: null,
      columns: ['time', 'written'],
      rows: 1,
      data: [{ type: 'time', base: 0n, offsets: new Float64Array(1) }, integerColumn([written])],
    },
  ];
}

/** The windows that [from, to) touches, whole, and their rows over history. */
async function overRange(
  statement: OfRange,
  { database, now, signal }: StoredRequest,
  port: StoredStatementsPort,
): Promise<{ stored: ContinuousQuery; plan: Plan; from: bigint; to: bigint; tables: AsyncIterable<ResultTable> }> {
  const [stored, definition] = definitionNamed(statement, database, port.catalogue);
  const [from, to] = [statement.from, statement.to].map((time) => timeValue(time, now).ns);
  if (from >= to) throw new QueryError('invalid', `${statement.kind.toUpperCase()}: expected FROM before TO`);
  const place = { database: definition.database, now, signal };
  const { plan } = await port.select(overHistory(definition, from, to), place);
  if (plan.windows !== undefined) {
    const reason =
      'a range cuts windows that overlap: ask the SELECT over a longer one, with INTO where it should write';
    throw new QueryError('invalid', `${statement.kind.toUpperCase()}: ${reason}`);
  }
  if (plan.window === null) {
    return { stored, from, to, ...(await port.select(overHistory(definition, from, to), place)) };
  }
  const whole = [windowStart(plan, windowOf(plan, from)), windowStart(plan, windowOf(plan, to - 1n) + 1)] as const;
  return { stored, from: whole[0], to: whole[1], ...(await port.select(overHistory(definition, ...whole), place)) };
}

function definitionNamed(
  { name, database }: { readonly name: string; readonly database: string | null },
  current: string,
  catalogue: CatalogueView,
): [ContinuousQuery, StoredDefinition] {
  const stored = continuousQueryNamed(catalogue.documents, database ?? current, name);
  return [stored, storedDefinition(stored)];
}
