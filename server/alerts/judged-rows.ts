/** From the batches of a live query to what the machine of each series is given: final rows by time, with what they say of each level. */
import { later, type Value } from '../../model/index.ts';
import { columnReader, type ResultTable, type Window, windowEnd, windowOf } from '../../query/index.ts';
import type { StandingBatch } from '../standing/index.ts';
import { type AlertSeries, type JudgedRow, jsonValue } from './changes.ts';
import { type AlertDefinition, WINDOW_EDGES } from './definition.ts';
import type { JudgedWindow } from './series-state.ts';

export interface Judged extends JudgedWindow {
  readonly series: AlertSeries;
  readonly row: JudgedRow;
}

/** In order of time; of revisions the last. Throws QueryError where a condition cannot be asked. */
export function judgedRows({ emissions, live: { plan } }: StandingBatch, definition: AlertDefinition): Judged[] {
  const rows = new Map<string, Judged>();
  for (const { final, tables, gone } of emissions) {
    if (!final || gone !== undefined) continue;
    for (const table of tables) {
      const series = { name: table.name, tags: table.tags ?? [] };
      const key = seriesKey(series);
      for (const { start: time, edges, ...judged } of rowsOf(table, definition)) {
        const end = edges === null ? windowEnd(plan, windowOf(plan, time)) : edges.end;
        const start = edges === null ? time : newIn(definition.window!, edges);
        rows.set(`${key} ${start}`, { series, start, end, ...judged });
      }
    }
  }
  return [...rows.values()].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

export function seriesKey({ name, tags }: AlertSeries): string {
  return JSON.stringify([name, tags]);
}

// private functions

interface Edges {
  readonly start: bigint;
  readonly end: bigint;
}

/** Where what is new in a window begins: of windows that overlap the rest was judged with those before. */
function newIn(window: Window, { start, end }: Edges): bigint {
  switch (window.of) {
    case 'hop':
      return later(start, end - window.every);
    case 'cumulate':
      return end - window.step;
    case 'sliding':
      return end;
    default:
      return start;
  }
}

function* rowsOf(
  table: ResultTable,
  { conditions, window }: AlertDefinition,
): Generator<Pick<Judged, 'start' | 'verdicts' | 'row'> & { readonly edges: Edges | null }> {
  const time = table.data[0];
  if (time.type !== 'time') return;
  const all = table.data.map((column) => columnReader(column.type === 'time' ? null : column));
  const [startAt, endAt] = WINDOW_EDGES.map((name) => table.columns.indexOf(name));
  const shown = table.columns
    .map((_, c) => c)
    .filter((c) => c > 0 && (window === null || (c !== startAt && c !== endAt)));
  const asks = conditions.map(({ when, until }) => {
    const holds = when.over(table);
    const ends = until?.over(table) ?? ((row: number) => !holds(row));
    return { holds, ends };
  });
  for (let i = 0; i < table.rows; i++) {
    const values: (readonly [string, Value])[] = shown.map((c) => [table.columns[c], all[c](i)]);
    const there = values.filter(([, value]) => value !== null);
    // a window that was filled with nothing says nothing
    if (there.length === 0) continue;
    yield {
      start: time.base + BigInt(time.offsets[i]),
      edges:
        window === null ? null : { start: BigInt(all[startAt](i) as bigint), end: BigInt(all[endAt](i) as bigint) },
      verdicts: asks.map(({ holds, ends }) => ({ holds: holds(i), ends: ends(i) })),
      row: Object.fromEntries(there.map(([name, value]) => [name, jsonValue(value!)])),
    };
  }
}
