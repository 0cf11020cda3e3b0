/**
 * What InfluxDB shows of itself, in its shapes: SHOW STATS is the newest row of each series of `_internal`, where the server writes its
 * counters, so it is empty where it writes none; SHOW DIAGNOSTICS is about the process; SHOW SHARDS and SHOW SHARD GROUPS name the
 * shards of each database and policy. A shard here is a range of series over all times, so its times are empty.
 */
import { hostname } from 'node:os';
import { type Column, integerColumn, textColumn } from '../../model/index.ts';
import { parse, type ResultColumn, type ResultTable, type SelectStatement, type Statement } from '../../query/index.ts';
import { type CatalogueView, policiesOf } from '../catalogue/index.ts';
import { VERSION } from '../version.ts';

export const STATS_DATABASE = '_internal';

/** Longer than the quietest server takes from one report to the next. */
const NEWEST = '2m';
const SHARD_TIMES = ['start_time', 'end_time', 'expiry_time'];

/** What asks for them. */
export function statsAsked(module: string | null): SelectStatement {
  const [select] = parse(`SELECT * FROM /./ WHERE time > now() - ${NEWEST} GROUP BY * ORDER BY time DESC LIMIT 1`);
  const statement = select as SelectStatement;
  if (module === null) return statement;
  return { ...statement, sources: [{ database: null, retentionPolicy: null, name: { text: module } }] };
}

/** Of tables of one row each: without the time, and without what the row lacks. */
export async function* withoutTime(tables: AsyncIterable<ResultTable>): AsyncGenerator<ResultTable> {
  for await (const table of tables) {
    const kept = table.columns.flatMap((name, c) => {
      const column = table.data[c] as ResultColumn;
      const isThere = column.type !== 'time' && (column.present === null || column.present[0] === 1);
      return isThere ? [{ name, column }] : [];
    });
    const tags = table.tags?.filter(([, value]) => value !== '') ?? null;
    yield { ...table, tags, columns: kept.map(({ name }) => name), data: kept.map(({ column }) => column) };
  }
}

interface State {
  readonly catalogue: CatalogueView;
  readonly shards: number;
  /** ns. */
  readonly now: bigint;
}

/** Of all but SHOW STATS. */
export function shownState(statement: Statement, { catalogue, shards, now }: State): ResultTable[] {
  return statement.kind === 'show diagnostics'
    ? diagnostics(statement.module, now)
    : shownShards(statement, catalogue, shards);
}

// private functions

function diagnostics(module: string | null, now: bigint): ResultTable[] {
  const nowMs = Number(now / 1_000_000n);
  const started = new Date(nowMs - process.uptime() * 1000).toISOString();
  const modules: readonly [string, Readonly<Record<string, string | number>>][] = [
    ['build', { Branch: '', 'Build Time': '', Commit: '', Version: VERSION }],
    ['network', { hostname: hostname() }],
    ['runtime', { arch: process.arch, os: process.platform, version: process.version }],
    [
      'system',
      {
        PID: process.pid,
        currentTime: new Date(nowMs).toISOString(),
        started,
        uptime: `${Math.round(process.uptime())}s`,
      },
    ],
  ];
  return modules
    .filter(([name]) => module === null || module === name)
    .map(([name, row]) => ({
      name,
      tags: null,
      columns: Object.keys(row),
      rows: 1,
      data: Object.values(row).map((value) =>
        typeof value === 'number' ? integerColumn([value]) : textColumn([value]),
      ),
    }));
}

function shownShards({ kind }: Statement, { documents, databases }: CatalogueView, shards: number): ResultTable[] {
  const rows = databases.flatMap((database) =>
    policiesOf(documents, database).flatMap(({ name }) =>
      Array.from({ length: shards }, (_, shard) => ({ database, policy: name, id: shard + 1 })),
    ),
  );
  if (kind === 'show shard groups') {
    const groups = rows.filter(({ id }) => id === 1);
    const columns = ['id', 'database', 'retention_policy', ...SHARD_TIMES];
    return [{ name: 'shard groups', tags: null, columns, rows: groups.length, data: shardColumns(groups) }];
  }
  const columns = ['id', 'database', 'retention_policy', 'shard_group', ...SHARD_TIMES, 'owners'];
  return databases.map((database) => {
    const own = rows.filter((row) => row.database === database);
    const [id, name, policy, ...times] = shardColumns(own);
    const data = [id, name, policy, integerColumn(own.map(() => 1)), ...times, textColumn(own.map(() => ''))];
    return { name: database, tags: null, columns, rows: own.length, data };
  });
}

function shardColumns(rows: readonly { database: string; policy: string; id: number }[]): Column[] {
  return [
    integerColumn(rows.map(({ id }) => id)),
    textColumn(rows.map(({ database }) => database)),
    textColumn(rows.map(({ policy }) => policy)),
    ...SHARD_TIMES.map(() => textColumn(rows.map(() => ''))),
  ];
}
