/**
 * The historical driver: reads to the present position and stops. `historicalShard` runs where the shard is and gives partials;
 * `answerOf` merges those of all shards into the tables of the answer, in its order. The server carries partials from one to
 * the other (a partial may be cloned between threads). Both work in slices: they ask `turn` often, so that a long query neither
 * holds its thread nor goes on when it has been given up. No clock, no I/O but the source.
 *
 * Stage 1 pins all of its sources in one turn before it reads the first row: its answer is of one position of the shard. The live
 * driver, which has to stand at the position of its own state, reads in one turn instead: `shardNow`, `historicalHome`.
 */
import { countChosen } from '../../model/index.ts';
import { fieldsOf } from '../planner/bind.ts';
import { type Plan, reads } from '../planner/plan.ts';
import { readsTotals } from '../planner/rules.ts';
import { newestWindows } from './cells/newest-windows.ts';
import { PaneStore } from './cells/panes.ts';
import { windowTables } from './cells/window-runs.ts';
import { joinPartials } from './nested/join-rows.ts';
import { rowWindowTables } from './nested/row-windows.ts';
import { subqueryPartials } from './nested/subquery-rows.ts';
import { mergeRows } from './raw/raw-merge.ts';
import { rowPartials, slicedRows } from './raw/raw-slices.ts';
import { partsOf } from './rows/block-parts.ts';
import { scannedFields } from './rows/derived-rows.ts';
import { tablesOf } from './rows/rows-in.ts';
import { areCounted, checkBuckets, checkBytes, checkPoints, checkSeries, type Limits } from './source/limits.ts';
import type { CountsPartial, Partial, RowsPartial } from './source/partial.ts';
import type { ResultTable } from './source/result.ts';
import type { RowTextWriter } from './source/row-texts.ts';
import type { PinnableSource, PinnedRows, ScanRequest, Source, TakeTotals, Turn } from './source/source.ts';
import { givenInTurns, inTurns } from './source/steps.ts';

export interface HistoricalOptions {
  /** Gives raw rows as texts, where the plan shows rows (row-texts.ts). */
  readonly writer?: RowTextWriter | null;
  /** Of stage 2, where that is on this thread; what is found goes there, and no cells are given. */
  readonly home?: PaneStore | null;
  /** Called in the turn in which the rows are pinned, before them: what it throws ends the reading. */
  readonly pinning?: () => void;
}

/** Stage 1, in slices. */
export async function* historicalShard(
  plan: Plan,
  source: PinnableSource,
  turn: Turn,
  limits: Limits,
  { writer = null, home = null, pinning = nothingElse }: HistoricalOptions = {},
): AsyncGenerator<Partial> {
  if (plan.sources.length === 0) return;
  if (plan.kind === 'raw') {
    yield* slicedRows(plan, source, turn, limits, { writer, pinning });
    return;
  }
  const store = home ?? new PaneStore(plan);
  for (const [i, table] of tablesOf(plan, source)) await inTurns(store.askSeries(i, table), turn);
  pinning();
  let points = 0;
  let blocks = 0;
  let blocksByStatistics = 0;
  const pins: (PinnedRows | null)[] = [];
  try {
    const requests = plan.sources.map((_, i) => cellsRequest(store, i, source));
    for (const request of requests) pins.push(request === null ? null : source.pin(request));
    // a measurement may be dropped while it is read
    const tables = requests.map((r) => r && source.series(r.database, r.retentionPolicy, r.measurement));
    const series = wantedIn(requests, source);
    checkSeries(series, limits);
    if (areCounted(limits)) yield { kind: 'counts', series, points: 0, blocks: 0, blocksByStatistics: 0 };
    const { ranges, isEnough } = newestWindows(plan);
    for (const range of ranges) {
      for (const [i, rows] of pins.entries()) {
        const [request, table] = [requests[i], tables[i]];
        if (rows === null || request === null || table === null) continue;
        const take: TakeTotals = (totals) => {
          const taken = store.addTotals(totals, i, table);
          if (taken) {
            points += totals.rows;
            blocksByStatistics++;
          }
          return taken;
        };
        for (const step of rows.scan(range, request.series, readsTotals(plan) ? take : undefined)) {
          if (step instanceof Promise) await step;
          else {
            for (const part of partsOf(step, table.size)) {
              points += store.add(part, i, table);
              checkBytes(store.bytes, limits);
              const wait = turn();
              if (wait !== null) await wait;
            }
            blocks++;
          }
          checkPoints(points, limits);
        }
      }
      if (isEnough(store)) break;
    }
  } finally {
    for (const rows of pins) rows?.release();
  }
  if (areCounted(limits)) yield { kind: 'counts', series: 0, points, blocks, blocksByStatistics };
  if (home !== null) return;
  yield* givenInTurns(store.partials(await inTurns(store.order(), turn)), turn);
}

/** Stage 1, all of it in this turn: the source is read to its end before the first partial comes. */
export function* shardNow(plan: Plan, source: Source): Generator<Partial> {
  if (plan.sources.length === 0) return;
  if (plan.kind === 'raw') {
    yield* rowPartials(plan, source);
    return;
  }
  const store = new PaneStore(plan);
  for (const i of plan.sources.keys()) {
    const request = cellsRequest(store, i, source);
    if (request === null) continue;
    const table = source.series(request.database, request.retentionPolicy, request.measurement)!;
    for (const block of source.scan(request)) store.add(block, i, table);
  }
  yield* store.partials(store.ordered());
}

/**
 * The whole answer of a plan, subqueries and all: `ask` gives the partials of each shard for a plan that reads from shards; they are
 * begun in its order, so those that others make had better come first. Stage 1 on this thread may put its cells where stage 2 has its
 * own, if there is such a place. A subquery's answer is one more shard to the query around it.
 */
