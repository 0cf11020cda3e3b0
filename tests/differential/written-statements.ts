/**
 * How statements are written and asked: names in quotes that need them and that do not, several statements in one request with one wrong
 * among them, values that are bound, pages of what SHOW tells.
 */
import type { Random } from '../support/random.ts';
import { SHAPES } from './data.ts';
import { bounds, type Kind, pickShape, quote, SELDOM, tail, where } from './statement-parts.ts';

export const WRITTEN_KINDS: readonly Kind[] = [
  { name: 'names', weight: 3, make: (random) => ({ q: names(random) }) },
  { name: 'one wrong', weight: 2, make: (random) => ({ q: oneWrong(random) }) },
  { name: 'bound values', weight: 2, make: boundValues },
  { name: 'pages of SHOW', weight: 3, make: (random) => ({ q: pages(random) }) },
];

// private functions

const HARD = SHAPES.filter(({ name }) => !/^(cpu|mem|huge|edge|lone|one|steps|ages|flags|dst)$/.test(name));
const WORDS = [
  'select',
  'from',
  'where',
  'time',
  'all',
  'duration',
  'key',
  'name',
  'SELECT',
  'now',
  'x y',
  'a"b',
  "a'b",
  'a\\b',
  'a=b',
  'ö',
  '日本',
  '',
  '*',
  '1a',
  'a.b',
  'value',
  'fill',
];

/** In quotes where they need them, in quotes where they do not, and without where they do. */
function names(random: Random): string {
  const shape = random.pick(HARD);
  const fields = Object.keys(shape.fields);
  const written = (name: string): string =>
    random.next() < 0.9 ? `"${name.replace(/["\\]/g, '\\$&')}"` : random.pick([name, `"${name}"`, `'${name}'`]);
  const f = written(random.pick(fields));
  const m = written(shape.name);
  const tag = written(random.pick(shape.tags));
  const value = `'${random.pick(shape.tagValues).replace(/['\\]/g, '\\$&')}'`;
  const alias = `"${random.pick(WORDS).replace(/["\\]/g, '\\$&')}"`;
  const word = random.pick(WORDS);
  return random.pick([
    `SELECT ${f}, ${tag} FROM ${m} WHERE ${tag} = ${value}`,
    `SELECT ${f} AS ${alias} FROM ${m} GROUP BY ${tag}`,
    `SELECT count(${f}) AS ${alias}, last(${f}) AS ${alias} FROM ${m}`,
    `SELECT max(${alias}) FROM (SELECT ${f} AS ${alias} FROM ${m} GROUP BY ${tag}) GROUP BY ${tag}`,
    `SELECT * FROM ${m} WHERE ${f} != 0${tail(random, shape)}`,
    `SELECT ${f} FROM d.autogen.${m} WHERE ${tag} != ${value}`,
    `SELECT ${f} FROM "d"."autogen".${m} GROUP BY *`,
    `SELECT ${word} FROM ${m}`,
    `SELECT ${f} AS ${word} FROM ${m}`,
    `SELECT ${f} FROM ${m} GROUP BY ${word}`,
    `SELECT ${f} FROM ${word}`,
    `SELECT "${word}" FROM ${m}`,
    `SELECT ${m}.${f} FROM ${m}`,
    `SELECT count(*) FROM ${m} GROUP BY ${tag}`,
    `SHOW TAG VALUES FROM ${m} WITH KEY = ${tag}`,
    `SHOW TAG VALUES WITH KEY IN (${tag}, ${alias}) WHERE ${tag} = ${value}`,
    `SHOW SERIES FROM ${m} WHERE ${tag} = ${value}`,
    `SHOW FIELD KEYS FROM ${m}`,
    `SHOW TAG KEYS FROM ${m}`,
    `SHOW MEASUREMENTS WITH MEASUREMENT = ${m}`,
    `SELECT ${f} FROM ${m} WHERE ${tag} = '${random.pick(['\\n', '\\x', '\\', "it''s", 'a\\\\b', '\\"', 'two\nlines', '\\t'])}'`,
  ]);
}

/** What stands before the wrong one is answered, and what stands behind it is not. */
function oneWrong(random: Random): string {
  const good = (): string => {
    const shape = pickShape(random);
    const field = quote(random.pick(Object.keys(shape.fields)));
    return random.pick([
      `SELECT ${field} FROM ${quote(shape.name)}${where(random, shape)} LIMIT 3`,
      `SELECT count(${field}) FROM ${quote(shape.name)}`,
      'SHOW DATABASES',
      'SHOW TAG KEYS FROM cpu',
      'SELECT v FROM nowhere',
    ]);
  };
  const wrong = random.pick([
    'SELECT mean(note) FROM cpu',
    'SELECT usage FROM nodatabase..cpu',
    'SELECT usage FROM d.nopolicy.cpu',
    'SELECT nope(usage) FROM cpu',
    'SELECT usage, mean(usage) FROM cpu',
    'SHOW TAG KEYS ON nodatabase',
    'SHOW RETENTION POLICIES ON nodatabase',
    'DROP USER nobody',
    'SHOW TAG VALUES FROM cpu',
    'KILL QUERY 999999',
    'SELECT 5 FROM cpu',
    'SELECT',
    ')',
  ]);
  const statements = Array.from({ length: random.between(1, 3) }, good);
  statements.splice(random.between(0, statements.length), 0, wrong);
  return statements.join(random.pick([';', '; ', ' ;\n', ';;']));
}

