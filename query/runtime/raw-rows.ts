/**
 * RawRows: rows of a raw plan, block by block, and then as partials in the order of the answer (group, time, series). Rows are kept as
 * columns of their own, since blocks come in no order. Where the plan has a LIMIT, no more than it needs of each group are kept for
 * long. Who decides how many are held at a time is raw-slices.ts. Long because ordering and throwing away work on the same columns.
 */
import {
  type Block,
  type Column,
  compareText,
  OFFSET_MAX,
  type SeriesChoice,
  type SeriesTable,
  TextDictionary,
} from '../../model/index.ts';
import { ranked } from '../functions/ordered.ts';
import { compareSplit, highOf, joinTime, lowOf, splitTime } from '../functions/slot-time.ts';
import { fieldsOf } from '../planner/bind.ts';
import type { Plan, PlanColumn } from '../planner/plan.ts';
import { ColumnBuilder, columnAs, isConvertible } from './columns.ts';
import { DerivedRows, scannedFields } from './derived-rows.ts';
import { GroupTable } from './groups.ts';
import { NewestRows } from './newest-rows.ts';
import type { Group, RowsPartial } from './partial.ts';
import { orderOfRows } from './row-order.ts';
import type { WriteRows } from './row-texts.ts';
import { SourceRows } from './rows-in.ts';
import type { ScanRequest, Source } from './source.ts';
import type { Steps } from './steps.ts';

/** Rows of one partial. */
export const PARTIAL_ROWS_MAX = 8_192;
/** With a LIMIT: rows beyond what is wanted that pile up before they are thrown away. Few, for what is thrown away says which later
 * rows need not be looked at. */
const PRUNE_ROWS = 4_096;
const ROWS_FIRST = 64;
/** Group, series and the two parts of the time of a row; as much again while rows are put in order. */
const KEY_BYTES = 2 * (4 + 4 + 8 + 8);

/** How many rows of a group the answer needs at most; 0 = all. */
export function pageOf({ limit, offset, transforms }: Plan): number {
  return limit > 0 && transforms.length === 0 ? limit + offset : 0;
}

/** About what a held row takes. */
export function rowBytes({ columns }: Plan): number {
  return KEY_BYTES + 8 * columns.length;
}

export class RawRows {
  readonly #plan: Plan;
  readonly #held: HeldRows;
  readonly #sources: SourceRows[];
  readonly #fields: readonly PlanColumn[];
  readonly #derived: DerivedRows;
  /** null where the answer may need all rows, or those that come first. */
  readonly #newest: NewestRows | null;
  /** Rows that passed since the beginning. */
  points = 0;
  /** Read for them; counted by who reads. */
  blocks = 0;

  /** `arrival`: rows of a group keep the order in which they come. `write`: partials have texts of rows instead of columns. */
  constructor(plan: Plan, arrival = false, write: WriteRows | null = null) {
    this.#plan = plan;
    this.#derived = new DerivedRows(plan);
    this.#newest = pageOf(plan) > 0 && !arrival ? new NewestRows(pageOf(plan), plan.descending) : null;
    this.#held = new HeldRows(plan, arrival, write);
    this.#sources = plan.sources.map((_, index) => new SourceRows(plan, index, this.#held.groups));
    this.#fields = plan.columns.filter(({ kind }) => kind === 'field');
  }

  /** Finds which series `request` asks for, in steps. */
  askSeries(index: number, table: SeriesTable): Steps<void> {
    return this.#sources[index].ask(table);
  }