export function answerOf(
  plan: Plan,
  ask: (plan: Plan, home: PaneStore | null) => readonly AsyncIterable<Partial>[],
  turn: Turn,
  limits: Limits,
): AsyncGenerator<ResultTable> {
  checkBuckets(plan, limits);
  if (plan.sources.length === 0) return nothing();
  if (plan.rowWindow !== undefined) {
    return rowWindowTables(plan, answerOf(plan.subqueries[0], ask, turn, limits), turn, limits);
  }
  const fromShards = plan.sources.some(({ subquery }) => subquery === undefined);
  const store = plan.kind === 'raw' ? null : new PaneStore(plan);
  // what is derived of one shard's series has numbers of its own
  const home = plan.derived === undefined ? store : null;
  const streams = fromShards ? [...ask(plan, home)] : [];
  const inner = plan.subqueries.map((subquery) => answerOf(subquery, ask, turn, limits));
  if (plan.join !== undefined) streams.push(joinPartials(plan, inner, turn, limits));
  else
    for (const [number, tables] of inner.entries()) streams.push(subqueryPartials(plan, number, tables, turn, limits));
  return store === null ? rowsAnswer(plan, streams, turn, limits) : cellsAnswer(store, streams, turn, limits);
}

/** Stage 2 where all partials are at hand; those of kind `rows` must be of one shard. */
export function* historicalHome(plan: Plan, partials: Iterable<Partial>): Generator<ResultTable> {
  if (plan.kind === 'raw') {
    const iterator = partials[Symbol.iterator]();
    const merge = mergeRows(plan, 1);
    for (let step = merge.next(); !step.done; ) {
      if (typeof step.value === 'number') {
        const { value, done } = iterator.next();
        step = merge.next(done === true ? null : (value as RowsPartial));
      } else {
        yield step.value;
        step = merge.next(null);
      }
    }
    return;
  }
  const store = new PaneStore(plan);
  for (const partial of partials) if (partial.kind === 'cells') store.merge(partial);
  for (const table of windowTables(plan, store)) if (table !== null) yield table;
}

// private functions

/** Tells of too many series or points of all shards together. */
function counting(limits: Limits): (counts: CountsPartial) => void {
  const counted = { series: 0, points: 0 };
  return ({ series, points }) => {
    counted.series += series;
    counted.points += points;
    checkSeries(counted.series, limits);
    checkPoints(counted.points, limits);
  };
}

/** Stage 2 of a raw plan over the partials of each shard, as they arrive. */
async function* rowsAnswer(
  plan: Plan,
  shards: readonly AsyncIterable<Partial>[],
  turn: Turn,
  limits: Limits,
): AsyncGenerator<ResultTable> {
  const count = counting(limits);
  const iterators = shards.map((shard) => shard[Symbol.asyncIterator]());
  // all of them begin before the first is waited for; what fails is told to whoever waits
  const first = iterators.map((iterator) => iterator.next());
  for (const step of first) step.catch(() => {});
  const next = (shard: number): Promise<IteratorResult<Partial>> => {
    const begun = first[shard];
    delete first[shard];
    return begun ?? iterators[shard].next();
  };
  try {
    const merge = mergeRows(plan, shards.length);
    let step = merge.next();
    while (!step.done) {
      const wait = turn();
      if (wait !== null) await wait;
      if (typeof step.value !== 'number') {
        yield step.value;
        step = merge.next(null);
        continue;
      }
      const { value, done } = await next(step.value);
      if (done !== true && value.kind === 'counts') count(value);
      else step = merge.next(done === true ? null : (value as RowsPartial));
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

/** The same of an aggregate plan, in a store that shards on this thread may have added to. */
async function* cellsAnswer(
  store: PaneStore,
  shards: readonly AsyncIterable<Partial>[],
  turn: Turn,
  limits: Limits,
): AsyncGenerator<ResultTable> {
  const count = counting(limits);
  await Promise.all(
    shards.map(async (shard) => {
      for await (const partial of shard) {
        if (partial.kind === 'cells') store.merge(partial);
        else if (partial.kind === 'counts') count(partial);
        checkBytes(store.bytes, limits);
        const wait = turn();
        if (wait !== null) await wait;
      }
    }),
  );
  yield* givenInTurns(windowTables(store.plan, store), turn);
}

async function* nothing(): AsyncGenerator<never> {}

function nothingElse(): void {}

/** What an aggregate plan asks of plan.sources[i]; null where the shard has nothing for it. */
function cellsRequest(store: PaneStore, i: number, source: Source): ScanRequest | null {
  const { sources, columns, aggregates, bounds } = store.plan;
  const { database, retentionPolicy, measurement, subquery, condition } = sources[i];
  const table = subquery === undefined ? source.series(database, retentionPolicy, measurement) : null;
  if (table === null) return null;
  const carried = columns.filter(({ kind }) => kind === 'field').map(({ name }) => name);
  const own = aggregates.filter((aggregate) => aggregate.name !== 'rows' && reads(aggregate, sources[i]));
  const fields = [...own.map(({ field }) => field), ...carried, ...fieldsOf(condition)];
  return {
    database,
    retentionPolicy,
    measurement,
    minTime: bounds.min,
    maxTime: bounds.max,
    series: store.wantedSeries(i, table),
    fields: scannedFields(store.plan, fields),
  };
}

function wantedIn(requests: readonly (ScanRequest | null)[], source: Source): number {
  let wanted = 0;
  for (const request of requests) {
    if (request === null) continue;
    const { database, retentionPolicy, measurement, series } = request;
    wanted += countChosen(series, source.series(database, retentionPolicy, measurement)!.size);
  }
  return wanted;
}