/** Values of every type, as plain ones and as objects that name their type, wherever something may be bound and where nothing may. */
function boundValues(random: Random): { q: string; parameters: Record<string, string> } {
  const right: Record<string, readonly unknown[]> = {
    number: [0, -3, 2.5, 1e3, -0.25, 9007199254740991, 1e21, { integer: 5 }, { float: 2.5 }],
    text: ['up', '', "it's", 'a"b', 'ö', 'two\nlines', { string: 'up' }, { string: "'" }],
    truth: [true, false, { boolean: true }],
    pattern: [
      { regex: 'u|a' },
      { regex: '^[s-z]' },
      { regex: '' },
      { regex: '(?i)UP' },
      { regex: '(' },
      { regex: 5 },
      { regex: '/' },
    ],
    name: [{ identifier: 'v' }, { identifier: 'n' }, { identifier: 'a b' }, { identifier: '' }, { identifier: 'k' }],
    length: [
      { duration: '5m' },
      { duration: '1h30m' },
      { duration: '-90s' },
      { duration: 60_000_000_000 },
      { duration: '' },
      { duration: 'x' },
      { duration: '5' },
      { duration: 1.5 },
    ],
    time: [
      '2024-01-10T00:05:00Z',
      '2024-01-10',
      1704845100000000000,
      { string: '2024-01-10 00:05:00' },
      { integer: '1704845100000000000' },
    ],
  };
  const wrong: readonly unknown[] = [
    null,
    [],
    [1],
    {},
    { a: 1 },
    { regex: 'a', duration: '1m' },
    { integer: 'x' },
    { float: 'x' },
    { boolean: 5 },
    { nope: 'x' },
    { string: 5 },
    { identifier: 1 },
    { integer: 1.5 },
    { Regex: 'x' },
  ];
  const params: Record<string, unknown> = {};
  const bind = (type: string): string => {
    const all = Object.values(right).flat();
    const chosen = random.next();
    params[type] = random.pick(chosen < 0.85 ? right[type] : chosen < 0.95 ? wrong : all);
    return random.next() < 0.9 ? `$${type}` : `$"${type}"`;
  };
  const q = random.pick([
    () => `SELECT v FROM steps WHERE n > ${bind('number')}`,
    () => `SELECT v FROM steps WHERE v = ${bind('number')} OR n < -${bind('number')}`,
    () => `SELECT v * ${bind('number')} FROM steps LIMIT 4`,
    () => `SELECT v FROM steps WHERE k = ${bind('text')}`,
    () => `SELECT v FROM steps WHERE k != ${bind('text')} AND n = 3`,
    () => `SELECT count(p) FROM flags WHERE p = ${bind('truth')}`,
    () => `SELECT p & ${bind('truth')} FROM flags LIMIT 4`,
    () => `SELECT count(v) FROM steps WHERE k =~ ${bind('pattern')} GROUP BY k`,
    () => `SELECT count(v) FROM steps WHERE k !~ ${bind('pattern')}`,
    () => `SELECT count(v) FROM ${bind('pattern')}`,
    () => `SELECT ${bind('pattern')} FROM steps LIMIT 2`,
    () => `SELECT ${bind('name')} FROM steps LIMIT 3`,
    () => `SELECT max(${bind('name')}) FROM steps GROUP BY k`,
    () => `SELECT count(v) FROM steps GROUP BY ${bind('name')}`,
    () => `SELECT v FROM steps WHERE ${bind('name')} > 3 LIMIT 3`,
    () => `SELECT v AS ${bind('name')} FROM steps LIMIT 3`,
    () =>
      `SELECT count(v) FROM steps WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(${bind('length')})`,
    () =>
      `SELECT count(v) FROM steps WHERE time >= '2024-01-10' AND time < '2024-01-10T00:30:00Z' GROUP BY time(5m, ${bind('length')})`,
    () => `SELECT derivative(v, ${bind('length')}) FROM steps WHERE k = 'up' LIMIT 4`,
    () => `SELECT count(v) FROM steps WHERE time >= ${bind('time')}`,
    () => `SELECT count(v) FROM steps WHERE time >= ${bind('time')} AND time < ${bind('time')} + ${bind('length')}`,
    () => `SELECT count(v) FROM steps WHERE ${bounds(random)} GROUP BY time(5m) fill(${bind('number')})`,
    () => `SELECT moving_average(v, ${bind('number')}) FROM steps WHERE k = 'up'`,
    () => `SELECT v FROM steps LIMIT ${bind('number')}`,
    () => `SELECT v FROM steps LIMIT 3 OFFSET ${bind('number')}`,
    () => `SELECT v FROM steps GROUP BY * SLIMIT ${bind('number')}`,
    () => `SELECT v FROM ${bind('name')}`,
    () => `SELECT v FROM d..${bind('name')}`,
    () => `SELECT v FROM ${bind('text')}`,
    () => `SHOW TAG VALUES FROM steps WITH KEY = ${bind('name')}`,
    () => `SHOW TAG VALUES WITH KEY = ${bind('text')} LIMIT 3`,
    () => `SHOW TAG VALUES FROM steps WITH KEY =~ ${bind('pattern')}`,
    () => `SHOW SERIES FROM ${bind('name')}`,
    () => `SHOW SERIES FROM steps WHERE k = ${bind('text')} LIMIT ${bind('number')}`,
    () => `SHOW MEASUREMENTS WITH MEASUREMENT = ${bind('text')}`,
    () => `SHOW FIELD KEYS ON ${bind('text')}`,
    () => `SELECT mean(v) FROM steps tz(${bind('text')})`,
    () => `SELECT percentile(v, ${bind('number')}) FROM steps`,
    () => `SELECT v FROM steps ORDER BY ${bind('name')}`,
    () => `DROP USER ${bind('name')}`,
  ])();
  const texts = [
    '',
    '[]',
    '5',
    '"x"',
    'null',
    '{',
    '{}',
    '{"a":}',
    ' {"number":1} ',
    '{"number":1}x',
    '{"number":99999999999999999999}',
    '{"number":1,"number":2}',
  ];
  return { q, parameters: { params: random.next() < 0.95 ? JSON.stringify(params) : random.pick(texts) } };
}

