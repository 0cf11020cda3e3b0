/**
 * Points that come too late for their windows, for a query that keeps them (LATENESS … INTO): a shard finds them, as they were written,
 * and the home tells them apart from its rows.
 *
 * Each point is in its window or told as late, never neither: a shard takes points of a window until it has been told that the window
 * can change no more, and says so with its next update. Only then does the home hold the window for unchangeable.
 *
 *     home ──expire──▶ shard     the shard takes no more points of the window
 *     home ◀──floor── shard      the home gives it up when all shards have said so
 */
import { type Block, parseSeriesKey, type SeriesTable } from '../../../model/index.ts';
import type { Bound } from '../../planner/plan.ts';
import { RowFilter } from '../rows/filter.ts';
import { revived } from '../source/columns.ts';
import type { ResultTable } from '../source/result.ts';
import { pickRows } from './live-rows.ts';
import type { Emission, LiveInput, LiveUpdate } from './live-update.ts';

export class LatePoints {
  /** By shard: it takes no more points of windows below this one. */
  readonly #floors: number[];
  #tables: ResultTable[] = [];
  /** What shards are told, or have been. */
  asked = Number.NEGATIVE_INFINITY;

  constructor(shards: number) {
    this.#floors = new Array<number>(shards).fill(Number.NEGATIVE_INFINITY);
  }

  /** Some were not told yet. */
  get waits(): boolean {
    return this.#tables.length > 0;
  }

  accept(shard: number, { late = [], floor }: LiveUpdate): void {
    this.#tables.push(...late.map(arrived));
    if (floor !== undefined) this.#floors[shard] = floor;
  }

  /** Windows below `window` should change no more: gives the one below which none does. */
  freeze(window: number): number {
    if (window > this.asked) this.asked = window;
    return Math.min(this.asked, ...this.#floors);
  }

  /** Those that were not told yet. */
  take(): Emission[] {
    if (this.#tables.length === 0) return [];
    const tables = this.#tables;
    this.#tables = [];
    return [{ final: true, rev: 0, phase: 'live', tables, late: true }];
  }
}

/** Some rows of a block that meet a condition, with all of their fields: a table for each series. */
export function pointsOf(
  { measurement, block }: LiveInput,
  condition: Bound | null,
  table: SeriesTable,
  some: readonly number[],
): ResultTable[] {
  const filter = new RowFilter(condition);
  const rows = Uint32Array.from(some.filter((row) => filter.passesSeries(table, block.series[row])));
  const bySeries = new Map<number, number[]>();
  for (const row of rows.subarray(0, filter.narrow(block, table, rows, rows.length))) {
    const series = block.series[row];
    const own = bySeries.get(series);
    if (own === undefined) bySeries.set(series, [row]);
    else own.push(row);
  }
  const all = wholeTable(measurement, block);
  return [...bySeries].map(([series, own]) => ({
    ...pickRows(all, own),
    tags: [...parseSeriesKey(table.key(series))],
  }));
}

// private functions

/** As it was before it went between threads. */
function arrived(table: ResultTable): ResultTable {
  return { ...table, data: table.data.map((column) => (column.type === 'time' ? column : revived(column))) };
}

function wholeTable(name: string, { rows, base, offsets, columns }: Block): ResultTable {
  const data: ResultTable['data'] = [{ type: 'time', base, offsets }, ...columns.values()];
  return { name, tags: null, columns: ['time', ...columns.keys()], rows, data };
}
