/**
 * The rows of a join as stage 1 of the query over it: the sides' groups are walked in step, rows that belong together become blocks
 * column by column. A row's series is that of its tags: those of ON, and whichever others of the sides the query names.
 */
import { type Block, type Column, type SeriesTable, seriesKey, type Value } from '../../../model/index.ts';
import { joinTime } from '../../functions/slot-time.ts';
import type { Plan, PlanJoin } from '../../planner/plan.ts';
import { ColumnBuilder, fillValue } from '../source/columns.ts';
import { checkBytes, type Limits } from '../source/limits.ts';
import type { Partial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import type { Turn } from '../source/source.ts';
import { blockPartials, type SourceBlock } from './block-partials.ts';
import { matches, Pairs } from './join-match.ts';
import { compareKeys, SideReader } from './join-side.ts';

/** About what a series takes besides its texts. */
const SERIES_BYTES = 256;

/** `sides`: the answers of the plan's two subqueries. */
export function joinPartials(
  plan: Plan,
  sides: readonly AsyncIterable<ResultTable>[],
  turn: Turn,
  limits: Limits,
): AsyncGenerator<Partial> {
  return blockPartials(plan, asTheyCome(joined(plan, limits), sides, turn), turn, limits, false);
}

/** The joined rows of sides that are at hand. */
export function* joinBlocksNow(
  plan: Plan,
  sides: readonly Iterable<ResultTable>[],
  limits: Limits,
): Generator<SourceBlock> {
  const tables = sides.map((side) => side[Symbol.iterator]());
  const joining = joined(plan, limits);
  for (let step = joining.next(null); !step.done; ) {
    if (typeof step.value === 'number') {
      const { value, done } = tables[step.value].next();
      step = joining.next(done === true ? null : value);
    } else {
      yield step.value;
      step = joining.next(null);
    }
  }
}

// private functions

/** Asks for the next table of a side by its number, and gives blocks. */
type Joining = Generator<0 | 1 | SourceBlock, void, ResultTable | null>;

async function* asTheyCome(
  joining: Joining,
  sides: readonly AsyncIterable<ResultTable>[],
  turn: Turn,
): AsyncGenerator<SourceBlock> {
  const tables = sides.map((side) => side[Symbol.asyncIterator]());
  try {
    for (let step = joining.next(null); !step.done; ) {
      if (typeof step.value === 'number') {
        const { value, done } = await tables[step.value].next();
        step = joining.next(done === true ? null : value);
      } else {
        yield step.value;
        const wait = turn();
        if (wait !== null) await wait;
        step = joining.next(null);
      }
    }
  } finally {
    for (const side of tables) await side.return?.();
  }
}

function* joined({ join, subqueries }: Plan, limits: Limits): Joining {
  const { asked, fill } = join!;
  const reader = (side: 0 | 1): SideReader => {
    const plan = subqueries[side];
    const filled = (output: number): Value =>
      fill?.kind === 'value' ? fillValue(fill.value, plan.outputs[output].type) : null;
    return new SideReader(side, plan, asked[side], filled);
  };
  const [left, right] = [reader(0), reader(1)];
  const series = new JoinedSeries(join!, left, right);
  const pairs = new Pairs();
  for (;;) {
    const [a, b] = [yield* left.group(), yield* right.group()];
    if ((a === null && b === null) || (fill === null && (a === null || b === null))) return;
    const order = a === null ? 1 : b === null ? -1 : compareKeys(a, b);
    const group = (order <= 0 ? a : b)!;
    if (order === 0 || fill !== null) {
      series.start(group);
      const match = {
        left: () => left.next(group),
        right: () => right.next(group),
        nothing: [left.nothing, right.nothing] as const,
      };
      const matching = matches(join!, match, pairs, limits);
      for (let step = matching.next(null); !step.done; ) {
        if (typeof step.value === 'number') step = matching.next(yield step.value);
        else {
          yield { block: blockOf(join!, subqueries, pairs, series), source: 0, series };
          pairs.clear();
          checkBytes(series.bytes, limits);
          step = matching.next(null);
        }
      }
    }
    yield* left.skip(group);
    yield* right.skip(group);
  }
}

function blockOf({ fields }: PlanJoin, sides: readonly Plan[], pairs: Pairs, series: JoinedSeries): Block {
  const { count, high, low } = pairs;
  const columns = new Map<string, Column>();
  for (const { name, side, index } of fields) {
    const builder = new ColumnBuilder(sides[side!].outputs[index].type, count);
    const tables = (side === 0 ? pairs.lefts : pairs.rights).map((table) => table.columns[index]);
    const [from, rows] = side === 0 ? [pairs.leftFrom, pairs.leftRow] : [pairs.rightFrom, pairs.rightRow];
    builder.appendMixed(tables, from, rows, count);
    columns.set(name, builder.finish());
  }
  const offsets = new Float64Array(count);
  for (let k = 0; k < count; k++) offsets[k] = (high[k] - high[0]) * 2 ** 32 + (low[k] - low[0]);
  return {
    rows: count,
    series: series.of(pairs),
    base: joinTime(high[0], low[0]),
    offsets,
    columns,
    selection: null,
  };
}

/** The series of joined rows: one for each group of keys and set of tags on either side. */
class JoinedSeries implements SeriesTable {
  bytes = 0;
  readonly #join: PlanJoin;
  readonly #left: SideReader;
  readonly #right: SideReader;
  readonly #fieldOutputs: readonly number[];
  readonly #keys: string[] = [];
  readonly #tags: ReadonlyMap<string, string>[] = [];
  /** Of the present group, by the number of a left set and that of a right one. */
  #numbers = new Map<number, Map<number, number>>();
  #group: readonly string[] = [];

  constructor(join: PlanJoin, left: SideReader, right: SideReader) {
    this.#join = join;
    this.#left = left;
    this.#right = right;
    this.#fieldOutputs = [left, right].map(({ fieldOutputs }) => fieldOutputs);
  }

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
    return this.#join.tags.map(({ name }) => name);
  }

  /** Rows that follow are of this group. */
  start(group: readonly string[]): void {
    this.#group = group;
    this.#numbers = new Map();
  }

  /** The series of each pair. */
  of({ count, lefts, leftFrom, leftRow, rights, rightFrom, rightRow }: Pairs): Uint32Array {
    const series = new Uint32Array(count);
    let [lastLeft, lastRight, last] = [-1, -1, 0];
    for (let k = 0; k < count; k++) {
      const left = lefts[leftFrom[k]].tagSet?.[leftRow[k]] ?? 0;
      const right = rights[rightFrom[k]].tagSet?.[rightRow[k]] ?? 0;
      if (left !== lastLeft || right !== lastRight) last = this.#number(left, right);
      [lastLeft, lastRight] = [left, right];
      series[k] = last;
    }
    return series;
  }

  // private functions

  #number(left: number, right: number): number {
    let numbers = this.#numbers.get(left);
    if (numbers === undefined) this.#numbers.set(left, (numbers = new Map()));
    let number = numbers.get(right);
    if (number === undefined)
      numbers.set(right, (number = this.#meet(this.#left.tagSets[left], this.#right.tagSets[right])));
    return number;
  }

  #meet(left: readonly string[], right: readonly string[]): number {
    const tags = new Map<string, string>();
    for (const { name, side, index } of this.#join.tags) {
      const set = side === 0 ? left : right;
      const value = side === null ? this.#group[index] : set[index - this.#fieldOutputs[side]];
      if (value !== '') tags.set(name, value);
    }
    const key = seriesKey([...tags].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.bytes += SERIES_BYTES + 2 * key.length;
    this.#tags.push(tags);
    return this.#keys.push(key) - 1;
  }
}
