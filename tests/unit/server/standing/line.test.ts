/** A line lets on so many at a time, in their order, whatever becomes of them. */
import { expect } from 'chai';
import { Line } from '../../../../server/standing/line.ts';

describe('line', () => {
  it('does so much at a time, in order, and goes on behind an error', async () => {
    const line = new Line(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const done = [0, 1, 2, 3].map((i) =>
      line
        .run(async () => {
          begun.push(i);
          await new Promise<void>((resolve) => ends.push(resolve));
          if (i === 0) throw new Error('no');
          return i;
        })
        .catch((error: Error) => error.message),
    );
    await turn();
    expect(begun).to.deep.equal([0, 1]);
    ends[0]();
    await turn();
    expect(begun).to.deep.equal([0, 1, 2]);
    ends[1]();
    ends[2]();
    await turn();
    ends[3]();
    expect(await Promise.all(done)).to.deep.equal(['no', 1, 2, 3]);
    expect(await line.run(async () => 'at once')).to.equal('at once');
  });
});

// private functions

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
