/**
 * The statements that change, remove or steer something rather than ask: deletes, retention policies, users and grants, queries
 * under way, stored continuous queries, alerts, metadata. Plain data, as in ast.ts. null = not said.
 */
import type { Expression, MeasurementSource, SelectStatement, StatementOption } from './select-ast.ts';

/** `[FROM sources] [WHERE condition]`, at least one of them; sources without database or retention policy, empty = all. */
export interface ChosenPoints {
  readonly sources: readonly MeasurementSource[];
  readonly condition: Expression | null;
}

/** Durations in ns, 0 = INF. */
export interface PolicyDurations {
  readonly duration: bigint | null;
  readonly replication: bigint | null;
  readonly shardDuration: bigint | null;
}

/** `WHEN condition [FOR 5m] [LEVEL 'critical'] [UNTIL condition]`: the first whose condition holds is the level of a row. */
export interface AlertLevel {
  readonly condition: Expression;
  /** How long it has to hold, ns; 0 = at once. */
  readonly for: bigint;
  readonly level: string | null;
  /** What ends it; null = that `condition` does not hold. */
  readonly until: Expression | null;
}

export type AdministrationStatement =
  | ({ readonly kind: 'delete' | 'drop series' } & ChosenPoints)
  | { readonly kind: 'drop measurement'; readonly measurement: string }
  | ({
      readonly kind: 'create retention policy' | 'alter retention policy';
      readonly name: string;
      readonly database: string;
      readonly isDefault: boolean;
      readonly options: readonly StatementOption[];
    } & PolicyDurations)
  | { readonly kind: 'drop retention policy'; readonly name: string; readonly database: string }
  | {
      readonly kind: 'alter measurement';
      readonly measurement: string;
      readonly database: string | null;
      readonly options: readonly StatementOption[];
    }
  | {
      readonly kind: 'alter series';
      readonly measurement: string;
      readonly condition: Expression;
      readonly database: string | null;
      readonly options: readonly StatementOption[];
    }
  | { readonly kind: 'kill query'; readonly id: bigint; readonly host: string | null }
  /** Passwords are never printed. */
  | { readonly kind: 'create user'; readonly user: string; readonly password: string; readonly isAdmin: boolean }
  | { readonly kind: 'set password'; readonly user: string; readonly password: string }
  | { readonly kind: 'drop user'; readonly user: string }
  | {
      readonly kind: 'grant' | 'revoke';
      readonly privilege: 'read' | 'write' | 'all';
      /** null = on everything: the user becomes, or no longer is, an administrator. */
      readonly database: string | null;
      readonly user: string;
    }
  | { readonly kind: 'drop shard'; readonly id: bigint }
  | {
      readonly kind: 'create subscription';
      readonly name: string;
      readonly database: string;
      readonly retentionPolicy: string;
      readonly mode: 'all' | 'any';
      readonly destinations: readonly string[];
    }
  | {
      readonly kind: 'drop subscription';
      readonly name: string;
      readonly database: string;
      readonly retentionPolicy: string;
    }
  | {
      readonly kind: 'create continuous query';
      readonly replace: boolean;
      readonly name: string;
      readonly database: string;
      /** ns. */
      readonly resample: { readonly every: bigint | null; readonly for: bigint | null } | null;
      readonly options: readonly StatementOption[];
      /** Has `into`. */
      readonly select: SelectStatement;
    }
  | {
      readonly kind: 'drop continuous query' | 'pause continuous query' | 'resume continuous query';
      readonly name: string;
      readonly database: string;
    }
  | {
      readonly kind: 'explain continuous query';
      readonly analyze: boolean;
      readonly name: string;
      readonly database: string | null;
    }
  | {
      readonly kind: 'backtest continuous query' | 'refresh continuous query';
      readonly name: string;
      readonly database: string | null;
      /** Times as in WHERE: a text, ns, now() - 1h. */
      readonly from: Expression;
      readonly to: Expression;
    }
  | {
      readonly kind: 'create alert';
      readonly replace: boolean;
      readonly name: string;
      readonly database: string | null;
      readonly select: SelectStatement;
      readonly levels: readonly AlertLevel[];
      /** When a series that was there has no rows for so long, ns. */
      readonly noData: { readonly for: bigint; readonly level: string | null } | null;
      /** ns. */
      readonly remindEvery: bigint | null;
      /** URLs of webhooks. */
      readonly notify: readonly string[];
      readonly options: readonly StatementOption[];
    }
  | { readonly kind: 'drop alert'; readonly name: string; readonly database: string | null };
