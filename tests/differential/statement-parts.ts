/**
 * The parts that the statements of all kinds are made of: sources, calls, conditions, bounds of time, clauses at the end. Whoever makes
 * statements of a new kind takes them from here.
 */
import type { Random } from '../support/random.ts';
import { type MeasurementShape, MINUTE, SHAPES, SPAN, START } from './data.ts';

export interface Kind {
  readonly name: string;
  readonly weight: number;
  readonly make: (random: Random) => { q: string; parameters?: Record<string, string> };
}

/** How often what InfluxDB is known to do badly is asked for, where there is a choice. */
export const SELDOM = 0.1;

export const NUMERIC = ['mean', 'sum', 'spread', 'stddev', 'median', 'min', 'max'];
export const ANY_TYPE = ['count', 'first', 'last', 'mode', 'distinct'];
export const SELECTORS = ['first', 'last', 'min', 'max', 'percentile'];
export const INTERVALS = ['10s', '30s', '1m', '5m', '7m', '90s', '1h', '1500ms'];

/** Words among the names of data.ts that cannot stand without quotes. */
const RESERVED: ReadonlySet<string> = new Set(['all', 'select', 'from', 'where', 'group', 'limit']);

export const UNITS = ['1s', '10s', '1m', '7m', '1h', '100ms'];

/** Seldom the one whose sums pass every limit: most of what is asked of it InfluxDB answers with the text of an error. */
export function pickShape(random: Random): MeasurementShape {
  const shape = random.pick(SHAPES);
  return shape.name === 'edge' && random.next() > SELDOM ? SHAPES[0] : shape;
}

export function call(random: Random, shape: MeasurementShape, among: readonly string[] = []): string {
  const [field, type] = random.pick(Object.entries(shape.fields));
  const numeric = type === 'float' || type === 'integer' || random.next() < 0.05;
  const names = among.length > 0 ? among : numeric ? [...NUMERIC, ...ANY_TYPE, 'percentile'] : ANY_TYPE;
  const name = random.pick(names);
  // The rules of known differences know these two by the names of their columns.
  const plain = among.length > 0 || name === 'mode' || name === 'percentile';
  const alias = random.next() < 0.1 && !plain ? ' AS y' : '';
  const cast = random.next() < 0.05 ? `::${random.pick(['float', 'integer', 'string', 'boolean', 'field'])}` : '';
  return functionOf(name, quote(field) + cast, random) + alias;
}

export function functionOf(name: string, field: string, random: Random): string {
  if (name === 'percentile') return `percentile(${field}, ${random.pick(['50', '90', '99.9', '1', '25.5'])})`;
  if (name === 'count' && random.next() < 0.2) return `count(distinct(${field}))`;
  return `${random.next() < 0.1 ? name.toUpperCase() : name}(${field})`;
}

export function where(random: Random, shape: MeasurementShape): string {
  const form = random.next();
  if (form < 0.4) return '';
  if (form < 0.6) return ` WHERE ${bounds(random)}`;
  if (form < 0.8) return ` WHERE ${comparison(random, shape)}`;
  return ` WHERE ${bounds(random)}${and(random, shape)}`;
}

export function and(random: Random, shape: MeasurementShape): string {
  return random.next() < 0.6 ? '' : ` AND ${comparison(random, shape)}`;
}

/** Two bounds of time, in one of the spellings. */
export function bounds(random: Random): string {
  const year = random.next() < SELDOM / 5 ? BigInt(random.pick([-40, -23, 1, 7, 150])) * 31_536_000n : 0n;
  const from = START + (year + BigInt(random.between(-300, 1_500))) * 1_000_000_000n;
  const to = from + BigInt(random.between(1, 1_500)) * 1_000_000_000n;
  const end = year === 0n && to > START + SPAN + 5n * MINUTE ? START + SPAN : to;
  return `time ${random.pick(['>=', '>'])} ${spell(random, from)} AND time ${random.pick(['<', '<='])} ${spell(random, end)}`;
}

export function groupByTags(random: Random, shape: MeasurementShape): string {
  if (random.next() < 0.6) return '';
  return ` GROUP BY ${random.pick(['*', '/o/', ...shape.tags.map(quote), shape.tags.map(quote).join(', ') || '*', 'nope'])}`;
}

