/**
 * What `WITH (retain = …, state_ttl = …)` means for a live query, and where it means nothing: those are refused.
 *
 *     retain       closed windows are kept at home until the watermark is so far behind their end, and are in every snapshot
 *     state_ttl    fill() makes no rows of a series that has had no point for so long: nothing of it is kept then
 */
import type { SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { type KeptOptions, keptOptions } from '../language/kept-options.ts';
import type { Plan } from '../planner/plan.ts';
import { LIVE_WINDOWS } from './live-render.ts';
import type { TimeRules } from './watermark.ts';
import type { AnswerWindows } from './window-times.ts';

/** What is looked at of a live plan. */
interface Planned {
  readonly plan: Plan;
  readonly rules: TimeRules;
  readonly leaves?: readonly unknown[];
}

/** How far behind its end, ns, a window is read when a query begins: it may change, or is told. */
export function keptBehind({ lateness, retain = 0n }: TimeRules): bigint {
  return retain > lateness ? retain : lateness;
}

/** The first window that is kept where others are from `from` on, and stream time is `at`. */
export function retainedFrom({ retain }: TimeRules, windows: AnswerWindows, from: number, at: bigint | null): number {
  return retain === undefined || at === null ? from : Math.min(from, windows.lastEnded(at - retain) + 1);
}

/** For how many windows after its last one with a point `fill()` makes rows of a series. */
export function filledWindows({ plan, rules }: Planned): number {
  if (rules.stateTtl === undefined || plan.window === null) return LIVE_WINDOWS;
  return Math.min(LIVE_WINDOWS, Number(rules.stateTtl / plan.window.interval));
}

/** The same as `assertKept` says of windows, of a statement that has no plan yet. */
export function assertKeepsWindows({ dimensions, options }: SelectStatement): void {
  const hasWindows = dimensions.some((one) => {
    return one.kind === 'time' || (one.kind === 'window' && ['hop', 'cumulate', 'windows'].includes(one.window.of));
  });
  if (!hasWindows) assertWindows(keptOptions(options));
}

/** Throws QueryError('invalid') where an option says what does not happen. */
export function assertKept({ plan, rules, leaves }: Planned): void {
  const { retain, stateTtl } = rules;
  const byWindows = leaves === undefined && plan.kind === 'aggregate' && plan.window !== null;
  if (!byWindows) assertWindows(rules);
  if (retain !== undefined && plan.bounds.minStated) {
    refuse('retain and a lower bound of time both say from when on rows are told: expected one of them');
  }
  if (stateTtl === undefined) return;
  const longest = (plan.windows ?? [{ count: 1 }]).reduce((most, { count }) => Math.max(most, count), 1);
  const least = plan.window!.interval * BigInt(longest) + rules.lateness;
  if (stateTtl < least) {
    const needed = `a window and LATENESS, ${least / 1_000_000n}ms`;
    refuse(`state_ttl must not be less than what a row is made of takes to settle (${needed})`);
  }
}

// private functions

function assertWindows({ retain, stateTtl }: KeptOptions): void {
  const expected = 'expected aggregates by time(…), hop(…), cumulate(…) or windows(…)';
  if (retain !== undefined) refuse(`retain keeps windows that have ended, and it has none: ${expected}`);
  if (stateTtl === undefined) return;
  refuse(`state_ttl would give up points that rows to come are made of, which history still has: ${expected}`);
}

function refuse(reason: string): never {
  throw new QueryError('invalid', `live query: ${reason}`);
}
