/** What a store remembers of what was removed from it: enough for a backup, and never much. */
import { expect } from 'chai';
import { TIME_MAX, TIME_MIN } from '../../../model/index.ts';
import { Removals } from '../../../storage/store/removals.ts';

const DROP = { database: 'd', retentionPolicy: null, measurement: null };
/** Room for about four that say little. */
const SMALL = 4 * 170;

describe('removals', () => {
  it('tells what went behind a sequence, with the condition of its series', () => {
    const removals = new Removals();
    removals.note(at(3, 'a', 10n, 20n));
    removals.note(at(5, 'a', 40n, 50n, "host = 'x'"));
    removals.note(at(7, 'b', 1n, 1n));
    expect(removals.since(3)).to.deep.equal([rows('a', 40n, 50n, "host = 'x'"), rows('b', 1n, 1n)]);
    expect(removals.since(2)).to.deep.equal([rows('a', 10n, 20n), ...removals.since(3)!]);
    expect(removals.since(7)).to.deep.equal([]);
    expect(removals.lastAt).to.equal(7);
    expect(removals.has(rows('a', 45n, 46n, "host = 'x'"), 4)).to.equal(true);
    expect(removals.has(rows('a', 45n, 46n, "host = 'x'"), 5)).to.equal(false);
    expect(removals.has(rows('a', 45n, 46n), 4)).to.equal(false);
  });

  it('tells of a dropped measurement all times, of a dropped policy what it held, and of a database its name', () => {
    const removals = new Removals();
    removals.noteDrop(4, { ...DROP, measurement: 'a' }, []);
    expect(removals.since(3)).to.deep.equal([rows('a', TIME_MIN, TIME_MAX)]);
    removals.noteDrop(5, { ...DROP, retentionPolicy: 'r' }, [
      [{ database: 'd', retentionPolicy: 'r', measurement: 'b' }, null],
    ]);
    expect(removals.since(4)).to.deep.equal([rows('b', TIME_MIN, TIME_MAX)]);
    // other policies have more of it
    expect([removals.has(rows('a', 1n, 1n), 3), removals.has(rows('b', 1n, 1n), 3)]).to.deep.equal([true, false]);
    removals.noteDrop(6, DROP, []);
    const whole = { ...rows('', TIME_MIN, TIME_MAX), measurement: null };
    expect([removals.since(3), removals.since(6)]).to.deep.equal([[whole], []]);
    expect(removals.record().removals).to.have.length(1);
  });

  it('hears the same again without growing, and forgets what later ones cover', () => {
    const removals = new Removals();
    for (let i = 0; i < 3; i++) removals.note(at(3, 'a', 10n, 20n));
    for (let i = 0; i < 30; i++) removals.note(at(4 + i, 'a', 10n, 20n + BigInt(i), "host = 'x'"));
    const known = new Removals(removals.record());
    known.note(at(9, 'a', 10n, 25n, "host = 'x'"));
    expect(known.since(0)).to.deep.equal([rows('a', 10n, 20n), rows('a', 10n, 49n, "host = 'x'")]);
  });

  it('does not grow beyond its bytes: the older half says more in fewer words, the newer stays as it is', () => {
    const removals = new Removals(undefined, SMALL);
    for (let i = 1; i <= 5; i++) removals.note(at(i, 'a', BigInt(10 * i), BigInt(10 * i)));
    expect(removals.since(0)).to.deep.equal([rows('a', 10n, 30n), rows('a', 40n, 40n), rows('a', 50n, 50n)]);
    // what is put together says more than was removed
    expect([removals.has(rows('a', 10n, 10n), 0), removals.has(rows('a', 40n, 40n), 0)]).to.deep.equal([false, true]);
    expect(removals.since(3)).to.deep.equal([rows('a', 40n, 40n), rows('a', 50n, 50n)]);
    for (let i = 6; i <= 9; i++) removals.note(at(i, `m${i}`, 0n, 0n));
    expect(removals.since(7)).to.deep.equal([rows('m8', 0n, 0n), rows('m9', 0n, 0n)]);
    const all = { ...rows('', TIME_MIN, TIME_MAX), measurement: null };
    for (let i = 10; i <= 12; i++) removals.note(at(i, `m${i}`, 0n, 0n));
    expect(removals.since(0)).to.deep.include(all);
  });

  it('gives up telling where too many databases were dropped, and tells what came behind', () => {
    const removals = new Removals(undefined, SMALL);
    for (let i = 1; i <= 9; i++) removals.noteDrop(i, { ...DROP, database: `d${i}` }, []);
    expect(removals.since(0)).to.equal(null);
    expect(removals.since(8)!.map(({ database }) => database)).to.deep.equal(['d9']);
  });

  it('tells a long condition as all series', () => {
    const removals = new Removals();
    removals.note(at(1, 'a', 1n, 2n, `host = '${'x'.repeat(5000)}'`));
    expect(removals.since(0)).to.deep.equal([rows('a', 1n, 2n)]);
    expect(removals.has(rows('a', 1n, 2n), 0)).to.equal(false);
  });
});

// private functions

function at(sequence: number, measurement: string, minTime: bigint, maxTime: bigint, condition: string | null = null) {
  return { sequence, ...rows(measurement, minTime, maxTime, condition), isWhole: true };
}

function rows(measurement: string, minTime: bigint, maxTime: bigint, condition: string | null = null) {
  return { database: 'd', measurement, condition, minTime, maxTime };
}
