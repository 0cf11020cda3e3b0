/**
 * Stage 1 of a raw plan: the rows of one shard that pass, in the order of the answer (group, time, series), as partials of bounded
 * size. All rows are collected before the first partial is made, because blocks come in no order and live only for a turn; where the
 * plan has a LIMIT, no more than it needs per group is kept. Long because ordering and throwing away work on the same columns.
 */
import { type Block, type Column, compareText, OFFSET_MAX, type SeriesTable } from '../../model/index.ts';
import { compareSplit, highOf, joinTime, lowOf, splitTime } from '../functions/slot-time.ts';
import { QueryError } from '../language/errors.ts';
import { fieldsOf } from '../planner/bind.ts';
import type { Plan } from '../planner/plan.ts';
import { ColumnBuilder, columnAs } from './columns.ts';
import { GroupTable } from './groups.ts';
import type { RowsPartial } from './partial.ts';
import { SourceRows } from './rows-in.ts';
import type { Source } from './source.ts';

/** Rows of one partial. */
export const PARTIAL_ROWS_MAX = 8_192;
/** Rows that one query may hold per shard: with ten fields some 1 GB. */
export const ROWS_MAX = 10_000_000;
/** With a LIMIT: rows beyond what is wanted that pile up before they are thrown away. Few, for what is thrown away says which later
 * rows need not be looked at. */
const PRUNE_ROWS = 4_096;

export function* rawPartials(plan: Plan, source: Source): Generator<RowsPartial> {
  const held = new RawRows(plan);
  for (const [index, { database, retentionPolicy, measurement, subquery }] of plan.sources.entries()) {
    const table = subquery === undefined ? source.series(database, retentionPolicy, measurement) : null;
    if (table === null) continue;
    const { series, fields } = held.wanted(index, table);
    const { min: minTime, max: maxTime } = plan.bounds;
    const request = { database, retentionPolicy, measurement, minTime, maxTime, series, fields };
    // The newest rows first where they are wanted, so that the older ones are left out unseen.
    const blocks = plan.descending && pageOf(plan) > 0 ? [...source.scan(request)].reverse() : source.scan(request);
    for (const block of blocks) held.add(block, index, table);
  }
  yield* held.partials();
}

/** The rows of a raw plan, block by block, and then as partials in the order of the answer. */
export class RawRows {
  readonly #plan: Plan;
  readonly #held: HeldRows;
  readonly #sources: SourceRows[];
  readonly #fields: ReadonlySet<string>;
  #last = -1;

  /** `arrival`: rows of a group keep the order in which they come. */
  constructor(plan: Plan, arrival = false) {
    this.#plan = plan;
    this.#held = new HeldRows(plan, arrival);
    this.#sources = plan.sources.map((_, index) => new SourceRows(plan, index, this.#held.groups));
    this.#fields = new Set(plan.columns.filter(({ kind }) => kind === 'field').map(({ name }) => name));
  }

