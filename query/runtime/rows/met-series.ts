/**
 * MetSeries: numbers for the series that rows of a raw plan were met of, over all of its sources; what each is called, its tags that
 * the plan shows, its group, and the order of the series in an answer. None is ever forgotten.
 */
import { compareText, type SeriesTable } from '../../../model/index.ts';
import { ranked } from '../../functions/ordered.ts';
import type { Plan } from '../../planner/plan.ts';
import type { Group, RowsPartial } from '../source/partial.ts';
import type { Steps } from '../source/steps.ts';
import type { GroupTable } from './groups.ts';
import type { SourceRows } from './rows-in.ts';
import { SeriesPages, UNKNOWN } from './series-pages.ts';

export class MetSeries {
  readonly #plan: Plan;
  readonly keys: string[] = [];
  /** The group of each. */
  readonly groupOf: number[] = [];
  /** By the plan's columns, then by number; empty for fields. */
  readonly tags: (string | null)[][];
  #ranks: Uint32Array = new Uint32Array(0);
  /** By source: our number by the source's. */
  readonly #knownOf: SeriesPages[] = [];
  #known = new SeriesPages();
  /** By our number: that in the partial that is being made + 1, 0 = not met there. */
  #localOf = new Uint32Array(0);

  constructor(plan: Plan) {
    this.#plan = plan;
    this.tags = plan.columns.map(() => []);
  }

  /** Blocks that follow are of this source. */
  startSource(index: number): void {
    this.#knownOf[index] ??= new SeriesPages();
    this.#known = this.#knownOf[index];
  }

  /** Of a series of the source that passes. */
  number(series: number, table: SeriesTable, source: SourceRows): number {
    const known = this.#known.of(series);
    return known === UNKNOWN ? this.#meet(series, table, source) : known;
  }

  /** Whether `ranks` has nothing to do. */
  get areRanked(): boolean {
    return this.#ranks.length === this.keys.length;
  }

  /** By number, its place among the others; those of one key have the same. To be read, not changed. */
  *ranks(): Steps<Uint32Array> {
    const { keys } = this;
    if (!this.areRanked) this.#ranks = yield* ranked(keys.length, (a, b) => compareText(keys[a], keys[b]));
    return this.#ranks;
  }

  /** What a partial says of its rows beside times and values. `series`: our numbers in the partial's order; they become those of the partial. */
  ofPartial(series: Uint32Array, table: GroupTable): Pick<RowsPartial, 'groups' | 'ends' | 'series' | 'seriesKeys'> {
    if (this.#localOf.length < this.keys.length) this.#localOf = new Uint32Array(2 * this.keys.length);
    const localOf = this.#localOf;
    const numbers: number[] = [];
    const groups: Group[] = [];
    const ends: number[] = [];
    let last = -1;
    for (let i = 0; i < series.length; i++) {
      const number = series[i];
      const group = this.groupOf[number];
      if (group !== last) {
        if (last !== -1) ends.push(i);
        groups.push(table.groups[group]);
        last = group;
      }
      if (localOf[number] === 0) localOf[number] = numbers.push(number);
      series[i] = localOf[number] - 1;
    }
    ends.push(series.length);
    for (const number of numbers) localOf[number] = 0;
    return { groups, ends: Uint32Array.from(ends), series, seriesKeys: numbers.map((number) => this.keys[number]) };
  }

  // private functions

  #meet(series: number, table: SeriesTable, source: SourceRows): number {
    const number = this.keys.push(table.key(series)) - 1;
    this.#known.set(series, number);
    this.groupOf.push(source.groupOf(series));
    for (const [c, { kind, name }] of this.#plan.columns.entries()) {
      if (kind === 'tag') this.tags[c].push(source.tagOf(table, series, name));
    }
    return number;
  }
}
