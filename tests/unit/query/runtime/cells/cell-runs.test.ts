/** Aggregates of a block whose rows stand in runs, beside those of the same block row by row. */
import { expect } from 'chai';
import { type Block, type Column, firstRowFrom, rowsOfRuns, TextDictionary } from '../../../../../model/index.ts';
import { type CellsPartial, PaneStore, parse, planSelect, type SelectStatement } from '../../../../../query/index.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';
import { ArraySource, rowsOf } from '../../support/array-source.ts';
import { NOW } from '../../support/ask.ts';

const HOSTS = 8;
const ROWS = 3_000;
const CALLS =
  'sum(f), mean(f), sum(i), mean(i), max(i), min(i), max(f), min(f), first(f), last(f), first(i), last(i), spread(i), count(f), count(s), ' +
  'stddev(f), median(i), mode(i), max(b), sum(w), max(w), first(s), count(distinct(i)), percentile(f, 40)';

const seed = seedOfRun();

describe(`query/runtime: aggregates of runs (SEED=${seed})`, () => {
  for (const clauses of [
    'GROUP BY time(1m), host',
    'GROUP BY time(7s)',
    'GROUP BY host',
    '',
    "WHERE host != 'h3' AND time >= 20s AND time < 200s GROUP BY time(30s, 4s), host",
    'WHERE time >= 20s AND time < 20m GROUP BY time(1mo), host',
  ]) {
    it(`are those of the rows: ${clauses}`, () => {
      const random = new Random(seed);
      for (let round = 0; round < 5; round++) {
        const { block, source } = made(random);
        const schemas = (...wanted: Parameters<ArraySource['describe']>) => [...source.describe(...wanted)];
        const context = { database: 'db', defaultRetentionPolicy: 'autogen', now: NOW, schemas };
        const plan = planSelect(parse(`SELECT ${CALLS} FROM m ${clauses}`)[0] as SelectStatement, context);
        const table = source.series('db', 'autogen', 'm')!;
        const [byRuns, byRows] = [new PaneStore(plan), new PaneStore(plan)];
        const some = { ...block, runs: block.runs!.filter((_, i) => i % 6 < 4) };
        const rest = { ...block, selection: rowsOfRuns(some.runs), runs: undefined };
        expect(byRuns.add(some, 0, table)).to.equal(byRows.add(rest, 0, table));
        expect(summed(byRuns.takeChanged()!)).to.deep.equal(summed(byRows.takeChanged()!));
      }
    });
  }

  it('finds the first row from a bound on', () => {
    const random = new Random(seed);
    for (let round = 0; round < 500; round++) {
      const offsets = Float64Array.from({ length: random.between(0, 40) }, () => random.between(0, 60)).sort();
      const from = random.between(0, offsets.length);
      const to = random.between(from, offsets.length);
      const bound = random.between(-2, 62);
      let expected = from;
      while (expected < to && offsets[expected] < bound) expected++;
      expect(firstRowFrom(offsets, from, to, bound)).to.equal(expected);
    }
  });
});

// private functions

/** Sums as one number each: in which order rows were added shows in how a sum and what it has lost share the digits. */
function summed(partial: CellsPartial): object {
  const states = partial.states.map((state) => {
    if (state === null || !('lost' in state)) return state;
    const lost = state.lost as Float64Array;
    return { ...state, lost: null, sums: (state.sums as Float64Array).map((sum, i) => sum + lost[i]) };
  });
  return { ...partial, states };
}

/** Rows of some minutes, those of each host together; integers and floats with ties, some of them large, some rows without. */
function made(random: Random): { block: Block; source: ArraySource } {
  const lines = Array.from({ length: HOSTS }, (_, host) => `m,host=h${host} f=1,i=1i,b=true,s="a",w=1i 0`);
  const source = new ArraySource(rowsOf(lines.join('\n')), 100);
  const sizes = Array.from({ length: HOSTS }, () => random.between(1, ROWS / HOSTS));
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const series = new Uint32Array(rows);
  const offsets = new Float64Array(rows);
  const runs: number[] = [];
  let at = 0;
  for (const [host, size] of sizes.entries()) {
    runs.push(at, at + size);
    const times = new Set<number>();
    while (times.size < size) times.add(random.between(0, 1_000) * 1e9 + random.between(0, 1));
    for (const time of [...times].sort((a, b) => a - b)) {
      series[at] = host;
      offsets[at++] = time - 5e11;
    }
  }
  const present = Uint8Array.from({ length: rows }, () => (random.between(0, 5) === 0 ? 0 : 1));
  const large = random.between(0, 1) === 1 ? Number.MAX_SAFE_INTEGER - 3 : 0;
  const columns = new Map<string, Column>([
    ['f', { type: 'float', values: Float64Array.from(series, () => random.between(-9, 9) / 3), present }],
    ['i', { type: 'integer', values: Float64Array.from(series, () => random.between(-3, 3) + large), present: null }],
    ['b', { type: 'boolean', values: Uint8Array.from(series, () => random.between(0, 1)), present }],
    [
      'w',
      { type: 'integer', values: BigInt64Array.from(series, () => 2n ** 60n + BigInt(random.between(0, 3))), present },
    ],
    [
      's',
      {
        type: 'string',
        values: Uint32Array.from(series, () => random.between(0, 1)),
        dictionary: TextDictionary.of(['a', 'b']),
        present,
      },
    ],
  ]);
  const block = {
    rows,
    series,
    base: 500_000_000_000n,
    offsets,
    columns,
    selection: null,
    runs: Uint32Array.from(runs),
  };
  return { block, source };
}
