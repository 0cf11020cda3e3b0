/** The statements and expressions of the language as plain data; what the parser makes, the printer prints and the planner reads. */

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

export type SelectSource = MeasurementSource | Subquery;

/** What GROUP BY lists. The first `time` wins; more than one is an error of the planner. */
export type Dimension =
  | { readonly kind: 'time'; readonly interval: bigint; readonly offset: Expression | null }
  | { readonly kind: 'tag'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'regex'; readonly pattern: string }
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
}

/** Clauses that the SHOW statements share; null and 0 = not said. */
export interface ShowClauses {
  readonly database: string | null;
  readonly sources: readonly MeasurementSource[];
  readonly condition: Expression | null;
  readonly limit: number;
  readonly offset: number;
  /** SLIMIT and SOFFSET, of SHOW TAG KEYS only; without effect, as in InfluxDB. */
  readonly seriesLimit?: number;
  readonly seriesOffset?: number;
}

/** What CREATE DATABASE … WITH says of its retention policy; null = not said. */
export interface RetentionClauses {
  readonly duration: bigint | null;
  readonly replication: bigint | null;
  readonly shardDuration: bigint | null;
  readonly name: string | null;
}

export type Counted = 'series' | 'measurement' | 'field key' | 'tag key' | 'tag values';

/** `WITH KEY = a`, `WITH KEY IN (a, b)`, `WITH KEY =~ /x/` and their negations. */
export type KeyMatch =
  | { readonly operator: '=' | '!='; readonly key: string }
  | { readonly operator: '=~' | '!~'; readonly pattern: string }
  | { readonly operator: 'in'; readonly keys: readonly string[] };

export type Statement =
  | SelectStatement
  | { readonly kind: 'explain'; readonly analyze: boolean; readonly select: SelectStatement }
  | { readonly kind: 'create database'; readonly database: string; readonly retention?: RetentionClauses }
  | { readonly kind: 'drop database'; readonly database: string }
  | { readonly kind: 'show databases' }
  | ({
      readonly kind: 'show measurements';
      readonly match: MeasurementSource['name'] | null;
      readonly negated: boolean;
    } & ShowClauses)
  | ({ readonly kind: 'show tag keys' } & ShowClauses)
  | ({ readonly kind: 'show tag values'; readonly key: KeyMatch } & ShowClauses)
  | ({ readonly kind: 'show field keys' } & ShowClauses)
  | ({ readonly kind: 'show series' } & ShowClauses)
  | ({
      readonly kind: 'show cardinality';
      readonly of: Counted;
      readonly exact: boolean;
      /** Of tag values only. */
      readonly key: KeyMatch | null;
    } & ShowClauses)
  | { readonly kind: 'show retention policies'; readonly database: string | null };
