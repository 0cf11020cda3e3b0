/** From the batches of a live query to what the machine of each series is given: final rows by time, with what they say of each level. */
import type { Value } from '../../model/index.ts';
import { columnReader, type ResultTable, windowEnd, windowOf } from '../../query/index.ts';
import type { StandingBatch } from '../standing/index.ts';
import { type AlertSeries, type JudgedRow, jsonValue } from './changes.ts';
import type { AlertDefinition } from './definition.ts';
import type { JudgedWindow } from './series-state.ts';

export interface Judged extends JudgedWindow {
  readonly series: AlertSeries;
  readonly row: JudgedRow;
}

/** In order of time; of revisions the last. Throws QueryError where a condition cannot be asked. */
export function judgedRows({ emissions, live: { plan } }: StandingBatch, { conditions }: AlertDefinition): Judged[] {
  const rows = new Map<string, Judged>();
  for (const { final, tables, gone } of emissions) {
    if (!final || gone !== undefined) continue;
    for (const table of tables) {
      const series = { name: table.name, tags: table.tags ?? [] };
      const key = seriesKey(series);
      for (const { start, ...judged } of rowsOf(table, conditions)) {
        const end = windowEnd(plan, windowOf(plan, start));
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

function* rowsOf(
  table: ResultTable,
  conditions: AlertDefinition['conditions'],
): Generator<Pick<Judged, 'start' | 'verdicts' | 'row'>> {
  const time = table.data[0];
  if (time.type !== 'time') return;
  const readers = table.data.slice(1).map((column) => columnReader(column.type === 'time' ? null : column));
  const asks = conditions.map(({ when, until }) => {
    const holds = when.over(table);
    const ends = until?.over(table) ?? ((row: number) => !holds(row));
    return { holds, ends };
  });
  for (let i = 0; i < table.rows; i++) {
    const values: (readonly [string, Value])[] = readers.map((read, c) => [table.columns[c + 1], read(i)]);
    const there = values.filter(([, value]) => value !== null);
    // a window that was filled with nothing says nothing
    if (there.length === 0) continue;
    yield {
      start: time.base + BigInt(time.offsets[i]),
      verdicts: asks.map(({ holds, ends }) => ({ holds: holds(i), ends: ends(i) })),
      row: Object.fromEntries(there.map(([name, value]) => [name, jsonValue(value!)])),
    };
  }
}
