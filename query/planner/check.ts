/** What makes a SELECT impossible whatever the data, in the words of InfluxDB. Runs before any name is resolved. */
import { FUNCTIONS } from '../functions/create.ts';
import type { Expression, SelectField, SelectStatement } from '../language/ast.ts';
import { QueryError } from '../language/errors.ts';
import { printExpression } from '../language/print.ts';
import { unwrap, walk } from '../language/walk.ts';

export interface FieldFacts {
  /** Calls of aggregates, outermost only. */
  readonly calls: (Expression & { kind: 'call' })[];
  /** Fields, tags, wildcards or regexes stand outside of calls. */
  bare: boolean;
}

/** `fields`: those of the statement but for `time`. */
export function checkSelect(statement: SelectStatement, fields: readonly SelectField[]): FieldFacts {
  if (fields.length === 0) throw new QueryError('invalid', 'at least 1 non-time field must be queried');
  const facts: FieldFacts = { calls: [], bare: false };
  for (const { expression } of fields) checkField(unwrap(expression), facts);
  checkMix(facts, fields);
  const windows = statement.dimensions.filter(({ kind }) => kind === 'time');
  if (windows.length > 1) throw new QueryError('invalid', 'multiple time dimensions not allowed');
  if (facts.calls.length === 0) {
    if (windows.length > 0) throw new QueryError('invalid', 'GROUP BY requires at least one aggregate function');
    const fill = statement.fill?.kind;
    if (fill === 'none' || fill === 'linear') {
      throw new QueryError('invalid', `fill(${fill}) must be used with a function`);
    }
  }
  return facts;
}

export function isWildcard(expression: Expression): boolean {
  return expression.kind === 'wildcard' || expression.kind === 'regex';
}

// private functions

function checkField(expression: Expression, facts: FieldFacts): void {
  let variables = 0;
  walk(expression, (e) => {
    if (e.kind === 'call') {
      checkCall(e);
      if (expression !== e && e.args.some(isWildcard)) {
        throw new QueryError('invalid', `unsupported expression with wildcard: ${e.name.toLowerCase()}()`);
      }
      facts.calls.push(e);
      variables++;
      return false;
    }
    if (isWildcard(e) && e !== expression) {
      throw new QueryError('invalid', 'unable to use wildcard in a binary expression');
    }
    if (e.kind === 'reference' || isWildcard(e)) {
      facts.bare = true;
      variables++;
    }
    if (e.kind === 'binary' && !['+', '-', '*', '/', '%', '&', '|', '^'].includes(e.operator)) {
      throw new QueryError('invalid', `invalid operator ${e.operator} in SELECT field`);
    }
    return undefined;
  });
  if (variables === 0) throw new QueryError('invalid', 'field must contain at least one variable');
}

function checkCall(call: Expression & { kind: 'call' }): void {
  const name = call.name.toLowerCase();
  const shape = FUNCTIONS.get(name);
  if (shape === undefined) throw new QueryError('invalid', `undefined function ${name}()`);
  if (name === 'distinct' && call.args.length !== 1) {
    throw new QueryError('invalid', 'distinct function can only have one argument');
  }
  if (call.args.length !== shape.arguments) {
    const wanted = `expected ${shape.arguments}, got ${call.args.length}`;
    throw new QueryError('invalid', `invalid number of arguments for ${name}, ${wanted}`);
  }
  const first = unwrap(call.args[0]);
  if (name === 'count' && first.kind === 'call' && first.name.toLowerCase() === 'distinct') {
    checkCall(first);
    return;
  }
  if (first.kind !== 'reference' && !(isWildcard(first) && name !== 'distinct')) {
    throw new QueryError('invalid', `expected field argument in ${name}()`);
  }
  if (first.kind === 'wildcard' && first.of === 'tag') {
    throw new QueryError('invalid', `unable to use tag wildcard in ${name}()`);
  }
  if (name === 'percentile') {
    const n = unwrap(call.args[1]);
    if (n.kind !== 'integer' && n.kind !== 'number') {
      throw new QueryError('invalid', 'expected float argument in percentile()');
    }
  }
}

function checkMix({ calls, bare }: FieldFacts, fields: readonly SelectField[]): void {
  const distinct = calls.filter(({ name }) => name.toLowerCase() === 'distinct');
  if (distinct.length > 0 && (calls.length > 1 || bare || fields.length > 1)) {
    throw new QueryError('invalid', 'aggregate function distinct() cannot be combined with other functions or fields');
  }
  if (calls.length === 0 || !bare) return;
  const selectors = calls.every((call) => FUNCTIONS.get(call.name.toLowerCase())!.selector);
  if (!selectors || calls.some(({ args }) => args.some(isWildcard))) {
    throw new QueryError('invalid', 'mixing aggregate and non-aggregate queries is not supported');
  }
  if (new Set(calls.map((call) => printExpression(call))).size > 1) {
    throw new QueryError('invalid', 'mixing multiple selector functions with tags or fields is not supported');
  }
}
