/**
 * SHOW QUERIES as InfluxDB shows it: a row for each query under way, its text in canonical form, for how long in Go's words. Live
 * queries stand in a second series, `live`, which is there only when there are some.
 */
import { type Column, integerColumn, textColumn } from '../../model/index.ts';
import { print, QueryError, type ResultTable, type Statement } from '../../query/index.ts';
import {
  groupsByName,
  type LiveProgress,
  type LiveQuery,
  type QueriesUnderWay,
  type RunningQuery,
  type ShareGroup,
} from './running-queries.ts';

const COLUMNS = ['qid', 'query', 'database', 'duration', 'status'];
const LIVE_COLUMNS = [
  ...COLUMNS,
  ...['subscribers', 'lag_ms', 'panes', 'on_time', 'late', 'dropped', 'ahead', 'recomputed'],
  ...['share_group', 'shared_by', 'state_bytes'],
];
const COUNTERS = ['onTime', 'late', 'tooLate', 'ahead', 'recomputed'] as const;

/** `parse` is asked for texts that were parsed before: what may not be shown, `print` leaves out. */
export function shownQueries(
  { historical, live, progress, groups }: QueriesUnderWay,
  parse: (text: string) => readonly Statement[],
): ResultTable[] {
  const texts = historical.map(({ text }) => canonical(text, parse));
  const statuses = historical.map(({ killed }) => (killed ? 'killed' : 'running'));
  const data = commonColumns(historical, texts, statuses);
  const tables: ResultTable[] = [{ name: '', tags: null, columns: COLUMNS, rows: historical.length, data }];
  return live.length === 0 ? tables : [...tables, shownLive(live, progress, groupsByName(groups))];
}

// private functions

function shownLive(
  live: readonly LiveQuery[],
  progress: readonly LiveProgress[],
  groups: ReadonlyMap<string, ShareGroup>,
): ResultTable {
  const found = new Map(progress.map((entry) => [JSON.stringify([entry.database, entry.text]), entry]));
  const told = live.map(({ database, text }) => found.get(JSON.stringify([database, text])));
  const shared = told.map((entry) => (entry?.group == null ? undefined : groups.get(entry.group)));
  const texts = live.map(({ text }) => text);
  const statuses = told.map((entry) => entry?.state ?? 'starting');
  const data = [
    ...commonColumns(live, texts, statuses),
    integerColumn(live.map(({ subscribers }) => subscribers)),
    integerColumn(told.map((entry) => entry?.lagMs ?? null)),
    integerColumn(told.map((entry) => entry?.panes ?? 0)),
    ...COUNTERS.map((name) => integerColumn(told.map((entry) => entry?.counters[name] ?? 0))),
    textColumn(shared.map((group) => group?.name ?? '')),
    integerColumn(shared.map((group) => group?.views ?? 1)),
    integerColumn(shared.map((group) => group?.bytes ?? null)),
  ];
  return { name: 'live', tags: null, columns: LIVE_COLUMNS, rows: live.length, data };
}

function commonColumns(
  queries: readonly (RunningQuery | LiveQuery)[],
  texts: readonly string[],
  statuses: readonly string[],
): Column[] {
  return [
    integerColumn(queries.map(({ id }) => id)),
    textColumn(texts),
    textColumn(queries.map(({ database }) => database)),
    textColumn(queries.map(({ runningMs }) => goDuration(runningMs))),
    textColumn(statuses),
  ];
}

function canonical(text: string, parse: (text: string) => readonly Statement[]): string {
  try {
    return parse(text).map(print).join('; ');
  } catch (error) {
    if (error instanceof QueryError) return '';
    throw error;
  }
}

/** The whole seconds, milliseconds or microseconds there are. */
function goDuration(ms: number): string {
  if (ms < 1) return `${Math.floor(ms * 1000)}µs`;
  if (ms < 1000) return `${Math.floor(ms)}ms`;
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h > 0) return `${h}h${m}m${s}s`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}
