/**
 * The rows of a subquery as stage 1 of the query around it: its tables become blocks, its series the tags they are grouped by.
 */
import { type Block, type Column, type SeriesTable, seriesKey } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import type { Limits } from '../source/limits.ts';
import type { Partial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import type { Turn } from '../source/source.ts';
import { blockPartials, type SourceBlock } from './block-partials.ts';

export function subqueryPartials(
  plan: Plan,
  number: number,
  tables: AsyncIterable<ResultTable>,
  turn: Turn,
  limits: Limits,
): AsyncGenerator<Partial> {
  return blockPartials(plan, blocksOf(plan, number, tables), turn, limits, keepsOrder(plan));
}

/** The tables of subquery `number` as blocks of the sources that read it; a block is of one group. */
export class SubqueryBlocks {
  readonly #places = new Map<string, { source: number; series: TagTable }>();

  constructor({ sources }: Plan, number: number) {
    for (const [source, { measurement, subquery }] of sources.entries()) {
      if (subquery === number) this.#places.set(measurement, { source, series: new TagTable() });
    }
  }

  /** null where no source reads it. */
  of(table: ResultTable): SourceBlock | null {
    const place = this.#places.get(table.name);
    return place === undefined ? null : { ...place, block: blockOf(table, place.series.number(table)) };
  }
}

/** Rows of a single subquery stay as it gives them, one series after the other, where it has neither windows nor rows of its own. */
export function keepsOrder({ subqueries, sources, byTime, join }: Plan): boolean {
  const [inner] = subqueries;
  if (byTime || join !== undefined || subqueries.length !== 1 || sources.some(({ subquery }) => subquery === undefined))
    return false;
  if (inner.window !== null || inner.rowWindow !== undefined) return false;
  return inner.kind === 'aggregate' || keepsOrder(inner);
}

// private functions

async function* blocksOf(plan: Plan, number: number, tables: AsyncIterable<ResultTable>): AsyncGenerator<SourceBlock> {
  const blocks = new SubqueryBlocks(plan, number);
  for await (const table of tables) {
    const block = blocks.of(table);
    if (block !== null) yield block;
  }
}

/** The series that a subquery has given so far; the tags are those it is grouped by. */
class TagTable implements SeriesTable {
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

function blockOf(table: ResultTable, series: number): Block {
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
