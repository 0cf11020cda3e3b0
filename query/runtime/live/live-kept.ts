/**
 * What `WITH (retain = …, state_ttl = …)` means for a live query, and where it means nothing: those are refused.
 *
 *     retain       closed windows are kept at home until the watermark is so far behind their end, and are in every snapshot
 *     state_ttl    fill() makes no rows of a series that has had no point for so long: nothing of it is kept then
 */
import { later } from '../../../model/index.ts';
import type { Dimension, SelectStatement } from '../../language/ast.ts';
import { QueryError } from '../../language/errors.ts';
import { type KeptOptions, keptOptions } from '../../language/kept-options.ts';
import type { Plan } from '../../planner/plan.ts';
import type { AnswerWindows } from '../cells/window-times.ts';
import { LIVE_WINDOWS } from './home/live-render.ts';
import type { TimeRules } from './watermark.ts';

/** 31 days, ns. */
const MONTH_MAX = 31n * 86_400_000_000_000n;

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

/** Of a statement, planned or not: throws QueryError('invalid') where an option says what does not happen to windows like its own. */
export function assertKeepsWindows({ dimensions, options }: SelectStatement, { lateness }: TimeRules): void {
  const kept = keptOptions(options);
  const lengths = dimensions.flatMap(windowLengths);
  if (lengths.length === 0) {
    assertWindows(kept);
    return;
  }
  const least = lengths.reduce(later) + lateness;
  if (kept.stateTtl !== undefined && kept.stateTtl < least) {
    const needed = `a window and LATENESS, ${least / 1_000_000n}ms`;
    refuse(`state_ttl must not be less than what a row is made of takes to settle (${needed})`);
  }
}

/** The rest, which its plan has to say. Throws QueryError('invalid'). */
export function assertKept({ plan, rules, leaves }: Planned): void {
  const byWindows = leaves === undefined && plan.kind === 'aggregate' && plan.window !== null;
  if (!byWindows) assertWindows(rules);
  if (rules.retain !== undefined && plan.bounds.minStated) {
    refuse('retain and a lower bound of time both say from when on rows are told: expected one of them');
  }
}

// private functions

/** Lengths, ns, of the windows that a dimension asks for and `WITH` has a meaning for. */
function windowLengths(one: Dimension): readonly bigint[] {
  if (one.kind === 'time') return [one.months === undefined ? one.interval : BigInt(one.months) * MONTH_MAX];
  if (one.kind !== 'window') return [];
  const { window } = one;
  if (window.of === 'hop' || window.of === 'cumulate') return [window.size];
  return window.of === 'windows' ? window.intervals : [];
}

function assertWindows({ retain, stateTtl }: KeptOptions): void {
  const expected = 'expected aggregates by time(…), hop(…), cumulate(…) or windows(…)';
  if (retain !== undefined) refuse(`retain keeps windows that have ended, and it has none: ${expected}`);
  if (stateTtl === undefined) return;
  refuse(`state_ttl would give up points that rows to come are made of, which history still has: ${expected}`);
}

function refuse(reason: string): never {
  throw new QueryError('invalid', `live query: ${reason}`);
}
