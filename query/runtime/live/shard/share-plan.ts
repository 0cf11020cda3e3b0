/**
 * What of a live plan can be shared with other live plans. Two queries share the store of their points' states when they read the same
 * measurement under the same condition with the same keys; they may differ in windows, aggregates, outputs, fills and most time rules.
 *
 *     WHERE host = 'a' AND v > 3 GROUP BY time(5s), region
 *       store      WHERE v > 3, keys host and region       equality variants are groups of one store
 *       view       host = 'a', row keys: region, 5 slices of a second, if the store has those
 *
 * Slices are windows of the store: a view's window is a run of them, so a point changes one slice however many windows hold it. Where
 * windows overlap, the view's windows are the plan's panes, which home puts together; panes of two widths are runs of two lengths.
 */
import { later } from '../../../../model/index.ts';
import { runFrom, runTo, WINDOW_TAG } from '../../../planner/pane-windows.ts';
import type { Aggregate, Bound, Plan } from '../../../planner/plan.ts';
import { type PlanWindow, startOf } from '../../../planner/window-grid.ts';
import type { LivePlan } from '../live-plan.ts';

export interface Sharing {
  /** Equal where queries can share a store, if its slices fit. */
  readonly key: string;
  /** The store's plan, but for its window; without aggregates. */
  readonly base: Plan;
  /** Positions in the store's keys of tags that the query compares, and with which values. */
  readonly tagged: readonly number[];
  readonly values: readonly string[];
  /** Position in the store's keys of each of the query's; −1 = the key tells kinds of windows apart, and is no tag. */
  readonly keys: readonly number[];
}

/**
 * Windows as runs of slices: window n covers the slices [n · count + first, (n + 1) · count + first). Where the grid has two windows in
 * an interval, an interval covers these, and the first window of the two the first `split` of them.
 */
export interface SliceRuns {
  readonly count: number;
  readonly first: number;
  readonly split: number | null;
}

/** Slices of the longest window, unless they are as wide as they can be; more of them would cost more than a store of its own. */
export const SLICES_MAX = 1_024;

/** Widths of slices in ns, the widest first: an hour to a millisecond. */
const WIDTHS = [3_600_000n, 60_000n, 10_000n, 1_000n, 100n, 10n, 1n].map((ms) => ms * 1_000_000n);

/**
 * null = the query needs an operator of its own: a tail, a running total, one with bounds, or windows of which no even slices are a
 * part.
 */
export function sharing({ plan, rules }: LivePlan): Sharing | null {
  const { window, bounds, sources } = plan;
  if (plan.kind === 'raw' || window === null || !isSliced(plan, window) || sources.length === 0) return null;
  if (bounds.minStated || bounds.maxStated || plan.shown !== null || plan.subqueries.length > 0) return null;
  if (plan.derived !== undefined || rules.recomputes || rules.keepsLate) return null;
  if (rules.perSeries) return null;
  // what it counts depends on all fields that the query asks for
  if (plan.aggregates.some(({ name }) => name === 'rows')) return null;
  if (sources.some(({ subquery }) => subquery !== undefined)) return null;
  const split = sources.map(({ condition }) => splitEquality(condition));
  const [{ equal }] = split;
  const same = split.every((other) => JSON.stringify(other.equal) === JSON.stringify(equal));
  const rest = (i: number): Bound | null => (same ? split[i].rest : sources[i].condition);
  const tags = same ? equal : [];
  const isLabel = (key: string): boolean => key === WINDOW_TAG && hasKinds(plan);
  const groupBy = [...new Set([...plan.groupBy.filter((k) => !isLabel(k)), ...tags.map(([tag]) => tag)])].sort();
  const named = sources.map((source, i) => ({ ...source, condition: rest(i) }));
  const parts = named.map(({ database, retentionPolicy, measurement, series, condition }) => [
    database,
    retentionPolicy,
    measurement,
    series,
    condition,
  ]);
  const key = text([parts, groupBy, tags.map(([tag]) => tag), plan.columns, rules.ahead]);
  return {
    key,
    base: { ...plan, windows: undefined, sources: named, groupBy, aggregates: [] },
    tagged: tags.map(([tag]) => groupBy.indexOf(tag)),
    values: tags.map(([, value]) => value),
    keys: plan.groupBy.map((key) => (isLabel(key) ? -1 : groupBy.indexOf(key))),
  };
}

