/** top, bottom and sample against plain oracles, with rows split over two states in any order; what tags do to them. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Column, Value } from '../../../../model/index.ts';
import { createState } from '../../../../query/functions/index.ts';
import { joinTime } from '../../../../query/functions/slot-time.ts';
import { ONE_SERIES } from '../support/one-series.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() & 0x7fffffff);

type Name = 'top' | 'bottom' | 'sample';
interface Row {
  readonly value: number;
  readonly tag: string;
}

const rows = fc.array(fc.record({ value: fc.integer({ min: -5, max: 5 }), tag: fc.constantFrom('a', 'b', 'c') }), {
  minLength: 1,
  maxLength: 25,
});

describe(`query/functions: points chosen (SEED=${SEED})`, () => {
  for (const name of ['top', 'bottom'] as const) {
    it(`${name} is its oracle, with tags and without`, () => {
      fc.assert(
        fc.property(rows, fc.nat(25), fc.integer({ min: 1, max: 6 }), fc.boolean(), (all, cut, n, tagged) => {
          expect(chosen(name, all, cut, n, tagged)).to.deep.equal(oracle(name, all, n, tagged));
        }),
        { seed: SEED },
      );
    });
  }

  it('sample takes as many points as it should, each once, however they are split', () => {
    fc.assert(
      fc.property(rows, fc.nat(25), fc.nat(25), fc.integer({ min: 1, max: 30 }), (all, cut, other, n) => {
        const got = chosen('sample', all, cut, n, false);
        expect(got).to.have.length(Math.min(n, all.length));
        for (const [time, value] of got) expect(all[time].value).to.equal(value);
        expect(new Set(got.map(([time]) => time)).size).to.equal(got.length);
        expect(chosen('sample', all, other, n, false)).to.deep.equal(got);
      }),
      { seed: SEED },
    );
  });

  it('sample prefers no end of the values or times', () => {
    const all = Array.from({ length: 1000 }, (_, i) => ({ value: i, tag: 'a' }));
    const times = chosen('sample', all, 500, 200, false).map(([time]) => time);
    expect(times.filter((time) => time < 500).length).to.be.within(60, 140);
  });
});

// private functions

/** Rows at times 0, 1, 2 …, the later half through a state of its own that is merged in. */
function chosen(name: Name, all: readonly Row[], cut: number, n: number, tagged: boolean): [number, Value][] {
  const shape = { name, field: 'v', type: 'float', result: 'float', parameter: n, ...(tagged && { by: [0] }) } as const;
  const column: Column = { type: 'float', values: Float64Array.from(all, ({ value }) => value), present: null };
  const offsets = Float64Array.from(all, (_, i) => i);
  const carried = [(row: number): Value => all[row].tag];
  const numbers = all.map((_, i) => i);
  const [a, b] = [numbers.slice(cut), numbers.slice(0, cut)].map((part) => {
    const state = createState(shape, 1);
    state.grow(1);
    const slots = new Int32Array(part.length);
    state.update({
      count: part.length,
      rows: Uint32Array.from(part),
      slots,
      base: 0n,
      offsets,
      column,
      carried,
      ...ONE_SERIES,
    });
    return state;
  });
  a.merge(structuredClone(b.take(Int32Array.of(0))), Int32Array.of(0));
  return a.points!(0).map(({ high, low, value }) => [Number(joinTime(high, low)), value]);
}

function oracle(name: Name, all: readonly Row[], n: number, tagged: boolean): [number, Value][] {
  const sign = name === 'top' ? -1 : 1;
  const sorted = all
    .map((row, time) => ({ ...row, time }))
    .sort((a, b) => (a.value - b.value) * sign || a.time - b.time);
  const best = tagged ? sorted.filter((row, i) => sorted.findIndex(({ tag }) => tag === row.tag) === i) : sorted;
  return best
    .slice(0, n)
    .sort((a, b) => a.time - b.time)
    .map(({ time, value }) => [time, value]);
}
