/** The processor time of a thread is what it has used until now, not until the kernel last looked. */
import assert from 'node:assert/strict';
import { threadCpuMs } from '../../../../server/telemetry/index.ts';

/** A kernel that counts by the tick says at most a few of these apart. */
const LOOKS = 200;
/** Some tens of microseconds. */
const STEPS = 20_000;

describe('processor time of a thread', () => {
  it('is more at each look, however short the turn between two', () => {
    const looks = Array.from({ length: LOOKS }, () => {
      work();
      return threadCpuMs();
    });
    const grown = looks.filter((ms, i) => i > 0 && ms > looks[i - 1]).length;
    assert.equal(grown, LOOKS - 1);
  });
});

// private functions

function work(): number {
  let sum = 0;
  for (let i = 0; i < STEPS; i++) sum = (sum * 31 + i) | 0;
  return sum;
}
