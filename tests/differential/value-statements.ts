/** Statements about values: truths, bits, remainders, divisions, the ends of whole numbers, casts; in the list and in the condition. */
import type { Random } from '../support/random.ts';
import { SHAPES } from './data.ts';
import { type Kind, pickShape, quote, SELDOM, tail } from './statement-parts.ts';

export const VALUE_KINDS: readonly Kind[] = [
  { name: 'truths', weight: 1, make: (random) => ({ q: truths(random) }) },
  { name: 'whole numbers', weight: 2, make: (random) => ({ q: wholeNumbers(random) }) },
  { name: 'casts', weight: 1, make: (random) => ({ q: casts(random) }) },
];

const FLAGS = SHAPES.find(({ name }) => name === 'flags')!;

// private functions

function truths(random: Random): string {
  const operand = (): string =>
    random.pick([
      'p',
      'q',
      'p',
      'q',
      'true',
      'false',
      'p::boolean',
      'nope',
      'a',
      ...(random.next() < SELDOM ? ['g'] : []),
    ]);
  const bits = (): string => `${operand()} ${random.pick(['&', '|', '^'])} ${operand()}`;
  const expression = random.pick([
    bits(),
    `(${bits()}) ${random.pick(['&', '|', '^'])} ${operand()}`,
    `${operand()} + ${operand()}`,
    `-${operand()}`,
  ]);
  const condition = random.pick([
    `(${bits()}) = ${random.pick(['true', 'false', 'p', '1', "'true'"])}`,
    `${operand()} = ${operand()}`,
    `${operand()} != ${operand()}`,
    `${operand()} ${random.pick(['<', '>', '<=', '>='])} ${operand()}`,
    operand(),
    bits(),
    `${operand()} AND ${operand()}`,
    `p = true OR q = false`,
    `(p = q) = true`,
    `p = true AND (q = false OR a > 0)`,
    `true = p`,
    `p =~ /t/`,
    `(a > 0) = p`,
    `a > 0 AND true`,
    `a > 0 OR true`,
    `(p AND q) OR a = 1`,
  ]);
  const call = random.pick(['count', 'first', 'last', 'mode', 'distinct', 'max', 'min', 'sum', 'mean', 'spread']);
  return random.pick([
    `SELECT ${expression} FROM flags${tail(random, FLAGS)}`,
    `SELECT ${expression} AS x, a FROM flags${tail(random, FLAGS)}`,
    `SELECT a, p FROM flags WHERE ${condition}${tail(random, FLAGS)}`,
    `SELECT count(a) FROM flags WHERE ${condition} GROUP BY g`,
    `SELECT ${call}(${random.pick(['p', 'q'])}) FROM flags GROUP BY *`,
    `SELECT ${call}(x) FROM (SELECT ${random.next() < SELDOM ? bits() : 'p & q'} AS x FROM flags GROUP BY *) GROUP BY *`,
    `SELECT last(p) & last(q) FROM flags GROUP BY *`,
    `SELECT ${call}(p) FROM flags WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(5m), * fill(${random.pick(['0', 'previous', 'linear', 'none', 'true'])})`,
  ]);
}

