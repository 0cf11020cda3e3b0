/**
 * The rows of a subquery as stage 1 of the query around it: its tables become blocks, its series the tags they are grouped by, and
 * from there all goes as on a shard. Aggregates take each table as it comes; raw rows are collected first, up to the same limit as
 * on a shard.
 */
import { type Block, type Column, type SeriesTable, seriesKey } from '../../model/index.ts';
import type { Plan } from '../planner/plan.ts';
import { checkBytes, type Limits } from './limits.ts';
import { PaneStore } from './panes.ts';
import type { Partial } from './partial.ts';
import { RawRows } from './raw-rows.ts';
import type { ResultTable } from './result.ts';

/** Cells of one partial. */
const PARTIAL_CELLS_MAX = 16_384;

export async function* subqueryPartials(
  plan: Plan,
  number: number,
  tables: AsyncIterable<ResultTable>,
  limits: Limits,
): AsyncGenerator<Partial> {
  const places = new Map<string, { index: number; series: TagTable }>();
  for (const [index, { measurement, subquery }] of plan.sources.entries()) {
    if (subquery === number) places.set(measurement, { index, series: new TagTable() });
  }
  const store = plan.kind === 'aggregate' ? new PaneStore(plan) : new RawRows(plan, keepsOrder(plan));
  for await (const table of tables) {
    const place = places.get(table.name);
    if (place === undefined) continue;
    store.add(blockOf(table, place.series.number(table)), place.index, place.series);
    checkBytes(store.bytes, limits);
  }
  if (store instanceof RawRows) {
    yield* store.partials();
    return;
  }
  const slots = store.ordered();
  for (let from = 0; from < slots.length; from += PARTIAL_CELLS_MAX) {
    yield store.take(slots.subarray(from, from + PARTIAL_CELLS_MAX));
  }
}

/** The series that a subquery has given so far; the tags are those it is grouped by. */
export class TagTable implements SeriesTable {
  readonly #keys: string[] = [];
  readonly #tags: ReadonlyMap<string, string>[] = [];
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#keys.length;
  }

  key(series: number): string {
    return this.#keys[series];
  }

  tag(series: number, key: string): string {
    return this.#tags[series].get(key) ?? '';
  }

  tagKeys(): string[] {
    return [...new Set(this.#tags.flatMap((tags) => [...tags.keys()]))].sort();
  }

  number({ tags }: ResultTable): number {
    const present = (tags ?? []).filter(([, value]) => value !== '');
    const key = seriesKey(present);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#keys.push(key) - 1;
      this.#tags.push(new Map(present));
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** A table as rows of one series. */
export function blockOf(table: ResultTable, series: number): Block {
  const [time, ...columns] = table.data;
  if (time.type !== 'time') throw new Error('subquery: the first column of a table must be the time');
  return {
    rows: table.rows,
    series: new Uint32Array(table.rows).fill(series),
    base: time.base,
    offsets: time.offsets,
    columns: new Map(columns.map((column, c) => [table.columns[c + 1], column as Column])),
    selection: null,
  };
}

// private functions

/** Rows of a single subquery stay as it gives them, one series after the other, where it has neither windows nor rows of its own. */
function keepsOrder({ subqueries, sources, inTimeOrder }: Plan): boolean {
  const [inner] = subqueries;
  if (inTimeOrder === true || subqueries.length !== 1 || sources.some(({ subquery }) => subquery === undefined))
    return false;
  if (inner.window !== null) return false;
  return inner.kind === 'aggregate' || inner.transforms.length > 0 || keepsOrder(inner);
}
