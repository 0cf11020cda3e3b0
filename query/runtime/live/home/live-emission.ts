/**
 * Gathers rendered rows into emissions: one for each (final, revision), one table for each source table, rows by time. A cell is added
 * once.
 */
import { compareText } from '../../../../model/index.ts';
import type { ResultTable } from '../../source/result.ts';
import { pickRows, type Rendered, timeColumn } from '../live-rows.ts';
import type { Emission } from '../live-update.ts';

interface Gathered {
  readonly final: boolean;
  readonly rev: number;
  /** Row numbers by table; null = the whole table. */
  readonly tables: Map<ResultTable, number[] | null>;
}

export class EmissionBuilder {
  readonly #phase: Emission['phase'];
  readonly #gathered = new Map<string, Gathered>();

  constructor(phase: Emission['phase']) {
    this.#phase = phase;
  }

  add(final: boolean, rev: number, { table, rows }: Rendered): void {
    const { tables } = this.#of(final, rev);
    const held = tables.get(table);
    if (held === undefined) tables.set(table, [...rows]);
    else held?.push(...rows);
  }

  addTable(final: boolean, rev: number, table: ResultTable): void {
    this.#of(final, rev).tables.set(table, null);
  }

  /** Final ones first, by revision. */
  build(): Emission[] {
    const sorted = [...this.#gathered.values()].sort((a, b) => Number(b.final) - Number(a.final) || a.rev - b.rev);
    return sorted.map(({ final, rev, tables }) => ({
      final,
      rev,
      phase: this.#phase,
      tables: [...tables]
        .map(([table, rows]) =>
          rows === null || rows.length === table.rows ? table : pickRows(table, byTime(table, rows)),
        )
        .sort(byGroup),
    }));
  }

  // private functions

  #of(final: boolean, rev: number): Gathered {
    const key = `${final} ${rev}`;
    let gathered = this.#gathered.get(key);
    if (gathered === undefined) this.#gathered.set(key, (gathered = { final, rev, tables: new Map() }));
    return gathered;
  }
}

/** Emissions of several merges, those of one revision in one. */
export function together(parts: readonly Emission[][]): Emission[] {
  if (parts.length === 1) return parts[0];
  const found = Map.groupBy(parts.flat(), ({ final, rev }) => `${final} ${rev}`);
  const whole = [...found.values()].map((some): Emission => {
    return some.length === 1 ? some[0] : { ...some[0], tables: some.flatMap(({ tables }) => tables).sort(byGroup) };
  });
  return whole.sort((a, b) => Number(b.final) - Number(a.final) || a.rev - b.rev);
}

// private functions

/** Row numbers of a table that is in order of time, in its order. */
function byTime(table: ResultTable, rows: number[]): number[] {
  const { offsets } = timeColumn(table);
  return rows.sort((a, b) => offsets[a] - offsets[b] || a - b);
}

function byGroup(a: ResultTable, b: ResultTable): number {
  const byName = compareText(a.name, b.name);
  if (byName !== 0 || a.tags === null || b.tags === null) return byName;
  for (const [i, [, value]] of a.tags.entries()) {
    const order = compareText(value, b.tags[i][1]);
    if (order !== 0) return order;
  }
  return 0;
}
