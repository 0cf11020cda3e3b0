/** Full chunks of the head, put in order of series by those who pin them: the same rows as before, as runs. */
import { expect } from 'chai';
import { type Block, type Column, rowsOfRuns, type SeriesChoice, TextDictionary } from '../../../model/index.ts';
import { columnReader } from '../../../query/runtime/source/columns.ts';
import { Head, type HeadScan } from '../../../storage/index.ts';
import { Random, seedOfRun } from '../../support/random.ts';
import { batchOf } from './points.ts';

const SERIES = 30;
const ROWS = 140_000;
const ALL: HeadScan = {
  database: 'db',
  retentionPolicy: 'autogen',
  measurement: 'm',
  minTime: -(2n ** 63n),
  maxTime: 2n ** 63n - 1n,
  series: null,
  fields: null,
};

type Pinned = NonNullable<ReturnType<Head['pin']>>;

const seed = seedOfRun();

describe(`sorted chunks (SEED=${seed})`, () => {
  it('give the rows that were there, to those who pinned them before and to those who do so after, whatever is overwritten', () => {
    const head = filled(new Random(seed));
    const overwrite = (time: number, value: number): void => {
      const point = {
        key: `host=${time % SERIES}`,
        time: BigInt(time),
        fields: { i: { type: 'integer' as const, value } },
      };
      head.apply(batchOf([point]).batch);
    };
    overwrite(4, -6);
    const before = read(head.scan(ALL));
    expect(before.length).to.equal(ROWS);
    const pins = Array.from({ length: 3 }, () => head.pin(ALL)!);
    expect(pins.map((pin) => runsIn(pin))).to.deep.equal([1, 2, 2]);
    for (const pin of pins) expectSame(read(blocksOf(pin, null)), before);
    expectSame(read(head.scan(ALL)), before);

    overwrite(3, -7);
    const after = read(head.scan(ALL));
    expect(after[3]).to.equal(before[3].replace(/ i=[0-9]+/, ' i=-7'));
    expectSame(after.with(3, before[3]), before);
    for (const pin of pins) expectSame(read(blocksOf(pin, null)), before);
  });

  it('give the rows of the series and times wanted', () => {
    const random = new Random(seed);
    const head = filled(random);
    const before = read(head.scan(ALL));
    for (let ask = 0; ask < 8; ask++) {
      const list = Uint32Array.from({ length: SERIES }, (_, s) => s).filter(() => random.between(0, 9) < 3);
      const mask = new Uint8Array(SERIES);
      for (const series of list) mask[series] = 1;
      const low = random.between(-10, ROWS);
      const high = random.between(low, ROWS + 10);
      const expected = before.map((row, time) => (mask[time % SERIES] === 1 && time >= low && time <= high ? row : ''));
      for (const wanted of [list, mask]) {
        const [minTime, maxTime] = [BigInt(low), BigInt(high)];
        const pin = head.pin({ ...ALL, minTime, maxTime, series: wanted })!;
        expectSame(read(blocksOf(pin, wanted, minTime, maxTime)), expected);
      }
    }
  });
});

// private functions

/** Rows of time 0, 1, 2, … of series in turn, but for some; a field that not all rows have, and texts. */
function filled(random: Random): Head {
  const head = new Head();
  const keys = TextDictionary.of(Array.from({ length: SERIES }, (_, s) => `host=${s}`));
  for (let first = 0; first < ROWS; first += 10_000) {
    const rows = Array.from({ length: 10_000 }, (_, i) => first + i);
    const some = Uint8Array.from(rows, () => (random.between(0, 4) === 0 ? 0 : 1));
    const columns = new Map<string, Column>([
      ['i', { type: 'integer', values: Float64Array.from(rows, () => random.between(0, 1_000)), present: null }],
      ['f', { type: 'float', values: Float64Array.from(rows, (row) => row / 8), present: some }],
      [
        's',
        {
          type: 'string',
          values: Uint32Array.from(rows, (row) => row % 3),
          dictionary: TextDictionary.of(['a', 'b', 'c']),
          present: null,
        },
      ],
    ]);
    head.apply({
      ...{ database: 'db', retentionPolicy: 'autogen', measurement: 'm', rows: rows.length, seriesKeys: keys },
      series: Uint32Array.from(rows, (row) => row % SERIES),
      base: BigInt(first),
      offsets: Float64Array.from(rows, (_, i) => i),
      minTime: BigInt(first),
      maxTime: BigInt(first + 9_999),
      columns,
    });
  }
  return head;
}

/** By time, a row as a text; '' = there is none. */
function read(blocks: Iterable<Block>): string[] {
  const rows = new Array<string>(ROWS).fill('');
  for (const { base, offsets, series, columns, selection, rows: all } of blocks) {
    const { i, f, s } = Object.fromEntries([...columns].map(([name, column]) => [name, columnReader(column)]));
    for (let k = 0; k < (selection?.length ?? all); k++) {
      const row = selection === null ? k : selection[k];
      const time = Number(base) + offsets[row];
      if (rows[time] !== '') throw new Error(`${time} comes twice`);
      rows[time] = `${series[row]} i=${i(row)} f=${f(row)} s=${s(row)}`;
    }
  }
  return rows;
}

function expectSame(found: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((row, time) => row !== found[time]);
  expect(at, at < 0 ? '' : `at ${at}: ${found[at]}, not ${expected[at]}`).to.equal(-1);
}

function* blocksOf(pin: Pinned, wanted: SeriesChoice, min = ALL.minTime, max = ALL.maxTime): Generator<Block> {
  for (const step of pin.scan({ min, max }, wanted)) if (!(step instanceof Promise)) yield step;
}

/** Blocks with runs, each of which are of one series in order of time, and all that the block has. */
function runsIn(pin: Pinned): number {
  let found = 0;
  for (const { runs, series, offsets, selection } of blocksOf(pin, null)) {
    if (runs === undefined) continue;
    found++;
    expect(rowsOfRuns(runs)).to.deep.equal(selection);
    for (let i = 0; i < runs.length; i += 2) {
      for (let row = runs[i] + 1; row < runs[i + 1]; row++) {
        if (series[row] !== series[row - 1] || !(offsets[row] > offsets[row - 1])) throw new Error(`row ${row}`);
      }
    }
  }
  return found;
}
