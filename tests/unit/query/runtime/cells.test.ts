/** CellTable: cells are found whatever was dropped before, whether they are taken out one by one or the hash is made anew. */
import { expect } from 'chai';
import { CellTable } from '../../../../query/runtime/cells.ts';
import { Random, seedOfRun } from '../../../support/random.ts';

const SEED = seedOfRun();
const RUNS = 25;
const STEPS = 40;

describe(`cells by group and window (SEED=${SEED})`, () => {
  it('are found until their windows are dropped, and have slots of their own', () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(SEED + run);
      const table = new CellTable();
      const held = new Map<string, number>();
      const groups = random.pick([1, 3, 40]);
      let first = 0;
      for (let step = 0; step < STEPS; step++) {
        for (let i = random.between(0, 3 * groups); i > 0; i--) {
          const [group, window] = [random.between(0, groups - 1), first + random.between(0, 30)];
          const slot = table.slot(group, window);
          expect(held.get(`${group} ${window}`) ?? slot).to.equal(slot);
          held.set(`${group} ${window}`, slot);
        }
        first += random.pick([0, 1, 1, 12]);
        const dropped = table.dropBefore(first);
        const gone = [...held].filter(([cell]) => Number(cell.split(' ')[1]) < first);
        for (const [cell] of gone) held.delete(cell);
        expect([...dropped].sort(byNumber)).to.deep.equal(gone.map(([, slot]) => slot).sort(byNumber));
        expect(table.size).to.equal(held.size);
        expect(new Set(held.values()).size).to.equal(held.size);
        expect(wrong(table, held, groups, first)).to.deep.equal([]);
      }
    }
  });
});

// private functions

/** Cells that are not found where they are, or found where they are not. */
function wrong(table: CellTable, held: ReadonlyMap<string, number>, groups: number, first: number): string[] {
  const cells = Array.from({ length: groups * 34 }, (_, i) => `${i % groups} ${first - 2 + Math.floor(i / groups)}`);
  return cells.filter((cell) => {
    const [group, window] = cell.split(' ').map(Number);
    return table.find(group, window) !== (held.get(cell) ?? -1);
  });
}

function byNumber(a: number, b: number): number {
  return a - b;
}
