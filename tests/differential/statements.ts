/**
 * Statements by seed, over the measurements of data.ts. A kind is one shape of statement; KINDS lists them with how often each comes.
 * Whatever ours claims to answer as InfluxDB does is here; what only ours can do is not.
 */
import type { Random } from '../support/random.ts';
import { type MeasurementShape, MINUTE, SHAPES, SPAN, START } from './data.ts';

export interface Asked {
  readonly kind: string;
  readonly q: string;
  /** Further parameters of the request. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** `only`: names of kinds, for looking at some. */
export function makeStatement(random: Random, only: readonly string[] = []): Asked {
  const kinds = only.length === 0 ? KINDS : KINDS.filter(({ name }) => only.includes(name));
  let at = random.next() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  const kind = kinds.find(({ weight }) => (at -= weight) < 0) ?? kinds[0];
  return { kind: kind.name, parameters: {}, ...kind.make(random) };
}

// private functions

interface Kind {
  readonly name: string;
  readonly weight: number;
  readonly make: (random: Random) => { q: string; parameters?: Record<string, string> };
}

const KINDS: readonly Kind[] = [
  { name: 'raw', weight: 10, make: (random) => ({ q: raw(random) }) },
  { name: 'aggregate', weight: 10, make: (random) => ({ q: aggregate(random) }) },
  { name: 'windows', weight: 14, make: (random) => ({ q: windows(random) }) },
  { name: 'selector beside fields', weight: 6, make: (random) => ({ q: selectorBeside(random) }) },
  { name: 'arithmetic', weight: 8, make: (random) => ({ q: arithmetic(random) }) },
  { name: 'many', weight: 6, make: (random) => ({ q: wildcards(random) }) },
  { name: 'sources', weight: 4, make: (random) => ({ q: sources(random) }) },
  { name: 'show', weight: 8, make: (random) => ({ q: show(random) }) },
  { name: 'condition', weight: 8, make: (random) => ({ q: conditions(random) }) },
  { name: 'several statements', weight: 2, make: several },
  { name: 'form', weight: 4, make: form },
  { name: 'misused', weight: 6, make: (random) => ({ q: misused(random) }) },
  { name: 'broken', weight: 6, make: (random) => ({ q: broken(random) }) },
];

const NUMERIC = ['mean', 'sum', 'spread', 'stddev', 'median', 'min', 'max'];
const ANY_TYPE = ['count', 'first', 'last', 'mode', 'distinct'];
const SELECTORS = ['first', 'last', 'min', 'max', 'percentile'];
const INTERVALS = ['10s', '30s', '1m', '5m', '7m', '90s', '1h', '1500ms'];

function raw(random: Random): string {
  const shape = random.pick(SHAPES);
  const fields = some(random, [...Object.keys(shape.fields), ...shape.tags, 'nope'], 3).map(quote);
  const list = random.next() < 0.2 ? '*' : fields.map((f) => withCast(random, f)).join(', ');
  return `SELECT ${list} FROM ${quote(shape.name)}${where(random, shape)}${groupByTags(random, shape)}${tail(random, shape)}`;
}

function withCast(random: Random, field: string): string {
  const cast =
    random.next() < 0.1
      ? `::${random.pick(['float', 'integer', 'string', 'boolean', 'field', 'tag', 'unsigned'])}`
      : '';
  const alias = random.next() < 0.15 ? ` AS ${random.pick(['x', '"an alias"', 'cpu', 'mean'])}` : '';
  return field + cast + alias;
}

function aggregate(random: Random): string {
  const shape = random.pick(SHAPES);
  const calls = Array.from({ length: random.between(1, 3) }, () => call(random, shape));
  return `SELECT ${calls.join(', ')} FROM ${quote(shape.name)}${where(random, shape)}${groupByTags(random, shape)}${tail(random, shape)}`;
}

function windows(random: Random): string {
  const shape = random.pick(SHAPES);
  const calls = Array.from({ length: random.between(1, 3) }, () => call(random, shape));
  const interval = random.pick(INTERVALS);
  const offset = random.next() < 0.2 ? `, ${random.pick(['5s', '-5s', '17s', '1m'])}` : '';
  const tags =
    random.next() < 0.5
      ? ''
      : `, ${
          some(random, [...shape.tags, '*'], 2)
            .map(quote)
            .join(', ') || '*'
        }`;
  const filled =
    random.next() < 0.5
      ? ''
      : ` fill(${random.pick(['none', 'null', 'previous', 'linear', '0', '-1', '2.5', '100000000000'])})`;
  return `SELECT ${calls.join(', ')} FROM ${quote(shape.name)} WHERE ${bounds(random)}${and(random, shape)} GROUP BY time(${interval}${offset})${tags}${filled}${tail(random, shape)}`;
}

function selectorBeside(random: Random): string {
  const shape = random.pick(SHAPES.slice(0, 3));
  const field = random.pick(Object.keys(shape.fields));
  const beside = some(random, [...Object.keys(shape.fields), ...shape.tags], 2).map(quote);
  const selector = functionOf(random.pick(SELECTORS), quote(field), random);
  const time = random.next() < 0.4 ? ` WHERE ${bounds(random)} GROUP BY time(${random.pick(INTERVALS)})` : '';
  const grouped = time === '' ? groupByTags(random, shape) : '';
  return `SELECT ${[selector, ...beside].join(', ')} FROM ${quote(shape.name)}${time}${grouped}${tail(random, shape)}`;
}

function arithmetic(random: Random): string {
  const shape = random.pick(SHAPES);
  const numeric = Object.entries(shape.fields).flatMap(([f, type]) =>
    random.next() < 0.1 || type === 'float' || type === 'integer' ? [quote(f)] : [],
  );
  const operand =
    random.next() < 0.5 ? () => random.pick(numeric) : () => call(random, shape, ['mean', 'sum', 'max', 'count']);
  const expression = tree(random, operand, 2);
  const alias = random.next() < 0.3 ? ' AS x' : '';
  const window = expression.includes('(') && random.next() < 0.3 ? ` WHERE ${bounds(random)} GROUP BY time(5m)` : '';
  const filter = window === '' ? where(random, shape) : window;
  return `SELECT ${expression}${alias} FROM ${quote(shape.name)}${filter}${tail(random, shape)}`;
}

function tree(random: Random, operand: () => string, depth: number): string {
  if (depth === 0 || random.next() < 0.2) {
    return random.next() < 0.7 ? operand() : random.pick(['2', '0', '-3', '1.5', '7', '0.5', '1000000007']);
  }
  const operator = random.pick(['+', '-', '*', '/', '+', '-', '*', '/', '%', '&', '|', '^']);
  const inner = `${tree(random, operand, depth - 1)} ${operator} ${tree(random, operand, depth - 1)}`;
  return random.next() < 0.3 ? `(${inner})` : inner;
}

function wildcards(random: Random): string {
  const shape = random.pick(SHAPES);
  const list = random.pick([
    '*',
    '*::field',
    '*::tag, ' + quote(Object.keys(shape.fields)[0]),
    '/u/',
    '/^[a-m]/',
    '/nothing/',
    'count(*)',
    'first(*)',
    'mean(*)',
    'max(*)',
    'last(/[aeiou]/)',
    'sum(/./)',
    'mode(*)',
    'percentile(*, 90)',
    'count(distinct(*))',
    'stddev(*), count(*)',
  ]);
  return `SELECT ${list} FROM ${quote(shape.name)}${where(random, shape)}${groupByTags(random, shape)}${tail(random, shape)}`;
}

function sources(random: Random): string {
  const [a, b] = [random.pick(SHAPES), random.pick(SHAPES)];
  const from = random.pick([
    `${quote(a.name)}, ${quote(b.name)}`,
    '/cpu|mem/',
    '/^o/',
    `d.autogen.${quote(a.name)}`,
    `d..${quote(a.name)}`,
    `autogen.${quote(a.name)}`,
    `d..${quote(a.name)}, ${quote(b.name)}`,
    'nowhere',
    `nowhere, ${quote(a.name)}`,
    'd.nopolicy.cpu',
    'nodatabase..cpu',
    'empty..cpu',
    '/./',
  ]);
  const field = quote(random.pick(Object.keys(random.pick([a, b]).fields)));
  const list = random.pick([field, '*', `count(${field})`, `last(${field})`, 'count(*)']);
  return `SELECT ${list} FROM ${from}${groupByTags(random, a)}${tail(random, a)}`;
}

function conditions(random: Random): string {
  const shape = random.pick(SHAPES);
  const field = quote(random.pick(Object.keys(shape.fields)));
  const list = random.pick([field, `count(${field})`, '*']);
  return `SELECT ${list} FROM ${quote(shape.name)} WHERE ${conditionTree(random, shape, 3)}${tail(random, shape)}`;
}

function conditionTree(random: Random, shape: MeasurementShape, depth: number): string {
  if (depth === 0 || random.next() < 0.3) return comparison(random, shape);
  const operator = random.pick(['AND', 'OR', 'and']);
  const inner = `${conditionTree(random, shape, depth - 1)} ${operator} ${conditionTree(random, shape, depth - 1)}`;
  return random.next() < 0.5 ? `(${inner})` : inner;
}

function comparison(random: Random, shape: MeasurementShape): string {
  const form = random.next();
  if (form < 0.35 && shape.tags.length > 0) return tagComparison(random, shape);
  if (form < 0.45) return bounds(random);
  if (form < 0.5) return random.pick(['true', 'false', '1 = 1', "nope = 'a'", 'nope > 1', "nope != 'a'", 'time > 0']);
  return fieldComparison(random, shape);
}

function tagComparison(random: Random, shape: MeasurementShape): string {
  const tag = quote(random.pick(shape.tags));
  const value = random.pick(shape.tagValues).replaceAll("'", "\\'");
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
  ]);
}

