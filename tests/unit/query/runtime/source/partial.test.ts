/** Partials in batches: the same ones in the same order, few messages for many small groups, none that holds too much. */
import { expect } from 'chai';
import { batched, type Partial, type RowsPartial, transferables, unbatched } from '../../../../../query/index.ts';

describe('query/runtime: batches of partials', () => {
  it('put small groups together and leave large ones alone', async () => {
    const rows = [...new Array(600).fill(1), 8192, 8192, 3, 8190];
    const batches: (readonly Partial[])[] = [];
    for await (const batch of batched(partials(rows))) batches.push(batch);
    expect(batches.map((batch) => batch.length)).to.deep.equal([256, 256, 89, 1, 2]);
    const seen: number[] = [];
    for await (const partial of unbatched(batched(partials(rows)))) seen.push((partial as RowsPartial).rows);
    expect(seen).to.deep.equal(rows);
  });

  it('hand over what is large and copy what is small', () => {
    const [small, large] = [rowsPartial(10), rowsPartial(8192)];
    expect(transferables([small, large])).to.deep.equal([large.offsets.buffer, large.series.buffer]);
  });
});

// private functions

async function* partials(rows: readonly number[]): AsyncGenerator<Partial> {
  for (const count of rows) yield rowsPartial(count);
}

function rowsPartial(rows: number): RowsPartial {
  const offsets = new Float64Array(rows);
  const series = new Uint32Array(rows);
  return {
    kind: 'rows',
    groups: [{ name: 'm', tags: [] }],
    ends: Uint32Array.of(rows),
    rows,
    base: 0n,
    offsets,
    series,
    seriesKeys: [''],
    columns: [],
  };
}
