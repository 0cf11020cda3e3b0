/**
 * PlanFrame: a plan, made once more for statements that differ in their conditions only, as those of a dashboard do: other hosts, other
 * times. Of such a plan the bounds and the conditions of the sources are made anew, by the functions that planSelect calls for them; all
 * else is taken over. A plan of which anything else hangs on its condition or on the time has no frame.
 */
import type { Dimension, SelectSource, SelectStatement } from '../language/ast.ts';
import { hasCall } from '../language/walk.ts';
import { bindCondition } from './bind.ts';
import { foldConstants } from './fold.ts';
import type { Plan } from './plan.ts';
import { EPOCH_WINDOW_MIN } from './plan-windows.ts';
import { boundsOf, splitTime } from './time-range.ts';

export interface PlanFrame {
  readonly statement: SelectStatement;
  readonly plan: Plan;
}

/** `plan` is what planSelect made of `statement`; null where it has no frame. */
export function planFrame(statement: SelectStatement, plan: Plan): PlanFrame | null {
  const { sources, subqueries, join, derived, rowWindow, windows, transforms, zone, window } = plan;
  if (sources.length === 0 || subqueries.length > 0 || transforms.length > 0) return null;
  if ([join, derived, rowWindow, windows, zone].some((part) => part !== undefined)) return null;
  if (window !== null && (window.months !== undefined || window.interval < EPOCH_WINDOW_MIN)) return null;
  return statement.dimensions.every(isTimeless) ? { statement, plan } : null;
}

/**
 * What planSelect makes of `statement` over the schemas that the frame's plan was made over; null where the statement differs from the
 * frame's in more than its condition, or this says more than a comparison does. Parts are compared by what object they are (ShapeParser
 * gives the same ones). Throws QueryError.
 */
export function planLike(frame: PlanFrame, statement: SelectStatement, now: bigint): Plan | null {
  if (!isLike(frame.statement, statement)) return null;
  const { range, rest } = splitTime(statement.condition, now);
  if (rest !== null && hasCall(rest)) return null;
  const asked = rest === null ? null : foldConstants(rest);
  const sources = frame.plan.sources.map((source) => ({
    ...source,
    condition: asked === null ? null : bindCondition(asked, source),
  }));
  return { ...frame.plan, sources, bounds: boundsOf(range, frame.plan.window !== null, now) };
}

// private functions

function isTimeless(dimension: Dimension): boolean {
  return dimension.kind !== 'time' || dimension.offset === null || dimension.offset.kind === 'duration';
}

/** But for their conditions. */
function isLike(a: SelectStatement, b: SelectStatement): boolean {
  if (a.fields !== b.fields || a.sources.length !== b.sources.length) return false;
  const [keys, others] = [Object.keys(a) as (keyof SelectStatement)[], Object.keys(b)];
  if (keys.length !== others.length) return false;
  for (const key of keys) if (key !== 'condition' && key !== 'sources' && !Object.is(a[key], b[key])) return false;
  return a.sources.every((source, i) => isSameSource(source, b.sources[i]));
}

function isSameSource(a: SelectSource, b: SelectSource): boolean {
  if (!('name' in a) || !('name' in b)) return false;
  return a.name === b.name && a.database === b.database && a.retentionPolicy === b.retentionPolicy;
}