const SHOWS = [
  'SHOW DATABASES',
  'SHOW MEASUREMENTS',
  'SHOW MEASUREMENTS WITH MEASUREMENT = cpu',
  'SHOW MEASUREMENTS WITH MEASUREMENT =~ /m|o/',
  'SHOW MEASUREMENTS WITH MEASUREMENT !~ /m/',
  "SHOW MEASUREMENTS WHERE host = 'a'",
  "SHOW MEASUREMENTS WHERE region =~ /e/ OR k = 'up'",
  'SHOW MEASUREMENTS ON empty',
  'SHOW FIELD KEYS',
  'SHOW FIELD KEYS FROM cpu',
  'SHOW FIELD KEYS FROM cpu, mem',
  'SHOW FIELD KEYS FROM /o/',
  'SHOW TAG KEYS',
  'SHOW TAG KEYS FROM cpu',
  'SHOW TAG KEYS ON d FROM /m/',
  "SHOW TAG KEYS FROM cpu WHERE region = 'eu'",
  'SHOW TAG VALUES WITH KEY = host',
  'SHOW TAG VALUES FROM cpu WITH KEY IN (host, region)',
  'SHOW TAG VALUES WITH KEY =~ /o|k/',
  'SHOW TAG VALUES WITH KEY != host',
  "SHOW TAG VALUES FROM cpu WITH KEY = host WHERE region = 'eu'",
  'SHOW TAG VALUES WITH KEY = host WHERE host =~ /a/',
  'SHOW TAG VALUES WITH KEY = nope',
  'SHOW TAG VALUES FROM "odd näme, ü" WITH KEY = "tág"',
  'SHOW SERIES',
  'SHOW SERIES FROM cpu',
  "SHOW SERIES FROM cpu WHERE host = 'a'",
  "SHOW SERIES WHERE host != 'a'",
  'SHOW SERIES ON empty',
  'SHOW RETENTION POLICIES',
  'SHOW RETENTION POLICIES ON empty',
  'SHOW RETENTION POLICIES ON nodatabase',
  'SHOW TAG KEYS ON nodatabase',
  'SHOW SERIES FROM nowhere',
  'SHOW FIELD KEYS FROM nowhere',
];

