/** Random statements as the parser can make them: every kind, every clause, hostile names. Used by the property tests of the language. */
import fc from 'fast-check';
import type {
  BinaryOperator,
  EmitClause,
  Expression,
  Fill,
  Join,
  MeasurementSource,
  SelectStatement,
  Statement,
  Window,
} from '../../query/language/index.ts';
import { walk } from '../../query/language/index.ts';

const NO_PLACE = { database: null, retentionPolicy: null };
const RANKS: readonly (readonly BinaryOperator[])[] = [
  ['OR'],
  ['AND'],
  ['=', '!=', '<', '<=', '>', '>='],
  ['+', '-', '|', '^'],
  ['*', '/', '%', '&'],
];

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/),
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('select', 'from', 'fill', 'time', 'Time', '"', '\\', "'", '\n', 'a.b', 'DURATION', '__proto__'),
);
const pattern = fc.constantFrom(
  '',
  'a',
  '^web/.*$',
  '\\d+',
  '[a-z]+',
  'a|b',
  '\\\\',
  'x/y',
  "'",
  '"',
  '\\.',
  '--',
  '[/*]',
);
const count = fc.oneof(fc.constant(0), fc.nat());
const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const duration = fc.oneof(
  fc.bigInt(-(2n ** 63n - 1n), 2n ** 63n - 1n),
  fc.bigInt(-90n, 90n).map((n) => n * 60_000_000_000n),
);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc.oneof(int64, fc.bigInt(0n, 2n ** 64n - 1n)).map((value): Expression => ({ kind: 'integer', value })),
  finite.map((value): Expression => ({ kind: 'number', value })),
  fc.oneof(name, fc.string()).map((value): Expression => ({ kind: 'string', value })),
  fc.boolean().map((value): Expression => ({ kind: 'boolean', value })),
  duration.map((ns): Expression => ({ kind: 'duration', ns })),
  fc
    .tuple(name, fc.constantFrom(null, 'float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'))
    .map(([text, cast]): Expression => ({ kind: 'reference', name: text, cast })),
  fc.constantFrom(null, 'field', 'tag').map((of): Expression => ({ kind: 'wildcard', of })),
);

/** A field or an argument is an expression, or a regex alone. */
const { expression, argument } = fc.letrec<{ expression: Expression; argument: Expression; operand: Expression }>(
  (tie) => ({
    argument: fc.oneof(
      { weight: 5, arbitrary: tie('expression') },
      pattern.map((text): Expression => ({ kind: 'regex', pattern: text })),
    ),
    operand: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie('expression').map((inner): Expression => ({ kind: 'parenthesis', inner })),
      fc
        .tuple(name, fc.array(tie('argument'), { maxLength: 3 }))
        .map(([text, args]): Expression => ({ kind: 'call', name: text.toLowerCase(), args })),
    ),
    expression: fc
      .tuple(
        tie('operand'),
        fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat(), tie('operand'), pattern), { maxLength: 4 }),
      )
      .map(([first, rest]) => climb(first, rest)),
  }),
);

/** Comparisons and AND, OR belong to WHERE. */
const field = argument.filter((whole) => {
  let calculates = true;
  walk(whole, (e) => {
    if (e.kind === 'binary' && !['+', '-', '|', '^', '*', '/', '%', '&'].includes(e.operator)) calculates = false;
    return undefined;
  });
  return calculates;
});

