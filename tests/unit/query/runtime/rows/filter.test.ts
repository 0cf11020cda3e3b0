/** RowFilter over stretches and lists of rows: the same rows as the condition says of each by itself. */
import { expect } from 'chai';
import { type Block, type Column, rowsOfRuns, type SeriesTable } from '../../../../../model/index.ts';
import type { Bound } from '../../../../../query/index.ts';
import { RowFilter } from '../../../../../query/runtime/rows/filter.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const ROUNDS = 400;
const ROWS = 60;
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  90,
  90.5,
  2 ** 53,
  -(2 ** 53),
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  Number.MAX_VALUE,
];
const OPERATORS = ['=', '!=', '<', '<=', '>', '>='] as const;
const seed = seedOfRun();

const TABLE: SeriesTable = { size: 1, key: () => '', tag: () => '', tagKeys: () => [] };

describe(`row filter (SEED=${seed})`, () => {
  it('finds in stretches and in lists of rows what passes row by row', () => {
    const random = new Random(seed);
    let passed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const columns = new Map(['a', 'b'].map((name) => [name, columnOf(random)]));
      const tests = Array.from({ length: random.between(1, 3) }, () => ({
        name: random.pick(['a', 'b', 'c']),
        operator: random.pick(OPERATORS),
        value: random.pick(NUMBERS),
        isFlipped: random.between(0, 1) === 1,
      }));
      const filter = new RowFilter(tests.map(boundOf).reduce(both));
      const offsets = new Float64Array(ROWS);
      const block: Block = { rows: ROWS, series: new Uint32Array(ROWS), base: 0n, offsets, columns, selection: null };
      const from = random.between(0, ROWS - 1);
      const stretches = Uint32Array.of(0, random.between(0, from), from, ROWS);
      const expected: number[] = [];
      for (let row = 0; row < ROWS; row++) {
        if (row >= stretches[1] && row < from) continue;
        if (tests.every((test) => passes(test, columns.get(test.name), row))) expected.push(row);
      }
      const rows = new Uint32Array(ROWS);
      const count = filter.passing(block, TABLE, stretches, rows);
      expect([...rows.subarray(0, count)], JSON.stringify(tests)).to.deep.equal(expected);
      const listed = rowsOfRuns(stretches);
      expect([...listed.subarray(0, filter.narrow(block, TABLE, listed, listed.length))]).to.deep.equal(expected);
      passed += count;
    }
    expect(passed).to.be.above(ROUNDS);
  });
});

// private functions

interface Test {
  readonly name: string;
  readonly operator: (typeof OPERATORS)[number];
  readonly value: number;
  /** The number stands on the left. */
  readonly isFlipped: boolean;
}

function columnOf(random: Random): Column {
  const values = Float64Array.from({ length: ROWS }, () => random.pick([...NUMBERS, Number.POSITIVE_INFINITY]));
  const present = random.between(0, 1) === 0 ? null : Uint8Array.from({ length: ROWS }, () => random.between(0, 1));
  return { type: 'float', values, present };
}

function boundOf({ name, operator, value, isFlipped }: Test): Bound {
  const field: Bound = { kind: 'field', name, type: 'float' };
  const literal: Bound = { kind: 'literal', type: 'float', value };
  const [left, right] = isFlipped ? [literal, field] : [field, literal];
  return { kind: 'binary', operator, left, right, type: 'boolean' };
}

function both(left: Bound, right: Bound): Bound {
  return { kind: 'binary', operator: 'AND', left, right, type: 'boolean' };
}

function passes({ operator, value, isFlipped }: Test, column: Column | undefined, row: number): boolean {
  if (column === undefined || column.present?.[row] === 0) return false;
  const own = column.values[row] as number;
  const [left, right] = isFlipped ? [value, own] : [own, value];
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}
