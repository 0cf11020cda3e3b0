/**
 * Statements by seed, over the measurements of data.ts. A kind is one shape of statement; KINDS lists them with how often each comes.
 * Whatever ours claims to answer as InfluxDB does is here; what only ours can do is not.
 */
import type { Random } from '../support/random.ts';
import { SHAPES, START } from './data.ts';
import { NESTED_KINDS } from './nested-statements.ts';
import { PATTERN_KINDS } from './pattern-statements.ts';
import {
  ANY_TYPE,
  and,
  bounds,
  call,
  conditionTree,
  functionOf,
  groupByTags,
  INTERVALS,
  type Kind,
  NUMERIC,
  pickShape,
  quote,
  SELDOM,
  SELECTORS,
  some,
  tail,
  UNITS,
  where,
} from './statement-parts.ts';
import { TIME_KINDS } from './time-statements.ts';
import { VALUE_KINDS } from './value-statements.ts';
import { WRITTEN_KINDS } from './written-statements.ts';

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

const KINDS: readonly Kind[] = [
  { name: 'raw', weight: 10, make: (random) => ({ q: raw(random) }) },
  { name: 'aggregate', weight: 10, make: (random) => ({ q: aggregate(random) }) },
  { name: 'windows', weight: 14, make: (random) => ({ q: windows(random) }) },
  { name: 'selector beside fields', weight: 6, make: (random) => ({ q: selectorBeside(random) }) },
  { name: 'arithmetic', weight: 8, make: (random) => ({ q: arithmetic(random) }) },
  { name: 'functions of rows', weight: 12, make: (random) => ({ q: transformed(random) }) },
  { name: 'math', weight: 5, make: (random) => ({ q: mathematics(random) }) },
  { name: 'top and bottom', weight: 5, make: (random) => ({ q: topBottom(random) }) },
  { name: 'subquery', weight: 7, make: (random) => ({ q: subquery(random) }) },
  { name: 'time zone', weight: 2, make: (random) => ({ q: zoned(random) }) },
  { name: 'many', weight: 6, make: (random) => ({ q: wildcards(random) }) },
  { name: 'sources', weight: 4, make: (random) => ({ q: sources(random) }) },
  { name: 'filled', weight: 8, make: (random) => ({ q: filledWindows(random) }) },
  { name: 'show', weight: 8, make: (random) => ({ q: show(random) }) },
  { name: 'show with clauses', weight: 5, make: (random) => ({ q: showWithClauses(random) }) },
  { name: 'condition', weight: 8, make: (random) => ({ q: conditions(random) }) },
  { name: 'several statements', weight: 2, make: several },
  { name: 'form', weight: 4, make: form },
  { name: 'parameters', weight: 4, make: parametrised },
  { name: 'administration', weight: 5, make: (random) => ({ q: administration(random) }) },
  { name: 'whole series', weight: 4, make: (random) => ({ q: integrals(random) }) },
  { name: 'misused', weight: 6, make: (random) => ({ q: misused(random) }) },
  { name: 'broken', weight: 6, make: (random) => ({ q: broken(random) }) },
  { name: 'comments', weight: 2, make: (random) => ({ q: commented(random) }) },
  ...[PATTERN_KINDS, NESTED_KINDS, TIME_KINDS, VALUE_KINDS, WRITTEN_KINDS].flat().map(asSeldom),
];

/** What people seldom write is asked half as often as its weights among themselves say. */
function asSeldom(kind: Kind): Kind {
  return { ...kind, weight: kind.weight / 2 };
}

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

