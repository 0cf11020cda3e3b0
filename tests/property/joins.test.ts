/**
 * Joins against two nested loops: random series (shared tags and missing ones, same times, gaps of decades, sparse fields), random
 * joins of each kind, with conditions on either side, on both and on what is joined. The rows are the same.
 */
import { expect } from 'chai';
import { seriesKey, type Tags, type Value } from '../../model/index.ts';
import { asofPairs, intervalPairs, type Pair, type Point, windowPairs } from '../support/join-oracle.ts';
import { Random, seedOfRun } from '../support/random.ts';
import { closeStores, sourcesOf } from '../support/store-states.ts';
import type { Row } from '../unit/query/support/array-source.ts';
import { ask } from '../unit/query/support/ask.ts';

const SEED = seedOfRun();
const RUNS = 300;
/** ns. */
const SECOND = 1_000_000_000n;

interface Condition {
  readonly text: string;
  readonly holds: (values: Named) => boolean;
}

/** What a pair has, by name. */
interface Named {
  readonly host?: string;
  readonly dc?: string;
  readonly kind?: string;
  readonly x?: number;
  readonly y?: number;
  readonly z?: number;
  readonly w?: number;
}

interface Case {
  readonly from: string;
  readonly pairs: readonly Pair[];
}

const CONDITIONS: readonly Condition[] = [
  { text: `host = 'h1'`, holds: ({ host }) => host === 'h1' },
  { text: `host != ''`, holds: ({ host }) => (host ?? '') !== '' },
  { text: 'x > 3', holds: ({ x }) => x !== undefined && x > 3 },
  { text: 'b.y < 7', holds: ({ y }) => y !== undefined && y < 7 },
  { text: 'z > 3', holds: ({ z }) => z !== undefined && z > 3 },
  { text: 'w > 3', holds: ({ w }) => w !== undefined && w > 3 },
  { text: 'x <= y', holds: ({ x, y }) => x !== undefined && y !== undefined && x <= y },
  { text: `dc = 'd1'`, holds: ({ dc }) => dc === 'd1' },
  { text: `kind =~ /1/`, holds: ({ kind }) => kind === 'k1' },
  { text: '(z > 5 OR w > 5)', holds: ({ z, w }) => (z ?? 0) > 5 || (w ?? 0) > 5 },
];

describe(`joins against nested loops (SEED=${SEED})`, () => {
  afterEach(closeStores);

  it(`give the same rows, ${RUNS} times`, async () => {
    const random = new Random(SEED);
    for (let run = 0; run < RUNS; run++) await compareOne(random, random.between(1, 40), random.between(1, 40));
  });

  it('give the same rows where a side comes in many pieces', async () => {
    const random = new Random(SEED);
    await compareOne(random, 40, 25_000);
    await compareOne(random, 25_000, 40);
  });
});

// private functions

