/** Tables of windows made column by column, beside the same made row by row, as they are where outputs are computed. */
import { expect } from 'chai';
import { Random, seedOfRun } from '../../../../support/random.ts';
import { ArraySource, rowsOf } from '../../support/array-source.ts';
import { ask } from '../../support/ask.ts';

const CALLS = [
  'sum(f)',
  'mean(i)',
  'max(i)',
  'min(f)',
  'first(g)',
  'last(i)',
  'spread(f)',
  'count(f)',
  'count(g)',
  'sum(w)',
];
const ROUNDS = 200;
/** Windows without an upper bound end here. */
const END = 240_000_000_000n;

const seed = seedOfRun();

describe(`query/runtime: tables of windows (SEED=${seed})`, () => {
  it('are those that would be made row by row', async () => {
    const random = new Random(seed);
    const source = [made(random), made(random)];
    let rows = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const calls = Array.from({ length: random.between(1, 3) }, () => random.pick(CALLS));
      const from = random.between(-30, 200);
      const clauses = [
        ['', `WHERE time >= ${from}s AND time < ${from + random.between(1, 200)}s`, `WHERE time < ${from}s`][
          random.between(0, 2)
        ],
        `GROUP BY time(${random.pick(['1s', '7s', '1m', '10s, 3s'])})${random.pick(['', ', host'])}`,
        random.pick(['', 'fill(none)', 'fill(0)', 'fill(-3.5)', 'fill(null)']),
        random.pick(['', 'ORDER BY time DESC']),
        random.pick(['', '', `LIMIT ${random.between(1, 9)}`, `LIMIT 5 OFFSET ${random.between(0, 9)}`, 'SLIMIT 1']),
      ].join(' ');
      const plain = calls.map((call, i) => `${call} AS c${i}`).join(', ');
      const computed = calls.map((call, i) => `${call} + 0 AS c${i}`).join(', ');
      const found = await ask(`SELECT ${plain} FROM m ${clauses}`, source, END);
      expect(found, `${plain} ${clauses}`).to.deep.equal(
        await ask(`SELECT ${computed} FROM m ${clauses}`, source, END),
      );
      rows += found.reduce((sum, { values }) => sum + values.length, 0);
    }
    expect(rows).to.be.above(ROUNDS);
  });
});

// private functions

/** Some minutes of a few hosts with gaps; `g` begins late, `w` has integers beyond the safe ones. */
function made(random: Random): ArraySource {
  const lines: string[] = [];
  for (let i = 0; i < 120; i++) {
    const fields = [`i=${random.between(-9, 9)}i`];
    if (random.between(0, 2) > 0) fields.push(`f=${random.between(-9, 9) / 4}`);
    if (i > 60 && random.between(0, 1) > 0) fields.push(`g=${random.between(0, 5)}`);
    if (random.between(0, 9) === 0) fields.push(`w=${random.pick(['9007199254740993', '5'])}i`);
    lines.push(`m,host=h${random.between(0, 2)} ${fields.join(',')} ${random.between(0, 180)}000000000`);
  }
  return new ArraySource(rowsOf(lines.join('\n')), 40);
}
