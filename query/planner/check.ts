/** What makes a SELECT impossible whatever the data, in InfluxDB's words. Runs before any name is resolved. Long for its many words. */
import { FUNCTIONS } from '../functions/create.ts';
import { isMath, mathArguments } from '../functions/math.ts';
import { TECHNICAL } from '../functions/technical.ts';
import { TRANSFORMS } from '../functions/transform.ts';
import type { Expression, SelectField, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { keptOptions } from '../language/kept-options.ts';
import { printDuration, printExpression } from '../language/print-expression.ts';
import { unwrap } from '../language/walk.ts';
import { isUnnamed } from './check-show.ts';
import { checkSketch } from './check-sketches.ts';
import { checkHoltWinters, checkTechnical } from './check-technical.ts';
import { checkWindows } from './check-windows.ts';
import { asksForCount, isPseudo } from './pseudo-columns.ts';

type Call = Expression & { kind: 'call' };

export interface FieldFacts {
  /** Every call but those of math, a call inside another behind it. */
  readonly calls: Call[];
  /** Fields, tags, wildcards or regexes stand outside of calls. */
  bare: boolean;
  /** All calls choose one point, and none stands for several. */
  onlySelectors: boolean;
  distinct: boolean;
  /** `top` or `bottom`, where one is called. */
  chooser: string | null;
  /** `distinct` inside of a function from row to row: windows have as many rows as they have values. */
  manyRows: boolean;
  /** A function of math inside of one from row to row. */
  misplaced: string | null;
}

interface Context {
  readonly statement: SelectStatement;
  readonly facts: FieldFacts;
  readonly windowed: boolean;
  /** The windows are the statement's own. */
  readonly ownWindows: boolean;
}

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);
/** InfluxDB's names for what stands where something else should. */
const LITERALS: Readonly<Partial<Record<Expression['kind'], string>>> = {
  integer: 'IntegerLiteral',
  number: 'NumberLiteral',
  string: 'StringLiteral',
  boolean: 'BooleanLiteral',
  duration: 'DurationLiteral',
  regex: 'RegexLiteral',
  reference: 'VarRef',
  wildcard: 'Wildcard',
  call: 'Call',
  binary: 'BinaryExpr',
  parenthesis: 'ParenExpr',
};

/** `fields`: those of the statement but for `time`. `inherited`: the windows are those of a query around this one. */
export function checkSelect(
  statement: SelectStatement,
  fields: readonly SelectField[],
  inherited: boolean,
): FieldFacts {
  keptOptions(statement.options);
  for (const dimension of statement.dimensions) {
    if (dimension.kind === 'refused') refuse(dimension.message);
  }
  if (fields.length === 0) refuse('at least 1 non-time field must be queried');
  if (statement.sources.some(isUnnamed)) refuse('invalid measurement');
  const windows = statement.dimensions.filter(({ kind }) => kind === 'time' || kind === 'window');
  const facts: FieldFacts = {
    calls: [],
    bare: false,
    onlySelectors: true,
    distinct: false,
    chooser: null,
    manyRows: false,
    misplaced: null,
  };
  const context: Context = {
    statement,
    facts,
    windowed: windows.length > 0,
    ownWindows: windows.length > 0 && !inherited,
  };
  for (const { expression } of fields) checkExpression(unwrap(expression), context, true);
  if (windows.length > 1) refuse('multiple time dimensions not allowed');
  if (facts.calls.length > 1 && facts.chooser !== null) refuseChooser(facts.chooser);
  if (facts.calls.length === 0) {
    const fill = statement.fill?.kind;
    if (fill === 'none' || fill === 'linear') refuse(`fill(${fill}) must be used with a function`);
    if (windows.length > 0 && !inherited) refuse('GROUP BY requires at least one aggregate function');
  }
  if (
    (facts.distinct && (facts.calls.length > 1 || facts.bare)) ||
    (facts.manyRows && facts.calls.filter(({ name }) => !TRANSFORMS.has(name)).length > 1)
  ) {
    refuse('aggregate function distinct() cannot be combined with other functions or fields');
  }
  if (facts.bare && facts.calls.length > 0) {
    if (!facts.onlySelectors) refuse('mixing aggregate and non-aggregate queries is not supported');
    if (facts.calls.length > 1) refuse('mixing multiple selector functions with tags or fields is not supported');
  }
  if (facts.misplaced !== null) refuse(`unsupported call: ${facts.misplaced}`);
  checkWindows(statement, facts.calls, asksForCount(fields));
  return facts;
}

