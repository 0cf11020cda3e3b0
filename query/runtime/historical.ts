/**
 * The historical driver: reads to the present position and stops. `historicalShard` runs where the shard is and gives partials;
 * `historicalHome` merges those of all shards into the tables of the answer, in its order. The server carries partials from one to
 * the other (a partial may be cloned between threads). No clock, no I/O but the source.
 */
import { fieldsOf } from '../planner/bind.ts';
import type { Plan } from '../planner/plan.ts';
import { cellTables } from './cell-rows.ts';
import { PaneStore } from './panes.ts';
import type { Partial, RowsPartial } from './partial.ts';
import { mergeRows } from './raw-merge.ts';
import { rawPartials } from './raw-rows.ts';
import type { ResultTable } from './result.ts';
import type { Source } from './source.ts';
import { subqueryPartials } from './subquery-rows.ts';

/** Cells of one partial. */
const PARTIAL_CELLS_MAX = 16_384;

/** Stage 1. The source is read to its end before the first partial comes, so it may be left for other turns between partials. */
export function* historicalShard(plan: Plan, source: Source): Generator<Partial> {
  if (plan.sources.length === 0) return;
  if (plan.kind === 'raw') {
    yield* rawPartials(plan, source);
    return;
  }
  const store = new PaneStore(plan);
  scanInto(store, plan, source);
  const slots = store.ordered();
  for (let from = 0; from < slots.length; from += PARTIAL_CELLS_MAX) {
    yield store.take(slots.subarray(from, from + PARTIAL_CELLS_MAX));
  }
}

/**
 * The whole answer of a plan, subqueries and all: `ask` gives the partials of each shard for a plan that reads from shards. A
 * subquery's answer is one more shard to the query around it.
 */
export async function* answerOf(
  plan: Plan,
  ask: (plan: Plan) => readonly AsyncIterable<Partial>[],
): AsyncGenerator<ResultTable> {
  if (plan.sources.length === 0) return;
  const fromShards = plan.sources.some(({ subquery }) => subquery === undefined);
  const streams = fromShards ? [...ask(plan)] : [];
  for (const [number, inner] of plan.subqueries.entries()) {
    streams.push(subqueryPartials(plan, number, answerOf(inner, ask)));
  }
  yield* historicalAnswer(plan, streams);
}

/** Stage 2 over the partials of each shard, as they arrive. */
export async function* historicalAnswer(
  plan: Plan,
  shards: readonly AsyncIterable<Partial>[],
): AsyncGenerator<ResultTable> {
  if (plan.kind === 'raw') {
    const iterators = shards.map((shard) => shard[Symbol.asyncIterator]());
    try {
      const merge = mergeRows(plan, shards.length);
      let step = merge.next();
      while (!step.done) {
        if (typeof step.value !== 'number') {
          yield step.value;
          step = merge.next(null);
          continue;
        }
        const { value, done } = await iterators[step.value].next();
        step = merge.next(done === true ? null : (value as RowsPartial));
      }
    } finally {
      for (const iterator of iterators) await iterator.return?.();
    }
    return;
  }
  const store = new PaneStore(plan);
  await Promise.all(
    shards.map(async (shard) => {
      for await (const partial of shard) if (partial.kind === 'cells') store.merge(partial);
    }),
  );
  yield* cellTables(plan, store);
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
  yield* cellTables(plan, store);
}

// private functions

function scanInto(store: PaneStore, plan: Plan, source: Source): void {
  const columns = plan.columns.filter(({ kind }) => kind === 'field');
  for (const [i, { database, retentionPolicy, measurement, subquery, condition }] of plan.sources.entries()) {
    if (subquery !== undefined) continue;
    const table = source.series(database, retentionPolicy, measurement);
    if (table === null) continue;
    const fields = [...plan.aggregates.map(({ field }) => field), ...columns.map(({ name }) => name)];
    fields.push(...fieldsOf(condition));
    const blocks = source.scan({
      database,
      retentionPolicy,
      measurement,
      minTime: plan.bounds.min,
      maxTime: plan.bounds.max,
      series: store.wantedSeries(i, table),
      fields: [...new Set(fields)],
    });
    for (const block of blocks) store.add(block, i, table);
  }
}