const source: fc.Arbitrary<MeasurementSource> = fc.record({
  database: fc.option(name.filter(Boolean)),
  retentionPolicy: fc.option(name.filter(Boolean)),
  name: fc.oneof(
    name.map((text) => ({ text })),
    pattern.map((regex) => ({ regex })),
  ),
});
const clauses = {
  database: fc.option(name),
  sources: fc.array(source, { maxLength: 3 }),
  condition: fc.option(expression),
  limit: count,
  offset: count,
};
const positive = fc.bigInt(1n, 2n ** 63n - 1n);
const shift = fc.option(duration.map((ns): Expression => ({ kind: 'duration', ns })));
const comparison = fc.tuple(name, int64).map(
  ([text, value]): Expression => ({
    kind: 'binary',
    operator: '>',
    left: { kind: 'reference', name: text, cast: null },
    right: { kind: 'integer', value },
  }),
);
const window: fc.Arbitrary<Window> = fc.oneof(
  fc.record({ of: fc.constant('hop' as const), size: positive, every: positive, offset: shift }),
  fc.record({ of: fc.constant('sliding' as const), size: positive }),
  fc
    .record({
      of: fc.constant('session' as const),
      gap: positive,
      longest: fc.option(positive),
      edges: fc.option(fc.record({ start: comparison, end: comparison })),
    })
    .map(({ edges, ...session }) => ({ ...session, ...(edges ?? { start: null, end: null }) })),
  fc.record({ of: fc.constant('cumulate' as const), size: positive, step: positive, offset: shift }),
  fc.record({ of: fc.constant('rows' as const), size: positive, every: fc.option(positive) }),
  fc.record({ of: fc.constant('state' as const), field: name }),
  fc.record({ of: fc.constant('event' as const), start: comparison, end: comparison }),
  fc.record({
    of: fc.constant('windows' as const),
    intervals: fc.array(positive, { minLength: 1, maxLength: 3 }),
  }),
);
const fill: fc.Arbitrary<Fill> = fc.oneof(
  fc.constantFrom('null', 'none', 'previous', 'linear').map((kind) => ({ kind }) as { kind: 'null' }),
  fc.oneof(int64, finite).map((value) => ({ kind: 'value' as const, value })),
);
const side = fc.record({ source, alias: fc.option(name) });
const joined = fc.oneof(
  fc.record({
    join: fc.constant('interval' as const),
    right: side,
    within: positive,
    keys: fc.array(name, { maxLength: 2 }),
    fill: fc.constant(null),
  }),
  fc.record({
    join: fc.constant('asof' as const),
    right: side,
    within: fc.option(positive),
    keys: fc.array(name, { maxLength: 2 }),
    fill: fc.constant(null),
  }),
  fc.record({
    join: fc.constant('window' as const),
    right: side,
    within: fc.constant(null),
    keys: fc.array(name, { maxLength: 2 }),
    fill: fc.option(fill),
  }),
);
/** One join, or two in a row. */
const join: fc.Arbitrary<Join> = fc.tuple(side, joined, fc.option(joined)).map(([left, first, second]) => {
  const one: Join = { ...first, left };
  return second === null ? one : { ...second, left: { source: one, alias: null } };
});
const target = fc.record({
  database: fc.option(name.filter(Boolean)),
  retentionPolicy: fc.option(name.filter(Boolean)),
  measurement: fc.option(name),
});
const emit: fc.Arbitrary<EmitClause> = fc.oneof(
  fc.constantFrom('close' as const, 'late' as const, 'final' as const).map((on) => ({ on })),
  fc.record({ on: fc.constant('update' as const), batch: fc.option(positive) }),
  fc.record({ on: fc.constant('every' as const), interval: positive, ifChanged: fc.boolean() }),
  fc.record({ on: fc.constant('rows' as const), count: positive }),
);
const options = fc.array(
  fc.record({
    key: name.filter((text) => !/secret|password|token/i.test(text)),
    value: fc.oneof(
      fc.oneof(int64, fc.bigInt(0n, 2n ** 64n - 1n)).map((value) => ({ kind: 'integer' as const, value })),
      finite.map((value) => ({ kind: 'number' as const, value })),
      fc.string().map((value) => ({ kind: 'string' as const, value })),
      fc.boolean().map((value) => ({ kind: 'boolean' as const, value })),
      duration.map((ns) => ({ kind: 'duration' as const, ns })),
    ),
  }),
  { maxLength: 3 },
);
const someOptions = options.filter(({ length }) => length > 0);
/** Clauses that are not there where nothing is said. */
const liveClauses = fc.record(
  {
    watermark: fc.record({
      delay: fc.option(positive),
      idle: fc.option(positive),
      ahead: fc.option(positive),
      perSeries: fc.boolean(),
    }),
    lateness: fc.record({
      within: positive,
      after: fc.oneof(fc.constantFrom('drop' as const, 'recompute' as const), target),
    }),
    emit: fc.array(emit, { minLength: 1, maxLength: 3 }),
    options: someOptions,
  },
  { requiredKeys: [] },
);
const plainSelect: fc.Arbitrary<SelectStatement> = fc.record({
  kind: fc.constant('select' as const),
  fields: fc.array(fc.record({ expression: field, alias: fc.option(name) }), { minLength: 1, maxLength: 3 }),
  sources: fc.oneof(
    { weight: 4, arbitrary: fc.array(source, { minLength: 1, maxLength: 3 }) },
    join.map((one) => [one]),
  ),
  condition: fc.option(expression),
  dimensions: fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('time' as const),
        interval: duration,
        offset: fc.option(duration.map((ns): Expression => ({ kind: 'duration', ns }))),
      }),
      name.filter((text) => text.toLowerCase() !== 'time').map((text) => ({ kind: 'tag' as const, name: text })),
      window.map((one) => ({ kind: 'window' as const, window: one })),
      name.map((text) => ({ kind: 'fingerprint' as const, field: text })),
      fc.constant({ kind: 'wildcard' as const }),
      pattern.map((text) => ({ kind: 'regex' as const, pattern: text })),
    ),
    { maxLength: 3 },
  ),
  fill: fc.option(fill),
  order: fc.constantFrom('ascending', 'descending'),
  limit: count,
  offset: count,
  seriesLimit: count,
  seriesOffset: count,
});

