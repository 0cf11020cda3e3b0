/** Work in the background shares rounds of the event loop: one slice in each, in order, whoever works. */
import { expect } from 'chai';
import { makePause, nextTurn } from '../../../../server/workers/pause.ts';

describe('pauses of work in the background', () => {
  it('let one piece of work on in each round of the event loop, in turn', async () => {
    let round = 0;
    let isDone = false;
    const count = (): void => {
      round++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const slices: { name: string; round: number }[] = [];
    const work = async (name: string, wait: () => Promise<void>): Promise<void> => {
      for (let slice = 0; slice < 3; slice++) {
        await wait();
        slices.push({ name, round });
      }
    };
    await Promise.all([work('decode', makePause(0)), work('seal', makePause(0)), work('encode', nextTurn)]);
    isDone = true;
    const names = slices.map(({ name }) => name);
    expect(names).to.deep.equal(['decode', 'seal', 'encode', 'decode', 'seal', 'encode', 'decode', 'seal', 'encode']);
    expect(new Set(slices.map((slice) => slice.round)).size).to.equal(slices.length);
  });

  it('let work on at once that has some of its share left', async () => {
    const pause = makePause(Number.POSITIVE_INFINITY);
    let isRoundOver = false;
    setImmediate(() => {
      isRoundOver = true;
    });
    for (let step = 0; step < 100; step++) await pause();
    expect(isRoundOver).to.equal(false);
  });
});
