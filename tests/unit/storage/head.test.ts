/** The head through its public door: what the property test is too small or too random to show. */
import { expect } from 'chai';
import { type Batch, type TagPredicate, TextDictionary } from '../../../model/index.ts';
import { finished } from '../../../query/runtime/source/steps.ts';
import { Head, type HeadScan } from '../../../storage/index.ts';
import { batchOf, rowsOf, type TestPoint } from './points.ts';

const ALL: HeadScan = {
  database: 'db',
  retentionPolicy: 'autogen',
  measurement: 'm',
  minTime: -(2n ** 63n),
  maxTime: 2n ** 63n - 1n,
  series: null,
  fields: null,
};
const BASE = 1_700_000_000_000_000_000n;

describe('the head', () => {
  it('fills many chunks, whatever the size of the batches, and looks at no row when all are wanted', () => {
    const head = new Head();
    let next = 0;
    for (const rows of [10, 70_000, 60_000, 5, 200_000]) {
      head.apply(runOf(next, rows));
      next += rows;
    }
    const blocks = [...head.scan(ALL)];
    expect(blocks.length).to.equal(Math.ceil(next / 65_536));
    expect(blocks.every((b) => b.selection === null)).to.equal(true);
    expect(valuesOf(head, ALL)).to.deep.equal(Array.from({ length: next }, (_, i) => i));
    const part = { ...ALL, minTime: BASE + 65_000n, maxTime: BASE + 66_000n };
    expect(valuesOf(head, part)).to.deep.equal(Array.from({ length: 1001 }, (_, i) => 65_000 + i));
    expect([...head.scan(part)].length).to.equal(2);
  });

  it('overwrites late rows in whichever chunk they are, and keeps new ones apart', () => {
    const head = new Head();
    head.apply(runOf(0, 150_000));
    const late = head.apply(runOf(60_000, 100, 1000)).late!;
    expect(late.length).to.equal(100);
    head.apply(runOf(-80_000, 80_000));
    head.apply(runOf(-70_000, 10, 500));
    const expected = Array.from({ length: 230_000 }, (_, i) => i - 80_000);
    for (let i = 0; i < 100; i++) expected[80_000 + 60_000 + i] += 1000;
    for (let i = 0; i < 10; i++) expected[10_000 + i] += 500;
    expect(valuesOf(head, ALL)).to.deep.equal(expected);
    const { points, lateRows, overwrittenRows } = head.stats();
    expect({ points, lateRows, overwrittenRows }).to.deep.equal({
      points: 230_000,
      lateRows: 80_110,
      overwrittenRows: 110,
    });
    expect([...head.scan({ ...ALL, minTime: BASE + 140_000n })].length).to.equal(1);
  });

  it('shows fields only where they were written', () => {
    const head = new Head();
    apply(head, [point('', 1n, { a: 1 }), point('', 2n, { a: 2 })]);
    apply(head, [point('', 3n, { a: 3, b: 3 })]);
    apply(head, [point('', 4n, { b: 4 })]);
    const table = head.series('db', 'autogen', 'm')!;
    expect([...rowsOf(head.scan(ALL), (s) => table.key(s)).values()]).to.deep.equal([
      { a: 'float 1' },
      { a: 'float 2' },
      { a: 'float 3', b: 'float 3' },
      { b: 'float 4' },
    ]);
    const [block] = head.scan({ ...ALL, fields: ['b', 'none'] });
    expect([...block.columns.keys()]).to.deep.equal(['b']);
    expect([...head.scan({ ...ALL, fields: ['none'] })]).to.deep.equal([]);
  });

  it('keeps what it knows of measurements, and says when that changes', () => {
    const head = new Head();
    expect(apply(head, [point('a=1', 1n, { f: 1 })]).schemaChanged).to.equal(true);
    expect(apply(head, [point('a=2', 1n, { f: 1 })]).schemaChanged).to.equal(false);
    expect(apply(head, [point('a=2', 2n, { g: 1 })]).schemaChanged).to.equal(true);
    expect(apply(head, [point('a=2,b=1', 2n, { g: 1 })]).schemaChanged).to.equal(true);
    head.apply(batchOf([point('', 1n, { x: 1 })], 'k').batch);
    expect(head.describe('db', 'autogen', () => true)).to.deep.equal([
      { name: 'k', fields: new Map([['x', 'float']]), tagKeys: [] },
      {
        name: 'm',
        fields: new Map([
          ['f', 'float'],
          ['g', 'float'],
        ]),
        tagKeys: ['a', 'b'],
      },
    ]);
    expect(head.describe('db', 'autogen', (name) => name === 'k').length).to.equal(1);
    expect(head.describe('db', 'other', () => true)).to.deep.equal([]);
    expect(head.series('none', 'autogen', 'm')).to.equal(null);
  });

  it('leaves out values of a wrong type, and rows that have no others', () => {
    const head = new Head();
    apply(head, [point('', 1n, { a: 1 })]);
    const applied = apply(head, [
      { key: '', time: 2n, fields: { a: { type: 'string', value: 'x' } } },
      { key: '', time: 3n, fields: { a: { type: 'string', value: 'y' }, b: { type: 'float', value: 1 } } },
    ]);
    expect(applied.conflicts).to.deep.equal([{ field: 'a', expected: 'float', found: 'string', rows: 2 }]);
    expect([...applied.block.selection!]).to.deep.equal([1]);
    expect([...applied.block.columns.keys()]).to.deep.equal(['b']);
    expect(head.stats().points).to.equal(2);
  });

  it('views a batch of the stream again as it was applied', () => {
    const head = new Head();
    apply(head, [point('a=1', 1n, { f: 1 })]);
    const { batch } = batchOf([point('a=2', 2n, { f: 2 }), point('a=1', 3n, { f: 3 })]);
    const { block } = head.apply(batch);
    const again = head.view(batch)!;
    expect([...again.series])
      .to.deep.equal([...block.series])
      .and.to.deep.equal([1, 0]);
    expect(again.columns.get('f')).to.deep.equal(block.columns.get('f'));
    expect(head.stats().points).to.equal(3);
    head.dropDatabase('db');
    expect(head.view(batch)).to.equal(null);
  });

  it('finds series by their tags', () => {
    const head = new Head();
    const keys = ['host=a,zone=eu', 'host=b', 'host=a', '', 'host=c,zone=us', 'zone=eu'];
    apply(
      head,
      keys.map((key) => point(key, 1n, { f: 1 })),
    );
    const table = head.series('db', 'autogen', 'm')!;
    expect(keys.map((_, i) => table.key(i))).to.deep.equal(keys);
    expect(keys.map((_, i) => table.tag(i, 'zone'))).to.deep.equal(['eu', '', '', '', 'us', 'eu']);
    expect(table.tag(0, 'none')).to.equal('');
    const found = (...predicates: TagPredicate[]) =>
      Array.from(finished(table.matching!(predicates)), (series) => keys[series]);
    expect(found({ key: 'host', equals: 'a' })).to.deep.equal(['host=a,zone=eu', 'host=a']);
    expect(found({ key: 'host', equals: 'a' }, { key: 'zone', equals: '' })).to.deep.equal(['host=a']);
    expect(found({ key: 'zone', test: (v) => v !== 'eu' })).to.deep.equal(['host=b', 'host=a', '', 'host=c,zone=us']);
    expect(found({ key: 'none', equals: '' }).length).to.equal(6);
    expect(found({ key: 'none', equals: 'x' })).to.deep.equal([]);
    expect(found()).to.deep.equal(keys);
  });

  it('knows a hundred thousand series again', () => {
    const head = new Head();
    const keys = Array.from({ length: 100_000 }, (_, i) => `host=h${i},n=${i % 10}`);
    head.apply(seriesBatch(keys, 0n));
    const { block } = head.apply(seriesBatch(keys.toReversed(), 1n));
    expect(block.series[0]).to.equal(99_999);
    expect(block.series[99_999]).to.equal(0);
    const { series, bytes } = head.stats();
    expect(series).to.equal(100_000);
    expect(bytes / series).to.be.lessThan(300);
  });

  it('creates, lists and drops databases', () => {
    const head = new Head();
    head.createDatabase('b');
    apply(head, [point('', 1n, { f: 1 })]);
    head.createDatabase('db');
    expect(head.databases()).to.deep.equal(['b', 'db']);
    expect(head.stats().points).to.equal(1);
    expect([head.dropDatabase('db'), head.dropDatabase('db')]).to.deep.equal([true, false]);
    expect(head.databases()).to.deep.equal(['b']);
    expect([...head.scan(ALL)]).to.deep.equal([]);
  });
});