function wholeNumbers(random: Random): string {
  const isLarge = random.next() < 0.15;
  const operand = (): string =>
    isLarge
      ? random.pick([
          'i',
          'i',
          'small',
          '9223372036854775807',
          '-9223372036854775808',
          ...(random.next() < SELDOM ? ['9223372036854775808', '18446744073709551615'] : []),
          '4611686018427387904',
          '2',
        ])
      : random.pick(['a', 'b', 'a', 'b', 'u', '0', '1', '-1', '2', '-3', '7', '2.0', '-2.5', '0.0', '4294967296']);
  // two signs begin a comment
  const positive = (): string => operand().replace(/^-/, '');
  const operator = (): string => random.pick(['+', '-', '*', '/', '/', '%', '%', '&', '|', '^']);
  const one = (): string => `${operand()} ${operator()} ${operand()}`;
  const expression = random.pick([
    one(),
    one(),
    `(${one()}) ${operator()} ${operand()}`,
    `${operand()} ${operator()} (${one()})`,
    `-(${one()})`,
    `-${positive()}`,
    `a % -b`,
    `${operand()} ${operator()} -${positive()}`,
  ]);
  const from = isLarge ? 'huge' : 'flags';
  const first = isLarge ? 'i' : 'a';
  const compare = `${random.pick(['=', '!=', '<', '>=', '>'])} ${operand()}`;
  return random.pick([
    `SELECT ${expression} FROM ${from}${tail(random, FLAGS)}`,
    `SELECT ${expression} AS x FROM ${from} GROUP BY *`,
    `SELECT ${first} FROM ${from} WHERE ${expression} ${compare}`,
    `SELECT count(${first}) FROM ${from} WHERE ${compare.slice(-1) === '' ? first : `(${expression}) ${compare}`}`,
    ...(isLarge
      ? []
      : [
          `SELECT sum(a) % max(b), count(a) / count(b) FROM flags GROUP BY *`,
          `SELECT sum(x) FROM (SELECT ${random.next() < SELDOM ? expression : expression.replace(/[/%&|^]/g, '*')} AS x FROM flags GROUP BY *) GROUP BY *`,
          `SELECT sum(a) ${operator()} sum(b), max(a) ${operator()} ${operand()} FROM flags WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(5m), *`,
          `SELECT a FROM flags WHERE a ${operator()} b ${compare} AND b != 0`,
        ]),
  ]);
}

/** Of every column of every measurement to every type, also where its name is a tag, a field, both, or neither. */
function casts(random: Random): string {
  const shape = pickShape(random);
  const type = (): string => random.pick(['float', 'integer', 'unsigned', 'float', 'integer']);
  const any = (): string =>
    random.pick(['string', 'boolean', 'tag', 'Float', 'int', 'time', 'unsigned', 'float', 'integer']);
  const column = (): string => {
    const [name, own] = random.pick(Object.entries(shape.fields));
    if (random.next() < 0.6) return `${quote(name)}::${own === 'string' || own === 'boolean' ? own : type()}`;
    const tag = shape.tags.length > 0 && random.next() < 0.5 ? random.pick(shape.tags) : null;
    if (tag !== null) return `${quote(tag)}::${random.next() < SELDOM ? type() : 'tag'}`;
    return random.next() < SELDOM ? `nope::${type()}` : `${quote(name)}::${random.next() < SELDOM ? any() : 'field'}`;
  };
  const from = `FROM ${quote(shape.name)}`;
  const value = random.pick(['0', '1', '2.5', '-1', "'x'", "'a'", 'true', "''", '1000000']);
  const operator = random.pick(['=', '!=', '<', '>', '<=', '>=']);
  return random.pick([
    `SELECT ${column()}, ${column()} ${from}${tail(random, shape)}`,
    `SELECT ${column()} ${from} WHERE ${column()} ${operator} ${value}`,
    `SELECT * ${from} WHERE ${column()} ${operator} ${value}`,
    `SELECT * ${from} WHERE ${column()} ${operator} ${column()}`,
    `SELECT ${random.pick(['count', 'mean', 'max', 'last', 'sum', 'distinct'])}(${column()}) ${from}`,
    `SELECT ${column()} + 1 AS x ${from}${tail(random, shape)}`,
    `SELECT ${column()} * ${column()} AS x ${from}${tail(random, shape)}`,
    `SELECT x::${random.next() < SELDOM ? any() : type()} FROM (SELECT ${column()} AS x ${from})`,
    `SELECT count(${column()}) ${from} GROUP BY ${quote(shape.tags[0] ?? 'nope')}::${random.pick(['tag', 'field', 'string'])}`,
    `SELECT *::${random.pick(['field', 'tag', 'float'])} ${from}${tail(random, shape)}`,
    `SELECT count(*::${random.pick(['field', 'tag'])}) ${from}`,
    `SELECT ${column()} ${from} WHERE ${column()} =~ /./`,
  ]);
}