const select = fc
  .tuple(plainSelect, fc.option(liveClauses))
  .map(([one, more]): SelectStatement => ({ ...one, ...more, fill: takesFill(one) ? null : one.fill }));

/** A fill directly behind a join ON WINDOW is that join's. */
function takesFill({ sources: [first], condition, dimensions }: SelectStatement): boolean {
  const isJoin = 'join' in first && first.join === 'window' && first.fill === null;
  return isJoin && condition === null && dimensions.length === 0;
}

/** What asks: SELECT and SHOW. */
const asking: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 8, arbitrary: select },
  fc.record({ kind: fc.constant('show databases' as const) }),
  fc.record({ kind: fc.constant('show retention policies' as const), database: fc.option(name) }),
  fc.record({ kind: fc.constantFrom('show tag keys' as const, 'show series' as const), ...clauses }),
  fc.record({ kind: fc.constant('show field keys' as const), ...clauses, condition: fc.constant(null) }),
  fc.record({
    kind: fc.constant('show measurements' as const),
    match: fc.option(
      fc.oneof(
        name.map((text) => ({ text })),
        pattern.map((regex) => ({ regex })),
      ),
    ),
    ...clauses,
    sources: fc.constant([]),
  }),
  fc.record({
    kind: fc.constant('show tag values' as const),
    key: fc.oneof(
      fc.record({ operator: fc.constantFrom('=' as const, '!=' as const), key: name }),
      fc.record({ operator: fc.constantFrom('=~' as const, '!~' as const), pattern }),
      fc.record({ operator: fc.constant('in' as const), keys: fc.array(name, { minLength: 1, maxLength: 3 }) }),
    ),
    ...clauses,
  }),
);

const place = { name, database: name };
const optional = { name, database: fc.option(name) };
const path = { ...place, retentionPolicy: name };
const chosen = fc
  .record({
    sources: fc.array(source, { maxLength: 3 }).map((all) => all.map((one) => ({ ...one, ...NO_PLACE }))),
    condition: fc.option(expression),
  })
  .filter(({ sources, condition }) => sources.length > 0 || condition !== null);
const durations = { duration: fc.bigInt(0n, 2n ** 62n), replication: fc.bigInt(1n, 2n ** 31n - 1n) };
const policy = { ...place, shardDuration: fc.option(positive), isDefault: fc.boolean() };
const levels = fc.array(
  fc.record({
    condition: expression,
    for: fc.oneof(fc.constant(0n), positive),
    level: fc.option(fc.string()),
    until: fc.option(expression),
  }),
  { minLength: 1, maxLength: 3 },
);
/** Without calls, as windows would have to be there, and with a target. */
const copying = fc.record({ select, field: name, into: name }).map(
  ({ select: one, field: text, into }): SelectStatement => ({
    ...one,
    fields: [{ expression: { kind: 'reference', name: text, cast: null }, alias: null }],
    into: { database: null, retentionPolicy: null, measurement: into },
    dimensions: one.dimensions.filter(({ kind }) => kind !== 'time'),
  }),
);

