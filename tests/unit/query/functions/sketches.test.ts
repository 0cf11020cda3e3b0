/** percentile_approx, count_distinct_approx, histogram and rate against plain oracles, with rows split over two states in any order. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Column, Value } from '../../../../model/index.ts';
import { createState } from '../../../../query/functions/index.ts';
import { seedOfRun } from '../../../support/random.ts';
import { ONE_SERIES } from '../support/one-series.ts';

const SEED = seedOfRun();
const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 60 });

describe(`query/functions: sketches (SEED=${SEED})`, () => {
  it('percentile_approx is as near as it says, however rows are split', () => {
    const property = fc.property(values, fc.nat(60), fc.integer({ min: 0, max: 100 }), (all, cut, p) => {
      for (const accuracy of [0.01, 0.2]) {
        const shape = { name: 'percentile_approx', parameter: p, rest: [accuracy], result: 'float' } as const;
        const got = result(shape, all, cut) as number;
        const sorted = all.toSorted((a, b) => a - b);
        const rank = (p / 100) * (all.length - 1);
        const near = [Math.floor(rank), Math.ceil(rank)].map((at) => sorted[at]!);
        const off = near.map((exact) => Math.abs(got - exact) - Math.abs(exact) * accuracy * 1.000001 - 1e-300);
        expect(Math.min(...off), `${got} beside ${near}`).to.be.at.most(0);
        expect(result(shape, all, 0)).to.equal(got);
      }
    });
    fc.assert(property, { seed: SEED });
  });

  it('count_distinct_approx is near for few and for many, however rows are split', () => {
    for (const distinct of [1, 7, 100, 5_000, 60_000]) {
      const all = Array.from({ length: distinct * 2 }, (_, i) => (i % distinct) * 1.7);
      const shape = { name: 'count_distinct_approx', parameter: 0, result: 'integer' } as const;
      const got = result(shape, all, distinct >> 1) as number;
      expect(Math.abs(got - distinct) / distinct, `${got} for ${distinct}`).to.be.below(distinct < 200 ? 0.011 : 0.04);
      expect(result(shape, all.toReversed(), distinct)).to.equal(got);
    }
  });

  it('histogram counts each value in one bucket', () => {
    const property = fc.property(values, fc.nat(60), (all, cut) => {
      const borders = [Number.NEGATIVE_INFINITY, -5e8, 0, 5e8, Number.POSITIVE_INFINITY];
      const counts = borders.slice(1).map((most, i) => {
        const shape = { name: 'histogram', parameter: most, rest: [borders[i]!], result: 'integer' } as const;
        return result(shape, all, cut);
      });
      const oracle = borders.slice(1).map((most, i) => all.filter((x) => x > borders[i]! && x <= most).length);
      expect(counts).to.deep.equal(oracle);
    });
    fc.assert(property, { seed: SEED });
  });

  it('rate adds up rises and begins again where a counter fell', () => {
    const counters = fc.array(fc.nat(1000), { minLength: 2, maxLength: 40 });
    const property = fc.property(counters, fc.nat(40), (all, cut) => {
      const rise = all.slice(1).reduce((sum, x, i) => sum + (x < all[i]! ? x : x - all[i]!), 0);
      const shape = { name: 'rate', parameter: 10, result: 'float' } as const;
      expect(result(shape, all, cut)).to.be.closeTo((rise / (all.length - 1)) * 10, 1e-9);
    });
    fc.assert(property, { seed: SEED });
    expect(result({ name: 'rate', parameter: 10, result: 'float' }, [5], 0)).to.equal(null);
  });
});

// private functions

type Shape = Pick<Parameters<typeof createState>[0], 'name' | 'parameter' | 'result' | 'rest'>;

/** Rows at times 0, 1, 2 …; those from `cut` on come first, through a state of their own that is merged in. */
function result(shape: Shape, all: readonly number[], cut: number): Value {
  const column: Column = { type: 'float', values: Float64Array.from(all), present: null };
  const offsets = Float64Array.from(all, (_, i) => i);
  const [early, late] = [0, 1].map((half) => {
    const state = createState({ ...shape, field: 'v', type: 'float' }, 0);
    state.grow(1);
    const rows = Uint32Array.from(all.keys()).filter((row) => row < cut === (half === 0));
    const slots = new Int32Array(rows.length);
    state.update({ count: rows.length, rows, slots, base: 0n, offsets, column, carried: [], ...ONE_SERIES });
    return state;
  });
  late!.merge(structuredClone(early!.take(Int32Array.of(0))), Int32Array.of(0));
  return late!.empty(0) ? null : late!.result(0);
}
