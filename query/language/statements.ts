/**
 * The meaning of the grammar: one action per rule of grammar.ts, from its tree to statements. Called by parse.ts with a match that
 * succeeded and the values bound to `$name`. Says no where the text is well formed and the statement is not (`fill()` without
 * a value, ORDER BY something else than time); what needs the schema or the functions is the planner's to refuse.
 * Long because Ohm takes the actions as one dictionary, whose keys and arity it checks against the grammar.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the semantic actions of Ohm carry no types
import type { MatchResult, Node } from 'ohm-js';
import { type Action, all, ast, optional } from './actions.ts';
import { ADMINISTRATION_ACTIONS } from './administration.ts';
import type { CastType, Counted, Expression, IntoTarget, KeyMatch, MeasurementSource, Statement } from './ast.ts';
import { type Parameters, parameterError } from './bound.ts';
import { parseError, QueryError } from './errors.ts';
import { GRAMMAR_OF_INFLUXQL } from './grammar.ts';
import { toFill, toTimeZone } from './group-by.ts';
import { applySign, readDuration, readInteger, readNumber, readQuoted, readRegex } from './literals.ts';
import { assemble, type Operation } from './precedence.ts';
import { compileRegex } from './regex.ts';
import { describePosition } from './tokens.ts';
import { walk } from './walk.ts';
import { WINDOW_ACTIONS } from './windows.ts';

type SortField = { readonly name: string | null; readonly descending: boolean };

/** What a field of SELECT may calculate with. */
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);
const NO_CLAUSES = { database: null, sources: [], condition: null, limit: 0, offset: 0 };
/** InfluxDB's names for `<>` and lower-case AND, OR. */
const OPERATOR_NAMES: Readonly<Record<string, string>> = { '<>': '!=', and: 'AND', or: 'OR' };

