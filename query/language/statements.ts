/**
 * The meaning of the grammar: one action per rule of grammar.ts, from its tree to statements. Called by parse.ts with a match that
 * succeeded and the values bound to `$name`. Says no where the text is well formed and the statement is not (`fill()` without
 * a value, ORDER BY something else than time); what needs the schema or the functions is the planner's to refuse.
 * Long because Ohm takes the actions as one dictionary, whose keys and arity it checks against the grammar.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the semantic actions of Ohm carry no types
import type { MatchResult, Node } from 'ohm-js';
import type {
  CastType,
  Counted,
  Expression,
  IntoTarget,
  KeyMatch,
  MeasurementSource,
  RetentionClauses,
  SelectSource,
  Statement,
} from './ast.ts';
import { parseError, QueryError } from './errors.ts';
import { GRAMMAR_OF_INFLUXQL } from './grammar.ts';
import { toDimension, toFill, toTimeZone } from './group-by.ts';
import { applySign, bindParameter, readDuration, readInteger, readQuoted, readRegex } from './literals.ts';
import { assemble, type Operation } from './precedence.ts';
import { compileRegex } from './regex.ts';
import { describePosition } from './tokens.ts';
import { walk } from './walk.ts';

type Parameters = Readonly<Record<string, unknown>>;
type Action = { args: { params: Parameters } };
type SortField = { readonly name: string | null; readonly descending: boolean };

/** What a field of SELECT may calculate with. */
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);
const NO_CLAUSES = { database: null, sources: [], condition: null, limit: 0, offset: 0 };
/** InfluxDB's names for `<>` and lower-case AND, OR. */
const OPERATOR_NAMES: Readonly<Record<string, string>> = { '<>': '!=', and: 'AND', or: 'OR' };

