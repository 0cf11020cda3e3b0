/**
 * Stage 1 of a raw plan in bounded memory. The answer's order is (group, time, series), the source's is none; so rows are read, held and
 * put in order part by part, and a part's partials have left before the next is read. How the answer is cut into parts:
 *
 *     measurements          one after the other
 *     no GROUP BY tags      by time: spans that end where chunks do, or hold about as many rows as may be held (row-map.ts), from the
 *                           answer's beginning
 *     GROUP BY tags         all groups at once where their rows can be held, else some groups at a time, else one group by time
 *     LIMIT                 by time for all groups at once, from the answer's beginning, in growing spans; a group that has its
 *                           rows is not read any further, so the newest rows of each series are found in the newest chunks
 *
 * What lies where is estimated: a part that turns out too large is thrown away and cut in two. All parts are read from what was pinned
 * at the beginning, so the answer is of one position of the shard.
 */
import { compareText, countChosen, type SeriesChoice, type SeriesTable } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { partsOf } from '../rows/block-parts.ts';
import { tablesOf } from '../rows/rows-in.ts';
import {
  areCounted,
  checkBytes,
  checkPoints,
  checkSeries,
  type Limits,
  NO_LIMITS,
  QUERY_BYTES_MAX,
} from '../source/limits.ts';
import type { CountsPartial, RowsPartial } from '../source/partial.ts';
import type { RowTextWriter } from '../source/row-texts.ts';
import type { PinnableSource, PinnedRows, Source, TimeRange, Turn } from '../source/source.ts';
import { finished, inTurns } from '../source/steps.ts';
import { pageOf } from './held-raw-rows.ts';
import { RawRows, rowBytes } from './raw-rows.ts';
import { RowMap } from './row-map.ts';
import { edgeSpans, spans } from './row-spans.ts';

/** A part that is as much larger than thought is cut again. */
const OVERFLOW = 2;
/** With a LIMIT: the first span has this part of the rows that may be held, and each next one is so much longer. */
const FIRST_PART = 64;
const GROWTH = 4;

/** All of it in this turn, at the position of the shard. */
export function* rowPartials(plan: Plan, source: Source): Generator<RowsPartial> {
  const held = new RawRows(plan);
  for (const index of plan.sources.keys()) {
    const request = held.request(index, source);
    if (request === null) continue;
    const table = source.series(request.database, request.retentionPolicy, request.measurement)!;
    for (const block of source.scan(request)) {
      held.add(block, index, table);
      finished(held.tidy());
      checkBytes(held.bytes, { ...NO_LIMITS, bytesMax: QUERY_BYTES_MAX });
    }
  }
  for (const partial of held.partials()) if (partial !== null) yield partial;
}

/** In slices, part by part. */
export async function* slicedRows(
  plan: Plan,
  source: PinnableSource,
  turn: Turn,
  limits: Limits,
  { writer, pinning }: { readonly writer: RowTextWriter | null; readonly pinning: () => void },
): AsyncGenerator<RowsPartial | CountsPartial> {
  const held = new RawRows(plan, false, writer);
  for (const [index, table] of tablesOf(plan, source)) await inTurns(held.askSeries(index, table), turn);
  pinning();
  const pinned: Pinned[] = [];
  let wanted = 0;
  try {
    for (const [index, { measurement }] of plan.sources.entries()) {
      const request = held.request(index, source);
      const rows = request === null ? null : source.pin(request);
      if (request === null || rows === null) continue;
      const table = source.series(request.database, request.retentionPolicy, request.measurement)!;
      pinned.push({ index, measurement, rows, table, series: request.series });
      wanted += countChosen(request.series, table.size);
    }
    checkSeries(wanted, limits);
    const counts: CountsPartial = { kind: 'counts', series: wanted, points: 0, blocks: 0, blocksByStatistics: 0 };
    if (areCounted(limits)) yield counts;
    for (const part of byMeasurement(plan, pinned)) {
      yield* new MeasurementRows(plan, part, held, turn, limits).partials();
    }
  } finally {
    for (const { rows } of pinned) rows.release();
  }
  const { points, blocks } = held;
  if (areCounted(limits)) yield { kind: 'counts', series: 0, points, blocks, blocksByStatistics: 0 };
}

