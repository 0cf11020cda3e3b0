/**
 * RawColumns: rows of a raw plan, kept as columns of their own, since blocks come in no order, and then given as partials in the order of
 * the answer. Where the plan has a LIMIT, no more than it needs of each group are kept for long. Rows that are to be texts become so when
 * they are in order; without a LIMIT they are texts from the beginning (raw-texts.ts).
 */
import { type Block, type Column, OFFSET_MAX, type SeriesTable, TextDictionary } from '../../../model/index.ts';
import { compareSplit, highOf, joinTime, lowOf, splitTime } from '../../functions/slot-time.ts';
import type { Plan } from '../../planner/plan.ts';
import { GroupTable } from '../rows/groups.ts';
import { MetSeries } from '../rows/met-series.ts';
import type { SourceRows } from '../rows/rows-in.ts';
import { ColumnBuilder, columnAs } from '../source/columns.ts';
import type { RowsPartial } from '../source/partial.ts';
import type { RowTextWriter } from '../source/row-texts.ts';
import type { Steps } from '../source/steps.ts';
import { type HeldRawRows, PARTIAL_ROWS_MAX, pageOf } from './held-raw-rows.ts';
import { orderOfRows } from './row-order.ts';

/** With a LIMIT: rows beyond what is wanted that pile up before they are thrown away. Few, for what is thrown away says which later
 * rows need not be looked at. */
const PRUNE_ROWS = 4_096;
const ROWS_FIRST = 64;
/** Series and the two parts of the time of a row; as much again while rows are put in order. */
export const KEY_BYTES = 2 * (4 + 8 + 8);

export class RawColumns implements HeldRawRows {
  readonly groups = new GroupTable();
  readonly #plan: Plan;
  readonly #arrival: boolean;
  readonly #writer: RowTextWriter | null;
  readonly #met: MetSeries;
  rows = 0;
  /** By row; times as in slot-time.ts. */
  #series = new Uint32Array(ROWS_FIRST);
  #high = new Float64Array(ROWS_FIRST);
  #low = new Float64Array(ROWS_FIRST);
  /** By column; none for a tag, which is kept once per series. */
  readonly #builders: (ColumnBuilder | null)[];
  #pruneAt: number;
  /** By group that had as many rows as the answer needs when rows were last thrown away: time high, low of the last of these. */
  readonly #ends: ({ readonly high: number; readonly low: number } | undefined)[] = [];

  /** `arrival`: rows of a group keep the order in which they come. `writer`: partials have texts of rows instead of columns. */
  constructor(plan: Plan, arrival: boolean, writer: RowTextWriter | null) {
    this.#plan = plan;
    this.#arrival = arrival;
    this.#writer = writer;
    this.#met = new MetSeries(plan);
    this.#builders = plan.columns.map(({ kind, type }) => (kind === 'field' ? new ColumnBuilder(type) : null));
    this.#pruneAt = pageOf(plan) > 0 ? PRUNE_ROWS : Number.POSITIVE_INFINITY;
  }

  get bytes(): number {
    return this.#builders.reduce((sum, builder) => sum + (builder?.bytes ?? 0), KEY_BYTES * this.#series.length);
  }

  startSource(index: number): void {
    this.#met.startSource(index);
  }

  isFull(group: number): boolean {
    return this.#ends[group] !== undefined;
  }