  /** What a scan of plan.sources[index] is asked for; null where the source has nothing for it. */
  request(index: number, source: Source): ScanRequest | null {
    const { database, retentionPolicy, measurement, subquery, condition } = this.#plan.sources[index];
    const table = subquery === undefined ? source.series(database, retentionPolicy, measurement) : null;
    if (table === null) return null;
    const series = this.#sources[index].wanted(table);
    if (series instanceof Uint32Array && series.length === 0) return null;
    const fields = scannedFields(this.#plan, [...this.#fields.map(({ name }) => name), ...fieldsOf(condition)]);
    const { min: minTime, max: maxTime } = this.#plan.bounds;
    const byTime = this.#plan.groupBy.length === 0 && !(series instanceof Uint32Array);
    return { database, retentionPolicy, measurement, minTime, maxTime, series, fields, byTime };
  }

  add(stored: Block, index: number, tags: SeriesTable): void {
    const { block, table } = this.#derived.of(stored, index, tags);
    this.#held.startSource(index);
    const rows = this.#sources[index];
    const selected = this.#held.withinPage(block, rows, rows.select(block, table, null));
    const count = withAnyOf(block, this.#fields, rows, selected);
    this.points += count;
    if (count === 0) return;
    const needed = this.#newest?.narrow(block, rows.rows, count, table.size) ?? count;
    this.#held.add(block, table, rows, needed);
  }

  get groups(): GroupTable {
    return this.#held.groups;
  }

  get rows(): number {
    return this.#held.rows;
  }

  get bytes(): number {
    return this.#held.bytes;
  }

  /** The group of each series of a table that is wanted, −1 for the others; numbers are those of `groups`. */
  groupsOf(index: number, table: SeriesTable, series: SeriesChoice): Steps<Int32Array> {
    return this.#sources[index].groupsOf(table, series);
  }

  /** Whether a group has all the rows that the answer needs of it, if what comes later stands behind what is held. */
  isFull(group: number): boolean {
    return this.#held.isFull(group);
  }

  /** Throws away what is not needed, so that `isFull` knows. */
  prune(): Steps<void> {
    return this.#held.prune();
  }

  /** The same where much has piled up since; to be called behind each `add`. */
  *tidy(): Steps<void> {
    if (this.#held.isPiled) yield* this.#held.prune();
  }

  /** What is held, which is not held any more then; null between steps. */
  partials(): Generator<RowsPartial | null> {
    return this.#held.partials();
  }

  /** Forgets what is held. */
  clear(): void {
    this.#held.clear();
  }
}

// private functions

/** Keeps the rows that have at least one of the fields, in the type in which it is wanted. */
function withAnyOf(block: Block, fields: readonly PlanColumn[], { rows }: SourceRows, count: number): number {
  const presences: Uint8Array[] = [];
  for (const { name, type } of fields) {
    const column = block.columns.get(name);
    if (column === undefined || !isConvertible(column.type, type)) continue;
    if (column.present === null) return count;
    presences.push(column.present);
  }
  let kept = 0;
  for (let k = 0; k < count; k++) {
    const row = rows[k];
    let any = 0;
    for (const present of presences) any |= present[row];
    rows[kept] = row;
    kept += any;
  }
  return kept;
}

class HeldRows {
  readonly groups = new GroupTable();
  readonly #plan: Plan;
  readonly #arrival: boolean;
  readonly #write: WriteRows | null;
  rows = 0;
  /** By row; times as in slot-time.ts. */
  #group = new Uint32Array(ROWS_FIRST);
  #series = new Uint32Array(ROWS_FIRST);
  #high = new Float64Array(ROWS_FIRST);
  #low = new Float64Array(ROWS_FIRST);
  /** By column; none for a tag, which is kept once per series. */
  readonly #builders: (ColumnBuilder | null)[];
  readonly #seriesKeys: string[] = [];
  /** By index in #seriesKeys: its number in the partial that is being made + 1, 0 = not met there. */
  #localOf = new Uint32Array(0);
  /** By column, then as #seriesKeys; empty for fields. */
  readonly #seriesTags: (string | null)[][];
  #seriesRanks: Uint32Array = new Uint32Array(0);
  /** By source: index in #seriesKeys by the source's series number. */
  readonly #knownOf: number[][] = [];
  #known: number[] = [];
  #pruneAt: number;
  /** By group that had as many rows as the answer needs when rows were last thrown away: time high, low of the last of these. */
  readonly #ends: ({ readonly high: number; readonly low: number } | undefined)[] = [];

  constructor(plan: Plan, arrival: boolean, write: WriteRows | null) {
    this.#plan = plan;
    this.#arrival = arrival;
    this.#write = write;
    this.#builders = plan.columns.map(({ kind, type }) => (kind === 'field' ? new ColumnBuilder(type) : null));
    this.#seriesTags = plan.columns.map(() => []);
    this.#pruneAt = pageOf(plan) > 0 ? PRUNE_ROWS : Number.POSITIVE_INFINITY;
  }

  get bytes(): number {
    return this.#builders.reduce((sum, builder) => sum + (builder?.bytes ?? 0), KEY_BYTES * this.#group.length);
  }

  /** Blocks that follow are of this source. */
  startSource(index: number): void {
    this.#knownOf[index] ??= [];
    this.#known = this.#knownOf[index];
  }

  isFull(group: number): boolean {
    return this.#ends[group] !== undefined;
  }

  /** Drops rows behind those that the answer can still need; returns how many are left. */
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
    const known = this.#known;
    const [group, own, high, low] = [this.#group, this.#series, this.#high, this.#low];
    for (let k = 0, at = this.rows; k < count; k++, at++) {
      const series = block.series[rows[k]];
      const sum = base.low + block.offsets[rows[k]];
      if (known[series] === undefined) this.#meet(series, table, source);
      group[at] = source.groupOf(series);
      own[at] = known[series];
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
    if (this.#group.length === ROWS_FIRST) return;
    this.#group = new Uint32Array(ROWS_FIRST);
    this.#series = new Uint32Array(ROWS_FIRST);
    this.#high = new Float64Array(ROWS_FIRST);
    this.#low = new Float64Array(ROWS_FIRST);
  }

  get isPiled(): boolean {
    return this.rows > this.#pruneAt;
  }

  *prune(): Steps<void> {
    const order = yield* this.#order();
    for (const builder of this.#builders) builder?.append(builder.finish(), order, order.length);
    this.rows = order.length;
    this.#group = order.map((row) => this.#group[row]);
    this.#series = order.map((row) => this.#series[row]);
    this.#high = Float64Array.from(order, (row) => this.#high[row]);
    this.#low = Float64Array.from(order, (row) => this.#low[row]);
    this.#pruneAt = order.length * 2 + PRUNE_ROWS;
    if (!this.#arrival) this.#findEnds();
  }

  // private functions

  #meet(series: number, table: SeriesTable, source: SourceRows): void {
    this.#known[series] = this.#seriesKeys.length;
    this.#seriesKeys.push(table.key(series));
    for (const [c, { kind, name }] of this.#plan.columns.entries()) {
      if (kind === 'tag') this.#seriesTags[c].push(source.tagOf(table, series, name));
    }
  }

  #reserve(rows: number): void {
    if (rows <= this.#group.length) return;
    const length = Math.max(rows, 2 * this.#group.length);
    const { group, series, high, low } = { group: this.#group, series: this.#series, high: this.#high, low: this.#low };
    this.#group = new Uint32Array(length);
    this.#series = new Uint32Array(length);
    this.#high = new Float64Array(length);
    this.#low = new Float64Array(length);
    this.#group.set(group);
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
  #partial(wanted: Uint32Array, columns: readonly (Column | null)[]): RowsPartial {
    const [first] = wanted;
    let order = wanted;
    let offsets = new Float64Array(order.length);
    let series = new Uint32Array(order.length);
    const numbers: number[] = [];
    if (this.#localOf.length < this.#seriesKeys.length) this.#localOf = new Uint32Array(2 * this.#seriesKeys.length);
    const localOf = this.#localOf;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      offsets[i] = (this.#high[row] - this.#high[first]) * 2 ** 32 + (this.#low[row] - this.#low[first]);
      const number = this.#series[row];
      if (localOf[number] === 0) localOf[number] = numbers.push(number);
      series[i] = localOf[number] - 1;
    }
    for (const number of numbers) localOf[number] = 0;
    const base = joinTime(this.#high[first], this.#low[first]);
    const tags = this.#seriesTags.map((texts) => (texts.length === 0 ? [] : numbers.map((number) => texts[number])));
    const texts = this.#write?.({ base, offsets, rows: order, series, columns, tags });
    if (texts !== undefined && texts.ends.length < order.length) {
      order = order.subarray(0, texts.ends.length);
      offsets = offsets.slice(0, order.length);
      series = series.slice(0, order.length);
    }
    const groups: Group[] = [];
    const ends: number[] = [];
    for (let i = 0; i < order.length; i++) {
      const group = this.#group[order[i]];
      if (i + 1 < order.length && this.#group[order[i + 1]] === group) continue;
      groups.push(this.groups.groups[group]);
      ends.push(i + 1);
    }
    return {
      kind: 'rows',
      groups,
      ends: Uint32Array.from(ends),
      rows: order.length,
      base,
      offsets,
      series,
      seriesKeys: numbers.map((number) => this.#seriesKeys[number]),
      ...(texts === undefined
        ? { columns: this.#fields(order, columns).map((column, c) => column ?? tagColumn(series, tags[c])) }
        : { columns: [], texts }),
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
    const keys = this.#seriesKeys;
    if (this.#seriesRanks.length < keys.length) {
      this.#seriesRanks = yield* ranked(keys.length, (a, b) => compareText(keys[a], keys[b]));
    }
    yield* this.groups.rank();
    const ascending = this.groups.ranks();
    const isReversed = descending && this.#arrival;
    const order = yield* orderOfRows(
      {
        rows: this.rows,
        group: this.#group,
        groupRank: isReversed ? ascending.map((rank) => ascending.length - 1 - rank) : ascending,
        series: this.#series,
        seriesRank: this.#seriesRanks,
        high: this.#high,
        low: this.#low,
      },
      !this.#arrival,
    );
    if (descending && !this.#arrival) order.reverse();
    const page = pageOf(this.#plan);
    return page > 0 ? this.#firstOfEach(order, page) : order;
  }

  #firstOfEach(order: Uint32Array, page: number): Uint32Array {
    let kept = 0;
    let count = 0;
    let last = -1;
    for (const row of order) {
      const group = this.#group[row];
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
      const group = this.#group[row];
      count = row > 0 && this.#group[row - 1] === group ? count + 1 : 1;
      if (count === page) this.#ends[group] = { high: this.#high[row], low: this.#low[row] };
    }
  }
}

/** Of rows by their series; `tags` by series. */
function tagColumn(series: Uint32Array, tags: readonly (string | null)[]): Column {
  const texts = new Map<string, number>();
  const bySeries = Uint32Array.from(tags, (value) => {
    const tag = value ?? '';
    const text = texts.get(tag) ?? texts.size;
    texts.set(tag, text);
    return text;
  });
  const isPresent = Uint8Array.from(tags, (tag) => (tag === null ? 0 : 1));
  const values = new Uint32Array(series.length);
  for (let i = 0; i < values.length; i++) values[i] = bySeries[series[i]];
  let present: Uint8Array | null = null;
  if (isPresent.includes(0)) {
    present = new Uint8Array(series.length);
    for (let i = 0; i < values.length; i++) present[i] = isPresent[series[i]];
  }
  return { type: 'string', values, dictionary: TextDictionary.of([...texts.keys()]), present };
}
