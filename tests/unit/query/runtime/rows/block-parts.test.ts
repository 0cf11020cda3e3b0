/** Blocks of very many series come in parts that are all of their rows, each once; blocks of few series as they are. */
import { expect } from 'chai';
import { type Block, rowsOfRuns } from '../../../../../model/index.ts';
import { partsOf } from '../../../../../query/runtime/rows/block-parts.ts';

const ROWS = 30_000;
const PART = 4_096;
const BLOCK: Block = {
  rows: ROWS,
  series: Uint32Array.from({ length: ROWS }, (_, i) => i),
  base: 5n,
  offsets: new Float64Array(ROWS),
  columns: new Map(),
  selection: null,
};

describe('parts of blocks', () => {
  it('are the block itself where its series are few', () => {
    expect([...partsOf(BLOCK, 1_000)]).to.deep.equal([BLOCK]);
    expect([...partsOf({ ...BLOCK, rows: 100 }, 1_000_000)]).to.have.length(1);
  });

  for (const [what, block, rows] of [
    ['all rows', BLOCK, BLOCK.series],
    ['a selection', { ...BLOCK, selection: everySecond() }, everySecond()],
    ['runs', ofRuns(runs()), rowsOfRuns(runs())],
  ] as const) {
    it(`have ${what}, in their order, each once, and few at a time`, () => {
      const parts = [...partsOf(block, 1_000_000)];
      const found = parts.map(({ selection }) => selection!);
      expect(found.flatMap((part) => [...part])).to.deep.equal([...rows]);
      for (const part of parts) {
        expect((part.runs?.length ?? 2 * part.selection!.length) / 2).to.be.at.most(PART);
        expect(part.runs === undefined).to.equal(block.runs === undefined);
        expect([part.base, part.series, part.columns]).to.deep.equal([block.base, block.series, block.columns]);
      }
    });
  }
});

function everySecond(): Uint32Array {
  return Uint32Array.from({ length: ROWS / 2 }, (_, i) => 2 * i);
}

/** Of two rows, and one left out behind them. */
function runs(): Uint32Array {
  return Uint32Array.from({ length: (2 * ROWS) / 3 }, (_, i) => 3 * (i >> 1) + 2 * (i & 1));
}

function ofRuns(some: Uint32Array): Block {
  return { ...BLOCK, runs: some, selection: rowsOfRuns(some) };
}
