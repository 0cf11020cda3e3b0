/**
 * A plan made from the frame of another is the plan that planSelect makes: for random statements whose literals change.
 * Prints its seed; SEED repeats it.
 */
import { expect } from 'chai';
import type { MeasurementSchema } from '../../model/index.ts';
import {
  type PlanContext,
  planFrame,
  planLike,
  planSelect,
  QueryError,
  type SelectStatement,
  ShapeParser,
} from '../../query/index.ts';
import { otherLiterals } from '../support/other-literals.ts';
import { Random, seedOfRun } from '../support/random.ts';

const SEED = seedOfRun();
const SHAPES = 300;
const TEXTS_OF_A_SHAPE = 12;
/** How often a text has other literals outside of its condition, too. */
const ELSEWHERE = 0.2;
const NOW = 1_577_836_800_000_000_000n;
const SCHEMAS: readonly MeasurementSchema[] = [
  {
    name: 'm',
    fields: new Map([
      ['v', 'float'],
      ['u', 'integer'],
      ['s', 'string'],
    ]),
    tagKeys: ['host', 'region'],
  },
  { name: 'n', fields: new Map([['v', 'integer']]), tagKeys: ['host', 's'] },
];
const CONTEXT: Omit<PlanContext, 'now'> = {
  database: 'd',
  defaultRetentionPolicy: 'autogen',
  schemas: (_, __, wanted) => SCHEMAS.filter(({ name }) => wanted(name)),
};
const FIELDS = [
  'max(v)',
  'mean(v), max(u)',
  'v, u',
  '*',
  'max(*), 5 * mean(v)',
  'top(v, 3)',
  'percentile(v, 90.5)',
  'derivative(mean(v), 1s)',
  'difference(v)',
  'fingerprint(s)',
  '_start, count(v)',
];
const SOURCES = ['m', 'm', '"rp"."m"', 'm, n', '/m|n/', '(SELECT max(v) AS v FROM m WHERE u > 3 GROUP BY host)', 'x'];
/** Each with literals of its own. */
const CONDITIONS: readonly ((random: Random) => string)[] = [
  (random) => `host = '${text(random)}'`,
  (random) => `(host = '${text(random)}' OR region != '${text(random)}')`,
  (random) => `v > ${random.between(0, 9)}`,
  (random) => `v + 1 > u * ${random.between(0, 9)}.5`,
  (random) => `s = '${text(random)}'`,
  () => 'host =~ /a/',
  (random) => `fingerprint(s) = '${text(random)}'`,
  (random) => `abs(v) > ${random.between(0, 9)}`,
  (random) => `time >= '${date(random)}'`,
  (random) => `time < '${date(random)}'`,
  (random) => `time > now() - ${random.between(1, 90)}h`,
  (random) => `time < 15778368${random.between(10, 99)}000000000`,
  (random) => `v > '${text(random)}'`,
];
const DIMENSIONS = [
  'time(1m)',
  'time(1m)',
  'time(1m)',
  'time(100ns)',
  'time(1h, 5m)',
  'time(1h, now())',
  'time(1mo)',
  'hop(10m, 1m)',
  'host',
  '*',
];
const TAILS = ['fill(5)', 'fill(none)', 'ORDER BY time DESC', 'LIMIT 5', 'OFFSET 3', 'SLIMIT 2', "tz('Europe/Berlin')"];

describe(`query/planner: planLike (SEED=${SEED})`, () => {
  it('gives what planSelect gives when literals change', () => {
    const random = new Random(SEED);
    let plans = 0;
    for (let shape = 0; shape < SHAPES; shape++) {
      const shapes = new ShapeParser();
      const { fields, where, clauses } = randomParts(random);
      const others = (part: string, share: number): string =>
        random.next() < share ? otherLiterals(part, random) : part;
      let frame: ReturnType<typeof planFrame> = null;
      for (let round = 0; round < TEXTS_OF_A_SHAPE; round++) {
        const asked = others(fields, ELSEWHERE) + where(random) + others(clauses, ELSEWHERE);
        const statement = parsed(shapes, asked);
        if (statement === null) continue;
        const now = NOW + BigInt(round);
        const anew = attempt(() => planSelect(statement, { ...CONTEXT, now }));
        const like = frame === null ? null : attempt(() => planLike(frame!, statement, now));
        if (like !== null) {
          expect(like, asked).to.deep.equal(anew);
          if (!('refused' in like)) plans++;
        } else if (!('refused' in anew)) frame = planFrame(statement, anew);
      }
    }
    expect(plans).to.be.above(SHAPES / 4);
  });
});

// private functions

interface Parts {
  readonly fields: string;
  readonly where: (random: Random) => string;
  readonly clauses: string;
}

function randomParts(random: Random): Parts {
  const some = <T>(list: readonly T[], most: number): T[] => list.filter(() => random.next() < most / list.length);
  const conditions = some(CONDITIONS, 3);
  const dimensions = some(DIMENSIONS, 1);
  const operator = random.next() < 0.8 ? ' AND ' : ' OR ';
  const grouped = dimensions.length > 0 ? ` GROUP BY ${dimensions.join(', ')}` : '';
  return {
    fields: `SELECT ${random.pick(FIELDS)} FROM ${random.pick(SOURCES)}`,
    where: (literals) =>
      conditions.length > 0 ? ` WHERE ${conditions.map((condition) => condition(literals)).join(operator)}` : '',
    clauses: [grouped, ...some(TAILS, 1)].join(' '),
  };
}

function text(random: Random): string {
  return random.pick(['a', 'b', 'host', 'x y', '']);
}

function date(random: Random): string {
  return `2019-${random.between(10, 12)}-${random.between(10, 30)}T0${random.between(0, 9)}:02:03Z`;
}

function parsed(shapes: ShapeParser, text: string): SelectStatement | null {
  const statements = attempt(() => shapes.parse(text));
  if ('refused' in statements || statements[0].kind !== 'select') return null;
  return statements[0];
}

function attempt<T>(ask: () => T): T | { readonly refused: string } {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { refused: error.message };
  }
}
