/** What a shard has to tell is told at once where nobody should wait for it, and nothing runs while it rests. */
import { expect } from 'chai';
import { Sweeps } from '../../../../server/queries/sweeps.ts';
import { eventually } from '../../../support/api.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('sweeps', () => {
  let swept: number;
  let isUrgent: boolean;
  let sweeps: Sweeps;

  beforeEach(() => {
    [swept, isUrgent] = [0, false];
    sweeps = new Sweeps(() => {
      swept++;
      return isUrgent;
    });
  });
  afterEach(() => sweeps.rest());

  it('sweeps in the same round of the event loop where something cannot wait', async () => {
    sweeps.hurry(() => true);
    sweeps.hurry(() => true);
    expect(swept).to.equal(0);
    await turn();
    expect(swept).to.equal(1);
  });

  it('does not hurry for what can wait', async () => {
    sweeps.hurry(() => false);
    await turn();
    await turn();
    expect(swept).to.equal(0);
  });

  it('sweeps on until it rests', async () => {
    sweeps.wake();
    await eventually(
      () => swept,
      (times) => times >= 3,
    );
    sweeps.wake();
    sweeps.hurry(() => true);
    sweeps.rest();
    const before = swept;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(swept).to.equal(before);
  });

  it('does nothing once it is closed, whatever comes', async () => {
    sweeps.wake();
    sweeps.hurry(() => true);
    sweeps.close();
    sweeps.wake();
    sweeps.hurry(() => true);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(swept).to.equal(0);
  });

  it('asks nobody whether it can wait shortly behind a sweep that told something', async () => {
    isUrgent = true;
    let asked = 0;
    const ask = (): boolean => {
      asked++;
      return true;
    };
    sweeps.hurry(ask);
    await turn();
    const began = performance.now();
    for (let i = 0; i < 1_000; i++) sweeps.hurry(ask);
    const tookMs = performance.now() - began;
    expect(asked).to.be.at.most(2 + Math.floor(tookMs / 5));
  });
});