const semantics = GRAMMAR_OF_INFLUXQL.createSemantics().addOperation<any>('ast(params)', {
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
    };
  },
  Source_subquery(_open, select, _close): SelectSource {
    return { subquery: ast(select, this) };
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
    return all(list.asIteration(), this).map((expression) => toDimension(expression));
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

  Explain(_explain, analyze, select) {
    return { kind: 'explain', analyze: analyze.numChildren > 0, select: ast(select, this) };
  },
  Create(_create, _database, name, retention) {
    const clauses = optional(retention, this);
    return { kind: 'create database', database: ast(name, this), ...(clauses && { retention: clauses }) };
  },
  Retention(_with, clauses): RetentionClauses {
    return { duration: null, replication: null, shardDuration: null, name: null, ...ast(clauses, this) };
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
    return { duration: value.sourceString.toLowerCase() === 'inf' ? 0n : ast(value, this).ns };
  },
  Replication(_replication, count) {
    return { replication: ast(count, this).value };
  },
  ShardDuration(_shard, _duration, value) {
    return { shardDuration: ast(value, this).ns };
  },
  PolicyName(_name, name) {
    return { name: ast(name, this) };
  },
  Drop(_drop, _database, name) {
    return { kind: 'drop database', database: ast(name, this) };
  },
  Show(_show, what) {
    return ast(what, this);
  },
  ShowWhat_seriesCount(_series, exact, _cardinality, on, from, where, limit, offset) {
    return counted('series', exact, null, showClauses(this, on, from, where, limit, offset), this);
  },
  ShowWhat_measurementCount(_measurement, exact, _cardinality, on, from, where, limit, offset) {
    return counted('measurement', exact, null, showClauses(this, on, from, where, limit, offset), this);
  },
  ShowWhat_fieldKeyCount(_field, _key, exact, _cardinality, on, from, where, limit, offset) {
    return counted('field key', exact, null, showClauses(this, on, from, where, limit, offset), this);
  },
  ShowWhat_tagKeyCount(_tag, _key, exact, _cardinality, on, from, where, limit, offset) {
    return counted('tag key', exact, null, showClauses(this, on, from, where, limit, offset), this);
  },
  ShowWhat_tagValueCount(_tag, _values, exact, _cardinality, on, from, key, where, limit, offset) {
    return counted('tag values', exact, key, showClauses(this, on, from, where, limit, offset), this);
  },
  ShowWhat_databases(_databases) {
    return { kind: 'show databases' };
  },
  ShowWhat_policies(_retention, _policies, on) {
    return { kind: 'show retention policies', database: optional(on, this) };
  },
  ShowWhat_measurements(_measurements, on, match, where, _order, limit, offset) {
    const { name, negated } = optional(match, this) ?? { name: null, negated: false };
    const clauses = showClauses(this, on, null, where, limit, offset);
    return { kind: 'show measurements', match: name, negated, ...clauses };
  },
  ShowWhat_fieldKeys(_field, _keys, on, from, _order, limit, offset) {
    return { kind: 'show field keys', ...showClauses(this, on, from, null, limit, offset) };
  },
  ShowWhat_series(_series, on, from, where, _order, limit, offset) {
    return { kind: 'show series', ...showClauses(this, on, from, where, limit, offset) };
  },
  ShowWhat_tagKeys(_tag, _keys, on, from, where, _order, limit, offset, seriesLimit, seriesOffset) {
    const clauses = showClauses(this, on, from, where, limit, offset);
    const pages: { seriesLimit?: number; seriesOffset?: number } = {};
    if (seriesLimit.numChildren > 0) pages.seriesLimit = optional(seriesLimit, this);
    if (seriesOffset.numChildren > 0) pages.seriesOffset = optional(seriesOffset, this);
    return { kind: 'show tag keys', ...clauses, ...pages };
  },
  ShowWhat_tagValues(_tag, _values, on, from, key, where, _order, limit, offset) {
    return { kind: 'show tag values', key: ast(key, this), ...showClauses(this, on, from, where, limit, offset) };
  },
  On(_on, name) {
    return ast(name, this);
  },
  From(_from, sources) {
    return ast(sources, this);
  },
  WithMeasurement_name(_with, _measurement, operator, name) {
    return { name: { text: ast(name, this) }, negated: operator.sourceString !== '=' };
  },
  WithMeasurement_pattern(_with, _measurement, operator, regex) {
    return { name: { regex: ast(regex, this).pattern }, negated: operator.sourceString === '!~' };
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
    const operand: Expression = ast(pattern, this);
    if (operand.kind !== 'regex') {
      const place = describePosition(pattern.source.sourceString, pattern.source.startIdx);
      throw parseError(`found ${pattern.sourceString}, expected regex${place}`, pattern.source.startIdx);
    }
    return { operator: operator.sourceString === '=~' ? '=~' : '!~', operand };
  },
  Rest_operate(operator, operand) {
    const name = operator.sourceString;
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
  identifier_quoted(_open, _parts, _close) {
    return readQuoted(this.sourceString);
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
    return { kind: 'number', value: Number(this.sourceString) };
  },
  integer(_digits) {
    const { sourceString: text, startIdx } = this.source;
    return { kind: 'integer', value: readInteger(this.sourceString, startIdx, describePosition(text, startIdx)) };
  },
  boolean(_word) {
    return { kind: 'boolean', value: this.sourceString.toLowerCase() === 'true' };
  },
  parameter(_form) {
    const name = this.sourceString.slice(1);
    const bare = name.startsWith('"') ? readQuoted(name) : name;
    const bound = bindParameter(bare, (this as unknown as Action).args.params, this.source.startIdx);
    return bound.kind === 'regex' ? toRegex(bound.pattern, this) : bound;
  },
});

export function toStatements(match: MatchResult, params: Parameters): Statement[] {
  return semantics(match)['ast'](params);
}

// private functions

function ast(node: Node, context: Node): any {
  return node['ast']((context as unknown as Action).args.params);
}

function all(list: Node, context: Node): any[] {
  return list.children.map((child) => ast(child, context));
}

/** Of a part with `?`. */
function optional(part: Node, context: Node): any {
  return part.numChildren === 0 ? null : ast(part.child(0), context);
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

function showClauses(context: Node, on: Node, from: Node | null, where: Node | null, limit: Node, offset: Node) {
  return {
    ...NO_CLAUSES,
    database: optional(on, context),
    sources: (from && optional(from, context)) ?? [],
    condition: where && optional(where, context),
    limit: optional(limit, context) ?? 0,
    offset: optional(offset, context) ?? 0,
  };
}

function counted(of: Counted, exact: Node, key: Node | null, clauses: object, context: Node): object {
  return { kind: 'show cardinality', of, exact: exact.numChildren > 0, key: key && ast(key, context), ...clauses };
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
