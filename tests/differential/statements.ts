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
  { name: 'functions of rows', weight: 12, make: (random) => ({ q: transformed(random) }) },
  { name: 'math', weight: 5, make: (random) => ({ q: mathematics(random) }) },
  { name: 'top and bottom', weight: 5, make: (random) => ({ q: topBottom(random) }) },
  { name: 'subquery', weight: 6, make: (random) => ({ q: subquery(random) }) },
  { name: 'time zone', weight: 2, make: (random) => ({ q: zoned(random) }) },
  { name: 'many', weight: 6, make: (random) => ({ q: wildcards(random) }) },
  { name: 'sources', weight: 4, make: (random) => ({ q: sources(random) }) },
  { name: 'show', weight: 8, make: (random) => ({ q: show(random) }) },
  { name: 'condition', weight: 8, make: (random) => ({ q: conditions(random) }) },
  { name: 'several statements', weight: 2, make: several },
  { name: 'form', weight: 4, make: form },
  { name: 'misused', weight: 6, make: (random) => ({ q: misused(random) }) },
  { name: 'broken', weight: 6, make: (random) => ({ q: broken(random) }) },
];

/** Two of three times not the one whose sums pass every limit: most of what is asked of it has no answer to compare. */
function pickShape(random: Random): MeasurementShape {
  const shape = random.pick(SHAPES);
  return shape.name === 'huge' && random.next() < 0.67 ? SHAPES[0] : shape;
}

const NUMERIC = ['mean', 'sum', 'spread', 'stddev', 'median', 'min', 'max'];
const ANY_TYPE = ['count', 'first', 'last', 'mode', 'distinct'];
const SELECTORS = ['first', 'last', 'min', 'max', 'percentile'];
const INTERVALS = ['10s', '30s', '1m', '5m', '7m', '90s', '1h', '1500ms'];

function raw(random: Random): string {
  const shape = pickShape(random);
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
  const shape = pickShape(random);
  const calls = Array.from({ length: random.between(1, 3) }, () => call(random, shape));
  return `SELECT ${calls.join(', ')} FROM ${quote(shape.name)}${where(random, shape)}${groupByTags(random, shape)}${tail(random, shape)}`;
}

function windows(random: Random): string {
  const shape = pickShape(random);
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
  const shape = pickShape(random);
  const numeric = Object.entries(shape.fields).flatMap(([f, type]) =>
    random.next() < 0.1 || type === 'float' || type === 'integer' ? [quote(f)] : [],
  );
  const operand =
    random.next() < 0.5 ? () => random.pick(numeric) : () => call(random, shape, ['mean', 'sum', 'max', 'count']);
  // What is left of a division of sums is all rounding.
  const expression = tree(random, operand, 2).replaceAll(/\) %/g, ') *');
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

const UNITS = ['1s', '10s', '1m', '7m', '1h', '100ms'];

/** Functions of a row and those before it, over points and over aggregates of windows. */
function transformed(random: Random): string {
  const shape = pickShape(random);
  const [field, type] = random.pick(Object.entries(shape.fields));
  const numeric = type === 'float' || type === 'integer' || random.next() < 0.1;
  const windowed = random.next() < 0.5;
  const inner = random.pick(['mean', 'sum', 'max', 'count', 'first', 'last', 'min']);
  const argument = windowed ? `${numeric ? inner : 'count'}(${quote(field)})` : quote(field);
  const one = (): string =>
    random.pick([
      `derivative(${argument})`,
      `derivative(${argument}, ${random.pick(UNITS)})`,
      `non_negative_derivative(${argument}, ${random.pick(UNITS)})`,
      `difference(${argument})`,
      `non_negative_difference(${argument})`,
      `cumulative_sum(${argument})`,
      `moving_average(${argument}, ${random.between(2, 5)})`,
      `elapsed(${argument})`,
      `elapsed(${argument}, ${random.pick(UNITS)})`,
      technical(random, argument),
    ]);
  const list = random.next() < 0.2 ? `${one()}, ${one()}` : one();
  // Rows of one time from several series come in no order that can be told, and these functions hang on it.
  const grouped = shape.tags.length > 0 ? ' GROUP BY *' : '';
  if (!windowed)
    return `SELECT ${list} FROM ${quote(shape.name)}${where(random, shape)}${grouped}${tail(random, shape)}`;
  const time = `time(${random.pick(INTERVALS)})`;
  const tags = shape.tags.length > 0 && random.next() < 0.5 ? ', *' : '';
  const filled = random.next() < 0.5 ? '' : ` fill(${random.pick(['none', 'null', 'previous', 'linear', '0'])})`;
  return `SELECT ${list} FROM ${quote(shape.name)} WHERE ${bounds(random)}${and(random, shape)} GROUP BY ${time}${tags}${filled}${tail(random, shape)}`;
}

