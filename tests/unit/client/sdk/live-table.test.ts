/** LiveTable: identity, revisions, deletes, resets, bounds; and that order of arrival and repetition change nothing. */
import { expect } from 'chai';
import fc from 'fast-check';
import { encodeRowKey, type LiveEvent, LiveTable } from '../../../../client/sdk/index.ts';

type Rows = Extract<LiveEvent, { op: 'rows' }>;

function rows(host: string, values: [number, number][], more: Partial<Rows> = {}): Rows {
  return {
    op: 'rows',
    id: 's1',
    phase: 'live',
    final: true,
    rev: 0,
    cursor: 'c',
    series: [{ name: 'cpu', tags: { host }, columns: ['time', 'mean'], values }],
    ...more,
  };
}

function shown(table: LiveTable): string[] {
  return table
    .series()
    .map(({ tags, rows: kept }) => `${tags.host}: ${kept.map(({ values }) => values.join('=')).join(' ')}`);
}

describe('sdk/live-table', () => {
  it('keeps rows in order of time, by series', () => {
    const table = new LiveTable();
    table.apply(rows('b', [[2, 20]]));
    table.apply(
      rows('a', [
        [3, 3],
        [1, 1],
      ]),
    );
    table.apply(rows('a', [[2, 2]]));
    expect(shown(table)).to.deep.equal(['a: 1=1 2=2 3=3', 'b: 2=20']);
  });

  it('replaces a row by a higher or equal revision and ignores a lower one', () => {
    const table = new LiveTable();
    table.apply(rows('a', [[1, 10]], { rev: 1 }));
    table.apply(rows('a', [[1, 5]], { rev: 0 }));
    expect(shown(table)).to.deep.equal(['a: 1=10']);
    table.apply(rows('a', [[1, 11]], { rev: 1 }));
    expect(shown(table)).to.deep.equal(['a: 1=11']);
  });

  it('knows rows of several windows apart', () => {
    const table = new LiveTable();
    const columns = ['time', 'window', 'mean'];
    const frame = (window: string, value: number) =>
      rows('a', [], { series: [{ name: 'cpu', tags: { host: 'a' }, columns, values: [[1, window, value]] }] });
    table.apply(frame('1m', 1));
    table.apply(frame('5m', 2));
    table.apply(frame('1m', 3));
    expect(shown(table)).to.deep.equal(['a: 1=1m=3 1=5m=2']);
  });

  it('keeps rows that are known alike together, and replaces them together', () => {
    const table = new LiveTable();
    const joined = (more: Partial<Rows>, ...values: [number, number][]) => table.apply(rows('a', values, more));
    joined({ rev: 0 }, [1, 1], [1, 2], [2, 7]);
    expect(shown(table)).to.deep.equal(['a: 1=1 1=2 2=7']);
    joined({ rev: 1 }, [1, 3], [1, 4], [1, 5]);
    joined({ rev: 0 }, [1, 9]);
    expect(shown(table)).to.deep.equal(['a: 1=3 1=4 1=5 2=7']);
    joined({ rev: 2 }, [1, 8]);
    expect(shown(table)).to.deep.equal(['a: 1=8 2=7']);
  });

  it('deletes a row, a series, and everything on reset', () => {
    const table = new LiveTable();
    table.apply(
      rows('a', [
        [1, 1],
        [2, 2],
      ]),
    );
    table.apply(rows('b', [[1, 1]]));
    table.apply({ op: 'delete', id: 's1', series: [encodeRowKey('cpu', { host: 'a' }, 1)], cursor: 'c' });
    expect(shown(table)).to.deep.equal(['a: 2=2', 'b: 1=1']);
    table.apply({ op: 'delete', id: 's1', series: [encodeRowKey('cpu', { host: 'b' })], cursor: 'c' });
    expect(shown(table)).to.deep.equal(['a: 2=2']);
    table.apply(rows('b', [[1, 1]]));
    table.apply({ op: 'delete', id: 's1', series: [], from: 2, cursor: 'c' });
    expect(shown(table)).to.deep.equal(['b: 1=1']);
    expect(table.apply({ op: 'reset', id: 's1', reason: 'r' })).to.equal(true);
    expect(shown(table)).to.deep.equal([]);
  });

  it('appends without identity for a live tail', () => {
    const table = new LiveTable({ append: true });
    table.apply(
      rows('a', [
        [1, 1],
        [1, 2],
      ]),
    );
    table.apply(rows('a', [[1, 3]]));
    expect(shown(table)).to.deep.equal(['a: 1=1 1=2 1=3']);
  });

  it('forgets the oldest rows, the quietest series, and what is before a time', () => {
    const table = new LiveTable({ rowsMax: 2, seriesMax: 2 });
    table.apply(
      rows('a', [
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
    );
    table.apply(rows('b', [[1, 1]]));
    table.apply(rows('a', [[4, 4]]));
    table.apply(rows('c', [[9, 9]]));
    expect(shown(table)).to.deep.equal(['a: 3=3 4=4', 'c: 9=9']);
    table.trim(4);
    expect(shown(table)).to.deep.equal(['a: 4=4', 'c: 9=9']);
    table.trim(5);
    expect(shown(table)).to.deep.equal(['c: 9=9']);
  });

  it('says nothing has changed where nothing has, and keeps the watermark', () => {
    const table = new LiveTable();
    expect(table.apply({ op: 'progress', id: 's1', watermark: 7, cursor: 'c' })).to.equal(false);
    expect(table.watermark).to.equal(7);
  });

  it('sorts RFC3339 times with and without fractions', () => {
    const table = new LiveTable({ append: true });
    for (const time of [
      '2026-01-01T00:00:01Z',
      '2026-01-01T00:00:00.5Z',
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.51Z',
    ]) {
      table.apply(rows('a', [[time as unknown as number, 0]]));
    }
    expect(table.series()[0].rows.map(({ time }) => time)).to.deep.equal([
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.5Z',
      '2026-01-01T00:00:00.51Z',
      '2026-01-01T00:00:01Z',
    ]);
  });

  it('ends the same whatever the order of frames and however often they come', () => {
    const update = fc.record({ host: fc.constantFrom('a', 'b'), time: fc.nat(5), rev: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(update, { maxLength: 20 }), fc.infiniteStream(fc.nat(1000)), (updates, stream) => {
        // One (row, revision) has one value, as the protocol promises.
        const frames = updates.map(({ host, time, rev }) => rows(host, [[time, time * 10 + rev]], { rev }));
        const once = new LiveTable();
        for (const frame of frames) once.apply(frame);
        const mixed = new LiveTable();
        const again = [...frames, ...frames].map((frame) => ({ frame, at: stream.next().value as number }));
        for (const { frame } of again.sort((x, y) => x.at - y.at)) mixed.apply(frame);
        expect(shown(mixed)).to.deep.equal(shown(once));
      }),
      { numRuns: 100 },
    );
  });
});
