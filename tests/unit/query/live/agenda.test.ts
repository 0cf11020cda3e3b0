/** Things by when they have to be looked at. */
import { expect } from 'chai';
import { Agenda } from '../../../../query/runtime/live/home/agenda.ts';

describe('agenda', () => {
  it('gives what is due, the first in time first, and keeps the rest', () => {
    const agenda = new Agenda<string>(100);
    agenda.plan('third', 900);
    agenda.plan('first', 200);
    agenda.plan('second', 500);
    agenda.plan('never', Number.POSITIVE_INFINITY);
    expect(agenda.firstMs).to.equal(200);
    expect([...agenda.take(100)]).to.deep.equal([]);
    expect([...agenda.take(500)]).to.deep.equal(['first', 'second']);
    expect([...agenda.take(500)]).to.deep.equal([]);
    expect([...agenda.take(1e15)]).to.deep.equal(['third']);
    expect(agenda.firstMs).to.equal(Number.POSITIVE_INFINITY);
  });

  it('keeps the earliest time that was planned until it is taken', () => {
    const agenda = new Agenda<string>(100);
    agenda.plan('a', 5_000);
    agenda.plan('a', 1_000);
    agenda.plan('a', 9_000);
    expect([...agenda.take(999)]).to.deep.equal([]);
    expect([...agenda.take(1_000)]).to.deep.equal(['a']);
    agenda.plan('a', 9_000);
    expect([...agenda.take(8_000)]).to.deep.equal([]);
    expect([...agenda.take(9_000)]).to.deep.equal(['a']);
  });

  it('keeps those that nobody has asked for', () => {
    const agenda = new Agenda<string>(100);
    for (const name of ['a', 'b', 'c']) agenda.plan(name, 100);
    for (const name of agenda.take(100)) if (name === 'a') break;
    expect([...agenda.take(100)]).to.deep.equal(['b', 'c']);
  });

  it('gives what was planned anew meanwhile the next time, and nothing that was removed', () => {
    const agenda = new Agenda<string>(100);
    for (const name of ['a', 'b']) agenda.plan(name, 100);
    const given: string[] = [];
    for (const name of agenda.take(100)) {
      given.push(name);
      agenda.plan(name, 100);
      agenda.remove('b');
    }
    expect(given).to.deep.equal(['a']);
    expect([...agenda.take(100)]).to.deep.equal(['a']);
  });
});