export function isWildcard(expression: Expression): boolean {
  return expression.kind === 'wildcard' || expression.kind === 'regex';
}

// private functions

function checkExpression(e: Expression, context: Context, wildcards: boolean): void {
  switch (e.kind) {
    case 'reference':
      context.facts.bare = true;
      return;
    case 'wildcard':
    case 'regex':
      if (!wildcards) refuse('unable to use wildcard in a binary expression');
      context.facts.bare = true;
      return;
    case 'call':
      if (isPseudo(e)) return;
      if (isMath(e.name)) checkMath(e, context, wildcards);
      else checkCall(e, context, wildcards);
      return;
    case 'parenthesis':
      checkExpression(e.inner, context, wildcards);
      return;
    case 'binary': {
      if (!ARITHMETIC.has(e.operator)) refuse(`invalid operator ${e.operator} in SELECT field`);
      const [left, right] = [e.left, e.right].map(isLiteral);
      if (left && right) refuse('cannot perform a binary expression on two literals');
      if (!left) checkExpression(e.left, context, false);
      if (!right) checkExpression(e.right, context, false);
      return;
    }
    default:
      refuse('field must contain at least one variable');
  }
}

function isLiteral({ kind }: Expression): boolean {
  return kind === 'integer' || kind === 'number' || kind === 'string' || kind === 'boolean' || kind === 'duration';
}

function checkMath(call: Call, context: Context, wildcards: boolean): void {
  const wanted = isMath(call.name) ? mathArguments(call.name) : 0;
  checkCount(call, wanted);
  if (call.args.every(isLiteral)) refuse('field must contain at least one variable');
  for (const argument of call.args) if (!isLiteral(argument)) checkExpression(unwrap(argument), context, wildcards);
}

function checkCall(call: Call, context: Context, wildcards: boolean): void {
  const { facts } = context;
  const { name, args } = call;
  facts.calls.push(call);
  if (TRANSFORMS.has(name)) {
    checkTransform(call, context, wildcards);
    return;
  }
  const shape = FUNCTIONS.get(name);
  if (shape === undefined) refuse(`undefined function ${name}()`);
  if (name === 'histogram' && !wildcards)
    refuse('histogram() gives several columns: it cannot be part of an expression');
  if (!shape.selector) facts.onlySelectors = false;
  switch (name) {
    case 'top':
    case 'bottom':
      checkChooser(call, context);
      return;
    case 'distinct':
      facts.distinct = true;
      checkDistinct(args);
      return;
    case 'percentile': {
      checkCount(call, 2);
      const n = args[1].kind;
      if (n !== 'integer' && n !== 'number') refuse('expected float argument in percentile()');
      break;
    }
    case 'sample': {
      checkCount(call, 2);
      const n = args[1];
      if (n.kind !== 'integer') refuse('expected integer argument in sample()');
      if (n.value <= 0n) refuse(`sample window must be greater than 1, got ${n.value}`);
      break;
    }
    default:
      if (!checkSketch(call)) checkCount(call, 1);
  }
  const inner = unwrap(args[0]);
  if (name === 'count' && inner.kind === 'call' && inner.name === 'distinct') checkDistinct(inner.args);
  else checkField(name, inner, facts, wildcards);
}

