/** The index of late rows, beyond what one segment holds. */
import { expect } from 'chai';
import { CHUNK_ROWS, Chunk } from '../../../storage/head/chunk.ts';
import { RowIndex } from '../../../storage/head/row-index.ts';

const SERIES = 200;
const ROWS = 150_000;
/** What may be put in order again for one row that comes: a segment, and the one that it is cut from. */
const GROWTH_BYTES_MAX = 64 * 1024;

describe('the index of late rows', () => {
  it('finds each of very many rows as they come, and never grows by more than one segment at a time', () => {
    const chunks: Chunk[] = [];
    const index = new RowIndex(chunks);
    let bytes = index.bytes;
    let growth = 0;
    for (let row = 0; row < ROWS; row++) {
      if (index.find(seriesOf(row), offsetOf(row)) !== -1) expect.fail(`row ${row} is found before it comes`);
      growth = Math.max(growth, index.bytes - bytes);
      bytes = index.bytes;
      append(chunks, row);
    }
    for (let row = 0; row < ROWS; row++) {
      const id = index.find(seriesOf(row), offsetOf(row));
      if (id !== row) expect.fail(`row ${row} is found as ${id}`);
    }
    expect(index.find(SERIES, 0)).to.equal(-1);
    expect(growth).to.be.within(1, GROWTH_BYTES_MAX);
    expect(bytes).to.be.within(ROWS * 8, ROWS * 16);
  });

  it('is made of a chunk that is there already, without the rows that were deleted', () => {
    const chunks: Chunk[] = [];
    for (let row = 0; row < CHUNK_ROWS; row++) append(chunks, row);
    chunks[0].delete(offsetOf(1_000), offsetOf(1_999), null);
    const index = new RowIndex(chunks);
    for (let row = 0; row < CHUNK_ROWS; row++) {
      const isDeleted = offsetOf(row) >= offsetOf(1_000) && offsetOf(row) <= offsetOf(1_999);
      const id = index.find(seriesOf(row), offsetOf(row));
      if (id !== (isDeleted ? -1 : row)) expect.fail(`row ${row} is found as ${id}`);
    }
  });
});

function append(chunks: Chunk[], row: number): void {
  if (row % CHUNK_ROWS === 0) chunks.push(new Chunk(CHUNK_ROWS));
  chunks.at(-1)!.appendKey(seriesOf(row), offsetOf(row));
}

function seriesOf(row: number): number {
  return row % SERIES;
}

function offsetOf(row: number): number {
  return Math.floor(row / SERIES) * 10_000_000_000;
}
