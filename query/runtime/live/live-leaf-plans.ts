/**
 * What shards are asked for by a live query over held rows: the plans in its plan that read measurements, and how far before what may
 * still change each of them has to be read and held. It adds up on the way from the answer to the rows:
 *
 *     windows of time       their width: the first that may change begins so much earlier
 *     session, sliding      gap, or size; where a session reaches further back, the home asks for more
 *     from row to row       as many windows as the function looks back, and ten in which a series may be silent
 *     joins                 WITHIN, for a row may still change so much before the mark, and on the right side as much again, or TOLERANCE
 *     state, event, rows, sums from the beginning, rows before rows without windows, LIMIT: everything
 *
 * An ASOF join without TOLERANCE looks back any distance, but at one row of each group: the rest need not be held.
 */
import { later, TIME_MIN } from '../../../model/index.ts';
import type { Bound, Plan, PlanJoin, Transform } from '../../planner/plan.ts';
import { leavesOf } from './home/answer-now.ts';
import { LIVE_WINDOWS } from './home/live-render.ts';
import type { TimeRules } from './watermark.ts';

/** How far back, ns; null = everything there is. */
type LookBack = bigint | null;

/** A live plan of its own to the shards. */
export interface LeafPlan {
  readonly plan: Plan;
  readonly rules: TimeRules;
  readonly fills: false;
  readonly lookBack: LookBack;
  /** How far behind its own time a row of it may change rows of the answer, by joins, ns; null = any distance. */
  readonly lasts: LookBack;
  /** How far before its own time a row of it may change rows of the answer, by joins and windows, ns; null = any distance. */
  readonly leads: LookBack;
  /** Of rows further back than this only the last of each group matters that has one of its first `asked` columns. Not there = any may. */
  readonly latest?: Latest;
}

export interface Latest {
  readonly back: bigint;
  readonly asked: number;
}

/** A leaf as others have it: what it does not say is null. */
type Leaf = Pick<LeafPlan, 'plan'> & Partial<Pick<LeafPlan, 'lookBack' | 'leads' | 'latest'>>;

interface Reach {
  readonly back: LookBack;
  readonly lasts: LookBack;
  readonly leads: LookBack;
  readonly latest?: Latest;
}

const UNLIMITED = { limit: 0, offset: 0 };

/** In the order of `leavesOf`. */
export function leafPlans(plan: Plan, rules: TimeRules): LeafPlan[] {
  const reaches = new Map<Plan, Reach>();
  reach(plan, { back: 0n, lasts: 0n, leads: 0n }, reaches);
  return leavesOf(plan).map((leaf) => {
    const { back: lookBack, lasts, leads, latest } = reaches.get(leaf)!;
    if (leaf.kind === 'raw')
      return { plan: rowsAsked(leaf), rules, fills: false, lookBack, lasts, leads, ...(latest && { latest }) };
    // shards find windows to begin with by their rules and bounds
    const all = lookBack === null && !leaf.bounds.minStated;
    const bounds = all ? { ...leaf.bounds, min: TIME_MIN, minStated: true } : leaf.bounds;
    const earlier = { ...rules, lateness: rules.lateness + (lookBack ?? 0n) };
    const asked = { ...leaf, bounds, ...UNLIMITED };
    return { plan: asked, rules: earlier, fills: false, lookBack, lasts, leads };
  });
}

/** How far before what may change rows are held, of the leaves of which not everything is; null = of all of them it is. */
export function lookBackOf(leaves: readonly Leaf[]): bigint | null {
  const raw = leaves.filter(({ plan }) => plan.kind === 'raw');
  const backs = raw.flatMap(({ lookBack = null }) => (lookBack === null ? [] : [lookBack]));
  return backs.length === 0 ? null : backs.reduce(later);
}

/** Whether an answer from a time on needs only rows so far before it, and a row changes nothing further before. */
export function areLocal(leaves: readonly Leaf[]): boolean {
  return leaves.every(
    ({ lookBack = null, leads = null, latest }) => leads !== null && (lookBack !== null || latest !== undefined),
  );
}

/** Whether only some rows of a series are in the answer, by their places. */
export function isLimited({ limit, offset }: Plan): boolean {
  return limit > 0 || offset > 0;
}