function checkTransform(call: Call, context: Context, wildcards: boolean): void {
  const { facts, windowed, ownWindows } = context;
  const { name, args } = call;
  facts.onlySelectors = false;
  if (name === 'moving_average') {
    checkCount(call, 2);
    const n = args[1];
    if (n.kind !== 'integer') refuse(`second argument for moving_average must be an integer, got ${typeOf(n)}`);
    if (n.value <= 1n) refuse(`moving_average window must be greater than 1, got ${n.value}`);
  } else if (TECHNICAL.has(name)) checkTechnical(call);
  else if (name.startsWith('holt_winters')) checkHoltWinters(call);
  else if (name === 'cumulative_sum' || name.endsWith('difference')) checkCount(call, 1);
  else checkUnit(call);
  const inner = args[0];
  if (name !== 'integral' && inner.kind === 'call') {
    if (!windowed) refuse(`${name} aggregate requires a GROUP BY interval`);
    if (isMath(inner.name)) {
      facts.misplaced ??= inner.name;
      checkMath(inner, context, wildcards);
      return;
    }
    const { distinct } = facts;
    checkCall(inner, context, wildcards && inner.name !== 'histogram');
    facts.manyRows ||= facts.distinct && !distinct;
    facts.distinct = distinct;
    return;
  }
  if (name !== 'integral' && ownWindows) refuse(`aggregate function required inside the call to ${name}`);
  checkField(name, inner, facts, wildcards);
}

/** Of functions that take a field and perhaps a unit of time. */
function checkUnit({ name, args }: Call): void {
  if (args.length < 1 || args.length > 2) {
    refuse(`invalid number of arguments for ${name}, expected at least 1 but no more than 2, got ${args.length}`);
  }
  const unit = args[1];
  if (unit === undefined) return;
  if (unit.kind !== 'duration') {
    if (name === 'integral') refuse('second argument must be a duration');
    refuse(`second argument to ${name} must be a duration, got ${typeOf(unit)}`);
  }
  if (unit.ns <= 0n) refuse(`duration argument must be positive, got ${printDuration(unit.ns)}`);
}

function checkChooser(call: Call, { facts, statement }: Context): void {
  const { name, args } = call;
  if (facts.chooser !== null) refuseChooser(facts.chooser);
  if (args.length < 2) {
    refuse(`invalid number of arguments for ${name}, expected at least 2, got ${args.length}`);
  }
  const n = args[args.length - 1];
  if (n.kind !== 'integer') {
    const found = n.kind === 'number' ? n.value.toFixed(3) : printExpression(n);
    refuse(`expected integer as last argument in ${name}(), found ${found}`);
  }
  if (n.value <= 0n) refuse(`limit (${n.value}) in ${name} function must be at least 1`);
  if (statement.limit > 0 && n.value > statement.limit) {
    const limit = `the LIMIT (${statement.limit}) in the select statement`;
    refuse(`limit (${n.value}) in ${name} function can not be larger than ${limit}`);
  }
  if (args[0].kind !== 'reference') {
    refuse(`expected first argument to be a field in ${name}(), found ${printExpression(args[0])}`);
  }
  for (const by of args.slice(1, -1)) {
    if (by.kind !== 'reference') {
      refuse(`only fields or tags are allowed in ${name}(), found ${printExpression(by)}`);
    }
    facts.bare = true;
  }
  facts.chooser = name;
}

function checkDistinct(args: readonly Expression[]): void {
  if (args.length === 0) refuse('distinct function requires at least one argument');
  if (args.length !== 1) refuse('distinct function can only have one argument');
  if (unwrap(args[0]).kind !== 'reference') refuse('expected field argument in distinct()');
}

function checkField(name: string, e: Expression, facts: FieldFacts, wildcards: boolean): void {
  if (e.kind === 'reference') return;
  if (!isWildcard(e)) refuse(`expected field argument in ${name}()`);
  if (!wildcards) {
    refuse(`unsupported expression with ${e.kind === 'regex' ? 'regex field' : 'wildcard'}: ${name}()`);
  }
  facts.onlySelectors = false;
  if (e.kind === 'wildcard' && e.of === 'tag') refuse(`unable to use tag wildcard in ${name}()`);
}

function checkCount({ name, args }: Call, wanted: number): void {
  if (args.length !== wanted) {
    refuse(`invalid number of arguments for ${name}, expected ${wanted}, got ${args.length}`);
  }
}

function typeOf({ kind }: Expression): string {
  return `*influxql.${LITERALS[kind]}`;
}

function refuseChooser(name: string): never {
  return refuse(`selector function ${name}() cannot be combined with other functions`);
}

function refuse(message: string): never {
  throw new QueryError('invalid', message);
}