  /** What a scan of plan.sources[index] should be asked for. */
  wanted(index: number, table: SeriesTable): { series: Uint8Array | null; fields: string[] } {
    const fields = [...new Set([...this.#fields, ...fieldsOf(this.#plan.sources[index].condition)])];
    return { series: this.#sources[index].wanted(table), fields };
  }

  add(block: Block, index: number, table: SeriesTable): void {
    if (index !== this.#last) this.#held.startSource();
    this.#last = index;
    const rows = this.#sources[index];
    const selected = this.#held.withinPage(block, rows, rows.select(block, table, null));
    const count = withAnyOf(block, this.#fields, rows, selected);
    if (count > 0) this.#held.add(block, table, rows, count);
  }

  partials(): Generator<RowsPartial> {
    return this.#held.partials();
  }
}

// private functions

/** Keeps the rows that have at least one of the fields. */
function withAnyOf(block: Block, fields: ReadonlySet<string>, { rows }: SourceRows, count: number): number {
  const presences: Uint8Array[] = [];
  for (const name of fields) {
    const column = block.columns.get(name);
    if (column === undefined) continue;
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
  /** group, index of the series, time high, time low of each row. */
  #group: number[] = [];
  #series: number[] = [];
  #high: number[] = [];
  #low: number[] = [];
  readonly #builders: ColumnBuilder[];
  readonly #seriesKeys: string[] = [];
  /** Index in #seriesKeys by the source's series number. */
  #known: number[] = [];
  #pruneAt: number;
  readonly #arrival: boolean;
  /** By group that had as many rows as the answer needs when rows were last thrown away: time high, low of the last of these. */
  readonly #ends: ({ readonly high: number; readonly low: number } | undefined)[] = [];

  constructor(plan: Plan, arrival: boolean) {
    this.#plan = plan;
    this.#arrival = arrival;
    this.#builders = plan.columns.map(({ type }) => new ColumnBuilder(type));
    this.#pruneAt = pageOf(plan) > 0 ? PRUNE_ROWS : Number.POSITIVE_INFINITY;
  }

  startSource(): void {
    this.#known = [];
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
    for (let k = 0; k < count; k++) {
      const series = block.series[rows[k]];
      const sum = base.low + block.offsets[rows[k]];
      if (this.#known[series] === undefined) {
        this.#known[series] = this.#seriesKeys.length;
        this.#seriesKeys.push(table.key(series));
      }
      this.#group.push(source.groupOf(series));
      this.#series.push(this.#known[series]);
      this.#high.push(highOf(base.high, sum));
      this.#low.push(lowOf(sum));
    }
    for (const [c, { kind, name, type }] of this.#plan.columns.entries()) {
      if (kind === 'field') {
        const column = block.columns.get(name);
        this.#builders[c].append(column === undefined ? null : columnAs(column, type), rows, count);
      } else for (let k = 0; k < count; k++) this.#builders[c].push(source.tagOf(table, block.series[rows[k]], name));
    }
    if (this.#group.length > this.#pruneAt) this.#prune();
    if (this.#group.length > ROWS_MAX) {
      throw new QueryError('invalid', `max-select-point limit exceeded: (${this.#group.length}/${ROWS_MAX})`);
    }
  }

  *partials(): Generator<RowsPartial> {
    const order = this.#order();
    const columns = this.#builders.map((builder) => builder.finish());
    for (let from = 0; from < order.length; ) {
      const to = this.#cut(order, from);
      yield this.#partial(order.subarray(from, to), columns);
      from = to;
    }
  }

  // private functions

  /** End of the partial that starts at `from`: same group, not too long, not too wide. */
  #cut(order: Uint32Array, from: number): number {
    const group = this.#group[order[from]];
    const base = this.#time(order[from]);
    const end = Math.min(order.length, from + PARTIAL_ROWS_MAX);
    let to = from + 1;
    while (to < end && this.#group[order[to]] === group) {
      const ahead = this.#time(order[to]) - base;
      if (ahead > OFFSET_MAX || ahead < -OFFSET_MAX) break;
      to++;
    }
    return to;
  }

  #partial(order: Uint32Array, columns: readonly Column[]): RowsPartial {
    const base = this.#time(order[0]);
    const offsets = new Float64Array(order.length);
    const series = new Uint32Array(order.length);
    const local = new Map<number, number>();
    for (let i = 0; i < order.length; i++) {
      offsets[i] = Number(this.#time(order[i]) - base);
      const number = this.#series[order[i]];
      let at = local.get(number);
      if (at === undefined) {
        at = local.size;
        local.set(number, at);
      }
      series[i] = at;
    }
    return {
      kind: 'rows',
      group: this.groups.groups[this.#group[order[0]]],
      rows: order.length,
      base,
      offsets,
      series,
      seriesKeys: [...local.keys()].map((number) => this.#seriesKeys[number]),
      columns: columns.map((column, c) => {
        const builder = new ColumnBuilder(this.#plan.columns[c].type);
        builder.append(column, order, order.length);
        return builder.finish();
      }),
    };
  }

  /** Row numbers in the order of the answer, cut by the LIMIT. */
  #order(): Uint32Array {
    const { descending } = this.#plan;
    const page = pageOf(this.#plan);
    const groupRanks = this.groups.ranks();
    const seriesRanks = ranksOf(this.#seriesKeys);
    const buckets = bucketed(this.#group, groupRanks);
    if (descending) buckets.reverse();
    const kept = page > 0 ? page : Number.POSITIVE_INFINITY;
    const parts: Uint32Array[] = [];
    for (const bucket of buckets) {
      const compare = (a: number, b: number): number =>
        compareSplit(this.#high[a], this.#low[a], this.#high[b], this.#low[b]) ||
        seriesRanks[this.#series[a]] - seriesRanks[this.#series[b]];
      if (!this.#arrival) {
        if (!isSorted(bucket, compare)) bucket.sort(compare);
        if (descending) bucket.reverse();
      }
      parts.push(bucket.length > kept ? bucket.subarray(0, kept) : bucket);
    }
    return joined(parts);
  }

  #prune(): void {
    const order = this.#order();
    for (const [c, builder] of this.#builders.entries()) {
      const column = builder.finish();
      this.#builders[c].append(column, order, order.length);
    }
    this.#group = Array.from(order, (row) => this.#group[row]);
    this.#series = Array.from(order, (row) => this.#series[row]);
    this.#high = Array.from(order, (row) => this.#high[row]);
    this.#low = Array.from(order, (row) => this.#low[row]);
    this.#pruneAt = order.length * 2 + PRUNE_ROWS;
    if (!this.#arrival) this.#findEnds();
  }

  /** The rows stand in the order of the answer, no more of a group than are needed. */
  #findEnds(): void {
    const page = pageOf(this.#plan);
    for (let row = 0, count = 0; row < this.#group.length; row++) {
      const group = this.#group[row];
      count = row > 0 && this.#group[row - 1] === group ? count + 1 : 1;
      if (count === page) this.#ends[group] = { high: this.#high[row], low: this.#low[row] };
    }
  }

  #time(row: number): bigint {
    return joinTime(this.#high[row], this.#low[row]);
  }
}

/** How many rows of a group the answer needs at most; 0 = all. */
function pageOf({ limit, offset, transforms }: Plan): number {
  return limit > 0 && transforms.length === 0 ? limit + offset : 0;
}

function ranksOf(texts: readonly string[]): Uint32Array {
  const order = texts.map((_, i) => i).sort((a, b) => compareText(texts[a], texts[b]));
  const ranks = new Uint32Array(texts.length);
  for (let i = 0; i < order.length; i++) {
    const same = i > 0 && texts[order[i]] === texts[order[i - 1]];
    ranks[order[i]] = same ? ranks[order[i - 1]] : i;
  }
  return ranks;
}

/** Row numbers by rank of their group, ascending in each. */
function bucketed(group: readonly number[], ranks: Uint32Array): Uint32Array[] {
  const sizes = new Uint32Array(ranks.length);
  for (let row = 0; row < group.length; row++) sizes[ranks[group[row]]]++;
  const buckets = Array.from(sizes, (size) => new Uint32Array(size));
  sizes.fill(0);
  for (let row = 0; row < group.length; row++) {
    const rank = ranks[group[row]];
    buckets[rank][sizes[rank]++] = row;
  }
  return buckets;
}

function isSorted(rows: Uint32Array, compare: (a: number, b: number) => number): boolean {
  for (let i = 1; i < rows.length; i++) if (compare(rows[i - 1], rows[i]) > 0) return false;
  return true;
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
