/**
 * Stage 2 of a raw plan: merges the sorted rows of all shards by (group, time, series) into tables. It pulls: a step either asks for
 * the next partial of one shard or gives a table, so that one algorithm serves callers that wait and callers that do not.
 *
 * Rows are first put in order as picks, (shard, row), as many as the partials at hand allow; then taken over column by column where
 * the outputs are plain columns (column-tables.ts), else row by row.
 */
import { compareText, OFFSET_MAX, type Value } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { ColumnTables, hasPlainOutputs, type Picks, type PickWriter, tableRowsMax } from '../cells/column-tables.ts';
import { SeriesWindow } from '../cells/table-writer.ts';
import { rowWriter } from '../cells/transform-rows.ts';
import { compareGroups } from '../rows/groups.ts';
import { columnReader, revived } from '../source/columns.ts';
import type { Group, RowsPartial } from '../source/partial.ts';
import type { ResultTable } from '../source/result.ts';
import { TextTables } from './text-tables.ts';

/** Series whose order is kept from one partial to the next: more take too long to be put in order again and again. */
const KNOWN_SERIES_MAX = 4_096;

/** A number: give the next partial of that shard (null at its end) to `next`. */
export type MergeStep = number | ResultTable;

export function* mergeRows(plan: Plan, shards: number): Generator<MergeStep, void, RowsPartial | null> {
  const sign = plan.descending ? -1 : 1;
  const heads: (Head | null)[] = [];
  for (let s = 0; s < shards; s++) heads.push(headOf(yield s));
  const writer = writerOf(plan, heads);
  const wanted = new SeriesWindow(plan);
  const picker = new Picker(sign, tableRowsMax(plan));
  for (;;) {
    const group = firstGroup(heads, sign);
    if (group === null) return;
    const admitted = wanted.admits(group);
    writer.start(group);
    for (;;) {
      const active = heads.flatMap((head, s) =>
        head !== null && compareGroups(groupOf(head), group) === 0 ? [s] : [],
      );
      if (active.length === 0) break;
      if (!admitted || writer.full) for (const s of active) heads[s]!.row = heads[s]!.end;
      else yield* writer.add(picker.pick(active.map((s) => heads[s]!)));
      for (const s of active) {
        if (goOn(heads[s]!)) continue;
        writer.done?.(heads[s]!.partial);
        heads[s] = headOf(yield s);
      }
    }
    yield* writer.finish();
  }
}

// private functions

function writerOf(plan: Plan, heads: readonly (Head | null)[]): PickWriter {
  if (heads.some((head) => head?.partial.texts !== undefined)) return new TextTables(plan);
  return hasPlainOutputs(plan) ? new ColumnTables(plan) : new RowByRow(plan);
}

/** Where one shard stands. */
interface Head {
  readonly partial: RowsPartial;
  /** Number of the group in the partial. */
  at: number;
  row: number;
  /** Of the group's rows. */
  end: number;
  ranked: Ranked | null;
}

/** By the partial's series: their places in an order of keys. */
interface Ranked {
  readonly order: ReadonlyMap<string, number>;
  readonly ranks: Uint32Array;
}

function headOf(partial: RowsPartial | null): Head | null {
  if (partial === null) return null;
  return {
    partial: { ...partial, columns: partial.columns.map(revived) },
    at: 0,
    row: 0,
    end: partial.ends[0],
    ranked: null,
  };
}

function groupOf({ partial, at }: Head): Group {
  return partial.groups[at];
}

/** Behind the last row of a group to the next group; false: there is none in the partial. */
function goOn(head: Head): boolean {
  if (head.row < head.end) return true;
  if (++head.at === head.partial.groups.length) return false;
  head.end = head.partial.ends[head.at];
  return true;
}

function firstGroup(heads: readonly (Head | null)[], sign: number): Group | null {
  let first: Group | null = null;
  for (const head of heads) {
    if (head === null) continue;
    if (first === null || compareGroups(groupOf(head), first) * sign < 0) first = groupOf(head);
  }
  return first;
}

/** Puts the rows of some heads in order, up to the first end of one of them. What it gives holds until it is asked again. */
class Picker {
  readonly #sign: number;
  readonly #from: Uint16Array;
  readonly #rows: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #ranks = new SeriesRanks();