const semantics = GRAMMAR_OF_INFLUXQL.createSemantics().addOperation<any>('ast(params)', {
  ...ADMINISTRATION_ACTIONS,
  ...WINDOW_ACTIONS,
  Query(first, _semicolons, rest, _end) {
    return [first, ...rest.children].flatMap((part) => all(part.child(0), this));
  },
  Select(
    _select,
    fields,
    into,
    _from,
    sources,
    where,
    groupBy,
    fill,
    order,
    limit,
    offset,
    seriesLimit,
    seriesOffset,
    zone,
    watermark,
    lateness,
    emit,
    options,
  ) {
    return {
      kind: 'select',
      fields: ast(fields, this),
      ...(into.numChildren > 0 && { into: optional(into, this) }),
      sources: ast(sources, this),
      condition: optional(where, this),
      dimensions: optional(groupBy, this) ?? [],
      fill: optional(fill, this),
      order: optional(order, this) ?? 'ascending',
      limit: optional(limit, this) ?? 0,
      offset: optional(offset, this) ?? 0,
      seriesLimit: optional(seriesLimit, this) ?? 0,
      seriesOffset: optional(seriesOffset, this) ?? 0,
      ...(zone.numChildren > 0 && { timeZone: optional(zone, this) }),
      ...(watermark.numChildren > 0 && { watermark: optional(watermark, this) }),
      ...(lateness.numChildren > 0 && { lateness: optional(lateness, this) }),
      ...(emit.numChildren > 0 && { emit: optional(emit, this) }),
      ...(options.numChildren > 0 && { options: optional(options, this) }),
    };
  },
  Field(expression, alias) {
    const parsed: Expression = ast(expression, this);
    walk(parsed, (e) => {
      if (e.kind !== 'binary' || ARITHMETIC.has(e.operator)) return undefined;
      const place = describePosition(expression.source.sourceString, expression.source.startIdx);
      const meant = `${place}; operator is intended for WHERE clause`;
      throw parseError(`invalid operator ${e.operator} in SELECT clause${meant}`, expression.source.startIdx);
    });
    return { expression: parsed, alias: optional(alias, this) };
  },
  Alias(_as, name) {
    return ast(name, this);
  },
  Into(_into, target) {
    return ast(target, this);
  },
  target(path, _dots, name): IntoTarget {
    const segments: string[] = path.children.map((part) => optional(part, this) ?? '');
    if (segments.length > 2) throw parseError(`too many segments in ${this.sourceString}`, this.source.startIdx);
    const [database, retentionPolicy] = segments.length === 2 ? segments : [null, segments[0]];
    return { database: database || null, retentionPolicy: retentionPolicy || null, measurement: ast(name, this) };
  },
  targetName_every(_colon, _word) {
    return null;
  },
  targetName_one(name) {
    return ast(name, this);
  },
  Where(_where, condition) {
    return ast(condition, this);
  },
  GroupBy(_group, _by, list) {
    return all(list.asIteration(), this);
  },
  Fill_call(head, list, _close) {
    return toFill(ast(list, this), head.source.startIdx);
  },
  Fill_bare(word) {
    throw parseError('fill must be a function call', word.source.startIdx);
  },
  TimeZone(head, list, _close) {
    return toTimeZone(ast(list, this), head.source.startIdx);
  },
  OrderBy(_order, _by, list) {
    const fields: SortField[] = all(list.asIteration(), this);
    if (fields.length > 1 || (fields[0]!.name !== null && fields[0]!.name !== 'time')) {
      throw parseError('only ORDER BY time supported at this time', list.source.startIdx);
    }
    return fields[0]!.descending ? 'descending' : 'ascending';
  },
  SortField_alone(direction) {
    return { name: null, descending: isDescending(direction) };
  },
  SortField_named(name, direction) {
    return { name: ast(name, this), descending: direction.children.some(isDescending) };
  },
  Limit: readCount,
  Offset: readCount,
  SeriesLimit: readCount,
  SeriesOffset: readCount,

  Explain_select(_explain, analyze, select) {
    return { kind: 'explain', analyze: analyze.numChildren > 0, select: ast(select, this) };
  },
  Show(_show, what) {
    return ast(what, this);
  },
  ShowWhat_seriesCount(_series, exact, _cardinality, on, from, where, groupBy, limit, offset) {
    return counted('series', exact, null, showClauses(this, on, from, where, limit, offset), groupBy, this);
  },
  ShowWhat_measurementCount(_measurement, exact, _cardinality, on, from, where, groupBy, limit, offset) {
    return counted('measurement', exact, null, showClauses(this, on, from, where, limit, offset), groupBy, this);
  },
  ShowWhat_fieldKeyCount(_field, _key, exact, _cardinality, on, from, where, groupBy, limit, offset) {
    return counted('field key', exact, null, showClauses(this, on, from, where, limit, offset), groupBy, this);
  },
  ShowWhat_tagKeyCount(_tag, _key, exact, _cardinality, on, from, where, groupBy, limit, offset) {
    return counted('tag key', exact, null, showClauses(this, on, from, where, limit, offset), groupBy, this);
  },
  ShowWhat_tagValueCount(_tag, _values, exact, _cardinality, on, from, key, where, groupBy, limit, offset) {
    return counted('tag values', exact, key, showClauses(this, on, from, where, limit, offset), groupBy, this);
  },
  ShowWhat_databases(_databases) {
    return { kind: 'show databases' };
  },
  ShowWhat_continuous(_continuous, _queries) {
    return { kind: 'show continuous queries' };
  },
  ShowWhat_alerts(_alerts, on) {
    return { kind: 'show alerts', database: optional(on, this) };
  },
  ShowWhat_metadata(_metadata, on, from) {
    return { kind: 'show metadata', database: optional(on, this), measurement: optional(from, this) };
  },
  ShowWhat_module(what, module) {
    return { kind: `show ${what.sourceString.toLowerCase()}`, module: optional(module, this) };
  },
  ShowWhat_grants(_grants, _for, user) {
    return { kind: 'show grants', user: ast(user, this) };
  },
  ShowWhat_list(what) {
    return { kind: `show ${what.sourceString.toLowerCase()}` };
  },
  ShowWhat_shardGroups(_shard, _groups) {
    return { kind: 'show shard groups' };
  },
  ShowWhat_policies(_retention, _policies, on) {
    return { kind: 'show retention policies', database: optional(on, this) };
  },
  ShowWhat_measurements(_measurements, on, match, where, order, limit, offset) {
    const clauses = showClauses(this, on, null, where, limit, offset, order);
    return { kind: 'show measurements', match: optional(match, this), ...clauses };
  },
  ShowWhat_fieldKeys(_field, _keys, on, from, order, limit, offset) {
    return { kind: 'show field keys', ...showClauses(this, on, from, null, limit, offset, order) };
  },
  ShowWhat_series(_series, _exact, on, from, where, order, limit, offset) {
    return { kind: 'show series', ...showClauses(this, on, from, where, limit, offset, order) };
  },
  ShowWhat_tagKeys(_tag, _keys, on, from, where, order, limit, offset, seriesLimit, seriesOffset) {
    const clauses = showClauses(this, on, from, where, limit, offset, order);
    const pages: { seriesLimit?: number; seriesOffset?: number } = {};
    if (seriesLimit.numChildren > 0) pages.seriesLimit = optional(seriesLimit, this);
    if (seriesOffset.numChildren > 0) pages.seriesOffset = optional(seriesOffset, this);
    return { kind: 'show tag keys', ...clauses, ...pages };
  },
  ShowWhat_tagValues(_tag, _values, on, from, key, where, order, limit, offset) {
    return {
      kind: 'show tag values',
      key: ast(key, this),
      ...showClauses(this, on, from, where, limit, offset, order),
    };
  },
  On(_on, name) {
    return ast(name, this);
  },
  From(_from, sources) {
    return ast(sources, this);
  },
  FromOne(_from, name) {
    return ast(name, this);
  },
  ForModule(_for, name) {
    return ast(name, this).value;
  },
  WithMeasurement_name(_with, _measurement, _equal, name): MeasurementSource['name'] {
    return { text: ast(name, this) };
  },
  WithMeasurement_pattern(_with, _measurement, _like, regex): MeasurementSource['name'] {
    return { regex: ast(regex, this).pattern };
  },
  WithKey_in(_with, _key, _in, _open, list, _close): KeyMatch {
    return { operator: 'in', keys: ast(list, this) };
  },
  WithKey_name(_with, _key, operator, name): KeyMatch {
    return { operator: operator.sourceString === '=' ? '=' : '!=', key: ast(name, this) };
  },
  WithKey_pattern(_with, _key, operator, regex): KeyMatch {
    return { operator: operator.sourceString === '=~' ? '=~' : '!~', pattern: ast(regex, this).pattern };
  },

  Expression(first, rest) {
    return assemble(ast(first, this), all(rest, this));
  },
  Rest_match(operator, pattern): Operation {
    const operand = regexOperand(pattern, this);
    return { operator: operator.sourceString === '=~' ? '=~' : '!~', operand };
  },
  Rest_operate(operator, operand) {
    const name = operator.sourceString;
    if (operand.sourceString.startsWith('/')) {
      const { sourceString, startIdx } = operand.source;
      const place = describePosition(sourceString, startIdx);
      throw parseError(`found /, expected identifier, string, number, bool${place}`, startIdx);
    }
    return { operator: OPERATOR_NAMES[name.toLowerCase()] ?? name, operand: ast(operand, this) };
  },
  Operand_group: parenthesis,
  SignedOperand_group: parenthesis,
  Operand_call: call,
  SignedOperand_call: call,
  Operand_distinct(_distinct, name) {
    return { kind: 'call', name: 'distinct', args: [{ kind: 'reference', name: ast(name, this), cast: null }] };
  },
  Signed(sign, operand) {
    return applySign(sign.sourceString, ast(operand, this), sign.source.startIdx);
  },
  Arguments(list) {
    return ast(list, this);
  },
  NonemptyListOf(first, _separators, rest) {
    return [ast(first, this), ...all(rest, this)];
  },
  EmptyListOf() {
    return [];
  },

  reference(path, cast) {
    return { kind: 'reference', name: ast(path, this), cast: optional(cast, this) };
  },
  path(first, _dots, rest) {
    return [ast(first, this), ...all(rest, this)].join('.');
  },
  cast(_colons, type): CastType {
    return type.sourceString.toLowerCase() as CastType;
  },
  wildcard(_star, of) {
    return { kind: 'wildcard', of: optional(of, this) };
  },
  wildcardOf(_colons, type) {
    return type.sourceString.toLowerCase();
  },
  callHead(name, _open) {
    return ast(name, this).toLowerCase();
  },
  callName_distinct(_word) {
    return 'distinct';
  },
  source_pattern(regex): MeasurementSource {
    return { database: null, retentionPolicy: null, name: { regex: ast(regex, this).pattern } };
  },
  source_pathPattern(first, _dots, rest, _dot, regex) {
    const path: string[] = [ast(first, this), ...all(rest, this)];
    return toSource(path, { regex: ast(regex, this).pattern }, first);
  },
  source_path(first, _dots, rest) {
    const path: string[] = [ast(first, this), ...all(rest, this)];
    return toSource(path.slice(0, -1), { text: path.at(-1)! }, first);
  },
  segment_empty(_dot) {
    return '';
  },
  identifier_bare(_start, _rest) {
    return this.sourceString;
  },
  identifier_quoted(_start, _rest, open, parts, close) {
    return readQuoted(open.sourceString + parts.sourceString + close.sourceString);
  },
  string(_open, _parts, _close) {
    return { kind: 'string', value: readQuoted(this.sourceString) };
  },
  regex(_open, _parts, _close) {
    return toRegex(readRegex(this.sourceString), this);
  },
  duration(_digits, _unit, _rest) {
    return { kind: 'duration', ns: readDuration(this.sourceString, this.source.startIdx) };
  },
  number(_form) {
    const { sourceString: text, startIdx } = this.source;
    return { kind: 'number', value: readNumber(this.sourceString, startIdx, describePosition(text, startIdx)) };
  },
  integer(_digits) {
    const { sourceString: text, startIdx } = this.source;
    return { kind: 'integer', value: readInteger(this.sourceString, startIdx, describePosition(text, startIdx)) };
  },
  boolean(_word) {
    return { kind: 'boolean', value: this.sourceString.toLowerCase() === 'true' };
  },
  parameter(_form) {
    throw parameterError(this.sourceString, (this as unknown as Action).args.params, this.source.startIdx);
  },
});

