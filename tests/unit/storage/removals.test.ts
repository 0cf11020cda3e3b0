/** What a store remembers of what was removed from it: enough for a backup, and never much. */
import { expect } from 'chai';
import { TIME_MAX, TIME_MIN } from '../../../model/index.ts';
import { Removals } from '../../../storage/store/removals.ts';

const DROP = { database: 'd', retentionPolicy: null, measurement: null };

describe('removals', () => {
  it('tells of each measurement what covers all that went behind a sequence', () => {
    const removals = new Removals();
    removals.note(at(3, 'a', 10n, 20n));
    removals.note(at(5, 'a', 40n, 50n));
    removals.note(at(7, 'b', 1n, 1n));
    expect(removals.since(2)).to.deep.equal([hull('a', 10n, 50n), hull('b', 1n, 1n)]);
    expect(removals.since(3)).to.deep.equal([hull('a', 40n, 50n), hull('b', 1n, 1n)]);
    expect(removals.since(7)).to.deep.equal([]);
    expect(removals.lastAt).to.equal(7);
  });

  it('tells of a dropped measurement all times, and of a dropped database nothing', () => {
    const removals = new Removals();
    removals.noteDrop(4, { ...DROP, measurement: 'a' }, [
      [{ database: 'd', retentionPolicy: 'r', measurement: 'a' }, null],
    ]);
    expect(removals.since(3)).to.deep.equal([hull('a', TIME_MIN, TIME_MAX)]);
    removals.noteDrop(6, DROP, []);
    expect([removals.since(5), removals.since(6)]).to.deep.equal([null, []]);
  });

  it('hears the same again without growing', () => {
    const removals = new Removals();
    for (let i = 0; i < 3; i++) removals.note(at(3, 'a', 10n, 20n));
    expect(new Removals(removals.record()).record().removals).to.have.length(1);
  });

  it('does not grow beyond its bound: what cannot be put together is not told any more', () => {
    const removals = new Removals(undefined, 4);
    for (let i = 1; i <= 6; i++) removals.note(at(i, 'a', BigInt(10 * i), BigInt(10 * i)));
    expect(removals.record().removals.length).to.be.at.most(4);
    expect(removals.since(0)).to.deep.equal([hull('a', 10n, 60n)]);
    expect(removals.since(6)).to.deep.equal([]);
    for (let i = 7; i <= 12; i++) removals.note(at(i, `m${i}`, 0n, 0n));
    expect(removals.record().removals.length).to.be.at.most(4);
    expect(removals.since(0)).to.equal(null);
    expect(removals.since(8)).to.deep.equal([9, 10, 11, 12].map((i) => hull(`m${i}`, 0n, 0n)));
  });
});

function at(sequence: number, measurement: string, minTime: bigint, maxTime: bigint) {
  return { sequence, ...hull(measurement, minTime, maxTime) };
}

function hull(measurement: string, minTime: bigint, maxTime: bigint) {
  return { database: 'd', measurement, minTime, maxTime };
}
