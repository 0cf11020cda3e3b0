/**
 * Plan: a SELECT with every name resolved, as plain data that goes between threads. The planner makes it once; both stages of both
 * drivers read it. Stage 1 (per shard) needs sources, bounds, groupBy, window, aggregates and columns; stage 2 needs the outputs,
 * transforms, fill, order and limits. A stage-2 row is `aggregates` followed by `columns` and `transforms`; an output's expression
 * names them by that index. It is long because every part of a plan is described here, and nowhere else.
 */
import type { FieldType, Value } from '../../model/index.ts';
import type { BinaryOperator, Fill } from '../language/ast.ts';
import type { PaneWindows } from './pane-windows.ts';
import type { ZoneShift } from './time-zone.ts';
import { type PlanWindow, startOf, windowAt } from './window-grid.ts';

/** An expression whose names are known. `absent` = a column the source does not have: no value in any row. */
export type Bound =
  | { readonly kind: 'literal'; readonly type: FieldType; readonly value: Value }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'absent' }
  /** In conditions: a field or tag of the source. */
  | { readonly kind: 'field'; readonly name: string; readonly type: FieldType }
  | { readonly kind: 'tag'; readonly name: string }
  /** In outputs: index into aggregates, columns and transforms, in this order. */
  | { readonly kind: 'column'; readonly index: number; readonly type: FieldType }
  /** In outputs: an edge of the row's window, ns, the end being the first nanosecond behind it; or its number. */
  | { readonly kind: 'edge'; readonly of: 'start' | 'end' | 'number'; readonly type: 'integer' }
  /** A math function, over numbers only. */
  | {
      readonly kind: 'call';
      readonly name: MathName;
      readonly args: readonly Bound[];
      readonly type: FieldType;
    }
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
  /**
   * Rows come from `Plan.subqueries[subquery]`, or from the join of them, rather than from the shards; database and policy are empty
   * then.
   */
  readonly subquery?: number;
  /** Of a pair: the side that it gives values to. */
  readonly side?: 0 | 1;
  /** What its series are called by; not there = the measurement. */
  readonly series?: string;
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
  | 'count distinct'
  | 'top'
  | 'bottom'
  | 'sample'
  | 'percentile_approx'
  | 'count_distinct_approx'
  | 'rate'
  /** One column of it: values above `rest[0]`, up to `parameter`. */
  | 'histogram'
  /** Rows that have any of the fields asked for: the pseudo column `_count`. */
  | 'rows';

export type TransformName =
  | 'derivative'
  | 'non_negative_derivative'
  | 'difference'
  | 'non_negative_difference'
  | 'elapsed'
  | 'moving_average'
  | 'cumulative_sum'
  | 'integral'
  | 'exponential_moving_average'
  | 'double_exponential_moving_average'
  | 'triple_exponential_moving_average'
  | 'triple_exponential_derivative'
  | 'relative_strength_index'
  | 'kaufmans_efficiency_ratio'
  | 'kaufmans_adaptive_moving_average'
  | 'chande_momentum_oscillator'
  | 'holt_winters'
  | 'holt_winters_with_fit';

/** What stage 2 computes from the rows of a series one after the other. */
export interface Transform {
  readonly name: TransformName;
  /** Index of its input: aggregates, columns, then transforms before this one. */
  readonly input: number;
  /** Of the input. */
  readonly type: FieldType;
  readonly result: FieldType;
  /** Unit of time in ns, or the number of rows of a moving_average and its like; 0 = none. */
  readonly parameter: bigint;
  /** Further arguments as they were stated. */
  readonly rest?: readonly (bigint | string)[];
}

export type MathName =
  | 'abs'
  | 'acos'
  | 'asin'
  | 'atan'
  | 'atan2'
  | 'ceil'
  | 'cos'
  | 'exp'
  | 'floor'
  | 'ln'
  | 'log'
  | 'log2'
  | 'log10'
  | 'pow'
  | 'round'
  | 'sin'
  | 'sqrt'
  | 'tan';