function show(random: Random): string {
  const q = random.pick(SHOWS);
  if (/DATABASES|POLICIES/.test(q)) return q;
  const limit = random.next() < 0.3 ? ` LIMIT ${random.between(0, 4)}` : '';
  const offset = random.next() < 0.2 ? ` OFFSET ${random.between(0, 4)}` : '';
  return q + limit + offset;
}

function several(random: Random): { q: string } {
  const one = (): string => random.pick([raw, aggregate, show, windows, misused])(random);
  return { q: `${one()}; ${one()}${random.next() < 0.5 ? ';' : `; ${one()}`}` };
}

function form(random: Random): { q: string; parameters: Record<string, string> } {
  const q = random.pick([raw, aggregate, windows, show])(random);
  const parameters = random.pick([
    { epoch: random.pick(['ns', 'u', 'µ', 'ms', 's', 'm', 'h', 'bad']) },
    { pretty: 'true' },
    { chunked: 'true', chunk_size: String(random.between(1, 50)) },
    { epoch: 'ms', pretty: 'true' },
    { chunked: 'true' },
  ]) as Record<string, string>;
  return { q, parameters };
}

function misused(random: Random): string {
  const shape = random.pick(SHAPES.slice(0, 4));
  const field = quote(random.pick(Object.keys(shape.fields)));
  const from = `FROM ${quote(shape.name)}`;
  return random.pick([
    `SELECT ${random.pick(NUMERIC)}(${field}) ${from}`,
    `SELECT ${random.pick([...NUMERIC, ...ANY_TYPE])}(${field}, 2) ${from}`,
    `SELECT ${random.pick([...NUMERIC, ...ANY_TYPE])}() ${from}`,
    `SELECT ${random.pick(NUMERIC)}(${field}), ${field} ${from}`,
    `SELECT count(${field}), ${field} ${from}`,
    `SELECT first(${field}), last(${field}), ${field} ${from}`,
    `SELECT distinct(${field}), count(${field}) ${from}`,
    `SELECT percentile(${field}) ${from}`,
    `SELECT percentile(${field}, 'x') ${from}`,
    `SELECT percentile(${field}, ${random.pick(['-1', '101', '0', '0.5', '100'])}) ${from}`,
    `SELECT nope(${field}) ${from}`,
    `SELECT ${field} ${from} GROUP BY time(1m)`,
    `SELECT mean(${field}) ${from} GROUP BY time(1m), time(5m)`,
    `SELECT mean(${field}) ${from} WHERE ${bounds(random)} GROUP BY time(0s)`,
    `SELECT mean(${field}) ${from} GROUP BY time()`,
    `SELECT mean(${field}) ${from} GROUP BY time(5)`,
    `SELECT mean(${field}) ${from} GROUP BY ${random.pick(['1', "'host'", '5m', 'foo(1)', 'host + 1'])}`,
    `SELECT ${field} ${from} fill(${random.pick(['none', 'linear', 'previous', '0', 'wrong'])})`,
    `SELECT ${random.pick(['5', "'x'", 'true', 'time', '-v', '5m', 'now()'])} ${from}`,
    `SELECT time, ${field} ${from} LIMIT 2`,
    `SELECT mean(mean(${field})) ${from}`,
    `SELECT ${field} ${from} ORDER BY ${random.pick(['host', 'time, host', 'host DESC'])}`,
    `SELECT ${field} ${from} WHERE time = 'nonsense'`,
    `SELECT ${field} ${from} WHERE time > ${random.pick(['5.5', "'2024-13-01'", "'2024-01-10 00:00:61'", 'true'])}`,
    `SELECT ${field} ${from} WHERE ${field} =~ 'x'`,
    `SELECT ${field} ${from} WHERE host =~ /(/`,
    `SELECT ${field} ${from} WHERE mean(${field}) > 1`,
    `SELECT ${field} ${from} LIMIT ${random.pick(['-1', '1.5', 'x', '0'])}`,
    `SELECT ${field} = 1 ${from}`,
    `SELECT count(distinct(${field}, 1)) ${from}`,
    `SELECT distinct ${field} ${from}`,
    `SELECT count(distinct ${field}) ${from}`,
    `SELECT ${field}, * ${from} LIMIT 2`,
    `SELECT ${field}, ${field}, ${field} AS ${field} ${from} LIMIT 2`,
    `SELECT mean(${field}) + ${field} ${from}`,
    `SELECT host ${from}`,
    `SELECT mean(host) ${from}`,
    `SELECT count(time) ${from}`,
  ]);
}