/** What changes, removes or steers, but for what has a password, which is not printed. */
const administering: fc.Arbitrary<Statement> = fc.oneof(
  fc.record({ kind: fc.constantFrom('create database' as const, 'drop database' as const), database: name }),
  fc
    .tuple(fc.constantFrom('delete' as const, 'drop series' as const), chosen)
    .map(([kind, rest]) => ({ kind, ...rest })),
  fc.record({ kind: fc.constant('drop measurement' as const), measurement: name }),
  fc.record({ kind: fc.constant('create retention policy' as const), ...policy, ...durations, options }),
  fc
    .record({
      kind: fc.constant('alter retention policy' as const),
      ...policy,
      duration: fc.option(durations.duration),
      replication: fc.option(durations.replication),
      options,
    })
    .map((one) => ({ ...one, isDefault: one.isDefault || one.options.length === 0 })),
  fc.record({
    kind: fc.constantFrom(
      'drop retention policy' as const,
      'drop continuous query' as const,
      'pause continuous query' as const,
      'resume continuous query' as const,
    ),
    ...place,
  }),
  fc.record({
    kind: fc.constant('alter measurement' as const),
    measurement: name,
    database: optional.database,
    options: someOptions,
  }),
  fc.record({
    kind: fc.constant('alter series' as const),
    measurement: name,
    condition: expression,
    database: optional.database,
    options: someOptions,
  }),
  fc.record({ kind: fc.constant('kill query' as const), id: positive, host: fc.option(name) }),
  fc.record({ kind: fc.constantFrom('drop user' as const, 'show grants' as const), user: name }),
  fc.record({
    kind: fc.constantFrom('grant' as const, 'revoke' as const),
    privilege: fc.constantFrom('read' as const, 'write' as const, 'all' as const),
    database: name,
    user: name,
  }),
  fc.record({
    kind: fc.constantFrom('grant' as const, 'revoke' as const),
    privilege: fc.constant('all' as const),
    database: fc.constant(null),
    user: name,
  }),
  fc.record({ kind: fc.constant('drop shard' as const), id: positive }),
  fc.record({
    kind: fc.constant('create subscription' as const),
    ...path,
    mode: fc.constantFrom('all' as const, 'any' as const),
    destinations: fc.array(fc.string(), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('drop subscription' as const), ...path }),
  fc.record({
    kind: fc.constantFrom(
      'show queries' as const,
      'show users' as const,
      'show shards' as const,
      'show shard groups' as const,
      'show subscriptions' as const,
      'show continuous queries' as const,
    ),
  }),
  fc.record({
    kind: fc.constantFrom('show stats' as const, 'show diagnostics' as const),
    module: fc.option(fc.string()),
  }),
  fc.record({ kind: fc.constant('show alerts' as const), database: fc.option(name) }),
  fc.record({ kind: fc.constant('show metadata' as const), database: fc.option(name), measurement: fc.option(name) }),
  fc.record({
    kind: fc.constant('create continuous query' as const),
    replace: fc.boolean(),
    ...place,
    resample: fc.option(
      fc.oneof(
        fc.record({ every: positive, for: fc.option(positive) }),
        fc.record({ every: fc.constant(null), for: positive }),
      ),
    ),
    options,
    select: copying,
  }),
  fc.record({ kind: fc.constant('explain continuous query' as const), analyze: fc.boolean(), ...optional }),
  fc.record({
    kind: fc.constantFrom('backtest continuous query' as const, 'refresh continuous query' as const),
    ...optional,
    from: expression,
    to: expression,
  }),
  fc.record({
    kind: fc.constant('create alert' as const),
    replace: fc.boolean(),
    ...optional,
    select,
    levels,
    noData: fc.option(fc.record({ for: positive, level: fc.option(fc.string()) })),
    remindEvery: fc.option(positive),
    notify: fc.array(fc.string(), { maxLength: 2 }),
    options,
  }),
  fc.record({ kind: fc.constant('drop alert' as const), ...optional }),
);

export const statements = { asking, administering };

// private functions

/** Left-associative trees by precedence, independent of the parser's own way. The longest tail of the loosest operator first. */
function climb(first: Expression, rest: readonly (readonly [number, number, Expression, string])[]): Expression {
  if (rest.length === 0) return first;
  const loosest = Math.min(...rest.map(([rank]) => rank));
  const index = rest.findLastIndex(([rank]) => rank === loosest);
  const [rank, choice, operand, text] = rest[index]!;
  const left = climb(first, rest.slice(0, index));
  if (rank === 2 && choice % 3 === 0 && index === rest.length - 1) {
    return { kind: 'binary', operator: choice % 2 === 0 ? '=~' : '!~', left, right: { kind: 'regex', pattern: text } };
  }
  const operators = RANKS[rank]!;
  return {
    kind: 'binary',
    operator: operators[choice % operators.length]!,
    left,
    right: climb(operand, rest.slice(index + 1)),
  };
}
