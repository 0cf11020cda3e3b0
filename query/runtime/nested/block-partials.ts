/**
 * Stage 1 over blocks that come from no shard: the answers of subqueries, the rows of a join. From there all goes as on a shard.
 * Aggregates take each block as it comes; raw rows are collected first, up to what a query may hold.
 */
import type { Block, SeriesTable } from '../../../model/index.ts';
import type { Plan } from '../../planner/plan.ts';
import { PaneStore } from '../cells/panes.ts';
import { RawRows } from '../raw/raw-rows.ts';
import { checkBytes, type Limits } from '../source/limits.ts';
import type { Partial } from '../source/partial.ts';
import type { Turn } from '../source/source.ts';
import { finished, givenInTurns, inTurns } from '../source/steps.ts';

export interface SourceBlock {
  readonly block: Block;
  /** Index in `Plan.sources`. */
  readonly source: number;
  readonly series: SeriesTable;
}

/** `arrival`: raw rows of a group keep the order in which they come. */
export async function* blockPartials(
  plan: Plan,
  blocks: AsyncIterable<SourceBlock>,
  turn: Turn,
  limits: Limits,
  arrival: boolean,
): AsyncGenerator<Partial> {
  const store = storeOf(plan, arrival);
  for await (const { block, source, series } of blocks) {
    store.add(block, source, series);
    if (store instanceof RawRows) await inTurns(store.tidy(), turn);
    checkBytes(store.bytes, limits);
    const wait = turn();
    if (wait !== null) await wait;
  }
  yield* givenInTurns(partialsOf(store), turn);
}

/** The same of blocks that are at hand. */
export function* blockPartialsNow(plan: Plan, blocks: Iterable<SourceBlock>, arrival: boolean): Generator<Partial> {
  const store = storeOf(plan, arrival);
  for (const { block, source, series } of blocks) {
    store.add(block, source, series);
    if (store instanceof RawRows) finished(store.tidy());
  }
  for (const partial of partialsOf(store)) if (partial !== null) yield partial;
}

// private functions

function storeOf(plan: Plan, arrival: boolean): PaneStore | RawRows {
  return plan.kind === 'aggregate' ? new PaneStore(plan) : new RawRows(plan, arrival);
}

/** In steps: null where it may be left for a while. */
function* partialsOf(store: PaneStore | RawRows): Generator<Partial | null> {
  if (store instanceof RawRows) {
    yield* store.partials();
    return;
  }
  yield* store.partials(yield* store.order());
}
