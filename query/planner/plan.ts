/**
 * Plan: a SELECT with every name resolved, as plain data that goes between threads. The planner makes it once; both stages of both
 * drivers read it. Stage 1 (per shard) needs sources, bounds, groupBy, window, aggregates and columns; stage 2 needs the outputs,
 * fill, order and limits. A stage-2 row is `aggregates` followed by `columns`; an output's expression names them by that index.
 */
import type { FieldType, Value } from '../../model/index.ts';
import type { BinaryOperator, Fill } from '../language/ast.ts';

/** An expression whose names are known. `absent` = a column the source does not have: no value in any row. */
export type Bound =
  | { readonly kind: 'literal'; readonly type: FieldType; readonly value: Value }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'absent' }
  /** In conditions: a field or tag of the source. */
  | { readonly kind: 'field'; readonly name: string; readonly type: FieldType }
  | { readonly kind: 'tag'; readonly name: string }
  /** In outputs: index into aggregates followed by columns. */
  | { readonly kind: 'column'; readonly index: number; readonly type: FieldType }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Bound;
      readonly right: Bound;
      /** null = never has a value (one side is absent, or the types do not go together). */
      readonly type: FieldType | null;
    };

export interface PlanSource {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
  /** Over fields and tags of this source; the time parts are in `bounds`. null = all rows. */
  readonly condition: Bound | null;
}

export type AggregateName =
  | 'count'
  | 'sum'
  | 'mean'
  | 'median'
  | 'mode'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  | 'spread'
  | 'stddev'
  | 'percentile'
  | 'distinct'
  /** count(distinct(x)) */
  | 'count distinct';

export interface Aggregate {
  readonly name: AggregateName;
  readonly field: string;
  /** Type of its input over all sources; a source whose field cannot be read as that type gives it no values. */
  readonly type: FieldType;
  readonly result: FieldType;
  /** The N of percentile(x, N), else 0. */
  readonly parameter: number;
}

/** Raw: what a row carries. Aggregate: what the point chosen by the only selector carries besides its value. */
export interface PlanColumn {
  readonly kind: 'field' | 'tag';
  readonly name: string;
  readonly type: FieldType;
}

export interface PlanOutput {
  readonly name: string;
  readonly expression: Bound;
  readonly type: FieldType;
}

/** Both ends included, ns. */
export interface TimeBounds {
  readonly min: bigint;
  readonly max: bigint;
  readonly minStated: boolean;
  readonly maxStated: boolean;
  /** The lower bound moves with the clock: it was computed from now(). */
  readonly minFromNow: boolean;
  /** The upper bound moves with the clock: it was computed from now(), or a windowed query did not state it. */
  readonly maxFromNow: boolean;
}

/** Window n covers [origin + n·interval, origin + (n + 1)·interval). n is a safe integer for every writable time. */
export interface PlanWindow {
  readonly interval: bigint;
  readonly origin: bigint;
}

export interface Plan {
  readonly kind: 'raw' | 'aggregate';
  /** Sorted by measurement; empty = nothing matches, the answer is empty. */
  readonly sources: readonly PlanSource[];
  readonly bounds: TimeBounds;
  /** Tag keys, sorted, wildcards and regexes expanded. */
  readonly groupBy: readonly string[];
  /** null = the whole time range is one window, number 0. */
  readonly window: PlanWindow | null;
  readonly aggregates: readonly Aggregate[];
  readonly columns: readonly PlanColumn[];
  /** One selector and nothing else: without a window its row has the time of the chosen point. */
  readonly selector: boolean;
  /** Name of the time column, `time` unless the statement names it. */
  readonly timeName: string;
  readonly outputs: readonly PlanOutput[];
  readonly fill: Fill;
  readonly descending: boolean;
  /** 0 = none. */
  readonly limit: number;
  readonly offset: number;
  readonly seriesLimit: number;
  readonly seriesOffset: number;
}

/** The window of a time; 0 where the plan has no windows. */
export function windowOf(plan: Plan, time: bigint): number {
  if (plan.window === null) return 0;
  const { interval, origin } = plan.window;
  const d = time - origin;
  const q = d / interval;
  return Number(d % interval < 0n ? q - 1n : q);
}

/** First nanosecond of a window: the time of its row. Without windows: the stated lower bound, or 0. */
export function windowStart(plan: Plan, window: number): bigint {
  if (plan.window === null) return plan.bounds.minStated ? plan.bounds.min : 0n;
  return plan.window.origin + BigInt(window) * plan.window.interval;
}