/** Functions of technical analysis, and forecasts. Results before the range, which InfluxDB shows where nothing is held, are not asked for. */
function technical(random: Random, argument: string): string {
  const period = random.between(1, 5);
  const hold = random.pick([-1, 1, 2, 5]);
  const warmup = random.pick(['exponential', 'simple']);
  const average = random.pick(['exponential', 'double_exponential', 'triple_exponential']);
  // sixteen searches for each series: both servers take their time
  if (random.next() < 0.03) {
    return `holt_winters${random.pick(['', '_with_fit'])}(${argument}, ${period}, ${random.between(0, 4)})`;
  }
  return random.pick([
    `${average}_moving_average(${argument}, ${period})`,
    `${average}_moving_average(${argument}, ${period}, ${hold}, '${warmup}')`,
    `triple_exponential_derivative(${argument}, ${period}, ${hold}, '${warmup}')`,
    `relative_strength_index(${argument}, ${period}, ${hold})`,
    `relative_strength_index(${argument}, ${period}, -1, '${warmup}')`,
    `kaufmans_efficiency_ratio(${argument}, ${period}, ${hold})`,
    `kaufmans_adaptive_moving_average(${argument}, ${period}, ${hold})`,
    `chande_momentum_oscillator(${argument}, ${period + 1}, ${hold}, '${random.pick(['none', warmup])}')`,
  ]);
}

const MATH = [
  'abs',
  'acos',
  'asin',
  'atan',
  'ceil',
  'cos',
  'exp',
  'floor',
  'ln',
  'log2',
  'log10',
  'round',
  'sin',
  'sqrt',
  'tan',
];

function mathematics(random: Random): string {
  const shape = pickShape(random);
  const windowed = random.next() < 0.4;
  const operand = (): string => {
    const [field] = random.pick(
      Object.entries(shape.fields).filter(([, type]) => type === 'float' || type === 'integer'),
    );
    return windowed ? `${random.pick(['mean', 'max', 'sum', 'count'])}(${quote(field)})` : quote(field);
  };
  const one = (): string =>
    random.pick([
      `${random.pick(MATH)}(${operand()})`,
      `${random.pick(MATH)}(${operand()} ${random.pick(['+', '-', '*', '/'])} 2)`,
      `pow(${operand()}, ${random.pick(['2', '0.5', '-1'])})`,
      `log(${operand()}, ${random.pick(['2', '10'])})`,
      `atan2(${operand()}, ${operand()})`,
      `${random.pick(MATH)}(${random.pick(MATH)}(${operand()}))`,
      `1 + ${random.pick(MATH)}(${operand()})`,
    ]);
  const list = Array.from({ length: random.between(1, 2) }, one).join(', ');
  const time = windowed ? ` WHERE ${bounds(random)} GROUP BY time(5m)` : where(random, shape);
  return `SELECT ${list} FROM ${quote(shape.name)}${time}${tail(random, shape)}`;
}

function topBottom(random: Random): string {
  const shape = random.pick(SHAPES.filter(({ tags }) => tags.length > 0));
  const [field] = random.pick(
    Object.entries(shape.fields).filter(([, type]) => type === 'float' || type === 'integer'),
  );
  const by = random.next() < 0.3 ? `, ${quote(random.pick(shape.tags))}` : '';
  const beside = random.next() < 0.2 ? `, ${quote(random.pick([...shape.tags, ...Object.keys(shape.fields)]))}` : '';
  const chosen = `${random.pick(['top', 'bottom'])}(${quote(field)}${by}, ${random.between(1, 6)})${beside}`;
  const time =
    random.next() < 0.4 ? ` WHERE ${bounds(random)} GROUP BY time(${random.pick(INTERVALS)})` : where(random, shape);
  const tags = time.includes('GROUP BY') ? (random.next() < 0.5 ? ', *' : '') : random.pick(['', ' GROUP BY *']);
  return `SELECT ${chosen} FROM ${quote(shape.name)}${time}${tags}`;
}