function pages(random: Random): string {
  const from = random.pick([
    '',
    ' FROM cpu',
    ' FROM /s/',
    ' FROM /^[a-m]/, steps',
    ' FROM nowhere',
    ' FROM /nope/',
    ' FROM d..cpu',
    ' FROM autogen././',
    ' FROM d.autogen.steps, mem',
  ]);
  const order = random.pick([
    '',
    '',
    '',
    ' ORDER BY time',
    ' ORDER BY ASC',
    ' ORDER BY DESC',
    ' ORDER BY key',
    ' ORDER BY x, y',
  ]);
  const page = random.pick([
    '',
    ' LIMIT 3',
    ' LIMIT 2 OFFSET 1',
    ' OFFSET 2',
    ' LIMIT 0',
    ' LIMIT 100',
    ' LIMIT 1 OFFSET 50',
    ' SLIMIT 1',
    ' SLIMIT 2 SOFFSET 1',
    ' LIMIT 2 SLIMIT 1',
    ' OFFSET 1 LIMIT 1',
    ' LIMIT -1',
    ' LIMIT x',
  ]);
  const key = random.pick([
    '= k',
    '= "host"',
    "= 'host'",
    '!= k',
    'IN (k, host)',
    'IN (k)',
    'IN ()',
    'IN k',
    '=~ /^[hk]/',
    '!~ /s/',
    '=~ /$^/',
    '= /k/',
    '=~ k',
    '> k',
    '',
  ]);
  const where = random.pick([
    '',
    '',
    '',
    " WHERE k = 'up'",
    ' WHERE host =~ /a/',
    " WHERE region != ''",
    ' WHERE time > 0',
    " WHERE k = 'up' OR host = 'a'",
    " WHERE (k = 'up')",
    ' WHERE true',
    ' WHERE k',
    " WHERE 'a' = host",
  ]);
  return random.pick([
    `SHOW MEASUREMENTS${random.pick(['', ' WITH MEASUREMENT =~ /s/', ' WITH MEASUREMENT = "select"', ' WITH MEASUREMENT IN (cpu)'])}${order}${page}`,
    `SHOW SERIES${from}${where}${order}${page}`,
    `SHOW TAG KEYS${from}${where}${order}${page}`,
    `SHOW FIELD KEYS${from}${random.next() < SELDOM ? order : ''}${page}`,
    `SHOW TAG VALUES${from} WITH KEY ${key}${where}${order}${page}`,
    `SHOW TAG VALUES${from} WITH KEY ${key}${page}`,
    `SHOW SERIES EXACT CARDINALITY${from}${random.next() < SELDOM ? random.pick([' GROUP BY host', ' GROUP BY *']) : ''}${page}`,
    `SHOW TAG KEY EXACT CARDINALITY${from}${page}`,
    `SHOW FIELD KEY EXACT CARDINALITY${from}${page}`,
    `SHOW MEASUREMENT EXACT CARDINALITY${page}`,
    `SHOW DATABASES${order}${page}`,
    `SHOW RETENTION POLICIES${random.pick(['', ' ON d', ' ON "d"', " ON 'd'", ' ON'])}${page}`,
  ]);
}
