/**
 * What makes a plan a live one: the check that the statement means something while points keep coming, its time rules, and the
 * arithmetic of its windows. Whoever starts a live query calls `livePlan` once; both stages get the same plain data.
 *
 * A live query differs from its historical twin in two ways. An upper time bound that moves with the clock is no bound: the query
 * goes on. And empty windows are sent only where the statement says `fill(…)`: a clause that is not there fills with null over
 * history, where the range is known, but would make every live query tick for ever about series that have nothing to say.
 */
import { NS_PER_SECOND, TIME_MAX } from '../../../model/index.ts';
import type { SelectSource, SelectStatement } from '../../language/ast.ts';
import { QueryError } from '../../language/errors.ts';
import { walk } from '../../language/walk.ts';
import { withoutArrivals } from '../../planner/arrivals.ts';
import { type Plan, windowOf, windowStart } from '../../planner/plan.ts';
import { timeRules } from './live-clauses.ts';
import { assertKeepsWindows, assertKept } from './live-kept.ts';
import { asksFields, isLimited, type Latest, leafPlans } from './live-leaf-plans.ts';
import { assertOwnWatermarks, assertSeriesNamed } from './own-watermarks.ts';
import type { TimeRules } from './watermark.ts';

export interface LivePlan {
  readonly plan: Plan;
  readonly rules: TimeRules;
  /** Empty windows of live series are sent, filled as the plan says. */
  readonly fills: boolean;
  /**
   * Of a query over held rows (live-answers.ts): what shards are asked for, in the order of `leavesOf`. Not there = it is kept as cells,
   * or a tail.
   */
  readonly leaves?: readonly LivePlan[];
  /** Of a leaf: how far before the rows that may still change others matter, ns; null = however far. */
  readonly lookBack?: bigint | null;
  /** Of a leaf: as in live-leaf-plans.ts. */
  readonly lasts?: bigint | null;
  readonly leads?: bigint | null;
  readonly latest?: Latest;
}

/** Narrower windows close more often than any client is told: 1 ms. */
const INTERVAL_MIN = NS_PER_SECOND / 1000n;

/** Windows that change when a point comes: each is looked at, and most are sent. */
const WINDOWS_OPEN_MAX = 1_000;

/** Throws QueryError('invalid') for a statement that has an answer over history but none that could be kept up to date. */
export function assertLive(statement: SelectStatement): void {
  if (statement.order === 'descending') refuse('ORDER BY time DESC', 'rows come in the order of time');
  if (statement.into !== undefined) refuse('INTO', 'only stored continuous queries write');
  if (statement.offset > 0 && statement.limit === 0) {
    refuse('OFFSET without LIMIT', 'it would leave out the first rows of each series there ever were');
  }
  const inner = statement.sources.flatMap(subqueriesOf);
  const own = statement.sources.filter((source) => 'subquery' in source);
  if (own.length > 0 && own.length < statement.sources.length) {
    throw new QueryError(
      'invalid',
      'live query: a subquery beside a measurement is not kept up to date: watch them apart',
    );
  }
  if (inner.some(({ options }) => options !== undefined)) {
    throw new QueryError('invalid', 'live query: WITH (…) of a subquery keeps nothing: put it at the end of the query');
  }
  for (const subquery of inner) assertLive(subquery);
  for (const { expression } of statement.fields) {
    walk(expression, (e) => {
      if (e.kind !== 'call') return undefined;
      if (e.name === 'sample') {
        throw new QueryError('invalid', 'live query: sample() is not kept up to date: it gives other rows each time');
      }
      if (e.name.startsWith('holt_winters')) {
        throw new QueryError('invalid', `live query: ${e.name}() is not kept up to date: its rows lie in the future`);
      }
      return undefined;
    });
  }
  assertKeepsWindows(statement, timeRules(statement));
  assertSeriesNamed(statement);
}

