/**
 * planSelect: SELECT statement → Plan, in small steps: check, sources, time, wildcards, names, binding. Called once per statement by
 * the server, with schemas gathered from all shards; pure (now is passed in). Errors are those of InfluxDB.
 */
import { type FieldType, floorDiv, type MeasurementSchema, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import { TRANSFORMS } from '../functions/transform.ts';
import type { Expression, SelectField, SelectStatement } from '../language/ast.ts';
import { compileRegex } from '../language/regex.ts';
import { unwrap, walk } from '../language/walk.ts';
import { bindCondition, typeName } from './bind.ts';
import { checkSelect, isWildcard } from './check.ts';
import { columnNames } from './names.ts';
import { OutputBinder } from './outputs.ts';
import { type Plan, type PlanSource, type PlanWindow, type TimeBounds, windowOf, windowStart } from './plan.ts';
import { matchesName, measurementMatchers, unionFields, unionTagKeys } from './schema.ts';
import { splitTime, timeValue } from './time-range.ts';

export interface PlanContext {
  readonly database: string;
  readonly defaultRetentionPolicy: string;
  /** ns. */
  readonly now: bigint;
  /** Measurements of a policy whose name passes, over all shards. */
  schemas(database: string, retentionPolicy: string, wanted: (name: string) => boolean): MeasurementSchema[];
}

/** Below this width window numbers counted from the epoch would leave the safe integers. */
const EPOCH_WINDOW_MIN = 1024n;

export function planSelect(statement: SelectStatement, context: PlanContext): Plan {
  const time = statement.fields.find(({ expression }) => isTimeField(expression));
  const stated = statement.fields.filter(({ expression }) => !isTimeField(expression));
  const facts = checkSelect(statement, stated, false);
  const { range, rest } = splitTime(statement.condition, context.now);
  const sources = resolveSources(statement, context, rest);
  const names: Names = { fields: unionFields(sources), tagKeys: unionTagKeys(sources) };
  const groupBy = groupKeys(statement, names);
  const wild = wildcardNames(statement, names, groupBy);
  const fields = stated.flatMap((field) => expand(field, wild)).flatMap(withChosenTags);
  const dimension = statement.dimensions.find(({ kind }) => kind === 'time');
  const windowed = dimension?.kind === 'time' && dimension.interval > 0n;
  const upperIsNow = range.max === null && windowed;
  const bounds: TimeBounds = {
    min: range.min ?? TIME_MIN,
    max: range.max ?? (windowed ? context.now : TIME_MAX),
    minStated: range.min !== null,
    maxStated: range.max !== null,
    minFromNow: range.minFromNow,
    maxFromNow: range.maxFromNow || upperIsNow,
  };
  const window = windowed ? windowFrom(dimension, bounds, context.now) : null;
  const binder = new OutputBinder(names, window);
  const timeName = time?.alias ?? 'time';
  const columns = columnNames(fields, timeName);
  for (const { expression } of fields) binder.meet(expression);
  const outputs = fields.map(({ expression }, i) => {
    const bound = binder.bind(expression);
    const type = typeName(bound);
    return { name: columns[i], expression: bound, type: type === 'tag' ? 'string' : (type ?? 'float') } as const;
  });
  const { aggregates, transforms } = binder;
  const aggregate = aggregates.length > 0;
  const something = aggregate
    ? aggregates.some(({ field }) => names.fields.has(field))
    : binder.columns.some(({ kind }) => kind === 'field');
  const descending = statement.order === 'descending';
  return {
    kind: aggregate ? 'aggregate' : 'raw',
    sources: something ? sources : [],
    ...extended(bounds, window, aggregate ? facts.extraWindows : 0, descending),
    groupBy,
    window,
    aggregates,
    columns: binder.columns,
    transforms,
    selector: aggregates.length === 1 && FUNCTIONS.get(aggregates[0].name)?.selector === true,
    timeName,
    outputs,
    fill: statement.fill ?? { kind: 'null' },
    descending,
    limit: statement.limit,
    offset: statement.offset,
    seriesLimit: statement.seriesLimit,
    seriesOffset: statement.seriesOffset,
  };
}

// private functions

type Call = Expression & { kind: 'call' };

interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

function isTimeField(expression: Expression): boolean {
  return expression.kind === 'reference' && expression.name === 'time';
}

function resolveSources(statement: SelectStatement, context: PlanContext, condition: Expression | null): PlanSource[] {
  const found = new Map<string, PlanSource>();
  for (const { database, retentionPolicy, name } of measurementMatchers(statement.sources, context)) {
    for (const schema of context.schemas(database, retentionPolicy, matchesName(name))) {
      found.set(JSON.stringify([schema.name, database, retentionPolicy]), {
        database,
        retentionPolicy,
        measurement: schema.name,
        fields: schema.fields,
        tagKeys: schema.tagKeys,
        condition: condition === null ? null : bindCondition(condition, schema),
      });
    }
  }
  if (found.size === 0 && condition !== null) bindCondition(condition, { fields: new Map(), tagKeys: [] });
  return [...found.values()].sort((a, b) => (a.measurement < b.measurement ? -1 : 1));
}

function groupKeys(statement: SelectStatement, { tagKeys }: Names): string[] {
  const keys = new Set<string>();
  for (const dimension of statement.dimensions) {
    if (dimension.kind === 'tag') keys.add(dimension.name);
    else if (dimension.kind === 'wildcard') for (const key of tagKeys) keys.add(key);
    else if (dimension.kind === 'regex') {
      const regex = compileRegex(dimension.pattern);
      for (const key of tagKeys) if (regex.test(key)) keys.add(key);
    }
  }
  return [...keys].sort();
}

/** What `*` may mean: tags grouped by are left out, and all tags where GROUP BY has a wildcard or regex of its own. */
function wildcardNames({ dimensions }: SelectStatement, { fields, tagKeys }: Names, groupBy: readonly string[]): Names {
  const wild = dimensions.some(({ kind }) => kind === 'wildcard' || kind === 'regex');
  return { fields, tagKeys: wild ? [] : tagKeys.filter((key) => !groupBy.includes(key)) };
}

/** Wildcards and regexes in place of fields, alone or as the argument of a function, become the columns they mean. */
function expand(field: SelectField, names: Names): SelectField[] {
  const e = unwrap(field.expression);
  if (isWildcard(e)) return wildcardColumns(e, names);
  if (e.kind !== 'call') return [field];
  const innermost = innermostCall(e);
  const pattern = innermost.args[0];
  if (pattern === undefined || !isWildcard(pattern)) return [field];
  const takes = takenTypes(innermost.name);
  const matches = matcher(pattern);
  return [...names.fields]
    .filter(([name, type]) => takes.includes(type) && matches(name))
    .map(([name]) => name)
    .sort()
    .map((name) => ({ expression: withInnermost(e, name), alias: `${field.alias ?? e.name}_${name}` }));
}

function innermostCall(call: Call): Call {
  const [first] = call.args;
  return first?.kind === 'call' ? innermostCall(first) : call;
}

function withInnermost(call: Call, name: string): Call {
  const [first, ...rest] = call.args;
  const inner: Expression =
    first.kind === 'call' ? withInnermost(first, name) : { kind: 'reference', name, cast: 'field' };
  return { ...call, args: [inner, ...rest] };
}

function takenTypes(name: string): readonly FieldType[] {
  const numbers: readonly FieldType[] = ['float', 'integer', 'unsigned'];
  if (TRANSFORMS.get(name)?.anyType) return [...numbers, 'boolean', 'string'];
  return FUNCTIONS.get(name)?.inputs ?? numbers;
}

/** The tags that top and bottom name are columns of the answer, right behind it. */
function withChosenTags(field: SelectField): SelectField[] {
  const call = chooserIn(field.expression);
  if (call === null) return [field];
  return [field, ...call.args.slice(1, -1).map((expression) => ({ expression, alias: null }))];
}

function chooserIn(expression: Expression): Call | null {
  let found: Call | null = null;
  walk(expression, (e) => {
    if (e.kind === 'call' && (e.name === 'top' || e.name === 'bottom')) found = e;
    return undefined;
  });
  return found;
}

/** Transforms look at windows beside those asked for, from which no row is shown. */
function extended(
  bounds: TimeBounds,
  window: PlanWindow | null,
  extra: number,
  descending: boolean,
): Pick<Plan, 'bounds' | 'shown'> {
  if (window === null || extra === 0) return { bounds, shown: null };
  const beside = BigInt(extra) * window.interval;
  const shown = {
    min: windowStart({ window, bounds }, windowOf({ window }, bounds.min)),
    max: bounds.max,
  };
  if (descending) {
    if (!bounds.maxStated) return { bounds, shown: null };
    const max = bounds.max + beside > TIME_MAX ? TIME_MAX : bounds.max + beside;
    return { bounds: { ...bounds, max }, shown };
  }
  if (!bounds.minStated) return { bounds, shown: null };
  const min = bounds.min - beside < TIME_MIN ? TIME_MIN : bounds.min - beside;
  return { bounds: { ...bounds, min }, shown };
}

function wildcardColumns(e: Expression, { fields, tagKeys }: Names): SelectField[] {
  const of = e.kind === 'wildcard' ? e.of : null;
  const matches = matcher(e);
  const columns: { name: string; cast: 'field' | 'tag' }[] = [];
  if (of !== 'tag') for (const name of fields.keys()) columns.push({ name, cast: 'field' });
  if (of !== 'field') for (const name of tagKeys) columns.push({ name, cast: 'tag' });
  return columns
    .filter(({ name }) => matches(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ name, cast }) => ({ expression: { kind: 'reference', name, cast }, alias: null }));
}

function matcher(e: Expression): (name: string) => boolean {
  if (e.kind !== 'regex') return () => true;
  const regex = compileRegex(e.pattern);
  return (name) => regex.test(name);
}

function windowFrom(
  { interval, offset }: { readonly interval: bigint; readonly offset: Expression | null },
  bounds: TimeBounds,
  now: bigint,
): PlanWindow {
  const shift = offset === null ? 0n : timeValue(offset, now).ns;
  const origin = shift - floorDiv(shift, interval) * interval;
  if (interval >= EPOCH_WINDOW_MIN) return { interval, origin };
  const anchor = bounds.minStated ? bounds.min : bounds.max < TIME_MAX ? bounds.max : now;
  return { interval, origin: origin + floorDiv(anchor - origin, interval) * interval };
}