export function toStatements(match: MatchResult, params: Parameters): Statement[] {
  return semantics(match)['ast'](params);
}

/** The fields of a SELECT alone, where the text that the match was made of has nothing else. Throws as `toStatements` does. */
export function checkFields(match: MatchResult, params: Parameters): void {
  semantics(match)['ast'](params);
}

// private functions

/** What stands behind `=~`: a regex; nothing else is bound there. */
function regexOperand(pattern: Node, context: Node): Expression {
  if (pattern.ctorName === 'regex') return ast(pattern, context);
  const { sourceString, startIdx } = pattern.source;
  throw parseError(
    `found ${pattern.sourceString}, expected regex${describePosition(sourceString, startIdx)}`,
    startIdx,
  );
}

/** Whatever a number cannot hold exactly is more than there can be. */
function readCount(this: Node, _keyword: Node, count: Node): number {
  return Math.min(Number(count.sourceString), Number.MAX_SAFE_INTEGER);
}

function isDescending(direction: Node): boolean {
  return direction.sourceString.toLowerCase() === 'desc';
}

function parenthesis(this: Node, _open: Node, inner: Node, _close: Node): Expression {
  return { kind: 'parenthesis', inner: ast(inner, this) };
}

function call(this: Node, name: Node, list: Node, _close: Node): Expression {
  return { kind: 'call', name: ast(name, this), args: ast(list, this) };
}

