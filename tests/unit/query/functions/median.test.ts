/** The median of floats, however its values come together: row by row, from other states, in parts, few or many at a time. */
import { expect } from 'chai';
import { MedianState } from '../../../../query/functions/median.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const SEED = seedOfRun();
const RUNS = 200;
const SLOTS = 3;

describe(`query/functions: the median of floats (SEED=${SEED})`, () => {
  it('is that of all values that came, asked for again and again', () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(SEED + run);
      const state = new MedianState();
      const held: number[][] = Array.from({ length: SLOTS }, () => []);
      for (let step = random.between(1, 6); step > 0; step--) {
        const slot = random.between(0, SLOTS - 1);
        const values = Array.from({ length: random.pick([1, 5, 70, 300]) }, () => random.between(-50, 50) / 4);
        held[slot].push(...values);
        add(state, slot, values, random.between(0, 2));
        if (random.between(0, 3) === 0) {
          state.reset(slot);
          held[slot].length = 0;
        }
        for (const [at, all] of held.entries()) {
          expect(state.empty(at)).to.equal(all.length === 0);
          expect(state.weight(at)).to.equal(all.length);
          expect(state.result(at), `run ${run}`).to.equal(medianOf(all));
        }
      }
    }
  });
});

// private functions

/** In one of three ways. */
function add(state: MedianState, slot: number, values: readonly number[], way: number): void {
  const direct = way === 0 ? state : new MedianState();
  direct.update({
    count: values.length,
    rows: null,
    slots: new Int32Array(values.length).fill(way === 0 ? slot : 1),
    base: 0n,
    offsets: new Float64Array(values.length),
    series: new Uint32Array(values.length),
    keyOf: String,
    column: { type: 'float', values: Float64Array.from(values), present: null },
    carried: [],
  });
  // −1 = left out
  if (way === 1) state.merge(direct.take(Int32Array.of(1, 0, 1)), Int32Array.of(-1, slot, slot));
  if (way === 2) for (const part of direct.takeParts(1, 90)) state.merge(part, Int32Array.of(slot));
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted[middle - 1] + (sorted[middle] - sorted[middle - 1]) / 2;
}