/** Throws QueryError where a statement asks for points to be written: nobody does it but a stored continuous query. */
export function assertWritesNothing({ lateness }: SelectStatement): void {
  if (typeof lateness?.after === 'object') refuse('LATENESS with INTO', 'only stored continuous queries write');
}

/** Where a client was told of `watermark`, windows that end at or before this have changed no more since. null = any may have. */
export function changeableFrom({ rules }: LivePlan, watermark: bigint | null): bigint | null {
  return watermark === null ? null : watermark - rules.lateness;
}

/** The live plan of a checked statement and its plan. */
export function livePlan(statement: SelectStatement, plan: Plan, rules: TimeRules = timeRules(statement)): LivePlan {
  assertLive(statement);
  if (plan.window !== null && plan.window.interval < INTERVAL_MIN) {
    throw new QueryError('invalid', 'live query: GROUP BY time() must be at least 1ms');
  }
  for (const { every, count, steps } of plan.windows ?? []) {
    const held = Math.ceil((count + steps - 1) / every) * steps;
    if (held > WINDOWS_OPEN_MAX) {
      const limit = `at most ${WINDOWS_OPEN_MAX} windows may hold a point, these would be ${held}`;
      throw new QueryError('invalid', `live query: ${limit}; make them shorter, or begin fewer`);
    }
  }
  assertSeriesChosen(plan);
  const open: Plan = { ...endless(withoutArrivals(plan)), live: true };
  const isTotal = open.kind === 'aggregate' && open.window === null && open.rowWindow === undefined;
  if (rules.finalOnly && isTotal && !open.bounds.maxStated) {
    const expected = 'expected ON UPDATE or EVERY …';
    throw new QueryError(
      'invalid',
      `live query: EMIT says nothing of a running total, which never closes: ${expected}`,
    );
  }
  const leaves = isHeld(open) ? leafPlans(open, rules) : undefined;
  if (leaves !== undefined) assertUnfilled(open);
  const fills =
    statement.fill !== null && plan.fill.kind !== 'none' && plan.window !== null && plan.kind === 'aggregate';
  const live = { plan: open, rules, fills, ...(leaves && { leaves }) };
  if (rules.recomputes) assertRecomputes(live);
  if (
    rules.keepsLate &&
    (leaves !== undefined || open.kind === 'raw' || open.window === null || open.windows !== undefined)
  ) {
    const expected = 'expected aggregates by time(…)';
    throw new QueryError(
      'invalid',
      `live query: LATENESS with INTO has no place here: a point is late for one window, or for none: ${expected}`,
    );
  }
  assertKept(live);
  assertOwnWatermarks(open, rules, leaves);
  if (statement.emit !== undefined) assertEmits(live);
  return live;
}

/**
 * First nanosecond behind a window, of windows that overlap behind a pane. An endless one ends behind its plan's upper bound, so one
 * without a bound never does.
 */
export function windowEnd(plan: Plan, window: number): bigint {
  return plan.window === null ? plan.bounds.max + 1n : windowStart(plan, window + 1);
}

/** Where the window begins that holds this time; itself, where there are no windows. */
export function startOfWindow(plan: Plan, time: bigint): bigint {
  return plan.window === null ? time : windowStart(plan, windowOf(plan, time));
}

/** Number of the last window, or pane, whose end is ≤ `time`; −1 where an endless one has not ended. */
export function lastEnded(plan: Plan, time: bigint): number {
  if (plan.window === null) return time >= windowEnd(plan, 0) ? 0 : -1;
  return windowOf(plan, time) - 1;
}

/** Whether two plans ask the same: what a host compares when the schema has grown, to know if an operator must start anew. */
export function samePlan(a: Plan, b: Plan): boolean {
  return planText(a) === planText(b);
}

// private functions

function subqueriesOf(source: SelectSource): SelectStatement[] {
  if ('join' in source) return [...subqueriesOf(source.left.source), ...subqueriesOf(source.right.source)];
  return 'subquery' in source ? [source.subquery] : [];
}

