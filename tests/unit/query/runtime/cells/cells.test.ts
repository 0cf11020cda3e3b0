/** The table of cells beside a plain map, while cells come and windows go. */
import { expect } from 'chai';
import { CellTable } from '../../../../../query/runtime/cells/cells.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const STEPS = 4_000;
/** Cells that a step makes, and windows that are kept. */
const CELLS = 6;
const WINDOWS = 40;

describe('query/runtime: cells', () => {
  const seed = seedOfRun();

  it(`finds every cell of the windows that are left, and none of those that went (SEED=${seed})`, () => {
    const random = new Random(seed);
    const table = new CellTable();
    const slots = new Map<string, number>();
    for (let step = 0; step < STEPS; step++) {
      const newest = step >> 4;
      for (let i = 0; i < CELLS; i++) {
        const [group, window] = [random.between(0, 30) * 4_096, newest - random.between(0, WINDOWS)];
        const slot = table.slot(group, window);
        const known = slots.get(`${group} ${window}`);
        if (known !== undefined) expect(slot).to.equal(known);
        slots.set(`${group} ${window}`, slot);
      }
      if (random.next() > 0.1) continue;
      const before = newest - random.between(WINDOWS >> 1, WINDOWS);
      const gone = [...slots].filter(([key]) => windowOf(key) < before);
      expect(table.dropBefore(before).sort()).to.deep.equal(gone.map(([, slot]) => slot).sort());
      for (const [key] of gone) {
        slots.delete(key);
        expect(table.find(groupOf(key), windowOf(key))).to.equal(-1);
      }
      for (const [key, slot] of slots) expect(table.find(groupOf(key), windowOf(key))).to.equal(slot);
      expect(table.size).to.equal(slots.size);
    }
  });
});

function groupOf(key: string): number {
  return Number(key.split(' ')[0]);
}

function windowOf(key: string): number {
  return Number(key.split(' ')[1]);
}