/** The columns show which of equal points was chosen: ties of time and value, of several series, in windows and without. */
function selectorBeside(random: Random): string {
  const shape = random.pick(SHAPES.filter(({ name }) => ['cpu', 'mem', 'odd näme, ü', 'steps'].includes(name)));
  const field = random.pick(Object.keys(shape.fields));
  const beside = some(random, [...Object.keys(shape.fields), ...shape.tags], 2).map(quote);
  const selector = functionOf(random.pick(SELECTORS), quote(field), random);
  const time = random.next() < 0.4 ? ` WHERE ${bounds(random)} GROUP BY time(${random.pick(INTERVALS)})` : '';
  const whose = time !== '' && random.next() < 0.3 ? `, ${quote(random.pick(shape.tags))}` : '';
  const filled = random.next() < 0.3 ? ` fill(${random.pick(['none', 'previous', '0', '2.5', 'linear'])})` : '';
  const grouped = time === '' ? groupByTags(random, shape) : `${whose}${filled}`;
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

/**
 * Functions of technical analysis, and forecasts. Results before the range, which InfluxDB shows where nothing is held, are not asked
 * for.
 */
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
    `${average}_moving_average(${argument}, ${period + 1})`,
    `${average}_moving_average(${argument}, ${period}, ${hold}, '${warmup}')`,
    `triple_exponential_derivative(${argument}, ${period}, ${hold}, '${warmup}')`,
    `relative_strength_index(${argument}, ${period}, ${hold})`,
    `relative_strength_index(${argument}, ${period}, -1, '${warmup}')`,
    `kaufmans_efficiency_ratio(${argument}, ${period}, ${hold})`,
    `kaufmans_adaptive_moving_average(${argument}, ${period}, ${hold})`,
    `chande_momentum_oscillator(${argument}, ${period + 1}, ${hold}, '${random.pick(['none', warmup])}')`,
  ]);
}

const MATH = ['abs', 'acos', 'asin', 'atan', 'ceil', 'cos', 'exp', 'floor', 'round', 'sin', 'sqrt', 'tan'];

const LOGARITHMS = ['ln', 'log2', 'log10'];

