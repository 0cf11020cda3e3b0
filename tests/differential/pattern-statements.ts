/** Statements about regular expressions: everything that RE2 has in a pattern, and what it refuses, at every place that takes one. */
import type { Random } from '../support/random.ts';
import { SHAPES } from './data.ts';
import { bounds, type Kind, pickShape, quote, tail } from './statement-parts.ts';

export const PATTERN_KINDS: readonly Kind[] = [
  { name: 'patterns', weight: 3, make: (random) => ({ q: patterns(random) }) },
  { name: 'broken patterns', weight: 1, make: (random) => ({ q: withPattern(random, brokenPattern(random)) }) },
];

// private functions

function patterns(random: Random): string {
  return withPattern(random, pattern(random, 2));
}

/** The slashes of a pattern are escaped here; everything else stands as it is. */
function withPattern(random: Random, text: string): string {
  const shape = pickShape(random);
  const re = `/${text.replaceAll('/', '\\/')}/`;
  const fields = Object.keys(shape.fields);
  const field = quote(random.pick(fields));
  const texts = fields.filter((name) => shape.fields[name] === 'string');
  const column = quote(random.pick([...shape.tags, ...shape.tags, ...(texts.length > 0 ? texts : fields)]));
  const from = `FROM ${quote(shape.name)}`;
  const operator = random.pick(['=~', '=~', '!~']);
  const q = random.pick([
    `SELECT ${field} ${from} WHERE ${column} ${operator} ${re}`,
    `SELECT * ${from} WHERE ${column} ${operator} ${re}`,
    `SELECT count(${field}) ${from} WHERE ${column} ${operator} ${re} GROUP BY *`,
    `SELECT count(${field}) ${from} WHERE ${column} ${operator} ${re} AND ${bounds(random)} GROUP BY time(5m)`,
    `SELECT ${field} ${from} WHERE NOT_A_TAG ${operator} ${re}`,
    `SELECT ${field} ${from} WHERE (${column} ${operator} ${re} OR ${column} = 'a')`,
    `SELECT ${re} ${from}`,
    `SELECT ${re}::field ${from}`,
    `SELECT count(${re}) ${from}`,
    `SELECT last(${re}), count(${field}) ${from}`,
    `SELECT count(${field}) ${from} GROUP BY ${re}`,
    `SELECT count(*) FROM ${re}`,
    `SELECT * FROM ${re}`,
    `SELECT ${field} FROM d.autogen.${re}`,
    `SELECT count(${field}) FROM d..${re}, ${quote(random.pick(SHAPES).name)}`,
    `SELECT count(x) FROM (SELECT ${field} AS x FROM ${re})`,
  ]);
  if (random.next() < 0.75) return q + tail(random, shape);
  return random.pick([
    `SHOW MEASUREMENTS WITH MEASUREMENT ${operator} ${re}`,
    `SHOW TAG KEYS FROM ${re}`,
    `SHOW FIELD KEYS FROM ${re}`,
    `SHOW SERIES FROM ${re}`,
    `SHOW TAG VALUES WITH KEY ${operator} ${re}`,
    `SHOW TAG VALUES FROM ${re} WITH KEY ${operator} ${re}`,
    `SHOW TAG VALUES FROM cpu WITH KEY = host WHERE host ${operator} ${re}`,
    `SHOW SERIES FROM cpu WHERE host ${operator} ${re}`,
    `SHOW SERIES EXACT CARDINALITY FROM ${re}`,
    `SHOW TAG KEYS FROM cpu WHERE region ${operator} ${re}`,
  ]);
}

const ATOMS = [
  ...[
    'a',
    'b',
    'c',
    'e',
    'o',
    'u',
    's',
    'x',
    'm',
    'host',
    'eu',
    'cpu',
    'ö',
    'ß',
    '日',
    'É',
    ' ',
    '-',
    '/',
    '"',
    "'",
    '=',
  ],
  ...[
    '.',
    '\\.',
    '\\d',
    '\\D',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
    '\\b',
    '\\B',
    '\\pL',
    '\\p{L}',
    '\\PL',
    '\\p{Greek}',
    '\\pN',
  ],
  ...['\\p{Han}', '\\P{Lu}', '[a-c]', '[^a]', '[[:alpha:]]', '[[:^digit:]]', '[\\w-]', '[]a]', '[a\\]]', '[\\p{L}0-9]'],
  ...[
    '[äöü]',
    '[^\\x00-\\x7F]',
    '\\x61',
    '\\x{65E5}',
    '\\t',
    '\\n',
    '\\a',
    '\\f',
    '\\101',
    '\\Qa.b\\E',
    '\\Q.',
    '\\\\',
  ],
];

function pattern(random: Random, depth: number): string {
  const pieces = Array.from({ length: random.between(1, 3) }, () => piece(random, depth));
  let text = pieces.join('');
  if (random.next() < 0.25) text = `${text}|${piece(random, depth)}`;
  if (random.next() < 0.05) text = `${text}|`;
  if (random.next() < 0.2) text = random.pick(['^', '\\A', '^^']) + text;
  if (random.next() < 0.2) text += random.pick(['$', '\\z', '$$']);
  if (depth === 2 && random.next() < 0.2)
    text = `(?${random.pick(['i', 's', 'm', 'U', 'is', 'i-s', '-i', 'imsU'])})${text}`;
  return text;
}

function piece(random: Random, depth: number): string {
  const isGroup = depth > 0 && random.next() < 0.25;
  const open = random.pick(['(', '(?:', '(?i:', '(?P<n>', '(?s-i:']);
  const atom = isGroup ? `${open}${pattern(random, depth - 1)})` : random.pick(ATOMS);
  if (random.next() > 0.25) return atom;
  return atom + random.pick(['*', '+', '?', '*?', '+?', '??', '{1}', '{0,2}', '{2,}', '{1,2}?', '{0}']);
}

function brokenPattern(random: Random): string {
  return random.pick([
    ...['(', ')', 'a(b', 'a)b', '[', '[a', '[z-a]', '[]', '*', '+a', '?', 'a**', 'a+*', 'a{2,1}', 'a{1001}', 'a{,2}'],
    ...[
      'a{',
      '\\y',
      '\\8',
      '\\1',
      '(a)\\1',
      '\\pX',
      '\\p{Nope}',
      '\\p{',
      '\\x',
      '\\xg',
      '\\x{110000}',
      '\\x{',
      '(?=a)',
    ],
    ...['(?!a)', '(?<=a)', '(?<n>a)', '(?P<n', '(?P<n>', '(?P<>a)', '(?P<n>a)(?P<n>b)', '(?P=n)', '(?z)', '(?i', '(?'],
    ...[
      '(?i-)',
      '(?--i)',
      '[[:nope:]]',
      '[[:alpha:]',
      '[\\d-z]',
      '[a-\\d]',
      '\\Z',
      '\\G',
      '\\K',
      '\\u0061',
      '\\cA',
      '\\E',
    ],
    ...['(?#c)a', 'a{2}{3}', 'a???', '(a{1000}){1000}', '(?>a)', 'x{2,1001}', '(|a)*', '[^]', '[a--b]', '\\C', 'a||b'],
  ]);
}
