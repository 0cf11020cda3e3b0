/** SELECT and its expressions as plain data; null = not said. */

export type CastType = 'float' | 'integer' | 'unsigned' | 'string' | 'boolean' | 'field' | 'tag';

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '=~'
  | '!~'
  | 'AND'
  | 'OR';

export type Expression =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'duration'; readonly ns: bigint }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'reference'; readonly name: string; readonly cast: CastType | null }
  | { readonly kind: 'wildcard'; readonly of: 'field' | 'tag' | null }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'parenthesis'; readonly inner: Expression };

export interface SelectField {
  readonly expression: Expression;
  readonly alias: string | null;
}

/** `"db"."rp"."m"`, `"rp"."m"`, `m`, `/regex/`, `"db".."m"`; null = not said. */
export interface MeasurementSource {
  readonly database: string | null;
  readonly retentionPolicy: string | null;
  readonly name: { readonly text: string } | { readonly regex: string };
}

/** `(SELECT …)` in FROM. */
export interface Subquery {
  readonly subquery: SelectStatement;
}

export interface JoinSide {
  readonly source: SelectSource;
  /** `AS name`: what its columns are called by; null = by the name of the measurement. */
  readonly alias: string | null;
}

/**
 * `a JOIN b WITHIN 5s ON host` (interval), `a ASOF JOIN b TOLERANCE 1m ON host` (asof), `a JOIN b ON WINDOW, host FILL(0)` (window).
 * Several in a row join from the left: the left side is then a join without alias. A join is the only source of its SELECT.
 */
export interface Join {
  readonly join: 'interval' | 'asof' | 'window';
  readonly left: JoinSide;
  readonly right: JoinSide;
  /** How far apart two rows may be, ns; null = any distance (asof), none (window). */
  readonly within: bigint | null;
  /** Tags that have to be equal. */
  readonly keys: readonly string[];
  /** Of windows: what stands for a side that has no row; null = such windows have no row. */
  readonly fill: Fill | null;
}

export type SelectSource = MeasurementSource | Subquery | Join;

/** Windows beyond time(). Sizes, gaps and steps in ns. */
export type Window =
  | { readonly of: 'hop'; readonly size: bigint; readonly every: bigint; readonly offset: Expression | null }
  | { readonly of: 'sliding'; readonly size: bigint }
  /** longest null = as long as points keep coming; start and end are said both or not at all. */
  | {
      readonly of: 'session';
      readonly gap: bigint;
      readonly longest: bigint | null;
      readonly start: Expression | null;
      readonly end: Expression | null;
    }
  | { readonly of: 'cumulate'; readonly size: bigint; readonly step: bigint; readonly offset: Expression | null }
  /** Numbers of rows. */
  | { readonly of: 'rows'; readonly size: bigint; readonly every: bigint | null }
  | { readonly of: 'state'; readonly field: string }
  | { readonly of: 'event'; readonly start: Expression; readonly end: Expression }
  | { readonly of: 'windows'; readonly intervals: readonly bigint[] };

/** What GROUP BY lists. The first `time` wins; more than one is an error of the planner. */
export type Dimension =
  /** months: the calendar's, by `time(1mo)`, `1q`, `1y`; the interval is then 0. Not there = the interval counts. */
  | { readonly kind: 'time'; readonly interval: bigint; readonly offset: Expression | null; readonly months?: number }
  | { readonly kind: 'window'; readonly window: Window }
  | { readonly kind: 'tag'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'regex'; readonly pattern: string }
  /** `fingerprint(field)`: rows by what their texts have in common. */
  | { readonly kind: 'fingerprint'; readonly field: string }
  /** What no GROUP BY may hold: it parses, and the statement is refused with this message when it is planned. */
  | { readonly kind: 'refused'; readonly message: string; readonly expression: Expression };

/** `none` = fill(none); null in the statement = not said, which InfluxQL treats as fill(null). */
export type Fill =
  | { readonly kind: 'null' | 'none' | 'previous' | 'linear' }
  | { readonly kind: 'value'; readonly value: number | bigint };

/** Where SELECT … INTO writes; measurement null = `:MEASUREMENT`, the one that a row comes from. */
export interface IntoTarget {
  readonly database: string | null;
  readonly retentionPolicy: string | null;
  readonly measurement: string | null;
}

/** Durations in ns; null = not said, the default holds. */
export interface WatermarkClause {
  readonly delay: bigint | null;
  readonly idle: bigint | null;
  readonly ahead: bigint | null;
  readonly perSeries: boolean;
}

/** Rows are sent again until the watermark is `within` behind their end; late points after that go where `after` says. */
export interface LatenessClause {
  readonly within: bigint;
  readonly after: 'drop' | 'recompute' | IntoTarget;
}

export type EmitClause =
  | { readonly on: 'close' | 'late' | 'final' }
  /** Changes are gathered for so long, ns; null = each is sent. */
  | { readonly on: 'update'; readonly batch: bigint | null }
  | { readonly on: 'every'; readonly interval: bigint; readonly ifChanged: boolean }
  | { readonly on: 'rows'; readonly count: bigint };

/** `WITH (key = value, …)`: the reader of each statement knows which keys there are, and refuses the others. */
export interface StatementOption {
  readonly key: string;
  readonly value: Extract<Expression, { kind: 'string' | 'integer' | 'number' | 'boolean' | 'duration' }>;
}

export interface SelectStatement {
  readonly kind: 'select';
  readonly fields: readonly SelectField[];
  /** Not there = the answer is sent. */
  readonly into?: IntoTarget;
  readonly sources: readonly SelectSource[];
  readonly condition: Expression | null;
  readonly dimensions: readonly Dimension[];
  readonly fill: Fill | null;
  readonly order: 'ascending' | 'descending';
  /** 0 = not said, as InfluxQL has it. */
  readonly limit: number;
  readonly offset: number;
  readonly seriesLimit: number;
  readonly seriesOffset: number;
  /** tz('…'); not there = UTC. */
  readonly timeZone?: string;
  /** What a live query does with time; without effect over history. Not there = the defaults. */
  readonly watermark?: WatermarkClause;
  readonly lateness?: LatenessClause;
  readonly emit?: readonly EmitClause[];
  /** What it keeps: `WITH (retain = 1h)`, read by `runtime/live-options.ts`. */
  readonly options?: readonly StatementOption[];
}
