/**
 * What a stated field stands for: wildcards and regexes, alone or inside of calls, become the columns they mean; the tags that top and
 * bottom name become columns of their own. Called by the planner once the schema is known.
 */
import type { FieldType } from '../../model/index.ts';
import { FUNCTIONS } from '../functions/create.ts';
import { TRANSFORMS } from '../functions/transform.ts';
import type { Expression, SelectField } from '../language/ast.ts';
import { printExpression } from '../language/print-expression.ts';
import { compileRegex } from '../language/regex.ts';
import { unwrap, walk } from '../language/walk.ts';
import { isWildcard } from './check.ts';

type Call = Expression & { kind: 'call' };

interface Names {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: readonly string[];
}

export function expanded(field: SelectField, names: Names): SelectField[] {
  return expand(field, names).flatMap(withChosenTags).flatMap(withBuckets);
}

/** Names of the tags that top and bottom take: SELECT … INTO writes them as tags. */
export function chosenTags(fields: readonly SelectField[]): string[] {
  return fields.flatMap(({ expression }) =>
    (chooserIn(expression)?.args.slice(1, -1) ?? []).flatMap((tag) => (tag.kind === 'reference' ? [tag.name] : [])),
  );
}

// private functions

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

/** A histogram is a column for each of its buckets, named by the border that they end at. */
function withBuckets(field: SelectField): SelectField[] {
  const e = unwrap(field.expression);
  if (e.kind !== 'call' || e.name !== 'histogram') return [field];
  const [input, ...borders] = e.args;
  const infinite: Expression = { kind: 'number', value: Number.POSITIVE_INFINITY };
  return [...borders, infinite].map((border, i) => ({
    expression: { ...e, args: i === 0 ? [input, border] : [input, border, borders[i - 1]] },
    alias: `${field.alias ?? 'histogram'}_${border === infinite ? 'inf' : printExpression(border)}`,
  }));
}

function chooserIn(expression: Expression): Call | null {
  let found: Call | null = null;
  walk(expression, (e) => {
    if (e.kind === 'call' && (e.name === 'top' || e.name === 'bottom')) found = e;
    return undefined;
  });
  return found;
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
