/**
 * The meaning of the statements that change, remove or steer something: one action per rule of grammar.ts, as in statements.ts, which
 * takes them into its dictionary. Says no where InfluxDB's parser does; what a database, user or query makes of it is the server's.
 * Long because each statement is a rule.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the semantic actions of Ohm carry no types
import type { ActionDict, Node } from 'ohm-js';
import { ast, optional } from './actions.ts';
import type {
  AlertLevel,
  ChosenPoints,
  MeasurementSource,
  PolicyDurations,
  RetentionClauses,
  SelectStatement,
  StatementOption,
} from './ast.ts';
import { parseError } from './errors.ts';
import { printDuration } from './print-expression.ts';
import { describePosition, lastToken } from './tokens.ts';
import { walk } from './walk.ts';

/** Copies of the data: InfluxDB's bound. */
const REPLICATION_MAX = 2147483647n;
const NO_POLICY: PolicyDurations = { duration: null, replication: null, shardDuration: null };

export const ADMINISTRATION_ACTIONS: ActionDict<any> = {
  Delete(_delete, chosen) {
    return { kind: 'delete', ...ast(chosen, this) };
  },
  Chosen_from(from, where): ChosenPoints {
    const sources: MeasurementSource[] = ast(from, this);
    for (const { database, retentionPolicy } of sources) {
      if (retentionPolicy !== null) throw parseError('retention policy not supported at line 1, char 1');
      if (database !== null) throw parseError('database not supported at line 1, char 1');
    }
    return { sources, condition: optional(where, this) };
  },
  Chosen_where(where): ChosenPoints {
    return { sources: [], condition: ast(where, this) };
  },

  Create(_create, what) {
    return ast(what, this);
  },
  CreateWhat_database(_database, name, retention) {
    const clauses = optional(retention, this);
    return { kind: 'create database', database: ast(name, this), ...(clauses && { retention: clauses }) };
  },
  Retention(_with, clauses): RetentionClauses {
    return { ...NO_POLICY, name: null, ...ast(clauses, this) };
  },
  Clauses_duration(first, replication, shard, name) {
    return { ...ast(first, this), ...optional(replication, this), ...optional(shard, this), ...optional(name, this) };
  },
  Clauses_replication(first, shard, name) {
    return { ...ast(first, this), ...optional(shard, this), ...optional(name, this) };
  },
  Clauses_shard(first, name) {
    return { ...ast(first, this), ...optional(name, this) };
  },
  Duration(_duration, value) {
    return { duration: isInfinite(value) ? 0n : ast(value, this).ns };
  },
  Replication(_replication, count) {
    const { value } = ast(count, this);
    if (value < 1n || value > REPLICATION_MAX) {
      throw parseError(`invalid value ${value}: must be 1 <= n <= ${REPLICATION_MAX}${place(count)}`, at(count));
    }
    return { replication: value };
  },
  ShardDuration(_shard, _duration, value) {
    if (isInfinite(value)) throw parseError('invalid duration INF for shard duration' + place(value), at(value));
    return { shardDuration: ast(value, this).ns };
  },
  PolicyName(_name, name) {
    return { name: ast(name, this) };
  },
  CreateWhat_user(_user, name, _with, _password, password, asAdmin) {
    return {
      kind: 'create user',
      user: ast(name, this),
      password: ast(password, this).value,
      isAdmin: asAdmin.numChildren > 0,
    };
  },
  CreateWhat_policy(_retention, _policy, name, on, duration, replication, shard, isDefault, options) {
    return {
      kind: 'create retention policy',
      name: ast(name, this),
      database: ast(on, this),
      ...NO_POLICY,
      ...ast(duration, this),
      ...ast(replication, this),
      ...optional(shard, this),
      isDefault: isDefault.numChildren > 0,
      options: optional(options, this) ?? [],
    };
  },
  CreateWhat_subscription(_subscription, name, _on, path, _destinations, mode, destinations) {
    return {
      kind: 'create subscription',
      name: ast(name, this),
      ...ast(path, this),
      mode: mode.sourceString.toLowerCase(),
      destinations: ast(destinations, this),
    };
  },
  policy_path(database, _dot, policy) {
    return { database: ast(database, this), retentionPolicy: ast(policy, this) };
  },
  Texts(list): string[] {
    return list.asIteration().children.map((text) => ast(text, this).value);
  },

  CreateWhat_continuous(replace, _continuous, _query, name, on, resample, options, _begin, select, _end) {
    const statement: SelectStatement = ast(select, this);
    const resampled = optional(resample, this);
    checkStored(statement, resampled, select);
    return {
      kind: 'create continuous query',
      replace: replace.numChildren > 0,
      name: ast(name, this),
      database: ast(on, this),
      resample: resampled,
      options: optional(options, this) ?? [],
      select: statement,
    };
  },
  Resample_every(_resample, _every, interval, forDuration) {
    return { every: ast(interval, this).ns, for: optional(forDuration, this) };
  },
  Resample_for(_resample, _for, duration) {
    return { every: null, for: ast(duration, this).ns };
  },
  ForDuration(_for, duration): bigint {
    return ast(duration, this).ns;
  },

  CreateWhat_alert(
    replace,
    _alert,
    name,
    _on,
    database,
    _open,
    select,
    _close,
    levels,
    noData,
    remind,
    notify,
    options,
  ) {
    return {
      kind: 'create alert',
      replace: replace.numChildren > 0,
      name: ast(name, this),
      database: optional(database, this),
      select: ast(select, this),
      levels: levels.asIteration().children.map((level) => ast(level, this)),
      noData: optional(noData, this),
      remindEvery: optional(remind, this),
      notify: optional(notify, this) ?? [],
      options: optional(options, this) ?? [],
    };
  },
  Level(_when, condition, forDuration, level, until): AlertLevel {
    return {
      condition: ast(condition, this),
      for: optional(forDuration, this) ?? 0n,
      level: optional(level, this),
      until: optional(until, this),
    };
  },
  LevelName(_level, name): string {
    return ast(name, this).value;
  },
  Until(_until, condition) {
    return ast(condition, this);
  },
  NoData(_no, _data, _for, duration, level) {
    return { for: ast(duration, this).ns, level: optional(level, this) };
  },
  Remind(_remind, _every, interval): bigint {
    return ast(interval, this).ns;
  },
  Notify(_notify, urls) {
    return ast(urls, this);
  },
  Options(_with, advised) {
    return ast(advised, this);
  },
  Advice(_with, advised) {
    return ast(advised, this);
  },
  Advised(_open, list, _close): StatementOption[] {
    return list.asIteration().children.map((option) => ast(option, this));
  },
  Option(name, _equal, value): StatementOption {
    const literal = ast(value, this);
    if (!['string', 'integer', 'number', 'boolean', 'duration'].includes(literal.kind)) {
      throw parseError(
        `found ${value.sourceString}, expected string, number, duration, bool${place(value)}`,
        at(value),
      );
    }
    return { key: ast(name, this), value: literal };
  },

  Drop(_drop, what) {
    return ast(what, this);
  },
  DropWhat_database(_database, name) {
    return { kind: 'drop database', database: ast(name, this) };
  },
  DropWhat_continuous(_continuous, _query, name, on) {
    return { kind: 'drop continuous query', name: ast(name, this), database: ast(on, this) };
  },
  DropWhat_alert(_alert, name, on) {
    return { kind: 'drop alert', name: ast(name, this), database: optional(on, this) };
  },
  DropWhat_measurement(_measurement, name) {
    return { kind: 'drop measurement', measurement: ast(name, this) };
  },
  DropWhat_policy(_retention, _policy, name, on) {
    return { kind: 'drop retention policy', name: ast(name, this), database: ast(on, this) };
  },
  DropWhat_series(_series, chosen) {
    return { kind: 'drop series', ...ast(chosen, this) };
  },
  DropWhat_shard(_shard, id) {
    return { kind: 'drop shard', id: ast(id, this).value };
  },
  DropWhat_subscription(_subscription, name, _on, path) {
    return { kind: 'drop subscription', name: ast(name, this), ...ast(path, this) };
  },
  DropWhat_user(_user, name) {
    return { kind: 'drop user', user: ast(name, this) };
  },
  OnDatabase(_on, name) {
    return ast(name, this);
  },

  Alter_policy(_alter, _retention, _policy, name, on, changes, options) {
    const stated = new Set<string>();
    for (const change of changes.children) {
      const word = change.sourceString.split(/\s/, 1)[0]!.toUpperCase();
      if (stated.has(word)) throw parseError(`found duplicate ${word} option${place(change)}`, at(change));
      stated.add(word);
    }
    return {
      kind: 'alter retention policy',
      name: ast(name, this),
      database: ast(on, this),
      ...NO_POLICY,
      isDefault: false,
      ...Object.assign({}, ...changes.children.map((change) => ast(change, this))),
      options: optional(options, this) ?? [],
    };
  },
  Alter_options(_alter, _retention, _policy, name, on, options) {
    return {
      kind: 'alter retention policy',
      name: ast(name, this),
      database: ast(on, this),
      ...NO_POLICY,
      isDefault: false,
      options: ast(options, this),
    };
  },
  MakeDefault(_default) {
    return { isDefault: true };
  },
  Alter_measurement(_alter, _measurement, name, on, options) {
    return {
      kind: 'alter measurement',
      measurement: ast(name, this),
      database: optional(on, this),
      options: ast(options, this),
    };
  },
  Alter_series(_alter, _series, _from, name, where, on, options) {
    return {
      kind: 'alter series',
      measurement: ast(name, this),
      condition: ast(where, this),
      database: optional(on, this),
      options: ast(options, this),
    };
  },

  Grant_database(_grant, privilege, _on, database, _to, user) {
    return granted('grant', privilege.sourceString, ast(database, this), ast(user, this));
  },
  Grant_all(_grant, _all, _on, database, _to, user) {
    return granted('grant', 'all', ast(database, this), ast(user, this));
  },
  Grant_admin(_grant, _all, _to, user) {
    return granted('grant', 'all', null, ast(user, this));
  },
  Revoke_database(_revoke, privilege, _on, database, _from, user) {
    return granted('revoke', privilege.sourceString, ast(database, this), ast(user, this));
  },
  Revoke_all(_revoke, _all, _on, database, _from, user) {
    return granted('revoke', 'all', ast(database, this), ast(user, this));
  },
  Revoke_admin(_revoke, _all, _from, user) {
    return granted('revoke', 'all', null, ast(user, this));
  },
  Set(_set, _password, _for, user, _equal, password) {
    return { kind: 'set password', user: ast(user, this), password: ast(password, this).value };
  },
  Kill(_kill, _query, id, on) {
    return { kind: 'kill query', id: ast(id, this).value, host: optional(on, this) };
  },
  Explain_continuous(_explain, analyze, _continuous, _query, name, on) {
    return {
      kind: 'explain continuous query',
      analyze: analyze.numChildren > 0,
      name: ast(name, this),
      database: optional(on, this),
    };
  },
  Control_run(verb, _continuous, _query, name, on) {
    return {
      kind: `${verb.sourceString.toLowerCase()} continuous query`,
      name: ast(name, this),
      database: ast(on, this),
    };
  },
  Control_range(verb, _continuous, _query, name, on, _from, from, _to, to) {
    return {
      kind: `${verb.sourceString.toLowerCase()} continuous query`,
      name: ast(name, this),
      database: optional(on, this),
      from: ast(from, this),
      to: ast(to, this),
    };
  },
};

