/** Every aggregate against a plain oracle over the same values, split over two states and merged. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Column, Value } from '../../../../model/index.ts';
import { createState } from '../../../../query/functions/index.ts';
import type { AggregateName } from '../../../../query/planner/index.ts';
import { ONE_SERIES } from '../support/one-series.ts';

const SEED = Date.now() & 0x7fffffff;

/** Over values in order of time; null = no value. */
const ORACLES: Readonly<Record<string, (values: number[]) => Value>> = {
  count: (v) => v.length,
  sum: (v) => v.reduce((a, b) => a + b, 0),
  mean: (v) => v.reduce((a, b) => a + b, 0) / v.length,
  min: (v) => Math.min(...v),
  max: (v) => Math.max(...v),
  first: (v) => v[0],
  last: (v) => v[v.length - 1],
  spread: (v) => Math.max(...v) - Math.min(...v),
  median: (v) => {
    const s = [...v].sort((a, b) => a - b);
    const m = s.length >> 1;
    return s.length % 2 === 1 ? s[m] : s[m - 1] + (s[m] - s[m - 1]) / 2;
  },
  stddev: (v) => {
    if (v.length < 2) return null;
    const mean = v.reduce((a, b) => a + b, 0) / v.length;
    return Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / (v.length - 1));
  },
  percentile: (v) => {
    const rank = Math.floor((v.length * 40) / 100 + 0.5) - 1;
    return [...v].sort((a, b) => a - b)[rank] ?? null;
  },
  'count distinct': (v) => new Set(v).size,
};

describe('query/functions: aggregates', () => {
  for (const [name, oracle] of Object.entries(ORACLES)) {
    it(`${name} is its oracle (seed ${SEED})`, () => {
      const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 });
      fc.assert(
        fc.property(values, fc.nat(30), (v, at) => {
          const got = resultOf(name as AggregateName, v, Math.min(at, v.length));
          const want = oracle(v);
          if (name === 'stddev' && want !== null) expect(got).to.be.closeTo(want as number, 1e-9);
          else expect(got).to.equal(want);
        }),
        { seed: SEED },
      );
    });
  }

  it(`sums rows of slots that come in runs, one by one, and without values (seed ${SEED})`, () => {
    const row = fc.record({
      slot: fc.nat(2),
      times: fc.integer({ min: 1, max: 4 }),
      value: fc.integer(),
      there: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (runs) => {
        const rows = runs.flatMap((run) =>
          Array.from({ length: run.times }, (_, i) => ({ ...run, value: run.value + i })),
        );
        const state = createState({ name: 'sum', field: 'v', type: 'float', result: 'float', parameter: 0 }, 0);
        const column: Column = {
          type: 'float',
          values: Float64Array.from(rows, ({ value }) => value),
          present: Uint8Array.from(rows, ({ there }) => (there ? 1 : 0)),
        };
        const slots = Int32Array.from(rows, ({ slot }) => slot);
        state.grow(3);
        state.update({
          count: rows.length,
          rows: null,
          slots,
          base: 0n,
          offsets: column.values,
          column,
          carried: [],
          ...ONE_SERIES,
        });
        for (let slot = 0; slot < 3; slot++) {
          const own = rows.filter((one) => one.slot === slot && one.there);
          expect(state.result(slot)).to.equal(own.length === 0 ? null : own.reduce((sum, { value }) => sum + value, 0));
        }
      }),
      { seed: SEED },
    );
  });

  it('sums 64-bit integers exactly and wraps', () => {
    const state = createState({ name: 'sum', field: 'v', type: 'integer', result: 'integer', parameter: 0 }, 0);
    const column: Column = { type: 'integer', values: BigInt64Array.of(2n ** 62n, 2n ** 62n, 1n), present: null };
    const slice = {
      count: 3,
      rows: null,
      base: 0n,
      offsets: Float64Array.of(0, 1, 2),
      column,
      carried: [],
      ...ONE_SERIES,
    };
    state.grow(2);
    state.update({ ...slice, slots: Int32Array.of(0, 1, 1) });
    expect(state.result(1)).to.equal(2n ** 62n + 1n);
    state.update({ ...slice, slots: Int32Array.of(0, 1, 1) });
    expect(state.result(0)).to.equal(-(2n ** 63n));
  });

  it('first and last take the larger value of one time, min and max the earlier time of one value', () => {
    const column: Column = { type: 'float', values: Float64Array.of(1, 3, 2, 1, 3), present: null };
    const slots = new Int32Array(5);
    const offsets = Float64Array.of(0, 0, 5, 5, 5);
    const at = (name: AggregateName): [Value, bigint] => {
      const state = createState({ name, field: 'v', type: 'float', result: 'float', parameter: 0 }, 0);
      state.grow(1);
      state.update({ count: 5, rows: null, slots, base: 7n, offsets, column, carried: [], ...ONE_SERIES });
      return [state.result(0), state.time!(0)];
    };
    expect(at('first')).to.deep.equal([3, 7n]);
    expect(at('last')).to.deep.equal([3, 12n]);
    expect(at('min')).to.deep.equal([1, 7n]);
    expect(at('max')).to.deep.equal([3, 7n]);
  });
});

// private functions

/** Values at times 0, 1, 2 …: those before `at` through one state, the others through another that is merged into it. */
function resultOf(name: AggregateName, values: number[], at: number): Value {
  const aggregate = { name, field: 'v', type: 'float', result: 'float', parameter: 40 } as const;
  const column: Column = { type: 'float', values: Float64Array.from(values), present: null };
  const offsets = Float64Array.from(values, (_, i) => i);
  const [a, b] = [values.slice(0, at), values.slice(at)].map((part, half) => {
    const state = createState(aggregate, 0);
    state.grow(1);
    const rows = Uint32Array.from(part, (_, i) => i + half * at);
    state.update({
      count: part.length,
      rows,
      slots: new Int32Array(part.length),
      base: 0n,
      offsets,
      column,
      carried: [],
      ...ONE_SERIES,
    });
    return state;
  });
  a.merge(structuredClone(b.take(Int32Array.of(0))), Int32Array.of(0));
  return a.result(0);
}
