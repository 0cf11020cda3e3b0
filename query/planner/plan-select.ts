/**
 * planSelect: SELECT statement → Plan, in small steps: check, sources, time, wildcards, names, binding. Called once per statement by
 * the server, with schemas gathered from all shards; pure (now is passed in). Errors are those of InfluxDB.
 */
import { type FieldType, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import type { Expression, Fill, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { compileRegex } from '../language/regex.ts';
import { hasCall } from '../language/walk.ts';
import { type Arrival, firstOnly, withArrival } from './arrivals.ts';
import { bindCondition, typeName } from './bind.ts';
import { checkSelect } from './check.ts';
import { derivedPlan, deriving, fieldsWith, TAG, withoutDerived } from './derived.ts';
import { foldConstants } from './fold.ts';
import { openJoin } from './join.ts';
import { columnNames } from './names.ts';
import type { Opened } from './open-join.ts';
import { OutputBinder } from './outputs.ts';
import { paired } from './pair.ts';
import { WINDOW_TAG } from './pane-windows.ts';
import { type Derived, type Plan, type PlanSource, type TimeBounds, windowOf, windowStart } from './plan.ts';
import { paneGrid, type TimeDimension, type TimeWindow, timeGrid } from './plan-windows.ts';
import { asksForCount, withPseudoColumns } from './pseudo-columns.ts';
import { bindRowWindow, isOfRows, overRows } from './row-windows.ts';
import { matchesName, measurementMatchers, type Schemas, unionFields, unionTagKeys } from './schema.ts';
import { boundsOf, intersect, splitTime, type TimeRange } from './time-range.ts';
import { zoneShifts } from './time-zone.ts';
import { windowsBefore, windowsLookedAt } from './transforms.ts';
import { expanded } from './wildcards.ts';
import { type PlanWindow, windowsLater } from './window-grid.ts';

export interface PlanContext extends Schemas {
  /** ns. */
  readonly now: bigint;
}

const NO_FILL: Fill = { kind: 'none' };

export function planSelect(statement: SelectStatement, context: PlanContext): Plan {
  return paired(planWithin(statement, context, null));
}

// private functions

/** What a subquery takes from the query around it. */
interface Outer {
  readonly range: TimeRange;
  readonly time: TimeDimension | null;
  readonly descending: boolean;
}

/** `opened`: what the only source of the statement is, where its names were asked for before. */
function planWithin(text: SelectStatement, context: PlanContext, outer: Outer | null, opened?: Opened): Plan {
  const { statement: stated, derived } = deriving(text, context);
  const zone = stated.timeZone === undefined ? null : zoneShifts(stated.timeZone);
  const own = splitTime(stated.condition, context.now, zone);
  const range = outer === null ? own.range : intersect(own.range, outer.range);
  const asStated = outer === null ? stated : within(stated, outer);
  const beyondTime = asStated.dimensions.find((d) => d.kind === 'window')?.window;
  const ofRows = beyondTime !== undefined && isOfRows(beyondTime) ? beyondTime : null;
  if (ofRows !== null && derived.length > 0) {
    throw new QueryError(
      'invalid',
      `put fingerprint() into a subquery: ${ofRows.of}() windows go by the fields of their rows`,
    );
  }
  const statement = ofRows === null ? asStated : overRows(asStated, ofRows);
  // what a row has to meet is asked where the rows are
  const rest = own.rest === null || ofRows !== null ? null : foldConstants(own.rest);
  const inherited = statement.dimensions.length > stated.dimensions.length;
  const time = statement.fields.find(({ expression }) => isTimeField(expression));
  const plain = statement.fields
    .filter(({ expression }) => !isTimeField(expression))
    .map((field) => ({ ...field, expression: foldConstants(field.expression) }));
  const dimension = statement.dimensions.find((d): d is TimeDimension => d.kind === 'time') ?? null;
  const overlapping = ofRows === null ? (beyondTime as TimeWindow | undefined) : undefined;
  const ofTime = dimension !== null && (dimension.interval > 0n || dimension.months !== undefined);
  const windowed = ofTime || beyondTime !== undefined;
  const asked = windowed ? withPseudoColumns(plain) : plain;
  checkSelect(statement, asked, inherited);
  const descending = statement.order === 'descending';
  const lookedAt = ofTime ? Math.max(0, ...asked.map(({ expression }) => windowsLookedAt(expression))) : 0;
  const inner = {
    range: wider(untilNow(range, windowed, context.now), BigInt(lookedAt) * (dimension?.interval ?? 0n), descending),
    time: dimension,
    descending: descending && ofRows === null,
  };
  const planSide = (side: SelectStatement, within: TimeRange, source?: Opened): Plan =>
    planWithin(side, context, { range: within, time: null, descending: false }, source);
  const join = openJoin(statement, rest, { range: inner.range, context, planSide, opened, derived });
  const planned =
    opened !== undefined && 'plan' in opened
      ? [opened.plan]
      : statement.sources.flatMap((source) =>
          'subquery' in source ? [planWithin(source.subquery, context, inner)] : [],
        );
  const rowWindow = ofRows === null ? null : bindRowWindow(ofRows, planned[0]);
  const sources = join === null ? resolveSources(statement, planned, context, rest, derived) : [join.source];
  const names: Names = { fields: unionFields(sources), tagKeys: unionTagKeys(sources) };
  const groupBy = groupKeys(statement, join?.names.whole ?? names, overlapping);
  const wild = wildcardNames(statement, join?.names.whole ?? withoutDerived(names, derived), groupBy);
  const fields = asked.flatMap((field) => expanded(field, wild));
  const bounds = boundsOf(range, windowed, context.now);
  const grid = { bounds, now: context.now, zone };
  const { window, windows }: Pick<Plan, 'window' | 'windows'> =
    overlapping !== undefined ? paneGrid(overlapping, grid) : { window: ofTime ? timeGrid(dimension, grid) : null };
  const binder = new OutputBinder(names, window, derived);
  const timeName = time?.alias ?? 'time';
  const columns = columnNames(fields, timeName);
  for (const { expression } of fields) binder.meet(expression);
  if (asksForCount(fields)) binder.meetCount();
  const outputs = fields.map(({ expression }, i) => {
    const bound = binder.bind(expression);
    const type = typeName(bound);
    return { name: columns[i], expression: bound, type: type === 'tag' ? 'string' : (type ?? 'float') } as const;
  });
  const { transforms } = binder;
  const arrival: Arrival = {
    direction: descending ? 'descending' : 'ascending',
    hasTime: window === null,
    columns: binder.columns,
    isOfStored: planned.length === 0 && join === null,
    isOfOneSeries: names.tagKeys.every((key) => groupBy.includes(key)),
    isOfPanes: windows !== undefined,
  };
  const aggregates = binder.aggregates.map((aggregate) => withArrival(aggregate, arrival));
  const aggregate = aggregates.length > 0;
  const isInside = outer !== null && opened === undefined;
  const read = join?.read({ aggregates, columns: binder.columns, groupBy }, isInside) ?? {
    sources,
    subqueries: planned.map((plan) =>
      regrouped({ ...firstOnly(plan, groupBy), ...(ofRows && { byTime: true }) }, groupBy),
    ),
  };
  const something = aggregate
    ? aggregates.some(({ field }) => names.fields.has(field))
    : binder.columns.some(({ kind }) => kind === 'field');
  return {
    kind: aggregate ? 'aggregate' : 'raw',
    ...(something ? read : { sources: [], subqueries: [] }),
    ...extended(
      bounds,
      window,
      Math.max(0, ...transforms.map((_, t) => windowsBefore(transforms, binder.inputs, t))),
      descending,
      aggregate,
    ),
    ...derivedPlan(aggregate ? 'aggregate' : 'raw', derived, statement.dimensions),
    groupBy,
    window,
    ...(windows !== undefined && { windows }),
    ...(rowWindow !== null && { rowWindow }),
    aggregates,
    columns: binder.columns,
    transforms,
    selector: aggregates.length === 1 && FUNCTIONS.get(aggregates[0].name)?.selector === true,
    timeName,
    ...(zone !== null && { zone }),
    outputs,
    fill: statement.fill ?? { kind: 'null' },
    descending,
    limit: statement.limit,
    offset: statement.offset,
    seriesLimit: statement.seriesLimit,
    seriesOffset: statement.seriesOffset,
  };
}

interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

function isTimeField(expression: Expression): boolean {
  return expression.kind === 'reference' && expression.name === 'time';
}

/** The statement as it stands inside of another: its direction, and its windows where it has none of its own. */
function within(statement: SelectStatement, { time, descending }: Outer): SelectStatement {
  if (statement.order === 'descending' && !descending) {
    throw new QueryError('invalid', 'subqueries must be ordered in the same direction as the query itself');
  }
  const own = statement.dimensions.some(({ kind }) => kind === 'time' || kind === 'window');
  const dimensions = own || time === null ? statement.dimensions : [...statement.dimensions, time];
  const fill = statement.fill === null || statement.fill.kind === 'null' ? NO_FILL : statement.fill;
  const windowed = dimensions.some(({ kind }) => kind === 'time' || kind === 'window');
  return {
    ...statement,
    dimensions,
    order: descending ? 'descending' : 'ascending',
    fill: windowed && statement.fields.some(({ expression }) => hasCall(expression)) ? fill : statement.fill,
  };
}

/** With what lies `beyond` it (ns): windows that are looked at and not shown. */
function wider(range: TimeRange, beyond: bigint, descending: boolean): TimeRange {
  if (beyond === 0n) return range;
  if (descending) return range.max === null ? range : { ...range, max: range.max + beyond };
  return range.min === null ? range : { ...range, min: range.min - beyond };
}

function untilNow(range: TimeRange, windowed: boolean, now: bigint): TimeRange {
  return windowed && range.max === null ? { ...range, max: now, maxFromNow: true } : range;
}

/** The tags that a query groups by are those of the queries inside it too. */
function regrouped(plan: Plan, keys: readonly string[]): Plan {
  const groupBy = [...new Set([...plan.groupBy, ...keys])].sort();
  if (plan.join !== undefined) return { ...plan, groupBy };
  return { ...plan, groupBy, subqueries: plan.subqueries.map((inner) => regrouped(inner, groupBy)) };
}

function resolveSources(
  statement: SelectStatement,
  subqueries: readonly Plan[],
  context: PlanContext,
  condition: Expression | null,
  derived: readonly Derived[],
): PlanSource[] {
  const found = new Map<string, PlanSource>();
  for (const [subquery, { sources, outputs, groupBy }] of subqueries.entries()) {
    const fields = fieldsWith(new Map(outputs.map(({ name, type }) => [name, type])), derived);
    for (const measurement of new Set(sources.map((source) => source.measurement))) {
      const bound = condition === null ? null : bindCondition(condition, { fields, tagKeys: groupBy });
      const place = { database: '', retentionPolicy: '', measurement, subquery };
      found.set(`${subquery} ${measurement}`, { ...place, fields, tagKeys: groupBy, condition: bound });
    }
  }
  const measurements = statement.sources.flatMap((source) => ('name' in source ? [source] : []));
  for (const [place, { database, retentionPolicy, name }] of measurementMatchers(measurements, context).entries()) {
    for (const schema of context.schemas(database, retentionPolicy, matchesName(name))) {
      const fields = fieldsWith(schema.fields, derived);
      found.set(JSON.stringify([schema.name, database, retentionPolicy, place]), {
        database,
        retentionPolicy,
        measurement: schema.name,
        fields,
        tagKeys: schema.tagKeys,
        condition: condition === null ? null : bindCondition(condition, { ...schema, fields }),
      });
    }
  }
  if (found.size === 0 && condition !== null) bindCondition(condition, { fields: new Map(), tagKeys: [] });
  return [...found.values()].sort((a, b) => (a.measurement < b.measurement ? -1 : 1));
}

function groupKeys(statement: SelectStatement, { tagKeys }: Names, overlapping: TimeWindow | undefined): string[] {
  const keys = new Set<string>(overlapping?.of === 'windows' ? [WINDOW_TAG] : []);
  for (const dimension of statement.dimensions) {
    if (dimension.kind === 'tag') keys.add(dimension.name);
    else if (dimension.kind === 'fingerprint') keys.add(TAG);
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

/** Transforms look at windows beside those asked for, from which no row is shown: but of raw rows, whose windows are those around. */
function extended(
  bounds: TimeBounds,
  window: PlanWindow | null,
  extra: number,
  descending: boolean,
  aggregate: boolean,
): Pick<Plan, 'bounds' | 'shown'> {
  if (window === null || extra === 0) return { bounds, shown: null };
  const shown = !aggregate
    ? null
    : {
        min: windowStart({ window, bounds }, windowOf({ window }, bounds.min)),
        max: bounds.max,
        from: bounds.min,
        to: bounds.max,
      };
  if (descending) {
    if (!bounds.maxStated) return { bounds, shown: null };
    const later = windowsLater(window, bounds.max, extra);
    return { bounds: { ...bounds, ...(later <= TIME_MAX ? { max: later } : { max: TIME_MAX }) }, shown };
  }
  if (!bounds.minStated) return { bounds, shown: null };
  const earlier = windowsLater(window, bounds.min, -extra);
  return { bounds: { ...bounds, ...(earlier >= TIME_MIN ? { min: earlier } : { min: TIME_MIN }) }, shown };
}