/** A query over the answer of another, at one or two levels. */
function subquery(random: Random): string {
  const shape = random.pick(SHAPES.slice(0, 2).concat(SHAPES.slice(6, 7)));
  const field = quote(random.pick(Object.keys(shape.fields).filter((f) => /float|integer/.test(shape.fields[f]))));
  const tag = shape.tags.map(quote)[0];
  const inTime = `WHERE ${bounds(random)}`;
  const window = `GROUP BY time(${random.pick(['10s', '1m', '5m'])})`;
  const name = random.pick(['mean', 'max', 'min', 'sum', 'count', 'first', 'last']);
  const outer = random.pick(['mean', 'max', 'min', 'sum', 'count', 'spread', 'stddev', 'median']);
  const from = `FROM ${quote(shape.name)}`;
  return random.pick([
    `SELECT ${outer}(x) FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window})`,
    `SELECT ${outer}(x) FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window}, ${tag})`,
    `SELECT ${outer}(x) FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window}, ${tag}) GROUP BY ${tag}`,
    `SELECT ${outer}(${name}) FROM (SELECT ${name}(${field}) ${from} GROUP BY ${tag})`,
    `SELECT ${outer}(x) FROM (SELECT ${field} * 2 AS x ${from}) ${inTime} ${window}`,
    `SELECT x, ${tag} FROM (SELECT ${name}(${field}) AS x ${from} GROUP BY ${tag})`,
    `SELECT * FROM (SELECT ${name}(${field}) ${from} ${inTime} ${window}, ${tag})`,
    `SELECT x FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window}) WHERE x > ${random.between(0, 60)}`,
    `SELECT ${outer}(y) FROM (SELECT max(x) AS y FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window}, ${tag}) ${window})`,
    `SELECT ${field} FROM (SELECT ${field} ${from} ${inTime} GROUP BY ${tag}) GROUP BY ${tag} LIMIT 3`,
    `SELECT ${outer}(x) FROM (SELECT difference(${name}(${field})) AS x ${from} ${inTime} ${window})`,
    `SELECT ${outer}(x) FROM (SELECT ${name}(${field}) AS x FROM nowhere), (SELECT ${name}(${field}) AS x ${from})`,
    `SELECT top(x, 2) FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window})`,
    `SELECT count(distinct(x)) FROM (SELECT ${field} AS x ${from})`,
  ]);
}

function zoned(random: Random): string {
  const zone = random.pick(['Europe/Berlin', 'America/New_York', 'UTC', 'Asia/Kathmandu', 'Nowhere/Here']);
  const interval = random.pick(['1h', '6h', '1d', '15m']);
  return `${random.pick([
    'SELECT count(usage) FROM cpu GROUP BY host',
    'SELECT usage FROM cpu LIMIT 3',
    `SELECT mean(usage) FROM cpu WHERE time >= '2024-01-09' AND time < '2024-01-11' GROUP BY time(${interval})`,
    `SELECT max(v) FROM steps WHERE time >= '2024-01-10T00:10:00Z' AND time < '2024-01-10T05:10:00Z' GROUP BY time(${interval}), k fill(0)`,
  ])} tz('${zone}')`;
}

function wildcards(random: Random): string {
  const shape = pickShape(random);
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
  const [a, b] = [pickShape(random), pickShape(random)];
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
  const shape = pickShape(random);
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
  'SHOW SERIES EXACT CARDINALITY',
  'SHOW SERIES EXACT CARDINALITY FROM cpu',
  'SHOW SERIES CARDINALITY ON d FROM cpu',
  'SHOW MEASUREMENT EXACT CARDINALITY',
  'SHOW MEASUREMENT CARDINALITY',
  'SHOW TAG KEY CARDINALITY',
  'SHOW TAG KEY EXACT CARDINALITY FROM mem',
  'SHOW TAG VALUES CARDINALITY WITH KEY = host',
  'SHOW TAG VALUES EXACT CARDINALITY FROM cpu WITH KEY IN (host, region)',
  'SHOW FIELD KEY CARDINALITY',
  'SHOW FIELD KEY EXACT CARDINALITY FROM cpu',
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
  const parameters = random.pick<Record<string, string>>([
    { epoch: random.pick(['ns', 'u', 'µ', 'ms', 's', 'm', 'h', 'bad']) },
    { pretty: 'true' },
    { chunked: 'true', chunk_size: String(random.between(1, 50)) },
    { epoch: 'ms', pretty: 'true' },
    { chunked: 'true' },
  ]);
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
  // The rules of known differences know these two by the names of their columns.
  const plain = among.length > 0 || name === 'mode' || name === 'percentile';
  const alias = random.next() < 0.1 && !plain ? ' AS y' : '';
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
  if (random.next() < 0.25) {
    text += ` LIMIT ${random.between(0, 5)}`;
    if (random.next() < 0.3) text += ` OFFSET ${random.between(0, 5)}`;
  } else if (random.next() < 0.01) text += ` OFFSET ${random.between(0, 5)}`;
  if (shape.tags.length > 0 && random.next() < 0.04) text += ` SLIMIT ${random.between(1, 3)}`;
  if (shape.tags.length > 0 && random.next() < 0.02) text += ` SOFFSET ${random.between(0, 3)}`;
  return text;
}

function some(random: Random, list: readonly string[], most: number): string[] {
  const found = new Set(Array.from({ length: random.between(1, most) }, () => random.pick(list)));
  return [...found];
}

function quote(name: string): string {
  return name === '*' || (/^[a-z_][a-z0-9_]*$/.test(name) && name !== 'all') ? name : `"${name}"`;
}
