/**
 * How far transforms over windows look beyond the time range: asked by the planner, and by stage 2 to know what each is given. As in
 * InfluxDB, averages and what is built of them look one window further for each in a chain, and those from one row to the next one
 * together.
 */
import { TRANSFORMS } from '../functions/transform.ts';
import type { Expression } from '../language/ast.ts';
import { children } from '../language/walk.ts';
import type { Transform, TransformName } from './plan.ts';

/** Of a chain of transforms. */
export interface LookBack {
  readonly averages: number;
  readonly others: 0 | 1;
}

/** What looks at the row before and no further. */
const STEPS: ReadonlySet<TransformName> = new Set([
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
  'elapsed',
]);

export const NO_LOOK: LookBack = { averages: 0, others: 0 };

/** Of a transform inside of a chain. */
export function lookingBack({ averages, others }: LookBack, name: TransformName): LookBack {
  if (TRANSFORMS.get(name)!.before === 0) return { averages, others };
  return STEPS.has(name) ? { averages, others: 1 } : { averages: averages + 1, others };
}

export function windowsOf({ averages, others }: LookBack): number {
  return averages + others;
}

/** Windows beside the time range that transform `t` is given. */
export function windowsBefore(transforms: readonly Transform[], inputs: number, t: number): number {
  return windowsOf(chainFrom(transforms, inputs, t));
}

/** Windows beside the time range that a field looks at: of what is computed of windows by functions from row to row. */
export function windowsLookedAt(expression: Expression, outer: LookBack = NO_LOOK): number {
  const parts = children(expression);
  if (expression.kind !== 'call' || !TRANSFORMS.has(expression.name)) {
    const own = expression.kind === 'call' ? windowsOf(outer) : 0;
    return Math.max(own, ...parts.map((part) => windowsLookedAt(part)));
  }
  const inner = lookingBack(outer, expression.name as TransformName);
  return Math.max(0, ...parts.map((part) => windowsLookedAt(part, inner)));
}

// private functions

function chainFrom(transforms: readonly Transform[], inputs: number, t: number): LookBack {
  const outer = transforms.flatMap(({ input }, o) => (input === inputs + t ? [chainFrom(transforms, inputs, o)] : []));
  const longest = outer.reduce((a, b) => (windowsOf(b) > windowsOf(a) ? b : a), NO_LOOK);
  return lookingBack(longest, transforms[t].name);
}
