import { expect } from 'chai';
import fc from 'fast-check';
import { PRODUCER_WINDOW, Producers } from '../../../../server/pubsub/producers.ts';

describe('producer table', () => {
  it('knows what was added, and where it is', () => {
    const table = new Producers();
    table.add({ producer: 1, number: 1 }, 10);
    table.add({ producer: 1, number: 3 }, 12);
    table.add({ producer: 2, number: 1 }, 11);
    expect(table.find({ producer: 1, number: 1 })).to.deep.equal({ sequence: 10, older: false });
    expect(table.find({ producer: 1, number: 2 })).to.equal(null);
    expect(table.find({ producer: 1, number: 3 })).to.deep.equal({ sequence: 12, older: false });
    expect(table.find({ producer: 1, number: 4 })).to.equal(null);
    expect(table.find({ producer: 3, number: 1 })).to.equal(null);
  });

  it('takes what is older than the window for seen', () => {
    const table = new Producers();
    for (let number = 1; number <= 100; number++) table.add({ producer: 1, number }, number);
    expect(table.find({ producer: 1, number: 100 - PRODUCER_WINDOW })).to.deep.equal({ sequence: 100, older: true });
    expect(table.find({ producer: 1, number: 100 - PRODUCER_WINDOW + 1 })).to.deep.equal({
      sequence: 37,
      older: false,
    });
  });

  it('forgets the producer that was silent for longest', () => {
    const table = new Producers(2);
    table.add({ producer: 1, number: 1 }, 1);
    table.add({ producer: 2, number: 1 }, 2);
    table.add({ producer: 1, number: 2 }, 3);
    table.add({ producer: 3, number: 1 }, 4);
    expect(table.size).to.equal(2);
    expect(table.find({ producer: 2, number: 1 })).to.equal(null);
    expect(table.find({ producer: 1, number: 1 })).to.deep.equal({ sequence: 1, older: false });
  });

  it('agrees with a plain table for any order within the window', () => {
    const step = fc.record({ producer: fc.integer({ min: 1, max: 3 }), number: fc.integer({ min: 1, max: 200 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new Producers();
        const plain = new Map<string, number>();
        const last = new Map<number, number>();
        steps.forEach((id, i) => {
          const greatest = last.get(id.producer) ?? 0;
          const seen = table.find(id);
          if (greatest > 0 && id.number <= greatest - PRODUCER_WINDOW) {
            expect(seen?.older).to.equal(true);
            return;
          }
          const sequence = plain.get(`${id.producer}:${id.number}`);
          expect(seen).to.deep.equal(sequence === undefined ? null : { sequence, older: false });
          if (sequence !== undefined) return;
          table.add(id, i + 1);
          plain.set(`${id.producer}:${id.number}`, i + 1);
          last.set(id.producer, Math.max(greatest, id.number));
        });
      }),
    );
  });
});
