/** The lines of the warm-up take the path of all lines, to the last of them: what is refused warms nothing. */
import { expect } from 'chai';
import { warmUp } from '../../../../server/workers/warm-up.ts';
import { MemoryFiles } from '../../../../storage/index.ts';

describe('warm-up', () => {
  for (const shards of [1, 2, 7]) {
    it(`has every line of its own applied, over ${shards} shards`, async () => {
      const { rows, lines } = await warmUp(shards, new MemoryFiles());
      expect(rows).to.equal(lines);
      expect(lines).to.be.greaterThan(0);
    });
  }
});