/** A good statement with a token lost, doubled, exchanged or replaced. */
function broken(random: Random): string {
  const q = random.pick([raw, aggregate, windows, show, conditions, arithmetic])(random);
  const tokens = q.match(/"[^"]*"|'[^']*'|\/[^/ ]*\/|[\p{L}_][\p{L}\p{N}_]*|[0-9.]+[a-z]*|\s+|[^\s]/gu) ?? [];
  const at = random.between(0, tokens.length - 1);
  const change = random.between(0, 4);
  if (change === 0) tokens.splice(at, 1);
  else if (change === 1) tokens.splice(at, 0, tokens[at], ' ');
  else if (change === 2)
    tokens.splice(at, 1, random.pick(['FROM', 'SELECT', ',', ')', '(', "'", '"', '5', '~', 'AND', ';', '$x', '@']));
  else if (change === 3) tokens.length = at;
  else [tokens[at], tokens[at >> 1]] = [tokens[at >> 1], tokens[at]];
  return tokens.join('');
}

function call(random: Random, shape: MeasurementShape, among: readonly string[] = []): string {
  const [field, type] = random.pick(Object.entries(shape.fields));
  const numeric = type === 'float' || type === 'integer' || random.next() < 0.05;
  const names = among.length > 0 ? among : numeric ? [...NUMERIC, ...ANY_TYPE, 'percentile'] : ANY_TYPE;
  const name = random.pick(names);
  const alias = random.next() < 0.1 && among.length === 0 ? ' AS y' : '';
  return functionOf(name, quote(field), random) + alias;
}

