/** The rows of a batch from a time on: those of a plain filter, with nothing of the others. */
import { expect } from 'chai';
import fc from 'fast-check';
import { type Batch, rowsSince } from '../../../model/index.ts';
import { batchOf, type TestPoint } from '../storage/points.ts';

const point = fc.record({
  key: fc.constantFrom('host=a', 'host=b', 'host=ü'),
  time: fc.bigInt(0n, 20n),
  fields: fc.dictionary(fc.constantFrom('x', 'y', 's'), fc.integer({ min: 0, max: 5 }), { minKeys: 1 }),
});

describe('rows since a time', () => {
  it('are those that a filter leaves', () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 30 }), fc.bigInt(-1n, 22n), (plain, min) => {
        const points = plain.map(({ key, time, fields }): TestPoint => ({ key, time, fields: typed(fields) }));
        const kept = rowsSince(batchOf(points).batch, min);
        const wanted = points.filter(({ time }) => time >= min);
        if (wanted.length === 0) expect(kept).to.equal(null);
        else {
          expect(textsOf(kept!)).to.deep.equal(textsOf(batchOf(wanted).batch));
          expect(new Set(keysOf(kept!))).to.deep.equal(new Set(wanted.map(({ key }) => key)));
        }
      }),
    );
  });
});

// private functions

function typed(fields: Readonly<Record<string, number>>): TestPoint['fields'] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      name === 's' ? { type: 'string', value: `t${value}` } : { type: 'integer', value },
    ]),
  ) as TestPoint['fields'];
}

function keysOf({ seriesKeys }: Batch): string[] {
  return Array.from({ length: seriesKeys.size }, (_, i) => seriesKeys.get(i));
}

/** One text a row. */
function textsOf(batch: Batch): string[] {
  return Array.from({ length: batch.rows }, (_, row) => {
    const fields = [...batch.columns].flatMap(([name, column]) => {
      if (column.present !== null && column.present[row] === 0) return [];
      const value = column.values[row];
      return [`${name}=${column.type === 'string' ? column.dictionary.get(Number(value)) : value}`];
    });
    const time = batch.base + BigInt(batch.offsets[row]);
    return `${batch.seriesKeys.get(batch.series[row])} ${fields.sort().join(',')} ${time}`;
  });
}