  withinPage(block: Block, source: SourceRows, count: number): number {
    if (this.#ends.length === 0) return count;
    const { rows } = source;
    const { series, offsets } = block;
    const base = splitTime(block.base);
    const sign = this.#plan.descending ? -1 : 1;
    let kept = 0;
    for (let k = 0; k < count; k++) {
      const row = rows[k];
      const end = this.#ends[source.groupOf(series[row])];
      const sum = base.low + offsets[row];
      if (end !== undefined && compareSplit(highOf(base.high, sum), lowOf(sum), end.high, end.low) * sign > 0) continue;
      rows[kept++] = row;
    }
    return kept;
  }

  add(block: Block, table: SeriesTable, source: SourceRows, count: number): void {
    const { rows } = source;
    const base = splitTime(block.base);
    this.#reserve(this.rows + count);
    const met = this.#met;
    const [own, high, low] = [this.#series, this.#high, this.#low];
    for (let k = 0, at = this.rows; k < count; k++, at++) {
      const row = rows[k];
      const sum = base.low + block.offsets[row];
      own[at] = met.number(block.series[row], table, source);
      high[at] = highOf(base.high, sum);
      low[at] = lowOf(sum);
    }
    this.rows += count;
    for (const [c, { name, type }] of this.#plan.columns.entries()) {
      const column = block.columns.get(name);
      this.#builders[c]?.append(column === undefined ? null : columnAs(column, type), rows, count);
    }
  }

  *partials(): Generator<RowsPartial | null> {
    const order = yield* this.#order();
    const columns = this.#builders.map((builder) => builder?.finish() ?? null);
    for (let from = 0; from < order.length; ) {
      const to = this.#cut(order, from);
      const partial = this.#partial(order.subarray(from, to), columns);
      yield partial;
      from += partial.rows;
    }
    this.clear();
  }

  clear(): void {
    for (const builder of this.#builders) builder?.finish();
    this.rows = 0;
    if (this.#series.length === ROWS_FIRST) return;
    this.#series = new Uint32Array(ROWS_FIRST);
    this.#high = new Float64Array(ROWS_FIRST);
    this.#low = new Float64Array(ROWS_FIRST);
  }

  *tidy(): Steps<void> {
    if (this.rows > this.#pruneAt) yield* this.prune();
  }

  *prune(): Steps<void> {
    const order = yield* this.#order();
    for (const builder of this.#builders) builder?.append(builder.finish(), order, order.length);
    this.rows = order.length;
    this.#series = order.map((row) => this.#series[row]);
    this.#high = Float64Array.from(order, (row) => this.#high[row]);
    this.#low = Float64Array.from(order, (row) => this.#low[row]);
    this.#pruneAt = order.length * 2 + PRUNE_ROWS;
    if (!this.#arrival) this.#findEnds();
  }

  // private functions

  #reserve(rows: number): void {
    if (rows <= this.#series.length) return;
    const length = Math.max(rows, 2 * this.#series.length);
    const { series, high, low } = { series: this.#series, high: this.#high, low: this.#low };
    this.#series = new Uint32Array(length);
    this.#high = new Float64Array(length);
    this.#low = new Float64Array(length);
    this.#series.set(series);
    this.#high.set(high);
    this.#low.set(low);
  }

  /** End of the partial that starts at `from`: not too long, not too wide. */
  #cut(order: Uint32Array, from: number): number {
    const end = Math.min(order.length, from + PARTIAL_ROWS_MAX);
    let to = from + 1;
    while (to < end && this.#isNear(order[to], order[from])) to++;
    return to;
  }

  #isNear(row: number, first: number): boolean {
    return Math.abs(this.#high[row] - this.#high[first]) < OFFSET_MAX / 2 ** 32 - 1;
  }

  /** Of these rows, or, where they are written, the first of them. */
  #partial(order: Uint32Array, columns: readonly (Column | null)[]): RowsPartial {
    const [first] = order;
    const base = joinTime(this.#high[first], this.#low[first]);
    const offsets = new Float64Array(order.length);
    const series = new Uint32Array(order.length);
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      offsets[i] = (this.#high[row] - this.#high[first]) * 2 ** 32 + (this.#low[row] - this.#low[first]);
      series[i] = this.#series[row];
    }
    const { tags } = this.#met;
    if (this.#writer !== null) {
      const count = order.length;
      const rows = this.#writer.write({ count, base, offsets, rows: order, series, columns, tags }, 0, count);
      const own = this.#met.ofPartial(series.slice(0, rows), this.groups);
      return {
        kind: 'rows',
        ...{ rows, base, ...own, columns: [] },
        offsets: offsets.slice(0, rows),
        texts: this.#writer.take(),
      };
    }
    const fields = this.#fields(order, columns);
    const shown = fields.map((column, c) => column ?? tagColumn(series, tags[c]));
    return {
      kind: 'rows',
      ...{ rows: order.length, base, offsets, columns: shown },
      ...this.#met.ofPartial(series, this.groups),
    };
  }

  /** Columns of fields, rows in their order; null for tags. */
  #fields(order: Uint32Array, columns: readonly (Column | null)[]): (Column | null)[] {
    return columns.map((column, c) => {
      if (column === null) return null;
      const builder = new ColumnBuilder(this.#plan.columns[c].type, order.length);
      builder.append(column, order, order.length);
      return builder.finish();
    });
  }

  /** Row numbers in the order of the answer, cut by the LIMIT. */
  *#order(): Steps<Uint32Array> {
    const { descending } = this.#plan;
    const seriesRank = yield* this.#met.ranks();
    yield* this.groups.rank();
    const ranks = this.groups.ranks();
    const isReversed = descending && this.#arrival;
    const rankOf = (group: number): number => (isReversed ? ranks.length - 1 - ranks[group] : ranks[group]);
    const order = yield* orderOfRows(
      {
        ...{ rows: this.rows, group: this.#series, groupRank: Uint32Array.from(this.#met.groupOf, rankOf) },
        ...{ series: this.#series, seriesRank, high: this.#high, low: this.#low },
      },
      !this.#arrival,
    );
    if (descending && !this.#arrival) order.reverse();
    const page = pageOf(this.#plan);
    return page > 0 ? this.#firstOfEach(order, page) : order;
  }

  #groupAt(row: number): number {
    return this.#met.groupOf[this.#series[row]];
  }

  #firstOfEach(order: Uint32Array, page: number): Uint32Array {
    let kept = 0;
    let count = 0;
    let last = -1;
    for (const row of order) {
      const group = this.#groupAt(row);
      count = group === last ? count + 1 : 1;
      last = group;
      if (count <= page) order[kept++] = row;
    }
    return order.subarray(0, kept);
  }

  /** The rows stand in the order of the answer, no more of a group than are needed. */
  #findEnds(): void {
    const page = pageOf(this.#plan);
    for (let row = 0, count = 0; row < this.rows; row++) {
      const group = this.#groupAt(row);
      count = row > 0 && this.#groupAt(row - 1) === group ? count + 1 : 1;
      if (count === page) this.#ends[group] = { high: this.#high[row], low: this.#low[row] };
    }
  }
}

// private functions

/** Of rows by their series; `tags` by series. */
function tagColumn(series: Uint32Array, tags: readonly (string | null)[]): Column {
  const texts = new Map<string, number>();
  /** By series: the number of its text + 1, 0 where it has none; undefined = not met yet. */
  const known: number[] = [];
  const values = new Uint32Array(series.length);
  let present: Uint8Array | null = null;
  for (let i = 0; i < values.length; i++) {
    const text = (known[series[i]] ??= textOf(tags[series[i]], texts));
    if (text === 0) {
      present ??= new Uint8Array(series.length).fill(1);
      present[i] = 0;
    } else values[i] = text - 1;
  }
  return { type: 'string', values, dictionary: TextDictionary.of([...texts.keys()]), present };
}

function textOf(tag: string | null, texts: Map<string, number>): number {
  if (tag === null) return 0;
  const text = texts.get(tag) ?? texts.size;
  texts.set(tag, text);
  return text + 1;
}
