/** The order of groups, found in steps, against sorting them in one go. */
import { expect } from 'chai';
import { compareGroups, GroupTable } from '../../../../../query/runtime/rows/groups.ts';
import { Random, seedOfRun } from '../../../../support/random.ts';

const SEED = seedOfRun();

describe(`ranks of groups (SEED=${SEED})`, () => {
  for (const count of [0, 1, 4_096, 4_097, 20_000]) {
    it(`of ${count}, and of more that come later`, () => {
      const random = new Random(SEED);
      const table = new GroupTable();
      const meet = (): number =>
        table.number({
          name: random.pick(['a', 'b']),
          tags: [`${random.between(0, 300)}`, `${random.between(0, 300)}`],
        });
      for (const most of [count, count + 1]) {
        while (table.groups.length < most) meet();
        const sorted = [...table.groups].sort(compareGroups);
        const ranks = table.ranks();
        expect(ranks.length).to.equal(most);
        expect(table.groups.every((group, i) => sorted[ranks[i]] === group)).to.equal(true);
      }
    });
  }
});