/** ORDER BY says nothing but what it always is; it is read for what it refuses. */
function showClauses(
  context: Node,
  on: Node,
  from: Node | null,
  where: Node | null,
  limit: Node,
  offset: Node,
  order?: Node,
) {
  if (order !== undefined) optional(order, context);
  return {
    ...NO_CLAUSES,
    database: optional(on, context),
    sources: (from && optional(from, context)) ?? [],
    condition: where && optional(where, context),
    limit: optional(limit, context) ?? 0,
    offset: optional(offset, context) ?? 0,
  };
}

function counted(of: Counted, exact: Node, key: Node | null, clauses: object, groupBy: Node, context: Node): object {
  return {
    kind: 'show cardinality',
    of,
    exact: exact.numChildren > 0,
    key: key && ast(key, context),
    ...clauses,
    ...(groupBy.numChildren > 0 && { dimensions: optional(groupBy, context) }),
  };
}

/** Compiles only to refuse what does not compile; the plan carries the text. */
function toRegex(pattern: string, node: Node): Expression {
  const { sourceString: text, startIdx } = node.source;
  try {
    compileRegex(pattern);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new QueryError('parse', error.message + describePosition(text, startIdx - 1), startIdx);
  }
  return { kind: 'regex', pattern };
}

/** `path` is what stands before the name: nothing, `rp`, or `db` and `rp`, where an empty one is not said. */
function toSource(path: readonly string[], name: MeasurementSource['name'], first: Node): MeasurementSource {
  if (path.length > 2) {
    const segments = path.map((segment) => `"${segment}"`).join('.');
    const last = 'text' in name ? name.text : `/${name.regex}/`;
    throw parseError(`too many segments in ${segments}.${last} at line 1, char 1`, first.source.startIdx);
  }
  const [database, retentionPolicy] = path.length === 2 ? path : [null, path[0]];
  return { database: database || null, retentionPolicy: retentionPolicy || null, name };
}
