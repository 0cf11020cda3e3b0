/**
 * RawRows: rows of a raw plan, block by block, and then as partials in the order of the answer (group, time, series): which rows pass,
 * and which of them the answer may need. Where they are kept until then is said in held-raw-rows.ts; who decides how many are held at a
 * time is raw-slices.ts.
 */
import type { Block, SeriesChoice, SeriesTable } from '../../../model/index.ts';
import { fieldsOf } from '../../planner/bind.ts';
import type { Plan, PlanColumn } from '../../planner/plan.ts';
import { DerivedRows, scannedFields } from '../rows/derived-rows.ts';
import type { GroupTable } from '../rows/groups.ts';
import { SourceRows } from '../rows/rows-in.ts';
import { isConvertible } from '../source/columns.ts';
import type { RowsPartial } from '../source/partial.ts';
import type { RowTextWriter } from '../source/row-texts.ts';
import type { ScanRequest, Source } from '../source/source.ts';
import type { Steps } from '../source/steps.ts';
import { type HeldRawRows, pageOf } from './held-raw-rows.ts';
import { NewestRows } from './newest-rows.ts';
import { KEY_BYTES, RawColumns } from './raw-columns.ts';
import { RawTexts } from './raw-texts.ts';

/** About what a held row takes. */
export function rowBytes({ columns }: Plan): number {
  return KEY_BYTES + 8 * columns.length;
}

export class RawRows {
  readonly #plan: Plan;
  readonly #held: HeldRawRows;
  readonly #sources: SourceRows[];
  readonly #fields: readonly PlanColumn[];
  readonly #derived: DerivedRows;
  /** null where the answer may need all rows, or those that come first. */
  readonly #newest: NewestRows | null;
  /** Rows that passed since the beginning. */
  points = 0;
  /** Read for them; counted by who reads. */
  blocks = 0;

  /** `arrival`: rows of a group keep the order in which they come. `writer`: partials have texts of rows instead of columns. */
  constructor(plan: Plan, arrival = false, writer: RowTextWriter | null = null) {
    this.#plan = plan;
    this.#derived = new DerivedRows(plan);
    this.#newest = pageOf(plan) > 0 && !arrival ? new NewestRows(pageOf(plan), plan.descending) : null;
    this.#held =
      writer !== null && pageOf(plan) === 0 ? new RawTexts(plan, writer) : new RawColumns(plan, arrival, writer);
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

  /** To be taken to its end behind each `add`, while the block holds. */
  tidy(): Steps<void> {
    return this.#held.tidy();
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
