/**
 * SLIMIT and SOFFSET over series: all sets of the tags grouped by that a measurement has count, whether or not they have a point that is
 * asked for, by the keys that a set has and then by its values. `firstSeries` chooses among them; FirstSeries is a shard's part of the
 * choice for a live query, kept while series come. A series is looked at once.
 */
import { compareText, type SeriesTable } from '../../../model/index.ts';
import { ordered } from '../../functions/ordered.ts';
import type { Bound, Plan, PlanSource } from '../../planner/plan.ts';
import { compileExpression } from '../rows/expression.ts';
import { tagsIn } from '../rows/series-choice.ts';
import type { Group } from '../source/partial.ts';
import type { Source } from '../source/source.ts';
import { finished, STEP_SERIES, type Steps } from '../source/steps.ts';
import { asksFields } from './live-leaf-plans.ts';

type SeriesPlan = Pick<Plan, 'groupBy' | 'seriesLimit' | 'seriesOffset'>;

/** Those of the groups that are left, measurement by measurement. */
export function* firstSeries(plan: SeriesPlan, groups: Iterable<Group>): Steps<Group[]> {
  const byName = new Map<string, Map<string, Group>>();
  let looked = 0;
  for (const group of groups) {
    let named = byName.get(group.name);
    if (named === undefined) byName.set(group.name, (named = new Map()));
    named.set(placeOf(plan, group), group);
    if (++looked % STEP_SERIES === 0) yield null;
  }
  const { seriesLimit, seriesOffset } = plan;
  const left: Group[] = [];
  for (const named of byName.values()) {
    const places = [...named.keys()];
    const all = [...named.values()];
    const order = yield* ordered(places.length, (a, b) => compareText(places[a], places[b]));
    for (const at of order.subarray(seriesOffset, seriesOffset + seriesLimit)) left.push(all[at]);
    yield null;
  }
  return left;
}

/** Whether the answer of a plan is about some series only, chosen among those of measurements. */
export function choosesSeries({ seriesLimit, sources }: Plan): boolean {
  return seriesLimit > 0 && sources.length > 0 && sources.every(({ subquery }) => subquery === undefined);
}

export class FirstSeries {
  readonly #plan: Plan;
  readonly #source: Source;
  /** By source of the plan: how many series of it were looked at. */
  readonly #seen: number[];
  #first: readonly Group[] = [];

  constructor(plan: Plan, source: Source) {
    this.#plan = plan;
    this.#source = source;
    this.#seen = plan.sources.map(() => 0);
  }

  /** Whether there are series that were not looked at. */
  get hasNew(): boolean {
    return this.#plan.sources.some((source, i) => (this.#tableOf(source)?.size ?? 0) > this.#seen[i]);
  }

  /** As many as the choice may need of this shard. */
  get groups(): readonly Group[] {
    for (const [i, source] of this.#plan.sources.entries()) {
      const table = this.#tableOf(source);
      if (table === null || table.size === this.#seen[i]) continue;
      const { groupBy, seriesLimit, seriesOffset } = this.#plan;
      const most = { groupBy, seriesLimit: seriesLimit + seriesOffset, seriesOffset: 0 };
      this.#first = finished(firstSeries(most, [...this.#first, ...this.#groupsOf(source, table, this.#seen[i])]));
      this.#seen[i] = table.size;
    }
    return this.#first;
  }

  // private functions

  #tableOf({ database, retentionPolicy, measurement }: PlanSource): SeriesTable | null {
    return this.#source.series(database, retentionPolicy, measurement);
  }

  *#groupsOf(
    { measurement, series: name = measurement, condition }: PlanSource,
    table: SeriesTable,
    from: number,
  ): Generator<Group> {
    let series = from;
    const tests = (condition === null ? [] : conjuncts(condition))
      .filter((one) => !asksFields(one) && tagsIn(one).size > 0)
      .map((one) => compileExpression(one, (leaf) => (leaf.kind === 'tag' ? table.tag(series, leaf.name) : null)));
    for (; series < table.size; series++) {
      if (table.has?.(series) === false || tests.some((test) => test() !== true)) continue;
      yield { name, tags: this.#plan.groupBy.map((key) => table.tag(series, key)) };
    }
  }
}

// private functions

/** What groups of a measurement are in the order of. */
function placeOf({ groupBy }: SeriesPlan, { tags }: Group): string {
  const there = groupBy.flatMap((key, i) => (tags[i] === '' ? [] : [[key, tags[i]]]));
  return [...there.map(([key]) => key), ...there.map(([, value]) => value)].join('|');
}

function conjuncts(condition: Bound): Bound[] {
  const isAnd = condition.kind === 'binary' && condition.operator === 'AND';
  return isAnd ? [...conjuncts(condition.left), ...conjuncts(condition.right)] : [condition];
}