/** The slices of a first query are its windows; those of the stores beside are as wide as fits. */
export function sliceWindow(plan: Plan, first: boolean): PlanWindow {
  const { origin } = plan.window!;
  const widest = widestSlice(plan.window!);
  const fitting = WIDTHS.find((width) => widest % width === 0n && longest(plan) / width <= BigInt(SLICES_MAX));
  const width = first || fitting === undefined ? widest : fitting;
  return { interval: width, origin: ((origin % width) + width) % width };
}

/** How the windows of a plan lie over slices; null = their edges are not edges of slices, or slices are too many. */
export function sliceRuns(plan: Plan, { interval: width, origin }: PlanWindow): SliceRuns | null {
  const window = plan.window!;
  const widest = widestSlice(window);
  if (widest % width !== 0n || (window.origin - origin) % width !== 0n) return null;
  if (width !== widest && longest(plan) / width > BigInt(SLICES_MAX)) return null;
  const slices = (ns: bigint): number => Number(ns / width);
  return {
    count: slices(window.interval),
    first: slices(window.origin - origin),
    split: window.split === undefined ? null : slices(window.split),
  };
}

/** Number of a window's first slice. */
export function firstSlice({ count, first, split }: SliceRuns, window: number): number {
  if (split === null) return window * count + first;
  const interval = Math.floor(window / 2);
  return interval * count + first + (window === 2 * interval ? 0 : split);
}

/** The window that a slice is a part of. */
export function windowWith({ count, first, split }: SliceRuns, slice: number): number {
  const interval = Math.floor((slice - first) / count);
  if (split === null) return interval;
  return 2 * interval + (slice - first - interval * count < split ? 0 : 1);
}

/** A short name for the queries that share one key and such slices: for people, two may have the same by chance. */
export function streamName(key: string, { interval, origin }: PlanWindow): string {
  let hash = 0x811c9dc5;
  const named = `${key} ${interval} ${origin}`;
  for (let i = 0; i < named.length; i++) hash = Math.imul(hash ^ named.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

export function aggregateKey(aggregate: Aggregate): string {
  return text(aggregate);
}

// private functions

/**
 * Windows of a clock zone, of months and the like are of uneven width: such a plan says more than these. Of two widths slices are the
 * greatest divisor, and may be too many.
 */
function isSliced(plan: Plan, window: PlanWindow): boolean {
  const { interval, origin, split, ...more } = window;
  if (Object.values(more).some((value) => value !== undefined)) return false;
  return split === undefined || longest(plan) / widestSlice(window) <= BigInt(SLICES_MAX);
}

function widestSlice({ interval, split = 0n }: PlanWindow): bigint {
  let [a, b] = [interval, split];
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/** How long the longest window is, or what lies from one to the next, ns. */
function longest({ window, windows = [] }: Plan): bigint {
  return windows.reduce((most, kind) => {
    const last = kind.steps - 1;
    const length = startOf(window!, runTo(window!, kind, last)) - startOf(window!, runFrom(window!, kind, last));
    return later(length, most);
  }, window!.interval);
}

function hasKinds({ windows = [] }: Plan): boolean {
  return windows.some(({ label }) => label !== undefined);
}

type Equality = readonly [tag: string, value: string];

/** The parts `tag = 'value'` of a condition, by tag, and what else there is of it. */
function splitEquality(condition: Bound | null): { equal: Equality[]; rest: Bound | null } {
  const equal: Equality[] = [];
  const others: Bound[] = [];
  for (const part of condition === null ? [] : conjuncts(condition)) {
    const found = equality(part);
    if (found === null || equal.some(([tag]) => tag === found[0])) others.push(part);
    else equal.push(found);
  }
  equal.sort(([a], [b]) => (a < b ? -1 : 1));
  others.sort((a, b) => (text(a) < text(b) ? -1 : 1));
  const and = (left: Bound, right: Bound): Bound => ({ kind: 'binary', operator: 'AND', left, right, type: 'boolean' });
  return { equal, rest: others.length === 0 ? null : others.reduce(and) };
}

/** A tag that is absent is compared as the empty text, which is left to the condition. */
function equality(part: Bound): Equality | null {
  if (part.kind !== 'binary' || part.operator !== '=') return null;
  const { left, right } = part;
  const [tag, value] = left.kind === 'tag' ? [left, right] : [right, left];
  if (tag.kind !== 'tag' || value.kind !== 'literal' || typeof value.value !== 'string' || value.value === '')
    return null;
  return [tag.name, value.value];
}

function conjuncts(bound: Bound): Bound[] {
  if (bound.kind === 'binary' && bound.operator === 'AND') return [...conjuncts(bound.left), ...conjuncts(bound.right)];
  return [bound];
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}
