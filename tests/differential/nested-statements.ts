/** Statements of functions over functions and of queries over queries, three levels deep, with fills, limits and conditions at each. */
import type { Random } from '../support/random.ts';
import { type MeasurementShape, SHAPES } from './data.ts';
import {
  bounds,
  comparison,
  groupByTags,
  INTERVALS,
  type Kind,
  NUMERIC,
  quote,
  SELDOM,
  SELECTORS,
  tail,
  UNITS,
} from './statement-parts.ts';

export const NESTED_KINDS: readonly Kind[] = [
  { name: 'nested functions', weight: 2, make: (random) => ({ q: nestedFunctions(random) }) },
  { name: 'deep subqueries', weight: 2, make: (random) => ({ q: deep(random) }) },
  { name: 'filled subqueries', weight: 1, make: (random) => ({ q: filled(random) }) },
  { name: 'limited series', weight: 2, make: (random) => ({ q: limitedSeries(random) }) },
];

// private functions

const FILLS = ['', '', ' fill(none)', ' fill(null)', ' fill(0)', ' fill(previous)', ' fill(linear)', ' fill(-2.5)'];

function numberOf(random: Random, shape: MeasurementShape): string {
  const numbers = Object.entries(shape.fields).filter(([, type]) => type === 'float' || type === 'integer');
  return quote(random.pick(numbers)[0]);
}

function pickNumeric(random: Random): MeasurementShape {
  return random.pick(
    SHAPES.filter(({ name }) => ['cpu', 'mem', 'steps', 'lone', 'flags', 'select', 'dst'].includes(name)),
  );
}

/** A transformation over any function at all, with arguments that it takes and some that it does not. */
function nestedFunctions(random: Random): string {
  const shape = pickNumeric(random);
  const f = random.next() < 0.9 ? numberOf(random, shape) : quote(random.pick(Object.keys(shape.fields)));
  const inner = random.pick([
    ...SELECTORS.slice(0, 4).map((name) => `${name}(${f})`),
    ...NUMERIC.filter((name) => name !== 'stddev' || random.next() < SELDOM).map((name) => `${name}(${f})`),
    `percentile(${f}, 80)`,
    `mode(${f})`,
    `count(distinct(${f}))`,
    `count(distinct ${f})`,
    `count(${f})`,
    `integral(${f})`,
    `top(${f}, 2)`,
    ...(random.next() < SELDOM ? [`distinct(${f})`] : []),
    `floor(${f})`,
    `floor(mean(${f}))`,
    `mean(${f}) + 1`,
    `mean(${f}) / max(${f})`,
    ...(random.next() < SELDOM ? [`derivative(mean(${f}))`] : []),
    `first(*)`,
    `mean(/./)`,
    f,
  ]);
  const unit = random.pick([...UNITS, '-1s', '0s', '1', "'1m'", '1.5', f]);
  const outer = random.pick([
    `derivative(${inner}, ${unit})`,
    `derivative(${inner})`,
    `non_negative_derivative(${inner}, ${unit})`,
    `difference(${inner})`,
    `non_negative_difference(${inner})`,
    `cumulative_sum(${inner})`,
    `moving_average(${inner}, ${random.pick(['2', '3', '1', '0', '-1', '2.5', '1000', "'2'", '2m'])})`,
    `moving_average(${inner})`,
    `elapsed(${inner}, ${unit})`,
    `elapsed(${inner})`,
    `ceil(${inner})`,
    `round(cumulative_sum(${inner}))`,
    `pow(difference(${inner}), 2)`,
    `cumulative_sum(sqrt(${inner}))`,
    `difference(${inner}) + 1`,
    `difference(${inner}), elapsed(${inner})`,
    `derivative(${inner}, 1m) AS x, cumulative_sum(${inner}) AS y`,
    `cumulative_sum(difference(${inner}))`,
    `sum(${inner})`,
  ]);
  const tags = shape.tags.length > 0 ? ', *' : '';
  if (random.next() < 0.15)
    return `SELECT ${outer} FROM ${quote(shape.name)}${tags === '' ? '' : ' GROUP BY *'}${tail(random, shape)}`;
  return `SELECT ${outer} FROM ${quote(shape.name)} WHERE ${bounds(random)} GROUP BY time(${random.pick(INTERVALS)})${tags}${random.pick(FILLS)}${tail(random, shape)}`;
}