function functionOf(name: string, field: string, random: Random): string {
  if (name === 'percentile') return `percentile(${field}, ${random.pick(['50', '90', '99.9', '1', '25.5'])})`;
  if (name === 'count' && random.next() < 0.2) return `count(distinct(${field}))`;
  return `${random.next() < 0.1 ? name.toUpperCase() : name}(${field})`;
}

function where(random: Random, shape: MeasurementShape): string {
  const form = random.next();
  if (form < 0.4) return '';
  if (form < 0.6) return ` WHERE ${bounds(random)}`;
  if (form < 0.8) return ` WHERE ${comparison(random, shape)}`;
  return ` WHERE ${bounds(random)}${and(random, shape)}`;
}

function and(random: Random, shape: MeasurementShape): string {
  return random.next() < 0.6 ? '' : ` AND ${comparison(random, shape)}`;
}

/** Two bounds of time, in one of the spellings. */
function bounds(random: Random): string {
  const from = START + BigInt(random.between(-300, 1_500)) * 1_000_000_000n;
  const to = from + BigInt(random.between(1, 1_500)) * 1_000_000_000n;
  const end = to > START + SPAN + 5n * MINUTE ? START + SPAN : to;
  return `time ${random.pick(['>=', '>'])} ${spell(random, from)} AND time ${random.pick(['<', '<='])} ${spell(random, end)}`;
}

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

function groupByTags(random: Random, shape: MeasurementShape): string {
  if (random.next() < 0.6) return '';
  return ` GROUP BY ${random.pick(['*', '/o/', ...shape.tags.map(quote), shape.tags.map(quote).join(', ') || '*', 'nope'])}`;
}

function tail(random: Random, shape: MeasurementShape): string {
  let text = '';
  if (random.next() < 0.2) text += ` ORDER BY time${random.pick(['', ' ASC', ' DESC', ' desc'])}`;
  if (random.next() < 0.25) text += ` LIMIT ${random.between(0, 5)}`;
  if (random.next() < 0.1) text += ` OFFSET ${random.between(0, 5)}`;
  if (shape.tags.length > 0 && random.next() < 0.08) text += ` SLIMIT ${random.between(1, 3)}`;
  if (shape.tags.length > 0 && random.next() < 0.05) text += ` SOFFSET ${random.between(0, 3)}`;
  return text;
}

function some(random: Random, list: readonly string[], most: number): string[] {
  const found = new Set(Array.from({ length: random.between(1, most) }, () => random.pick(list)));
  return [...found];
}

function quote(name: string): string {
  return name === '*' || (/^[a-z_][a-z0-9_]*$/.test(name) && name !== 'all') ? name : `"${name}"`;
}