  constructor(sign: number, rowsMax: number) {
    this.#sign = sign;
    this.#from = new Uint16Array(rowsMax);
    this.#rows = new Uint32Array(rowsMax);
    this.#offsets = new Float64Array(rowsMax);
  }

  pick(heads: readonly Head[]): Picks {
    const sign = this.#sign;
    const times = heads.map(({ partial, row }) => partial.base + BigInt(partial.offsets[row]));
    const base = times.reduce((a, b) => ((a < b ? -1 : 1) * sign < 0 ? a : b));
    const shifts = heads.map(({ partial }) => Number(partial.base - base));
    const partials = heads.map(({ partial }) => partial);
    const [from, rows, offsets] = [this.#from, this.#rows, this.#offsets];
    const next = times.map((time) => Number(time - base));
    let ranks: readonly Uint32Array[] | null = null;
    let count = 0;
    while (count < offsets.length) {
      let first = 0;
      for (let h = 1; h < heads.length; h++) {
        let order = next[h] - next[first];
        if (order === 0) {
          ranks ??= this.#ranks.of(heads);
          order = rankOf(heads[h], ranks[h]) - rankOf(heads[first], ranks[first]);
        }
        if (order * sign < 0) first = h;
      }
      const head = heads[first];
      if (Math.abs(next[first]) > OFFSET_MAX) break;
      from[count] = first;
      rows[count] = head.row;
      offsets[count++] = next[first];
      if (++head.row === head.end) break;
      next[first] = shifts[first] + head.partial.offsets[head.row];
    }
    return { partials, from, rows, count, base, offsets };
  }
}

function rankOf({ partial, row }: Head, ranks: Uint32Array): number {
  return ranks[partial.series[row]];
}

/** The order of series by their keys, which the partials of a shard mostly share. */
class SeriesRanks {
  #order: ReadonlyMap<string, number> = new Map();

  /** Of each head, comparable with each other. */
  of(heads: readonly Head[]): Uint32Array[] {
    if (!heads.every((head) => head.ranked?.order === this.#order || this.#knows(head.partial))) this.#learn(heads);
    return heads.map((head) => {
      if (head.ranked?.order !== this.#order) head.ranked = { order: this.#order, ranks: this.#ranksOf(head.partial) };
      return head.ranked.ranks;
    });
  }

  // private functions

  #knows({ seriesKeys }: RowsPartial): boolean {
    return seriesKeys.every((key) => this.#order.has(key));
  }

  #learn(heads: readonly Head[]): void {
    const met = heads.flatMap(({ partial }) => partial.seriesKeys);
    const known = this.#order.size + met.length > KNOWN_SERIES_MAX ? [] : this.#order.keys();
    const keys = [...new Set([...known, ...met])].sort(compareText);
    this.#order = new Map(keys.map((key, i) => [key, i]));
  }

  #ranksOf({ seriesKeys }: RowsPartial): Uint32Array {
    return Uint32Array.from(seriesKeys, (key) => this.#order.get(key)!);
  }
}

/** For outputs that are computed, and for transforms. */
class RowByRow implements PickWriter {
  readonly #plan: Plan;
  readonly #writer: ReturnType<typeof rowWriter>;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#writer = rowWriter(plan);
  }

  get full(): boolean {
    return this.#writer.full;
  }

  start(group: Group): void {
    this.#writer.start(group);
  }

  *add({ partials, from, rows, count, base, offsets }: Picks): Generator<ResultTable> {
    const read = partials.map(({ columns }) => columns.map(columnReader));
    const values: Value[] = new Array(this.#plan.columns.length).fill(null);
    for (let k = 0; k < count; k++) {
      const readers = read[from[k]];
      for (let c = 0; c < values.length; c++) values[c] = readers[c](rows[k]);
      yield* this.#writer.add(base + BigInt(offsets[k]), values);
      if (this.#writer.full) return;
    }
  }

  finish(): readonly ResultTable[] {
    if (this.#writer.end !== undefined) for (const _ of this.#writer.end());
    return this.#writer.finish();
  }
}