/** Three levels: raw rows, windows and choices in any order, grouped by fewer tags from one level to the next. */
function deep(random: Random): string {
  const shape = pickNumeric(random);
  const f = numberOf(random, shape);
  const tag = shape.tags.map(quote)[0];
  const by = tag === undefined ? '' : `, ${tag}`;
  const of = tag === undefined ? '' : ` GROUP BY ${tag}`;
  const inTime = ` WHERE ${bounds(random)}`;
  const window = (interval: string): string => ` GROUP BY time(${interval})`;
  const inWindows = (interval: string): string => (random.next() < SELDOM ? '' : inTime) + window(interval);
  const usual = ['mean', 'max', 'min', 'sum', 'count', 'spread', 'median', 'first', 'last'];
  // of one value there is no deviation, which InfluxDB shows as a row
  const name = (): string => (random.next() < SELDOM / 2 ? 'stddev' : random.pick(usual));
  const innermost = random.pick([
    `SELECT ${f} AS x FROM ${quote(shape.name)}${inTime}`,
    `SELECT ${f} AS x FROM ${quote(shape.name)}${inTime}${of}`,
    `SELECT ${f} * 2 + 1 AS x FROM ${quote(shape.name)}${inTime}${of}`,
    `SELECT ${name()}(${f}) AS x FROM ${quote(shape.name)}${inTime}${window('1m')}${by}`,
    `SELECT ${name()}(${f}) AS x FROM ${quote(shape.name)}${inTime}${of}`,
    `SELECT difference(${f}) AS x FROM ${quote(shape.name)}${inTime}${tag === undefined ? '' : ' GROUP BY *'}`,
    `SELECT top(${f}, 3) AS x FROM ${quote(shape.name)}${inTime}${of}`,
    `SELECT ${name()}(${f}) AS x FROM ${quote(shape.name)}${inTime}${window('1m')}${by} fill(none)`,
  ]);
  const middle = random.pick([
    `SELECT ${name()}(x) AS y FROM (${innermost})${inWindows('5m')}${by}`,
    `SELECT x AS y FROM (${innermost}) WHERE x > ${random.between(-5, 40)}`,
    `SELECT x - 3 AS y FROM (${innermost})${of}`,
    `SELECT ${name()}(x) AS y FROM (${innermost})${of}`,
    `SELECT ${name()}(x) AS y FROM (${innermost})`,
    `SELECT x AS y FROM (${innermost}) LIMIT ${random.between(1, 9)}`,
    `SELECT cumulative_sum(x) AS y FROM (${innermost})${tag === undefined ? '' : ' GROUP BY *'}`,
    `SELECT moving_average(${name()}(x), 2) AS y FROM (${innermost})${inWindows('5m')}${by}`,
    `SELECT floor(x) AS y FROM (${innermost})${of}`,
  ]);
  return random.pick([
    `SELECT ${name()}(y) FROM (${middle})`,
    `SELECT ${name()}(y) FROM (${middle})${of}`,
    `SELECT y FROM (${middle})`,
    `SELECT * FROM (${middle})`,
    `SELECT ${name()}(y)${by} FROM (${middle})`,
    `SELECT ${name()}(y) FROM (${middle})${inTime}${window('10m')}${random.pick(FILLS)}`,
    `SELECT y + 1 FROM (${middle}) WHERE y != 0`,
    `SELECT ${name()}(y), ${name()}(y) FROM (${middle})`,
    `SELECT count(distinct(y)) FROM (${middle})`,
    `SELECT ${name()}(z) FROM (SELECT ${name()}(y) AS z FROM (${middle})${of})`,
    `SELECT y${by} FROM (${middle})${of} ORDER BY time DESC LIMIT 4`,
    `SELECT nope FROM (${middle})`,
    `SELECT y, nope FROM (${middle})`,
    `SELECT mean(nope) FROM (${middle})`,
  ]);
}

/** Windows that are filled inside, outside, or both; the values that filling makes are counted by the query around. */
function filled(random: Random): string {
  const shape = pickNumeric(random);
  const f = numberOf(random, shape);
  const tag = shape.tags.map(quote)[0];
  const by = tag !== undefined && random.next() < 0.6 ? `, ${tag}` : '';
  const inTime = `WHERE ${bounds(random)}`;
  const name = random.pick(['mean', 'max', 'min', 'sum', 'count', 'last']);
  const outer = random.pick(['mean', 'max', 'min', 'sum', 'count', 'first', 'last', 'difference', 'cumulative_sum']);
  const interval = random.pick(['10s', '30s', '1m', '5m']);
  const fill = random.pick(FILLS);
  const isFilledBadly = /previous|linear/.test(fill) || (by !== '' && /\d/.test(fill));
  const kept = isFilledBadly && random.next() > SELDOM / 3 ? ' fill(none)' : fill;
  const inner = `SELECT ${name}(${f}) AS x FROM ${quote(shape.name)} ${inTime} GROUP BY time(${interval})${by}${kept}`;
  const isOfRows = /difference|cumulative/.test(outer);
  return random.pick([
    `SELECT ${outer}(x) FROM (${inner})${by === '' || !isOfRows ? '' : ' GROUP BY *'}`,
    `SELECT ${isOfRows ? 'sum' : outer}(x) FROM (${inner}) ${inTime} GROUP BY time(5m)${by}${random.pick(FILLS)}`,
    `SELECT x FROM (${inner})`,
    `SELECT x + 1 AS y FROM (${inner})${by === '' ? '' : ' GROUP BY *'}`,
    `SELECT x FROM (${inner}) WHERE x != 0`,
    `SELECT * FROM (${inner}) LIMIT 6`,
  ]);
}

function limitedSeries(random: Random): string {
  const shape = random.pick(SHAPES.filter(({ tags }) => tags.length > 0));
  const field = quote(random.pick(Object.keys(shape.fields)));
  const list = random.pick([field, `count(${field})`, `last(${field})`, '*', `first(${field}), count(${field})`]);
  const time = random.next() < 0.3 && list.includes('(') ? `, time(5m)` : '';
  const where =
    time !== '' ? ` WHERE ${bounds(random)}` : random.next() < 0.3 ? ` WHERE ${comparison(random, shape)}` : '';
  const limit = random.pick(['', ' LIMIT 2', ' LIMIT 0', ' LIMIT 1 OFFSET 1', ' LIMIT 3 OFFSET 100']);
  const page = random.pick([
    ' SLIMIT 1',
    ' SLIMIT 2',
    ' SLIMIT 0',
    ' SOFFSET 1',
    ' SLIMIT 1 SOFFSET 1',
    ' SLIMIT 2 SOFFSET 9',
    ' SLIMIT 9',
  ]);
  const group = time === '' && random.next() < 0.2 ? groupByTags(random, shape) : ` GROUP BY *${time}`;
  return `SELECT ${list} FROM ${quote(shape.name)}${where}${group}${random.next() < 0.2 ? ' ORDER BY time DESC' : ''}${limit}${page}`;
}