function mathematics(random: Random): string {
  const shape = pickShape(random);
  const windowed = random.next() < 0.4;
  const operand = (): string => {
    const [field] = random.pick(
      Object.entries(shape.fields).filter(([, type]) => type === 'float' || type === 'integer'),
    );
    return windowed ? `${random.pick(['mean', 'max', 'sum', 'count'])}(${quote(field)})` : quote(field);
  };
  // at 0 these are infinite, which InfluxDB cannot answer
  const steep = (): string => (random.next() < SELDOM ? operand() : `${operand()} + 0.37`);
  const one = (): string =>
    random.pick([
      `${random.pick(LOGARITHMS)}(${steep()})`,
      `${random.pick(MATH)}(${operand()})`,
      `${random.pick(MATH)}(${operand()} ${random.pick(['+', '-', '*', '/'])} 2)`,
      `pow(${operand()}, ${random.pick(['2', '0.5', '3'])})`,
      `pow(${steep()}, -1)`,
      `log(${steep()}, ${random.pick(['2', '10'])})`,
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
    `SELECT ${outer}(x) FROM (SELECT ${field} AS x ${from} GROUP BY ${tag}) ${inTime} ${window}, ${tag} fill(0)`,
    `SELECT x * 2 - 1, ${tag} FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window}, ${tag}) LIMIT 7`,
    `SELECT cumulative_sum(x) FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window})`,
    `SELECT ${outer}(x) FROM (SELECT abs(${name}(${field})) AS x ${from} ${inTime} ${window}, ${tag}) GROUP BY ${tag}`,
    `SELECT * FROM (SELECT * ${from} ${inTime} GROUP BY ${tag}) LIMIT 4`,
    `SELECT ${random.next() < SELDOM ? 'count(x)' : 'x'} FROM (SELECT ${name}(${field}) AS x ${from} ${inTime} ${window} fill(none)) ${inTime}`,
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

const OFFSETS = ['', '', ', 13s', ', -2m'];
const ZONES = ['', '', " tz('Europe/Berlin')", " tz('America/New_York')"];

/** Every function in every kind of filled window, in both directions, with offsets and zones, of each series and of all together. */
function filledWindows(random: Random): string {
  const shape = random.pick(SHAPES.filter(({ name }) => ['cpu', 'mem', 'lone', 'steps'].includes(name)));
  const numbers = Object.entries(shape.fields).filter(([, type]) => type === 'float' || type === 'integer');
  const field = random.pick(numbers)[0];
  const [list, isOfRows] = random.pick<readonly [string, boolean]>([
    ...[...NUMERIC, ...ANY_TYPE].map((name) => [`${name}(${field})`, false] as const),
    [`percentile(${field}, 60)`, false],
    [`top(${field}, 2)`, false],
    [`bottom(${field}, 2)`, false],
    [`integral(${field})`, true],
    [`derivative(mean(${field}), 1m)`, false],
    [`cumulative_sum(max(${field}))`, false],
    [`difference(last(${field}))`, false],
    [`moving_average(sum(${field}), 2)`, false],
    [`elapsed(first(${field}), 1s)`, false],
    [`mean(${field}), ${random.pick(NUMERIC)}(${random.pick(numbers)[0]})`, false],
  ]);
  const isOfEach = shape.tags.length > 0 && (isOfRows || random.next() < 0.5);
  const filled = random.pick(['', 'none', 'null', 'previous', 'linear', '0', '-1.5']);
  const isLong = random.next() < 0.3;
  const range = isLong ? "time >= '2024-01-09T10:50:00Z' AND time <= '2024-01-10T10:10:00Z'" : bounds(random);
  const interval = random.pick(isLong ? ['1h', '1d', '12h'] : INTERVALS);
  const order = random.pick(['', ' ORDER BY time DESC']);
  // of top and bottom InfluxDB reads no more points than LIMIT says, and it counts the pieces of an integral
  const isLimited = random.next() < (/^(top|bottom|integral)/.test(list) ? SELDOM / 5 : 0.3);
  const limit = isLimited ? random.pick([' LIMIT 3', ' LIMIT 2 OFFSET 1']) : '';
  const time = `time(${interval}${random.pick(OFFSETS)})`;
  return `SELECT ${list} FROM ${shape.name} WHERE ${range} GROUP BY ${time}${isOfEach ? ', *' : ''}${filled === '' ? '' : ` fill(${filled})`}${order}${limit}${random.pick(ZONES)}`;
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
  const a = pickShape(random);
  const others = SHAPES.filter(({ name }) => name !== a.name && name !== 'edge');
  const b = random.next() < SELDOM ? a : random.pick(others);
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

const SHOWS = [
  'SHOW DATABASES',
  'SHOW MEASUREMENTS',
  'SHOW MEASUREMENTS WITH MEASUREMENT = cpu',
  'SHOW MEASUREMENTS WITH MEASUREMENT =~ /m|o/',
  'SHOW MEASUREMENTS WITH MEASUREMENT !~ /m/',
  'SHOW MEASUREMENTS ON d WITH MEASUREMENT = nope',
  "SHOW MEASUREMENTS WHERE host != ''",
  "SHOW MEASUREMENTS WHERE nope = 'a'",
  'SHOW MEASUREMENTS WHERE usage > 1',

  'SHOW FIELD KEYS ON d FROM cpu',
  'SHOW FIELD KEYS ON nodatabase',
  "SHOW TAG KEYS WHERE region = 'eu'",
  'SHOW TAG KEYS FROM nowhere',
  "SHOW TAG KEYS WHERE nope = 'x'",
  'SHOW TAG VALUES ON d WITH KEY = "k"',
  'SHOW TAG VALUES ON d FROM /c|m/ WITH KEY !~ /r/',
  "SHOW TAG VALUES WITH KEY = host WHERE host =~ /a|b/ AND region = 'us'",
  "SHOW TAG VALUES WITH KEY IN (host, k) WHERE k != 'up'",
  'SHOW TAG VALUES FROM cpu, mem WITH KEY = host',
  'SHOW TAG VALUES FROM cpu',
  'SHOW TAG VALUES',
  "SHOW SERIES FROM cpu WHERE host =~ /a|c/ OR region = 'us'",
  'SHOW SERIES FROM /c|e/',
  'SHOW SERIES FROM cpu, mem',
  'SHOW SERIES EXACT',
  "SHOW SERIES WHERE nope = ''",
  'SHOW SERIES ON nodatabase',
  'SHOW MEASUREMENT EXACT CARDINALITY ON empty',
  'SHOW TAG KEY EXACT CARDINALITY',
  "SHOW TAG VALUES EXACT CARDINALITY WITH KEY = host WHERE region = 'eu'",
  'SHOW FIELD KEY EXACT CARDINALITY',
  'SHOW TAG VALUES CARDINALITY FROM cpu WITH KEY =~ /h/',
  'SHOW FIELD KEY CARDINALITY FROM nowhere',
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

/** Each SHOW over data with any of its clauses, and some that it does not take. */
function showWithClauses(random: Random): string {
  const on = random.pick(['', '', ' ON d', ' ON empty', ' ON nodatabase']);
  const from = random.pick(['', ' FROM cpu', ' FROM cpu, mem', ' FROM /c|m/', ' FROM nowhere', ' FROM autogen.cpu']);
  const where = random.pick([
    '',
    '',
    " WHERE region = 'us'",
    " WHERE region != 'us'",
    " WHERE region =~ /e/ OR k = 'up'",
    " WHERE k =~ /a|u/ AND region != 'us'",
    ' WHERE region !~ /./',
    " WHERE nope = ''",
  ]);
  const page = random.pick([
    '',
    '',
    ' LIMIT 2',
    ' LIMIT 1 OFFSET 1',
    ' OFFSET 1',
    ' LIMIT 0',
    ' LIMIT 2 OFFSET 9',
    ' SLIMIT 1',
    ' SOFFSET 1',
  ]);
  const key = ` WITH KEY ${random.pick(['= host', '!= host', 'IN (host, k)', '=~ /o|k/', '!~ /o/', '= "tág"'])}`;
  const exact = random.pick(['', ' EXACT', ' EXACT']);
  const match = random.pick(['', ' = cpu', ' =~ /m/', ' = nope', ' = "odd näme, ü"', ' !~ /m/', ' != cpu']);
  return random.pick([
    // by tags InfluxDB finds measurements, and counts values, otherwise than series
    `SHOW MEASUREMENTS${on}${match === '' ? '' : ` WITH MEASUREMENT${match}`}${random.next() < SELDOM ? where : ''}${page}`,
    `SHOW SERIES${on}${from}${where}${page}`,
    `SHOW TAG KEYS${on}${from}${where}${page}`,
    `SHOW FIELD KEYS${on}${from}${page}`,
    `SHOW TAG VALUES${on}${from}${key}${where}${page}`,
    `SHOW SERIES${exact} CARDINALITY${on}${from}${where}${page}`,
    `SHOW MEASUREMENT${exact} CARDINALITY${on}${from}${where}${page}`,
    `SHOW TAG KEY${exact} CARDINALITY${on}${from}${where}${page}`,
    `SHOW FIELD KEY${exact} CARDINALITY${on}${from}${page}`,
    `SHOW TAG VALUES${exact} CARDINALITY${on}${from}${key}${random.next() < SELDOM ? where : ''}${page}`,
  ]);
}

/** What takes all values of a series, and what is counted by it. */
function integrals(random: Random): string {
  const shape = pickShape(random);
  const [field, type] = random.pick(Object.entries(shape.fields));
  const f = quote(field);
  const numeric = type === 'float' || type === 'integer' || random.next() < 0.1;
  const call = numeric
    ? random.pick([
        `integral(${f})`,
        `integral(${f}, ${random.pick(UNITS)})`,
        `count(distinct(${f}))`,
        `spread(${f}), stddev(${f}), mean(${f})`,
        `min(${f}), max(${f}), count(${f})`,
        `sum(${f}) / count(${f})`,
        `max(${f}) - min(${f})`,
        `cumulative_sum(${f})`,
      ])
    : random.pick([`count(${f})`, `count(distinct(${f}))`, `distinct(${f})`]);
  // InfluxDB gives the integrals of several series in no order, and loses windows at their ends
  if (call.startsWith('integral') && shape.tags.length > 0 && random.next() > SELDOM) return integrals(random);
  const rows = call.startsWith('cumulative') || call.startsWith('integral');
  const tags = shape.tags.length > 0 ? (rows ? ' GROUP BY *' : groupByTags(random, shape)) : '';
  if (random.next() < 0.4 && !call.startsWith('cumulative')) {
    const filled = random.next() < 0.5 ? '' : ` fill(${random.pick(['none', 'null', 'previous', '0'])})`;
    const whose = shape.tags.length > 0 && (rows || random.next() < 0.5) ? ', *' : '';
    return `SELECT ${call} FROM ${quote(shape.name)} WHERE ${bounds(random)} GROUP BY time(${random.pick(INTERVALS)})${whose}${filled}`;
  }
  return `SELECT ${call} FROM ${quote(shape.name)}${where(random, shape)}${tags}`;
}

/** Bind parameters at every place that takes one, and at some that do not. */
function parametrised(random: Random): { q: string; parameters: Record<string, string> } {
  const shape = random.pick(SHAPES.slice(0, 3));
  const [field, type] = random.pick(Object.entries(shape.fields));
  const f = quote(field);
  const tag = quote(random.pick(shape.tags));
  const value: Record<typeof type, unknown> = {
    float: random.between(-200, 2_000) / 8,
    integer: random.between(-5, 100),
    boolean: random.next() < 0.5,
    string: random.pick(['x', 'yy', 'field', "it's"]),
  };
  const params: Record<string, unknown> = {
    v:
      random.next() < 0.9
        ? value[type]
        : random.pick<unknown>(['x', 3, 2.5, true, null, [1], ...(random.next() < SELDOM ? [{ regex: 'x' }] : [])]),
    t: random.pick(shape.tagValues),
    re: { regex: random.pick(['a|b', '^e', 'ö', '.*']) },
    i: { identifier: random.next() < 0.8 ? field : 'nope' },
    d: { duration: random.pick(['1m', '90s', '5m']) },
    n: random.pick<unknown>([2, 90, 50.5]),
    from: '2024-01-10T00:05:00Z',
    ns: Number(START / 1_000_000_000n) + 600,
  };
  if (random.next() < 0.08) delete params[random.pick(Object.keys(params))];
  const m = quote(shape.name);
  const operator = random.pick(['=', '!=', '>', '<=']);
  const q = random.pick([
    `SELECT ${f} FROM ${m} WHERE ${f} ${operator} $v`,
    `SELECT ${f} FROM ${m} WHERE ${tag} = $t AND ${f} != $v`,
    `SELECT count(${f}) FROM ${m} WHERE ${tag} =~ $re GROUP BY ${tag}`,
    `SELECT count(${f}) FROM ${m} WHERE ${tag} !~ $re OR $v = ${f}`,
    `SELECT $i FROM ${m} LIMIT 5`,
    `SELECT count($i) FROM ${m}`,
    `SELECT last($i), ${tag} FROM ${m} WHERE ${tag} = $t`,
    `SELECT count(${f}) FROM ${m} WHERE time >= $from AND time < $from + 10m GROUP BY time($d)`,
    `SELECT count(${f}) FROM ${m} WHERE time >= $from AND time < $from + $d`,
    `SELECT count(${f}) FROM ${m} WHERE time > $from - $d AND time <= $from GROUP BY time($d), ${tag}`,
    `SELECT percentile(${f}, $n) FROM ${m} GROUP BY ${tag}`,
    `SELECT ${f} FROM ${m} WHERE "${field}" ${operator} $"v"`,
    `SELECT $v FROM ${m}`,
    `SELECT ${f} FROM ${m} LIMIT $n`,
    `SELECT ${f} FROM $i`,
    `SELECT count(${f}) FROM ${m} GROUP BY $i`,
    `SHOW TAG VALUES FROM ${m} WITH KEY = ${tag} WHERE ${tag} = $t`,
    `SHOW SERIES FROM ${m} WHERE ${tag} =~ $re`,
    `SELECT ${f} FROM ${m} WHERE ${f} > $missing`,
  ]);
  return { q, parameters: random.next() < 0.97 ? { params: JSON.stringify(params) } : { params: '{"v":' } };
}

/** Statements that would change something and must not here: names that nobody has, clauses that are wrong, what is there already. */
const ADMINISTRATION = [
  'CREATE DATABASE d',
  'CREATE DATABASE d WITH DURATION 3d',
  'CREATE DATABASE new WITH DURATION 30m',
  'CREATE DATABASE new WITH REPLICATION 0',
  'CREATE DATABASE new WITH NAME',
  'CREATE DATABASE',
  'DROP DATABASE nodatabase',
  'CREATE RETENTION POLICY p ON nodatabase DURATION 1d REPLICATION 1',
  'CREATE RETENTION POLICY p ON d DURATION 30m REPLICATION 1',
  'CREATE RETENTION POLICY p ON d DURATION 1d REPLICATION 1 SHARD DURATION 2d',
  'CREATE RETENTION POLICY autogen ON d DURATION 1d REPLICATION 1',
  'CREATE RETENTION POLICY p ON d REPLICATION 1',
  'CREATE RETENTION POLICY p ON d DURATION 1d',
  'CREATE RETENTION POLICY p ON d DURATION soon REPLICATION 1',
  'ALTER RETENTION POLICY nope ON d DURATION 1d',
  'ALTER RETENTION POLICY autogen ON nodatabase DURATION 1d',
  'ALTER RETENTION POLICY autogen ON d DURATION 30m',
  'ALTER RETENTION POLICY autogen ON d',
  'ALTER RETENTION POLICY autogen ON d REPLICATION x',
  'DROP RETENTION POLICY nope ON d',
  'DROP RETENTION POLICY nope',
  'DROP MEASUREMENT nope',
  'DROP MEASUREMENT /x/',
  'DROP SERIES FROM nope',
  'DROP SERIES WHERE time > 0',
  "DROP SERIES WHERE region = 'nobody'",
  'DROP SERIES',
  'DELETE FROM nope',
  "DELETE WHERE region = 'nobody'",
  "DELETE FROM cpu WHERE time < '1990-01-01'",
  'DELETE FROM d.autogen.cpu',
  'DELETE',
  'DROP USER nobody',
  "SET PASSWORD FOR nobody = 'x'",
  'SET PASSWORD FOR nobody = x',
  'CREATE USER nobody',
  'CREATE USER nobody WITH PASSWORD x',
  'GRANT READ ON d TO nobody',
  'GRANT ALL PRIVILEGES TO nobody',
  'GRANT ALL TO nobody',
  'GRANT SOME ON d TO nobody',
  'GRANT READ TO nobody',
  'REVOKE ALL FROM nobody',
  'REVOKE WRITE ON d FROM nobody',
  'REVOKE WRITE ON d TO nobody',
  'SHOW GRANTS FOR nobody',
  'SHOW GRANTS',
  'SHOW USERS',
  'SHOW SUBSCRIPTIONS',
  'DROP SUBSCRIPTION s ON d.autogen',
  'CREATE SUBSCRIPTION s ON d.autogen DESTINATIONS SOME',

  'DROP SHARD x',
  'DROP CONTINUOUS QUERY c ON d',
  'CREATE CONTINUOUS QUERY c ON d BEGIN SELECT mean(usage) FROM cpu GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY c ON d BEGIN SELECT mean(usage) INTO x FROM cpu END',
  'CREATE CONTINUOUS QUERY c ON d RESAMPLE FOR 1s BEGIN SELECT mean(usage) INTO x FROM cpu GROUP BY time(1m) END',
  'CREATE CONTINUOUS QUERY c ON d RESAMPLE BEGIN SELECT mean(usage) INTO x FROM cpu GROUP BY time(1m) END',
  'KILL QUERY 999999',
  'KILL QUERY all',
  'EXPLAIN SHOW DATABASES',
  'EXPLAIN SELECT nope(usage) FROM cpu',
  'EXPLAIN ANALYZE SELECT mean(usage), usage FROM cpu',
  'SHOW',
  'SHOW NOTHING',
  'SHOW CONTINUOUS',
];

function administration(random: Random): string {
  const q = random.pick(ADMINISTRATION);
  return random.next() < 0.85 ? q : q.toLowerCase();
}

function several(random: Random): { q: string } {
  // behind one that fails InfluxDB forgets its error
  const one = (): string =>
    (random.next() < SELDOM / 2 ? misused : random.pick([raw, aggregate, show, windows]))(random);
  return { q: `${one()}; ${one()}${random.next() < 0.5 ? ';' : `; ${one()}`}` };
}

/** Every unit of time, in one piece and in chunks of any size, plain and pretty. */
function form(random: Random): { q: string; parameters: Record<string, string> } {
  const q = random.pick([raw, aggregate, windows, show, (random) => several(random).q])(random);
  const parameters: Record<string, string> = {};
  if (random.next() < 0.6)
    parameters.epoch =
      random.next() < SELDOM / 8 ? 'µ' : random.pick(['ns', 'u', 'ms', 's', 'm', 'h', 'bad', '', 'n', 'S']);
  if (random.next() < 0.4) parameters.pretty = random.pick(['true', 'true', 'false', '1', 'yes']);
  if (random.next() < 0.5) {
    parameters.chunked = random.pick(['true', 'true', 'true', 'false', '1', 'yes']);
    if (random.next() < 0.8)
      parameters.chunk_size =
        random.next() < 0.9 ? String(random.between(1, 50)) : random.pick(['0', '-1', 'x', '', '1.5', '1000000']);
  }
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
  const text = tokens.join('');
  // a bound that lost its text and kept its `+ 10s` is in 1970: InfluxDB fills windows from there for an hour
  return /[<>=]\s+\+\s*10s/.test(text) ? broken(random) : text;
}

/** Between any two tokens: what a scanner must pass over, quotes and ends of statements in it included. */
function commented(random: Random): string {
  const q = random.pick([raw, aggregate, windows, show, conditions, arithmetic, subquery, topBottom])(random);
  const pieces = q.split(/( +)/);
  const gap = (): string =>
    random.pick([
      '/* c */',
      '/**/',
      ' /* ; SELECT "x" */ ',
      "/* it's */",
      '/* a\nb */',
      '/* ** / */',
      '/* /* */',
      ' -- to the end\n',
      '--\n',
      ' -- it\'s; "\n',
      '\n',
      '\t',
      '\r\n',
      '  /**/ /**/  ',
      ' \n-- a\n-- b\n',
    ]);
  for (let i = 0; i < random.between(1, 4); i++) {
    const at = random.between(0, pieces.length - 1);
    const isGap = /^ +$/.test(pieces[at]);
    // where a pattern may stand InfluxDB takes a comment for one
    const isBeforePattern = /(^|[,(~]|\b(select|from|by))$/i.test(pieces[at - 1] ?? '') || !isGap;
    const chosen = isBeforePattern && random.next() > SELDOM / 2 ? gap().replace(/\/\*[\s\S]*\*\//g, '') || ' ' : gap();
    pieces[at] = isGap ? chosen : random.next() < 0.3 ? chosen + pieces[at] : pieces[at];
  }
  if (random.next() < 0.1) pieces.push(random.pick([' -- end', ' /* end */', ' /* open', ' /*', ' --', ' -', ' /']));
  if (random.next() < SELDOM / 4) return pieces.join('').replace(/[(,=]/, (mark) => mark + gap());
  return pieces.join('');
}
