/**
 * planSelect: SELECT statement → Plan, in small steps: check, sources, time, wildcards, names, binding. Called once per statement by
 * the server, with schemas gathered from all shards; pure (now is passed in). Errors are those of InfluxDB.
 */
import { type FieldType, floorDiv, type MeasurementSchema, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import type { Expression, SelectField, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print.ts';
import { compileRegex } from '../language/regex.ts';
import { unwrap } from '../language/walk.ts';
import { arithmeticType, bindCondition, bindLiteral, typeName } from './bind.ts';
import { checkSelect, isWildcard } from './check.ts';
import { columnNames } from './names.ts';
import type { Aggregate, AggregateName, Bound, Plan, PlanColumn, PlanSource, PlanWindow, TimeBounds } from './plan.ts';
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
  const facts = checkSelect(statement, stated);
  const { range, rest } = splitTime(statement.condition, context.now);
  const sources = resolveSources(statement, context, rest);
  const names: Names = { fields: unionFields(sources), tagKeys: unionTagKeys(sources) };
  const groupBy = groupKeys(statement, names);
  const fields = stated.flatMap((field) => expand(field, wildcardNames(statement, names, groupBy)));
  const aggregate = facts.calls.length > 0;
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
  const binder = new OutputBinder(names);
  const timeName = time?.alias ?? 'time';
  const columns = columnNames(fields, timeName);
  for (const { expression } of fields) binder.meet(expression);
  const outputs = fields.map(({ expression }, i) => {
    const bound = binder.bind(expression);
    const type = typeName(bound);
    return { name: columns[i], expression: bound, type: type === 'tag' ? 'string' : (type ?? 'float') } as const;
  });
  const { aggregates } = binder;
  const something = aggregate
    ? aggregates.some(({ field }) => names.fields.has(field))
    : binder.columns.some(({ kind }) => kind === 'field');
  return {
    kind: aggregate ? 'aggregate' : 'raw',
    sources: something ? sources : [],
    bounds,
    groupBy,
    window: windowed ? windowFrom(dimension, bounds, context.now) : null,
    aggregates,
    columns: binder.columns,
    selector: aggregates.length === 1 && FUNCTIONS.get(aggregates[0].name)?.selector === true,
    timeName,
    outputs,
    fill: statement.fill ?? { kind: 'null' },
    descending: statement.order === 'descending',
    limit: statement.limit,
    offset: statement.offset,
    seriesLimit: statement.seriesLimit,
    seriesOffset: statement.seriesOffset,
  };
}

// private functions

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
  if (e.kind !== 'call' || !isWildcard(e.args[0])) return [field];
  const function_ = e.name.toLowerCase();
  const { inputs } = FUNCTIONS.get(function_)!;
  const matches = matcher(e.args[0]);
  return [...names.fields]
    .filter(([name, type]) => inputs.includes(type) && matches(name))
    .map(([name]) => name)
    .sort()
    .map((name) => ({
      expression: { ...e, args: [{ kind: 'reference', name, cast: 'field' } as const, ...e.args.slice(1)] },
      alias: `${field.alias ?? function_}_${name}`,
    }));
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

/** Collects the aggregates and columns that outputs need; bind only after all have been met, for columns are numbered after aggregates. */
class OutputBinder {
  readonly aggregates: Aggregate[] = [];
  readonly columns: PlanColumn[] = [];
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  meet(expression: Expression): void {
    const e = unwrap(expression);
    if (e.kind === 'call') this.#aggregate(e);
    else if (e.kind === 'reference') this.#column(e);
    else if (e.kind === 'binary') {
      this.meet(e.left);
      this.meet(e.right);
    }
  }

  bind(expression: Expression): Bound {
    const e = unwrap(expression);
    if (e.kind === 'call') {
      const index = this.#aggregate(e);
      return { kind: 'column', index, type: this.aggregates[index].result };
    }
    if (e.kind === 'reference') {
      const index = this.#column(e);
      if (index < 0) return { kind: 'absent' };
      return { kind: 'column', index: this.aggregates.length + index, type: this.columns[index].type };
    }
    if (e.kind === 'binary') {
      const left = this.bind(e.left);
      const right = this.bind(e.right);
      const text = `${this.#typed(e.left)} ${e.operator} ${this.#typed(e.right)}`;
      const type = arithmeticType(e.operator, this.#asTag(e.left, left), this.#asTag(e.right, right), text);
      return { kind: 'binary', operator: e.operator, left, right, type };
    }
    const literal = bindLiteral(e);
    if (literal === null) throw new QueryError('invalid', `invalid expression in SELECT: ${printExpression(e)}`);
    return literal;
  }

  // private functions

  /** Index of a call among the aggregates, where it is put if new. */
  #aggregate(call: Expression & { kind: 'call' }): number {
    let name = call.name.toLowerCase() as AggregateName;
    let argument = unwrap(call.args[0]);
    if (argument.kind === 'call') {
      name = 'count distinct';
      argument = unwrap(argument.args[0]);
    }
    if (argument.kind !== 'reference') throw new QueryError('invalid', `expected field argument in ${name}()`);
    const field = argument.name;
    const n = call.args.length > 1 ? unwrap(call.args[1]) : null;
    const parameter = n?.kind === 'integer' || n?.kind === 'number' ? Number(n.value) : 0;
    const same = (a: Aggregate): boolean => a.name === name && a.field === field && a.parameter === parameter;
    const known = this.aggregates.findIndex(same);
    if (known >= 0) return known;
    const type = this.#names.fields.get(field) ?? 'float';
    const shape = FUNCTIONS.get(name === 'count distinct' ? 'count' : name)!;
    if (!shape.inputs.includes(type)) {
      throw new QueryError('invalid', `unsupported ${name} iterator type: *query.${type}InterruptIterator`);
    }
    const result = shape.result === 'same' ? type : shape.result;
    return this.aggregates.push({ name, field, type, result, parameter }) - 1;
  }

  /** Index of a field or tag among the columns, where it is put if new; −1 = nobody has it. */
  #column({ name, cast }: Expression & { kind: 'reference' }): number {
    const fieldType = this.#names.fields.get(name);
    const column = this.#columnOf(name, cast, fieldType);
    if (column === null) return -1;
    const { kind, type } = column;
    const known = this.columns.findIndex((c) => c.kind === kind && c.name === name && c.type === type);
    return known >= 0 ? known : this.columns.push(column) - 1;
  }

  #columnOf(
    name: string,
    cast: (Expression & { kind: 'reference' })['cast'],
    fieldType: FieldType | undefined,
  ): PlanColumn | null {
    if (fieldType !== undefined && cast !== 'tag') {
      const type = cast === null || cast === 'field' ? fieldType : cast;
      return { kind: 'field', name, type };
    }
    if (this.#names.tagKeys.includes(name) && (cast === null || cast === 'tag')) {
      return { kind: 'tag', name, type: 'string' };
    }
    return null;
  }

  #asTag(expression: Expression, bound: Bound): Bound {
    const e = unwrap(expression);
    return e.kind === 'reference' && this.#isTag(bound) ? { kind: 'tag', name: e.name } : bound;
  }

  #isTag(bound: Bound): boolean {
    return bound.kind === 'column' && this.columns[bound.index - this.aggregates.length]?.kind === 'tag';
  }

  #typed(expression: Expression): string {
    const e = unwrap(expression);
    if (e.kind !== 'reference') return printExpression(e);
    const bound = this.bind(e);
    return `${e.name}::${this.#isTag(bound) ? 'tag' : (typeName(bound) ?? 'unknown')}`;
  }
}