// private functions

interface Pinned {
  readonly index: number;
  readonly measurement: string;
  readonly rows: PinnedRows;
  readonly table: SeriesTable;
  readonly series: SeriesChoice;
}

/** Which series of each source of a measurement are read; null = those that the plan wants. */
type Masks = readonly Uint8Array[] | null;

/** Those of one name give one series of the answer together. */
function byMeasurement(plan: Plan, pinned: readonly Pinned[]): Pinned[][] {
  const named = new Map<string, Pinned[]>();
  for (const source of pinned) named.set(source.measurement, [...(named.get(source.measurement) ?? []), source]);
  const sign = plan.descending ? -1 : 1;
  return [...named].sort(([a], [b]) => compareText(a, b) * sign).map(([, sources]) => sources);
}

class MeasurementRows {
  readonly #plan: Plan;
  readonly #sources: readonly Pinned[];
  readonly #held: RawRows;
  readonly #turn: Turn;
  readonly #limits: Limits;
  readonly #rowsMax: number;
  /** Of the first span with a LIMIT. */
  readonly #firstRowsMax: number;
  readonly #page: number;

  constructor(plan: Plan, sources: readonly Pinned[], held: RawRows, turn: Turn, limits: Limits) {
    this.#plan = plan;
    this.#sources = sources;
    this.#held = held;
    this.#turn = turn;
    this.#limits = limits;
    this.#rowsMax = Math.max(1, Math.floor(limits.partBytes / rowBytes(plan)));
    this.#firstRowsMax = Math.ceil(this.#rowsMax / FIRST_PART);
    this.#page = pageOf(plan);
  }