export interface Aggregate {
  readonly name: AggregateName;
  readonly field: string;
  /** Type of its input over all sources; a source whose field cannot be read as that type gives it no values. */
  readonly type: FieldType;
  readonly result: FieldType;
  /** The N of percentile(x, N), top, bottom and sample, the unit of rate in ns, else 0. */
  readonly parameter: number;
  /** Numbers besides: the accuracy of percentile_approx, the border below a column of a histogram. */
  readonly rest?: readonly number[];
  /** Of top and bottom with tags: indexes in `columns` of those of them that exist; one point each. Not there = any points. */
  readonly by?: readonly number[];
  /** Of mode and selectors of one point: the way the answer goes, where it shows which of equal points was chosen. */
  readonly arrival?: 'ascending' | 'descending';
  /** With an arrival: indexes in `columns` by name, in which order texts of columns decide between points of one time. */
  readonly byName?: readonly number[];
  /** Of last with an arrival: of equal points the one that comes first, not the greater of the first two. */
  readonly firstOnly?: true;
  /** Of a pair: the side whose sources it reads. */
  readonly side?: 0 | 1;
  /** How many windows beside the time range it is asked for, by a transform; not there = none. */
  readonly windowsBefore?: number;
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

/** Windows that begin and end with rows, group by group in the order of time; rows of one time in the order of their series. */
export type RowWindow =
  /** A row that comes `gap` after the one before it, or `longest` after the first, begins a new one. */
  | {
      readonly of: 'session';
      readonly gap: bigint;
      readonly longest: bigint | null;
      /** Not null: only a row that meets the first begins one, and one that meets the second is its last. */
      readonly edges: { readonly start: Bound; readonly end: Bound } | null;
    }
  /** As long as the field stays the same; rows without it belong where they stand. */
  | { readonly of: 'state'; readonly field: string }
  /** From a row that meets one condition to the next that meets the other, both included; null = none ever does. */
  | { readonly of: 'event'; readonly start: Bound; readonly end: Bound }
  /** Window n has the rows n·every … n·every + size − 1. */
  | { readonly of: 'rows'; readonly size: number; readonly every: number }
  /** For each time at which there is a row, that and what came less than `size` before. */
  | { readonly of: 'sliding'; readonly size: bigint };

/** A field or tag of joined rows: output `index` of the plan of a side, or, where that is null, the value of a key. */
export interface JoinColumn {
  readonly name: string;
  readonly side: 0 | 1 | null;
  readonly index: number;
}

/** How the rows of `Plan.subqueries`, which are the two sides, become rows of one source. */
export interface PlanJoin {
  readonly kind: 'interval' | 'asof' | 'window';
  /** How far apart two rows may be, ns; null = any distance (asof), none (window). */
  readonly within: bigint | null;
  /** Tags by whose values the sides are grouped, sorted. */
  readonly keys: readonly string[];
  /** What stands for a side that has no row; null = then there is none. */
  readonly fill: Fill | null;
  /** Of each side so many outputs, from the first, are fields of which a row has to have one. */
  readonly asked: readonly [number, number];
  readonly fields: readonly JoinColumn[];
  readonly tags: readonly JoinColumn[];
}

/** The rows of two sides that share their cells: a side has one where any of `asked` has a value. */
export interface PlanPair {
  /** By side, over the aggregates. */
  readonly asked: readonly [readonly Bound[], readonly Bound[]];
  readonly columns: readonly { readonly side: 0 | 1; readonly expression: Bound; readonly type: FieldType }[];
  /** What stands for a side that has no row: null or a number; null = then there is none. */
  readonly fill: Fill | null;
}

export interface Derived {
  readonly name: string;
  readonly field: string;
  /** Values of the field as another type; not there = fingerprints of its texts. A tag is no field: there are no values. */
  readonly as?: FieldType | 'tag';
}

export interface Plan {
  readonly kind: 'raw' | 'aggregate';
  /** Sorted by measurement; empty = nothing matches, the answer is empty. */
  readonly sources: readonly PlanSource[];
  /** What its sources name by number, planned with the same bounds, tags and direction. */
  readonly subqueries: readonly Plan[];
  /** The subqueries are the sides of a join, whose rows are those of source 0. Not there = each gives its own. */
  readonly join?: PlanJoin;
  /** Aggregates of two sides in one set of cells: the outputs are over its columns. Not there = over aggregates and columns. */
  readonly pair?: PlanPair;
  /** Fields that are made of others. Not there = none. */
  readonly derived?: readonly Derived[];
  /** A derived field by whose values rows are grouped, as a tag. */
  readonly derivedTag?: { readonly tag: string; readonly name: string };
  /** Rows of a subquery are put in order of time, whichever order they come in: so a join reads its sides. */
  readonly byTime?: true;
  readonly bounds: TimeBounds;
  /** Tag keys, sorted, wildcards and regexes expanded. */
  readonly groupBy: readonly string[];
  /** null = the whole time range is one window, number 0. */
  readonly window: PlanWindow | null;
  /** Windows that overlap, by kind: `window` has their panes then. Not there = its windows are those of the answer. */
  readonly windows?: readonly PaneWindows[];
  /** Windows that the rows of the only subquery begin and end, group by group; `window` is null then. */
  readonly rowWindow?: RowWindow;
  readonly aggregates: readonly Aggregate[];
  readonly columns: readonly PlanColumn[];
  /** Over aggregates where there are some, else over the columns of raw rows. Rows are then what the outputs' transforms give. */
  readonly transforms: readonly Transform[];
  /** Where transforms look at windows beside those asked for: which times are shown, and the bounds as they were stated. */
  readonly shown: {
    readonly min: bigint;
    readonly max: bigint;
    readonly from: bigint;
    readonly to: bigint;
  } | null;
  /** One selector and nothing else: without a window its row has the time of the chosen point. */
  readonly selector: boolean;
  /** Times are shown in this zone, where texts are asked for; not there = UTC. */
  readonly zone?: readonly ZoneShift[];
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
  /** Kept up to date: nothing in a window hangs on other windows, but for what fill() says. */
  readonly live?: true;
  /** Of the series only these, where they were counted before; not there = the limits count those of the answer. */
  readonly onlySeries?: readonly { readonly name: string; readonly tags: readonly string[] }[];
}

/** Whether an aggregate takes values of a source: those of a pair take them of their side only. */
export function reads({ side }: Aggregate, source: PlanSource): boolean {
  return side === undefined || side === source.side;
}

/** The window of a time, of overlapping ones the pane; 0 where the plan has no windows. */
export function windowOf(plan: Pick<Plan, 'window'>, time: bigint): number {
  return plan.window === null ? 0 : windowAt(plan.window, time);
}

/** First nanosecond of a window, or pane. Without windows: the stated lower bound, or 0. */
export function windowStart(plan: Pick<Plan, 'window' | 'bounds'>, window: number): bigint {
  if (plan.window === null) return plan.bounds.minStated ? plan.bounds.min : 0n;
  return startOf(plan.window, window);
}

/** By the outputs, which plans of one frame share: so are the names of their columns, and what is made of those. */
const answerColumnsOf = new WeakMap<Plan['outputs'], readonly string[]>();

/** The names of an answer's columns, the time first. */
export function answerColumns({ timeName, outputs }: Plan): readonly string[] {
  let names = answerColumnsOf.get(outputs);
  if (names?.[0] !== timeName) answerColumnsOf.set(outputs, (names = [timeName, ...outputs.map(({ name }) => name)]));
  return names;
}