// private functions

function apply(head: Head, points: TestPoint[]) {
  return head.apply(batchOf(points).batch);
}

function point(key: string, time: bigint, fields: Record<string, number>): TestPoint {
  return {
    key,
    time,
    fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { type: 'float', value }])),
  };
}

/** `rows` points of one series, one a nanosecond from BASE + first on, with the value first + i + more. */
function runOf(first: number, rows: number, more = 0): Batch {
  const base = BASE + BigInt(first);
  return {
    database: 'db',
    retentionPolicy: 'autogen',
    measurement: 'm',
    rows,
    seriesKeys: TextDictionary.of(['a=1']),
    series: new Uint32Array(rows),
    base,
    offsets: Float64Array.from({ length: rows }, (_, i) => i),
    minTime: base,
    maxTime: base + BigInt(rows - 1),
    columns: new Map([
      ['f', { type: 'float', values: Float64Array.from({ length: rows }, (_, i) => first + i + more), present: null }],
    ]),
  };
}

/** One row of each series, without the cost of making points. */
function seriesBatch(keys: string[], time: bigint): Batch {
  return {
    ...runOf(Number(time), keys.length),
    seriesKeys: TextDictionary.of(keys),
    series: Uint32Array.from(keys, (_, i) => i),
  };
}

/** The field of all rows in the order of time. */
function valuesOf(head: Head, request: HeadScan): number[] {
  const rows: [number, number][] = [];
  for (const { rows: count, selection, base, offsets, columns } of head.scan(request)) {
    const { values } = columns.get('f')!;
    const shift = Number(base - BASE);
    for (const row of selection ?? Array(count).keys()) rows.push([shift + offsets[row], Number(values[row])]);
  }
  return rows.sort(([a], [b]) => a - b).map(([, value]) => value);
}