  async *partials(): AsyncGenerator<RowsPartial> {
    const map = this.#mapOf(null);
    if (map === null) return;
    const isGrouped = this.#plan.groupBy.length > 0;
    if (this.#page > 0 && this.#page <= this.#rowsMax && map.rows > GROWTH * this.#firstRowsMax) {
      const groups = isGrouped ? await this.#groups() : null;
      const count = groups?.numbers.length ?? 1;
      if (count * this.#page <= this.#rowsMax) {
        yield* this.#firstRows(map, groups);
        return;
      }
    }
    if (!isGrouped) yield* this.#byTime(map, null);
    else if (map.rows > this.#rowsMax || !(await this.#read(map, null))) yield* this.#byGroups(await this.#groups());
    else yield* this.#leave();
  }

  // private functions

  /** With a LIMIT: from the beginning of the answer until every group has its rows. */
  async *#firstRows(map: RowMap, groups: Groups | null): AsyncGenerator<RowsPartial> {
    const wanted = groups === null ? null : new Set(groups.numbers);
    let masks: Masks = null;
    for (const range of spans(map, this.#plan.descending, Math.max(this.#firstRowsMax, 2 * this.#page), GROWTH)) {
      await this.#read(range, masks, false);
      await inTurns(this.#held.prune(), this.#turn);
      if (wanted === null) {
        if (this.#held.rows >= this.#page) break;
        continue;
      }
      const before = wanted.size;
      for (const group of wanted) if (this.#held.isFull(group)) wanted.delete(group);
      if (wanted.size === 0) break;
      if (wanted.size < before) masks = masksOf(groups!, wanted);
    }
    yield* this.#leave();
  }

  /** Of one group, or where all rows are of one. */
  async *#byTime(map: RowMap, masks: Masks): AsyncGenerator<RowsPartial> {
    let given = 0;
    for (const span of edgeSpans(map, this.#plan.descending, this.#rowsMax)) {
      const ranges = [span];
      for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
        if (!(await this.#read(range, masks))) {
          const middle = (range.min + range.max) >> 1n;
          const halves = [
            { min: range.min, max: middle },
            { min: middle + 1n, max: range.max },
          ];
          ranges.push(...(this.#plan.descending ? halves : halves.reverse()));
          continue;
        }
        given += this.#held.rows;
        yield* this.#leave();
        if (this.#page > 0 && given >= this.#page) return;
      }
    }
  }

  /** As many groups at a time as can be held. */
  async *#byGroups(groups: Groups): AsyncGenerator<RowsPartial> {
    const ranks = this.#held.groups.ranks();
    const sign = this.#plan.descending ? -1 : 1;
    const ordered = [...groups.numbers].sort((a, b) => (ranks[a] - ranks[b]) * sign);
    const rows = this.#mapOf(null)?.rows ?? 0;
    const parts = Math.max(1, Math.ceil(rows / this.#rowsMax));
    const step = Math.max(1, Math.floor(ordered.length / parts));
    const waiting: number[][] = [];
    for (let from = 0; from < ordered.length; from += step) waiting.push(ordered.slice(from, from + step));
    waiting.reverse();
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      const masks = masksOf(groups, new Set(part));
      const map = this.#mapOf(masks);
      if (map === null) continue;
      if (part.length === 1 && map.rows > this.#rowsMax) yield* this.#byTime(map, masks);
      else if (await this.#read(map, masks)) yield* this.#leave();
      else if (part.length === 1) yield* this.#byTime(map, masks);
      else waiting.push(part.slice(part.length >> 1), part.slice(0, part.length >> 1));
    }
  }

  /** Holds the rows of a range; false: they were too many, and nothing is held. */
  async #read(range: TimeRange, masks: Masks, isDivisible = true): Promise<boolean> {
    const bytesMax =
      isDivisible && range.min < range.max ? OVERFLOW * this.#limits.partBytes : Number.POSITIVE_INFINITY;
    const before = this.#held.points;
    for (const [s, { index, rows, table, series }] of this.#sources.entries()) {
      for (const step of rows.scan(range, masks === null ? series : masks[s])) {
        if (step instanceof Promise) await step;
        else {
          for (const part of partsOf(step, table.size)) {
            this.#held.add(part, index, table);
            await inTurns(this.#held.tidy(), this.#turn);
            checkBytes(this.#held.bytes, this.#limits);
            if (this.#held.bytes > bytesMax) {
              this.#held.clear();
              this.#held.points = before;
              return false;
            }
            const wait = this.#turn();
            if (wait !== null) await wait;
          }
          this.#held.blocks++;
        }
      }
    }
    checkPoints(this.#held.points, this.#limits);
    return true;
  }

  async *#leave(): AsyncGenerator<RowsPartial> {
    for (const partial of this.#held.partials()) {
      if (partial !== null) yield partial;
      const wait = this.#turn();
      if (wait !== null) await wait;
    }
  }

  #mapOf(masks: Masks): RowMap | null {
    const { min, max } = this.#plan.bounds;
    return RowMap.of({ min, max }, (each) => {
      for (const [s, { rows, series }] of this.#sources.entries()) {
        rows.extents({ min, max }, masks === null ? series : masks[s], each);
      }
    });
  }

  async #groups(): Promise<Groups> {
    const ofSources: Int32Array[] = [];
    const numbers = new Set<number>();
    for (const { index, table, series } of this.#sources) {
      const groups = await inTurns(this.#held.groupsOf(index, table, series), this.#turn);
      for (const group of groups) if (group >= 0) numbers.add(group);
      ofSources.push(groups);
      const wait = this.#turn();
      if (wait !== null) await wait;
    }
    await inTurns(this.#held.groups.rank(), this.#turn);
    return { numbers: [...numbers], ofSources };
  }
}

interface Groups {
  readonly numbers: readonly number[];
  /** By source: the group of each series, −1 = not wanted. */
  readonly ofSources: readonly Int32Array[];
}

function masksOf({ ofSources }: Groups, wanted: ReadonlySet<number>): Uint8Array[] {
  return ofSources.map((groups) => Uint8Array.from(groups, (group) => (wanted.has(group) ? 1 : 0)));
}