export function isJoin({ join, subqueries }: Plan): boolean {
  return join !== undefined || subqueries.some(isJoin);
}

/** Whether a condition depends on what a row holds besides its tags. */
export function asksFields(condition: Bound): boolean {
  if (condition.kind === 'field') return true;
  if (condition.kind === 'call') return condition.args.some(asksFields);
  return condition.kind === 'binary' && (asksFields(condition.left) || asksFields(condition.right));
}

// private functions

/** A row behind so many others of its series is never among the first, as long as none of those can fail the condition later. */
function rowsAsked(leaf: Plan): Plan {
  return leaf.sources.some(({ condition }) => condition !== null && asksFields(condition))
    ? { ...leaf, ...UNLIMITED }
    : leaf;
}

/** Notes of each leaf how far before a time there are rows that matter to the answer of `plan` from that time on. */
function reach(plan: Plan, of: Reach, reaches: Map<Plan, Reach>): void {
  // which rows are the first of their series is known from the beginning on
  const back = isLimited(plan) ? null : sum(sum(of.back, windowBack(plan)), transformsBack(plan));
  const isLocal = plan.transforms.length === 0 && plan.rowWindow === undefined && !isLimited(plan);
  const leads = isLocal ? sum(of.leads, windowBack(plan)) : null;
  if (plan.subqueries.length === 0) reaches.set(plan, { ...of, back, leads });
  else if (plan.join !== undefined) reachSides(plan.join, plan.subqueries, { ...of, back, leads }, reaches);
  else for (const inner of plan.subqueries) reach(inner, { back, lasts: of.lasts, leads }, reaches);
}

function reachSides(
  { kind, within, fill, asked }: PlanJoin,
  [left, right]: readonly Plan[],
  { back, lasts, leads }: Reach,
  reaches: Map<Plan, Reach>,
): void {
  if (kind === 'window') {
    // what stands for a row that is not there may be as old as it likes
    const all = fill?.kind === 'previous' ? { back: null, lasts: null, leads: null } : { back, lasts, leads };
    for (const side of [left, right]) reach(side, all, reaches);
    return;
  }
  // a row of the left side is open until the right one is settled so far behind it
  const open = kind === 'interval' ? sum(back, within) : back;
  reach(left, { back: open, lasts, leads }, reaches);
  const isLatest = kind === 'asof' && within === null && open !== null && right.subqueries.length === 0;
  const latest = isLatest ? { back: open, asked: asked[1] } : undefined;
  const before = kind === 'interval' ? sum(leads, within) : leads;
  const last = { back: sum(open, within), lasts: sum(lasts, within), leads: before };
  reach(right, { ...last, ...(latest && { latest }) }, reaches);
}

function windowBack({ kind, window, windows, rowWindow, subqueries }: Plan): LookBack {
  if (rowWindow !== undefined) {
    // edges that other windows make are known when all of those are
    const isLocal = rowWindow.of === 'session' && rowWindow.edges === null;
    if (isLocal) return subqueries[0].kind === 'raw' ? rowWindow.gap : null;
    return rowWindow.of === 'sliding' ? rowWindow.size : null;
  }
  if (kind === 'raw') return 0n;
  if (window === null) return null;
  return window.interval * BigInt(Math.max(1, ...(windows ?? []).map(({ count, steps }) => count + steps)));
}

function transformsBack({ transforms, window, subqueries }: Plan): LookBack {
  if (transforms.length === 0) return 0n;
  const [inner] = subqueries;
  const width = window ?? (inner?.kind === 'aggregate' ? inner.window : null);
  const rows = transforms.map(rowsBack);
  if (width === null || rows.includes(null)) return null;
  return width.interval * BigInt(rows.reduce((all: number, one) => all + one!, LIVE_WINDOWS));
}

/** How many rows before it a row of a function depends on; null = all. */
function rowsBack({ name, parameter }: Transform): number | null {
  if (name === 'moving_average') return Number(parameter);
  return /^(non_negative_)?(derivative|difference)$|^elapsed$/.test(name) ? 1 : null;
}

function sum(a: LookBack, b: LookBack): LookBack {
  return a === null || b === null ? null : a + b;
}