// private functions

function isInfinite(value: Node): boolean {
  return value.sourceString.toLowerCase() === 'inf';
}

function at(node: Node): number {
  return node.source.startIdx;
}

function place(node: Node): string {
  return describePosition(node.source.sourceString, at(node));
}

function granted(kind: 'grant' | 'revoke', privilege: string, database: string | null, user: string): object {
  return { kind, privilege: privilege.toLowerCase(), database, user };
}

/** What InfluxDB asks of the SELECT of a continuous query: a target, and windows where it aggregates. */
function checkStored(
  { into, fields, dimensions }: SelectStatement,
  resample: { readonly every: bigint | null; readonly for: bigint | null } | null,
  node: Node,
): void {
  const { sourceString: text, startIdx, endIdx } = node.source;
  if (into === undefined) {
    const from = node.child(3).source.startIdx;
    throw parseError(`found FROM, expected INTO${describePosition(text, from)}`, from);
  }
  let aggregates = false;
  for (const { expression } of fields) walk(expression, ({ kind }) => void (aggregates ||= kind === 'call'));
  const time = dimensions.find(({ kind }) => kind === 'time');
  if (aggregates && time === undefined && !dimensions.some(({ kind }) => kind === 'window')) {
    const last = lastToken(text.slice(0, endIdx));
    throw parseError(`found ${last.text}, expected GROUP BY time(...)${describePosition(text, last.at)}`, last.at);
  }
  if (time?.kind !== 'time' || resample === null || resample.for === null) return;
  const least = resample.every !== null && resample.every > time.interval ? resample.every : time.interval;
  if (resample.for >= least) return;
  throw parseError(
    'FOR duration must be >= GROUP BY time duration: ' +
      `must be a minimum of ${printDuration(least)}, got ${printDuration(resample.for)}`,
    startIdx,
  );
}
