/**
 * The states of one series of an alert, as a pure machine: windows and the clock go in, the level that holds comes out.
 *
 *     ok ──condition──▶ pending ──held for FOR──▶ on ──UNTIL, or the condition no longer──▶ ok        for each level by itself
 *
 * The level of the series is the first in the statement's order that is on; a series that is silent for too long has the level of NO
 * DATA instead. A window is judged once, in order of time. A revision of the last window is judged again from where the series stood
 * before it; an older window changes nothing. So rows that come twice do no harm, and the same rows always lead to the same changes.
 *
 * It reads no clock and evaluates no expression: what a window says of each level is given.
 */

export interface LevelRule {
  readonly name: string;
  /** ns that the condition has to hold, windows' lengths included. */
  readonly for: bigint;
}

export interface AlertRules {
  /** The first that is on is the level. */
  readonly levels: readonly LevelRule[];
  /** `for`: ns of stream time without a row. */
  readonly noData: LevelRule | null;
  /** How often a level that is on is told again; null = never. */
  readonly remindEveryMs: number | null;
}

/** What one window says of one level. */
export interface Verdict {
  readonly holds: boolean;
  /** Ends the level where it is on; wins over `holds`. */
  readonly ends: boolean;
}

export interface JudgedWindow {
  /** ns. */
  readonly start: bigint;
  readonly end: bigint;
  /** By level. */
  readonly verdicts: readonly Verdict[];
}

export interface LevelState {
  /** Start of the first window from which on the condition has held, ns; null = it does not hold. */
  readonly since: bigint | null;
  readonly on: boolean;
}

export interface SeriesState {
  /** The last window that was judged. */
  readonly start: bigint;
  readonly end: bigint;
  readonly levels: readonly LevelState[];
  /** As they were before that window. */
  readonly before: readonly LevelState[];
  readonly silent: boolean;
  /** The level that was told last; null = ok. */
  readonly level: string | null;
  readonly toldMs: number;
}

export type ChangeReason = 'condition' | 'no data' | 'reminder';

export interface LevelChange {
  /** null = ok. */
  readonly level: string | null;
  readonly previous: string | null;
  readonly reason: ChangeReason;
  /** When it became so in stream time, ns: the end of a window, or the moment at which silence had been too long. */
  readonly at: bigint;
}

export interface Step {
  readonly state: SeriesState;
  /** null = nothing to tell. */
  readonly change: LevelChange | null;
}

/** `state` null = a series that was not there. Gives null for a window older than the last one. */
export function judge(rules: AlertRules, state: SeriesState | null, window: JudgedWindow, nowMs: number): Step | null {
  if (state !== null && window.start < state.start) return null;
  const again = state !== null && window.start === state.start;
  const before = again ? state.before : unbroken(rules, state);
  const levels = before.map((level, i) => nextLevel(level, rules.levels[i], window, window.verdicts[i]));
  const { start, end } = window;
  const judged = { start, end, levels, before, silent: false, level: state?.level ?? null, toldMs: state?.toldMs ?? 0 };
  return told(rules, judged, 'condition', end, nowMs);
}

/** Stream time has come to `at`, ns. Gives null where that changes nothing. */
export function silence(rules: AlertRules, state: SeriesState, at: bigint, nowMs: number): Step | null {
  if (rules.noData === null || state.silent || at - state.end < rules.noData.for) return null;
  return told(rules, { ...state, silent: true }, 'no data', state.end + rules.noData.for, nowMs);
}

/** Gives null where there is nothing to remind of yet. */
export function remind(rules: AlertRules, state: SeriesState, nowMs: number): Step | null {
  const { level } = state;
  if (rules.remindEveryMs === null || level === null || nowMs - state.toldMs < rules.remindEveryMs) return null;
  return {
    state: { ...state, toldMs: nowMs },
    change: { level, previous: level, reason: 'reminder', at: state.end },
  };
}

/** Whether a condition holds that has not held for long enough. */
export function isPending({ levels }: SeriesState): boolean {
  return levels.some(({ since, on }) => since !== null && !on);
}

// private functions

/** A silence that was told breaks what was pending. */
function unbroken(rules: AlertRules, state: SeriesState | null): readonly LevelState[] {
  if (state === null) return rules.levels.map(() => ({ since: null, on: false }));
  return state.silent ? state.levels.map(({ since, on }) => ({ since: on ? since : null, on })) : state.levels;
}

function nextLevel(level: LevelState, rule: LevelRule, { start, end }: JudgedWindow, verdict: Verdict): LevelState {
  if (level.on) return verdict.ends ? { since: null, on: false } : level;
  if (!verdict.holds || verdict.ends) return { since: null, on: false };
  const since = level.since ?? start;
  return { since, on: end - since >= rule.for };
}

function told(rules: AlertRules, state: SeriesState, reason: ChangeReason, at: bigint, nowMs: number): Step {
  const on = state.levels.findIndex((level) => level.on);
  const level = state.silent ? rules.noData!.name : on < 0 ? null : rules.levels[on].name;
  const previous = state.level;
  if (level === previous) return { state, change: null };
  return { state: { ...state, level, toldMs: nowMs }, change: { level, previous, reason, at } };
}
