/**
 * DELETE and DROP SERIES. The statement becomes a canonical text without now() (`deletionText`), which goes into the stream of every
 * shard; there it is resolved against the measurements and series that the shard has at that place (`deletedRows`), a pure function of
 * both, so that everybody who reads the stream deletes the same rows.
 *
 * Conditions are over tags and time. A series whose tags do not decide the condition, since it asks for a field, is refused in
 * InfluxDB's words when the statement is given; if it comes up only when the stream is read, the series stays.
 */
import { type SeriesTable, TIME_MAX, TIME_MIN } from '../../model/index.ts';
import type { BinaryOperator, Expression, Statement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { parse } from '../language/parse.ts';
import { print } from '../language/print.ts';
import { printExpression } from '../language/print-expression.ts';
import { compileRegex } from '../language/regex.ts';
import { unwrap, walk } from '../language/walk.ts';
import { matchesName } from '../planner/schema.ts';
import { splitTime } from '../planner/time-range.ts';
import type { Source } from './source/source.ts';

export type DeletionStatement = Extract<Statement, { kind: 'delete' | 'drop series' }>;

/** What deletions are resolved against: one shard. */
export interface DeletionSource extends Pick<Source, 'describe' | 'series'> {
  /** Of a database: those that have measurements. */
  policies(database: string): string[];
}

/** Rows of one measurement of a shard. */
export interface DeletedRows {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly minTime: bigint;
  readonly maxTime: bigint;
  /** 1 at the numbers of its series, maybe nowhere; null = all. */
  readonly series: Uint8Array | null;
  /** What they meet, for `conditionRows` on another shard; null = that would not say the same, or they are all. */
  readonly condition: string | null;
}

/** The statement as it stands in the stream. Throws QueryError on conditions that can never be met by tags and time. */
export function deletionText(statement: DeletionStatement, now: bigint): string {
  const { kind, condition } = statement;
  if (kind === 'drop series' && condition !== null && mentionsTime(condition)) {
    throw new QueryError('invalid', "DROP SERIES doesn't support time in WHERE clause");
  }
  const { range, rest } = splitTime(condition, now);
  if (rest !== null) compile(rest);
  const parts: Expression[] = rest === null ? [] : [{ kind: 'parenthesis', inner: rest }];
  if (range.min !== null) parts.push(timeCondition('>=', range.min));
  if (range.max !== null) parts.push(timeCondition('<=', range.max));
  const whole =
    parts.length === 0 ? null : parts.reduce((left, right) => ({ kind: 'binary', operator: 'AND', left, right }));
  return print({ ...statement, condition: whole });
}

/** Throws QueryError where a condition asks for fields; with `lenient` such series are left alone. */
export function deletedRows(text: string, database: string, source: DeletionSource, lenient: boolean): DeletedRows[] {
  const statement = parse(text)[0] as DeletionStatement;
  const { range, rest } = splitTime(statement.condition, 0n);
  const minTime = range.min ?? TIME_MIN;
  const maxTime = range.max ?? TIME_MAX;
  if (minTime > maxTime) return [];
  const decide = rest === null ? null : compile(rest);
  const tests = statement.sources.map(({ name }) => matchesName(name));
  const wanted = (name: string): boolean => tests.length === 0 || tests.some((test) => test(name));
  const condition = rest === null ? null : printExpression(rest);
  return [...measurementsOf(database, wanted, source)].map(({ table, fields, ...name }) => {
    if (decide === null) return { ...name, minTime, maxTime, series: null, condition: null };
    const { series, undecided } = choose(table, fields, decide, 0);
    if (undecided > 0 && !lenient) {
      throw new QueryError('invalid', 'fields not supported in WHERE clause during deletion');
    }
    return { ...name, minTime, maxTime, series, condition: undecided > 0 ? null : condition };
  });
}

/** Rows of all times of the series that meet a condition told by `deletedRows`; those that their tags do not decide here are among them. */
export function conditionRows(
  condition: string,
  measurement: string,
  database: string,
  source: DeletionSource,
): DeletedRows[] {
  const statement = parse(`DELETE WHERE ${condition}`)[0] as DeletionStatement;
  const decide = compile(statement.condition!);
  return [...measurementsOf(database, (name) => name === measurement, source)].map(({ table, fields, ...name }) => {
    const { series } = choose(table, fields, decide, 1);
    return { ...name, minTime: TIME_MIN, maxTime: TIME_MAX, series, condition };
  });
}

/** Rows that there are: some series is named. */
export function namesSeries({ series }: Pick<DeletedRows, 'series'>): boolean {
  return series === null || series.includes(1);
}

/** Whether the statement may delete rows of one of these measurements. */
export function deletionNames(text: string, measurements: readonly string[]): boolean {
  const { sources } = parse(text)[0] as DeletionStatement;
  return sources.length === 0 || sources.some(({ name }) => measurements.some(matchesName(name)));
}

// private functions

/** 'field': tags do not decide it. */
type Answer = boolean | 'field';
type Candidate = {
  readonly table: SeriesTable;
  readonly series: number;
  readonly fields: ReadonlySet<string>;
};
type Decide = (candidate: Candidate) => Answer;

type Found = {
  readonly database: string;
  readonly retentionPolicy: string;
  readonly measurement: string;
  readonly table: SeriesTable;
  /** Names that are not those of tags, too. */
  readonly fields: ReadonlySet<string>;
};

function* measurementsOf(
  database: string,
  wanted: (name: string) => boolean,
  source: DeletionSource,
): Generator<Found> {
  for (const retentionPolicy of source.policies(database)) {
    for (const { name: measurement, fields: known, tagKeys } of source.describe(database, retentionPolicy, wanted)) {
      const table = source.series(database, retentionPolicy, measurement);
      if (table === null) continue;
      const fields = new Set([...known.keys()].filter((name) => !tagKeys.includes(name)));
      yield { database, retentionPolicy, measurement, table, fields };
    }
  }
}

/** `unsure`: what those get that tags do not decide. */
function choose(
  table: SeriesTable,
  fields: ReadonlySet<string>,
  decide: Decide,
  unsure: 0 | 1,
): { series: Uint8Array; undecided: number } {
  const series = new Uint8Array(table.size);
  let undecided = 0;
  for (let s = 0; s < series.length; s++) {
    const answer = table.has?.(s) === false ? false : decide({ table, series: s, fields });
    if (answer === 'field') undecided++;
    series[s] = answer === 'field' ? unsure : answer ? 1 : 0;
  }
  return { series, undecided };
}

function mentionsTime(condition: Expression): boolean {
  let found = false;
  walk(condition, (e) => {
    if (e.kind === 'reference' && e.name.toLowerCase() === 'time') found = true;
    return !found;
  });
  return found;
}

function timeCondition(operator: BinaryOperator, value: bigint): Expression {
  return {
    kind: 'binary',
    operator,
    left: { kind: 'reference', name: 'time', cast: null },
    right: { kind: 'integer', value },
  };
}

function compile(condition: Expression): Decide {
  const e = unwrap(condition);
  if (e.kind === 'boolean') return () => e.value;
  if (e.kind !== 'binary') throw new QueryError('invalid', `invalid condition expression: ${printExpression(e)}`);
  if (e.operator !== 'AND' && e.operator !== 'OR')
    return compileComparison(e.operator, unwrap(e.left), unwrap(e.right));
  const left = compile(e.left);
  const right = compile(e.right);
  const deciding = e.operator === 'OR';
  return (candidate) => {
    const a = left(candidate);
    if (a === deciding) return a;
    const b = right(candidate);
    return b === deciding || a !== 'field' ? b : a;
  };
}

function compileComparison(operator: BinaryOperator, left: Expression, right: Expression): Decide {
  if (left.kind === 'reference') return compareTag(operator, left.name, left.cast, right);
  if (right.kind === 'reference') return compareTag(operator, right.name, right.cast, left);
  const constant = constantAnswer(operator, left, right);
  return () => constant;
}

function compareTag(operator: BinaryOperator, name: string, cast: string | null, other: Expression): Decide {
  const test = textTest(operator, other);
  return ({ table, series, fields }) => {
    if (test === null || (cast !== null && cast !== 'tag') || (cast === null && fields.has(name))) return 'field';
    if (other.kind !== 'reference') return test(table.tag(series, name), '');
    return fields.has(other.name) ? 'field' : test(table.tag(series, name), table.tag(series, other.name));
  };
}

/** null = against a value that no tag has. A tag is never greater or less than something: that meets nothing. */
function textTest(operator: BinaryOperator, other: Expression): ((tag: string, second: string) => boolean) | null {
  switch (other.kind) {
    case 'string':
      return operator === '='
        ? (tag) => tag === other.value
        : operator === '!='
          ? (tag) => tag !== other.value
          : () => false;
    case 'reference':
      return operator === '=' ? (a, b) => a === b : operator === '!=' ? (a, b) => a !== b : () => false;
    case 'regex': {
      const regex = compileRegex(other.pattern);
      return (tag) => regex.test(tag) === (operator === '=~');
    }
    default:
      return null;
  }
}

function constantAnswer(operator: BinaryOperator, left: Expression, right: Expression): Answer {
  if (!('value' in left) || !('value' in right)) return 'field';
  const same = left.value === right.value;
  return operator === '=' ? same : operator === '!=' ? !same : 'field';
}