/** An upper bound that moves with the clock is none. */
function endless(plan: Plan): Plan {
  const subqueries = plan.subqueries.map(endless);
  if (!plan.bounds.maxFromNow) return { ...plan, subqueries };
  return { ...plan, subqueries, bounds: { ...plan.bounds, max: TIME_MAX, maxStated: false, maxFromNow: false } };
}

/** Whether rows of the answer are not sums of cells: then the home holds what they are made of. */
function isHeld(plan: Plan): boolean {
  const { subqueries, transforms, aggregates } = plan;
  const hasOwnTimes = aggregates.some(({ name }) => name === 'top' || name === 'bottom');
  return subqueries.length > 0 || transforms.length > 0 || hasOwnTimes || isLimited(plan) || plan.seriesLimit > 0;
}

/** A new series may come before those that were chosen, and takes the place of the last: of rows that are never final. */
function assertSeriesChosen(plan: Plan): void {
  const { kind, window, rowWindow, seriesLimit, seriesOffset, subqueries } = plan;
  for (const inner of subqueries) assertSeriesChosen(inner);
  if (seriesLimit === 0 && seriesOffset === 0) return;
  if (seriesLimit === 0) refuse('SOFFSET without SLIMIT', 'it leaves no series');
  if (kind === 'aggregate' && window === null && rowWindow === undefined && plan.transforms.length === 0) return;
  const reason = 'a new series may take the place of another, and rows that are final are not taken back';
  refuse('SLIMIT', `${reason}: expected aggregates without windows, or conditions on tags`);
}

/** Where EMIT would say what does not happen. */
function assertEmits({ plan, rules, fills, leaves }: LivePlan): void {
  if (plan.kind === 'raw' && leaves === undefined) {
    const reason = 'is about windows and totals, and points are sent once, when they come: leave it out';
    throw new QueryError('invalid', `live query: EMIT ${reason}`);
  }
  if (rules.closesSilently && fills) {
    const reason = 'empty windows are known to be empty when they close: add ON CLOSE';
    throw new QueryError('invalid', `live query: EMIT without ON CLOSE sends no row that fill() makes: ${reason}`);
  }
}

function assertRecomputes({ plan, fills, leaves }: LivePlan): void {
  if (leaves !== undefined || plan.kind === 'raw' || plan.window === null || fills) {
    refuseRecompute(
      'a window is computed again from its points alone: expected aggregates by windows of time, without fill()',
    );
  }
  // a point that is overwritten and no longer meant was in a row that nobody knows any more
  if (plan.sources.some(({ condition }) => condition !== null && asksFields(condition))) {
    refuseRecompute(
      'which rows have lost a point is not known where WHERE asks for fields: expected conditions on tags',
    );
  }
}

function refuseRecompute(reason: string): never {
  throw new QueryError('invalid', `live query: LATENESS with RECOMPUTE has no place here: ${reason}`);
}

function assertUnfilled(plan: Plan): void {
  if (plan.fill.kind !== 'none' && plan.fill.kind !== 'null') {
    const kind = plan.fill.kind === 'value' ? String(plan.fill.value) : plan.fill.kind;
    const reason = 'windows without rows are not made for functions from row to row, top, bottom, subqueries and joins';
    throw new QueryError('invalid', `live query: fill(${kind}) is not kept up to date here: ${reason}`);
  }
  for (const inner of plan.subqueries) assertUnfilled(inner);
}

function refuse(clause: string, reason: string): never {
  throw new QueryError('invalid', `live query: ${clause} has no meaning while points keep coming: ${reason}`);
}

function planText(plan: Plan): string {
  return JSON.stringify(plan, (_, value) => {
    if (typeof value === 'bigint') return `${value}n`;
    return value instanceof Map ? [...value] : value;
  });
}
