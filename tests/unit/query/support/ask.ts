/** Asks a SELECT or SHOW text of sources as the server would: plan from merged schemas, stage 1 per source, a clone, stage 2. */
import type { Value } from '../../../../model/index.ts';
import {
  answerOf,
  countAnswer,
  countedStatement,
  historicalShard,
  mergeSchemas,
  NO_LIMITS,
  type PaneStore,
  type Partial,
  type PinnableSource,
  type Plan,
  type PlanContext,
  parse,
  planSelect,
  type ResultTable,
  type ShowContext,
  Shown,
  type ShowStatement,
  showAnswer,
  showShard,
} from '../../../../query/index.ts';
import { columnReader } from '../../../../query/runtime/source/columns.ts';

/** 2020-01-01. */
export const NOW = 1577836800000000000n;

/** One series as InfluxDB's JSON has it. */
export interface Series {
  name?: string;
  tags?: Record<string, string>;
  columns: string[];
  values: Value[][];
}

export async function ask(
  text: string,
  shards: readonly PinnableSource[],
  now = NOW,
  limits = NO_LIMITS,
  schemas: PlanContext['schemas'] = (...wanted) => mergeSchemas(shards.map((shard) => shard.describe(...wanted))),
): Promise<Series[]> {
  const [statement] = parse(text);
  const context = { database: 'db', defaultRetentionPolicy: 'autogen', now };
  switch (statement.kind) {
    case 'select': {
      const plan = planSelect(statement, { ...context, schemas });
      const tables: ResultTable[] = [];
      // the first of several is as one on the thread of stage 2, the others as on others
      const streams = (leaf: Plan, home: PaneStore | null) =>
        shards.map((shard, i) =>
          i === 0 && shards.length > 1
            ? historicalShard({ ...leaf, subqueries: [] }, shard, atOnce, limits, { home })
            : cloned(historicalShard(structuredClone(leaf), shard, atOnce, limits)),
        );
      for await (const table of answerOf(plan, streams, atOnce, limits)) tables.push(table);
      return seriesOf(tables);
    }
    case 'show cardinality':
      return seriesOf(countAnswer(statement, shownBy(countedStatement(statement), context, shards).counts(statement)));
    case 'show measurements':
    case 'show tag keys':
    case 'show tag values':
    case 'show field keys':
    case 'show series':
      return seriesOf(
        [...showAnswer(statement, shownBy(statement, context, shards))].filter((table) => table !== null),
      );
    default:
      throw new Error(`cannot ask ${statement.kind}`);
  }
}

/** Tables of one series that follow one another are one. */
export function seriesOf(tables: Iterable<ResultTable>): Series[] {
  const all: Series[] = [];
  for (const table of tables) {
    const series: Series = {
      ...(table.name === '' ? {} : { name: table.name }),
      ...(table.tags === null ? {} : { tags: Object.fromEntries(table.tags) }),
      columns: [...table.columns],
      values: valuesOf(table),
    };
    const before = all.at(-1);
    const same = before?.name === series.name && JSON.stringify(before?.tags) === JSON.stringify(series.tags);
    if (before !== undefined && same) before.values.push(...series.values);
    else all.push(series);
  }
  return all;
}

// private functions

function shownBy(statement: ShowStatement, context: ShowContext, shards: readonly PinnableSource[]): Shown {
  const shown = new Shown();
  for (const shard of shards) {
    for (const parts of showShard(statement, context, shard)) if (parts !== null) shown.add(structuredClone(parts));
  }
  return shown;
}

/** Nobody waits for the thread. */
function atOnce(): null {
  return null;
}

async function* cloned(partials: AsyncIterable<Partial>): AsyncGenerator<Partial> {
  for await (const partial of partials) yield structuredClone(partial);
}

function valuesOf(table: ResultTable): Value[][] {
  const read = table.data.map((column) =>
    column.type === 'time'
      ? (row: number): Value => Number(column.base + BigInt(column.offsets[row]))
      : columnReader(column),
  );
  return Array.from({ length: table.rows }, (_, row) => read.map((value) => value(row)));
}
