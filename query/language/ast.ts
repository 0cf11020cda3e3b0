/** The statements of the language as plain data; what the parser makes, the printer prints and the planner reads. */
import type { AdministrationStatement } from './administration-ast.ts';
import type { Dimension, Expression, MeasurementSource, SelectStatement } from './select-ast.ts';

export type * from './administration-ast.ts';
export type * from './select-ast.ts';

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
  | AdministrationStatement
  | { readonly kind: 'explain'; readonly analyze: boolean; readonly select: SelectStatement }
  | { readonly kind: 'create database'; readonly database: string; readonly retention?: RetentionClauses }
  | { readonly kind: 'drop database'; readonly database: string }
  | { readonly kind: 'show databases' }
  | ({ readonly kind: 'show measurements'; readonly match: MeasurementSource['name'] | null } & ShowClauses)
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
      /** Not there = none. */
      readonly dimensions?: readonly Dimension[];
    } & ShowClauses)
  | { readonly kind: 'show retention policies'; readonly database: string | null }
  | {
      readonly kind:
        | 'show queries'
        | 'show users'
        | 'show shards'
        | 'show shard groups'
        | 'show subscriptions'
        | 'show continuous queries';
    }
  | { readonly kind: 'show stats' | 'show diagnostics'; readonly module: string | null }
  | { readonly kind: 'show grants'; readonly user: string }
  | { readonly kind: 'show alerts'; readonly database: string | null }
  | { readonly kind: 'show metadata'; readonly database: string | null; readonly measurement: string | null };
