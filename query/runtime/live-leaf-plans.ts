/**
 * What shards are asked for by a live query over held rows: the plans in its plan that read measurements, and how far before what may
 * still change each of them has to be read and held. It adds up on the way from the answer to the rows:
 *
 *     windows of time       their width: the first that may change begins so much earlier
 *     session, sliding      gap, or size; where a session reaches further back, the home asks for more
 *     from row to row       as many windows as the function looks back, and ten in which a series may be silent
 *     state, event, rows, sums from the beginning, rows before rows without windows: everything
 */
import { TIME_MIN } from '../../model/index.ts';
import type { Plan, Transform } from '../planner/plan.ts';
import { leavesOf } from './answer-now.ts';
import { LIVE_WINDOWS } from './live-render.ts';
import type { TimeRules } from './watermark.ts';

/** How far back, ns; null = everything there is. */
type LookBack = bigint | null;

/** A live plan of its own to the shards. */
export interface LeafPlan {
  readonly plan: Plan;
  readonly rules: TimeRules;
  readonly fills: false;
  readonly lookBack: LookBack;
}

/** In the order of `leavesOf`. */
export function leafPlans(plan: Plan, rules: TimeRules): LeafPlan[] {
  const backs = new Map<Plan, LookBack>();
  reach(plan, 0n, backs);
  return leavesOf(plan).map((leaf) => {
    const lookBack = backs.get(leaf)!;
    if (leaf.kind === 'raw') return { plan: leaf, rules, fills: false, lookBack };
    // shards find windows to begin with by their rules and bounds
    const all = lookBack === null && !leaf.bounds.minStated;
    const bounds = all ? { ...leaf.bounds, min: TIME_MIN, minStated: true } : leaf.bounds;
    const earlier = { ...rules, lateness: rules.lateness + (lookBack ?? 0n) };
    return { plan: { ...leaf, bounds }, rules: earlier, fills: false, lookBack };
  });
}

// private functions

/** Notes of each leaf how far before a time there are rows that matter to the answer of `plan` from that time on. */
function reach(plan: Plan, before: LookBack, backs: Map<Plan, LookBack>): void {
  const back = sum(sum(before, windowBack(plan)), transformsBack(plan));
  if (plan.subqueries.length === 0) backs.set(plan, back);
  for (const inner of plan.subqueries) reach(inner, back, backs);
}

function windowBack({ kind, window, windows, rowWindow, subqueries }: Plan): LookBack {
  if (rowWindow !== undefined) {
    // edges that other windows make are known when all of those are
    if (rowWindow.of === 'session') return subqueries[0].kind === 'raw' ? rowWindow.gap : null;
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
