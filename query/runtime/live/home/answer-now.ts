/**
 * The answer of a plan over rows that are at hand, in one turn, by the steps of history; and how far it is settled. A live query that
 * is not kept as cells is answered like this again and again: what is settled is final, what is settled no more by the rows that may
 * still come late can be let go.
 *
 * Settled, for a mark (no row before it comes any more): all rows of an answer before this time, and that no other row comes there.
 * It goes up the plan:
 *
 *     rows of measurements          the mark
 *     windows of time over them     the beginning of the first window that has not ended
 *     windows of rows               the beginning of the first window that a row to come may change
 *     a row from one row, or from those before it    as far as these rows
 *     joined rows                   as far as both sides, with WITHIN so much before the right one
 *
 * Reads no clock.
 */
import { earlier, later, TIME_MAX, TIME_MIN } from '../../../../model/index.ts';
import { QueryError } from '../../../language/errors.ts';
import type { Plan, PlanJoin } from '../../../planner/plan.ts';
import { answerWindows } from '../../cells/window-times.ts';
import { historicalHome } from '../../historical.ts';
import { blockPartialsNow, type SourceBlock } from '../../nested/block-partials.ts';
import { joinBlocksNow } from '../../nested/join-rows.ts';
import { RowCut } from '../../nested/row-windows.ts';
import { keepsOrder, SubqueryBlocks } from '../../nested/subquery-rows.ts';
import { NO_LIMITS, QUERY_BYTES_MAX } from '../../source/limits.ts';
import type { ResultTable } from '../../source/result.ts';

/** Joined rows that may still change: each is compared with what was told. */
export const JOINED_ROWS_MAX = 1_000_000;

/** How far rows are settled at a mark, and the least mark that settles more. */
export interface Settled {
  readonly before: bigint;
  readonly next: bigint;
}

export interface AnswerNow {
  /** Made when it is first asked for. */
  readonly tables: readonly ResultTable[];
  settled(mark: bigint): Settled;
  /** Whether rows before `from`, which are not here, may be of windows that are not settled at the mark. */
  reachesBefore(from: bigint, mark: bigint): boolean;
  /** Of a plan of windows of rows. */
  readonly cut: RowCut | null;
}

/** The plans in a plan that read measurements, in its order: what shards are asked for. */
export function leavesOf(plan: Plan): Plan[] {
  return plan.subqueries.length === 0 ? [plan] : plan.subqueries.flatMap(leavesOf);
}

/** `tablesOf`: the answer of a leaf, over what is at hand. `joined` is told how many rows a join has made. */
export function answerNow(
  plan: Plan,
  tablesOf: (leaf: Plan) => Iterable<ResultTable>,
  joined: (rows: number) => void,
): AnswerNow {
  if (plan.subqueries.length === 0) {
    let tables: ResultTable[] | null = null;
    return {
      get tables() {
        tables ??= [...tablesOf(plan)];
        return tables;
      },
      settled: (mark) => settledWindows(plan, { before: mark, next: mark + 1n }),
      reachesBefore: () => false,
      cut: null,
    };
  }
  const inner = plan.subqueries.map((subquery) => answerNow(subquery, tablesOf, joined));
  const settledInside = (mark: bigint): Settled => earliest(inner.map((one) => one.settled(mark)));
  if (plan.rowWindow !== undefined) return overRows(plan, inner[0]);
  const { join } = plan;
  const blocks = join === undefined ? blocksOf(plan, inner) : joinedBlocks(plan, inner, joined);
  // windows without rows are made where a range of time says how many
  const unfilled: Plan = plan.fill.kind === 'null' ? { ...plan, fill: { kind: 'none' } } : plan;
  let tables: ResultTable[] | null = null;
  return {
    get tables() {
      tables ??= [...historicalHome(unfilled, blockPartialsNow(plan, blocks, keepsOrder(plan)))];
      return tables;
    },
    settled: (mark) => settledWindows(plan, join === undefined ? settledInside(mark) : settledJoin(join, inner, mark)),
    reachesBefore: (from, mark) => inner.some((one) => one.reachesBefore(from, mark)),
    cut: null,
  };
}

// private functions

function overRows(plan: Plan, inner: AnswerNow): AnswerNow {
  const cut = new RowCut(plan);
  const blocks = new SubqueryBlocks(plan, 0);
  for (const table of inner.tables) cut.add(blocks.of(table));
  const tables = [...cut.tables()].filter((table) => table !== null);
  return {
    tables,
    settled: (mark) => {
      const input = inner.settled(mark);
      const own = cut.settled(input.before);
      // where no window is open, the mark itself goes on
      return { before: own.before, next: own.next === TIME_MAX ? input.next : later(own.next, input.next) };
    },
    reachesBefore: (from, mark) =>
      cut.reachesBefore(from + joinsBack(plan.subqueries[0]), mark) || inner.reachesBefore(from, mark),
    cut,
  };
}

/** How far behind the first rows that are at hand those of a plan are whole: a joined row needs both of its rows. */
function joinsBack({ join, subqueries }: Plan): bigint {
  const inner = subqueries.map(joinsBack).reduce(later, 0n);
  return inner + (join?.within ?? 0n);
}

function* blocksOf(plan: Plan, inner: readonly AnswerNow[]): Generator<SourceBlock> {
  for (const [number, { tables }] of inner.entries()) {
    const blocks = new SubqueryBlocks(plan, number);
    for (const table of tables) {
      const block = blocks.of(table);
      if (block !== null) yield block;
    }
  }
}

/** Throws QueryError where more rows are joined than a live query may have open. */
function* joinedBlocks(
  plan: Plan,
  inner: readonly AnswerNow[],
  joined: (rows: number) => void,
): Generator<SourceBlock> {
  let rows = 0;
  const sides = inner.map((side) => side.tables);
  for (const block of joinBlocksNow(plan, sides, { ...NO_LIMITS, bytesMax: QUERY_BYTES_MAX })) {
    rows += block.block.rows;
    if (rows > JOINED_ROWS_MAX) {
      const way = 'state a shorter WITHIN or LATENESS, or more tags ON which rows are joined';
      throw new QueryError('invalid', `live query: more than ${JOINED_ROWS_MAX} joined rows may still change; ${way}`);
    }
    yield block;
  }
  joined(rows);
}

function settledJoin({ kind, within }: PlanJoin, sides: readonly AnswerNow[], mark: bigint): Settled {
  const [left, right] = sides.map((side) => side.settled(mark));
  const before = kind === 'interval' ? later(right.before - within!, TIME_MIN) : right.before;
  return earliest([left, { before, next: right.next }]);
}

/** Of the rows of a plan whose input is settled so far. */
function settledWindows(plan: Plan, input: Settled): Settled {
  if (plan.kind === 'raw') return input;
  if (plan.window === null) return { before: TIME_MIN, next: TIME_MAX };
  return earliest(
    (plan.windows ?? [undefined]).map((kind) => {
      const windows = answerWindows(plan, kind);
      const first = windows.lastEnded(input.before) + 1;
      return { before: windows.start(first), next: later(windows.end(first), input.next) };
    }),
  );
}

function earliest(all: readonly Settled[]): Settled {
  return all.reduce((a, b) => ({
    before: earlier(a.before, b.before),
    next: earlier(a.next, b.next),
  }));
}