export function tail(random: Random, shape: MeasurementShape): string {
  let text = '';
  if (random.next() < 0.2) text += ` ORDER BY time${random.pick(['', ' ASC', ' DESC', ' desc'])}`;
  if (random.next() < 0.25) {
    const limit = random.between(0, 5);
    text += ` LIMIT ${limit}`;
    // LIMIT 0 is none, and OFFSET alone does not what it says
    if (random.next() < 0.3 * (limit > 0 ? 1 : SELDOM)) text += ` OFFSET ${random.between(0, 5)}`;
  } else if (random.next() < SELDOM / 50) text += ` OFFSET ${random.between(0, 5)}`;
  if (shape.tags.length > 0 && random.next() < 0.04) text += ` SLIMIT ${random.between(1, 3)}`;
  if (shape.tags.length > 0 && random.next() < 0.02) text += ` SOFFSET ${random.between(0, 3)}`;
  return text;
}

export function some(random: Random, list: readonly string[], most: number): string[] {
  const found = new Set(Array.from({ length: random.between(1, most) }, () => random.pick(list)));
  return [...found];
}

export function quote(name: string): string {
  const isBare = name === '*' || (/^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name));
  return isBare ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

export function conditionTree(random: Random, shape: MeasurementShape, depth: number): string {
  if (depth === 0 || random.next() < 0.3) return comparison(random, shape);
  const operator = random.pick(['AND', 'OR', 'and']);
  const inner = `${conditionTree(random, shape, depth - 1)} ${operator} ${conditionTree(random, shape, depth - 1)}`;
  return random.next() < 0.5 ? `(${inner})` : inner;
}

export function comparison(random: Random, shape: MeasurementShape): string {
  const form = random.next();
  if (form < 0.35 && shape.tags.length > 0) return tagComparison(random, shape);
  if (form < 0.45) return bounds(random);
  if (form < 0.5) return random.pick(['true', 'false', '1 = 1', "nope = 'a'", 'nope > 1', "nope != 'a'", 'time > 0']);
  return fieldComparison(random, shape);
}

// private functions

function spell(random: Random, ns: bigint): string {
  const iso = new Date(Number(ns / 1_000_000n)).toISOString();
  return random.pick([
    String(ns),
    `${ns / 1_000_000n}ms`,
    `${ns / 1_000_000_000n}s`,
    `'${iso}'`,
    `'${iso.slice(0, 19).replace('T', ' ')}'`,
    `'${iso.slice(0, 19)}Z'`,
    `'${iso.slice(0, 19).replace('T', ' ')}' + 10s`,
  ]);
}

function tagComparison(random: Random, shape: MeasurementShape): string {
  const tag = quote(random.pick(shape.tags));
  const value = random.pick(shape.tagValues).replace(/['\\]/g, '\\$&');
  return random.pick([
    `${tag} = '${value}'`,
    `${tag} != '${value}'`,
    `${tag} <> '${value}'`,
    `${tag} =~ /a|b/`,
    `${tag} !~ /a/`,
    `${tag} =~ /^$/`,
    `${tag}::tag = '${value}'`,
    `${tag} = ''`,
    `${tag} =~ /.*/`,
    `'${value}' = ${tag}`,
  ]);
}

function fieldComparison(random: Random, shape: MeasurementShape): string {
  const [name, type] = random.pick(Object.entries(shape.fields));
  const field = quote(name);
  const operator = random.pick(['=', '!=', '<', '<=', '>', '>=', '<>']);
  const number = random.pick(['0', '3', '-1', '50', '12.5', '2.0', '9007199254740993', '-0.5']);
  if (random.next() < 0.08) return `${field} ${operator} ${random.pick(['1', "'x'", 'true', '1.5', '5m'])}`;
  if (type === 'boolean') return `${field} ${random.pick(['=', '!='])} ${random.pick(['true', 'false'])}`;
  if (type === 'string') {
    return random.pick([
      `${field} = '${random.pick(['x', 'on', 'field', ''])}'`,
      `${field} != 'x'`,
      `${field} =~ /err|o/`,
      `${field} !~ /e/`,
      `${field} =~ /(?i)ERROR/`,
    ]);
  }
  return random.pick([
    `${field} ${operator} ${number}`,
    `${field} ${operator} ${number}`,
    `${number} ${operator} ${field}`,
    `${field} * 2 ${operator} ${number}`,
    `${field} + ${field} ${operator} ${number}`,
    `(${field} - 1) ${operator} ${number}`,
    `${field}::${random.pick(['float', 'integer'])} ${operator} ${number}`,
  ]);
}