async function compareOne(random: Random, leftPoints: number, rightPoints: number): Promise<void> {
  const left = points(random, leftPoints, ['host', 'dc'], ['x', 'z']);
  const right = points(random, rightPoints, ['host', 'kind'], ['y', 'w']);
  const hasKey = random.next() < 0.7;
  const kind = random.pick(['interval', 'asof', 'window'] as const);
  const { from, pairs } = CASES[kind](random, left, right, hasKey);
  const columns = kind === 'window' ? ['x', 'y'] : ['x', 'y', 'dc', 'kind'];
  const sayable = new Set([...columns, ...(kind === 'window' ? [] : ['z', 'w']), ...(hasKey ? ['host'] : [])]);
  const conditions = CONDITIONS.filter(
    ({ text }) => random.next() < 0.15 && text.match(/\b(host|[xyzw]|dc|kind)\b/g)!.every((name) => sayable.has(name)),
  );
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.map(({ text }) => text).join(' AND ')}`;
  // grouped by the tag of ON, windows of both sides are computed in one pass
  const by = hasKey && random.next() < 0.6 ? ' GROUP BY host' : '';
  const statement = `SELECT ${columns.join(', ')} FROM ${from}${where}${by}`;
  const expected = pairs
    .filter(({ values }) => conditions.every(({ holds }) => holds(values)))
    .map(({ time, values }) => [Number(time), ...columns.map((c) => values[c] ?? (c.length > 1 ? '' : null))]);
  const blockRows = leftPoints + rightPoints > 1_000 ? 4_000 : 3;
  const split = [0, 1].map((shard) => {
    const mine = ({ key }: Point): boolean => key.length % 2 === shard;
    return [...rowsOf('a', left.filter(mine)), ...rowsOf('b', right.filter(mine))];
  });
  const shards = await sourcesOf(random, split, blockRows);
  const found = (await ask(statement, shards)).flatMap(({ values }) => values);
  expect(sorted(found), statement).to.deep.equal(sorted(expected));
}

const CASES: Readonly<
  Record<
    'interval' | 'asof' | 'window',
    (random: Random, a: readonly Point[], b: readonly Point[], hasKey: boolean) => Case
  >
> = {
  interval: (random, a, b, hasKey) => {
    const within = BigInt(random.pick([0, 1, 3, 20, 2_000_000_000])) * SECOND;
    const from = `a JOIN b WITHIN ${within / SECOND}s${hasKey ? ' ON host' : ''}`;
    return { from, pairs: intervalPairs(a, b, within, hasKey) };
  },
  asof: (random, a, b, hasKey) => {
    const tolerance = random.pick([null, 0n, 2n * SECOND, 9n * SECOND, 2_000_000_000n * SECOND]);
    const within = tolerance === null ? '' : ` TOLERANCE ${tolerance / SECOND}s`;
    return {
      from: `a ASOF JOIN b${within}${hasKey ? ' ON host' : ''}`,
      pairs: asofPairs(a, b, tolerance, hasKey),
    };
  },
  window: (random, a, b, hasKey) => {
    const fill = random.pick([null, 'null', 'previous', 7] as const);
    const [tag, on, filled] = [hasKey ? ', host' : '', hasKey ? ', host' : '', fill === null ? '' : ` FILL(${fill})`];
    const side = (sum: string, from: string): string =>
      `(SELECT sum(${sum}) AS ${sum} FROM ${from} GROUP BY time(10s)${tag})`;
    const from = `${side('x', 'a')} AS a JOIN ${side('y', 'b')} AS b ON WINDOW${on}${filled}`;
    return { from, pairs: windowPairs(a, b, fill, hasKey) };
  },
};

/** The first has all tags and fields, so that all names are known. */
function points(random: Random, count: number, tagKeys: readonly string[], fields: readonly string[]): Point[] {
  const found = new Map<string, Point>();
  const spread = count > 1_000 ? count : 60;
  const far = random.pick([0n, 0n, 1_000_000_000n]);
  for (let i = 0; i < count; i++) {
    const tags = tagKeys.flatMap(
      (key): Tags => (i > 0 && random.next() < 0.15 ? [] : [[key, `${key[0]}${random.between(1, 2)}`]]),
    );
    const time = (BigInt(random.between(0, spread)) + BigInt(random.between(0, 1)) * far) * SECOND;
    const some = fields.filter(() => i === 0 || random.next() < 0.7);
    const chosen = some.length === 0 ? [fields[0]] : some;
    const values = Object.fromEntries([...tags, ...chosen.map((name) => [name, random.between(0, 9)] as const)]);
    const key = seriesKey(tags);
    found.set(`${key} ${time}`, { key, time, values });
  }
  return [...found.values()];
}

function rowsOf(measurement: string, side: readonly Point[]): Row[] {
  return side.map(({ time, values }) => {
    const entries = Object.entries(values);
    const tags = entries.filter(([, value]) => typeof value === 'string') as unknown as Tags;
    const fields = entries.filter(([, value]) => typeof value === 'number');
    const typed = Object.fromEntries(fields.map(([name, value]) => [name, { type: 'float' as const, value }]));
    return { measurement, tags, time, fields: typed };
  });
}

function sorted(rows: readonly (readonly Value[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
