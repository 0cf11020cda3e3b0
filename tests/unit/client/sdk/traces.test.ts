/** Traces: series of different times over one list of times, labels that tell them apart, the busiest first. */
import { expect } from 'chai';
import { LiveTable, tracesOfAnswer, tracesOfLive } from '../../../../client/sdk/index.ts';

describe('sdk/traces', () => {
  const series = [
    {
      name: 'cpu',
      tags: { core: '0' },
      columns: ['time', 'mean'],
      values: [
        [1, 10],
        [3, 30],
      ],
    },
    { name: 'cpu', tags: { core: '1' }, columns: ['time', 'mean'], values: [[2, 2]] },
  ];

  it('aligns times and leaves holes null', () => {
    const { times, traces } = tracesOfAnswer(series, 10);
    expect(times).to.deep.equal([1, 2, 3]);
    expect(traces.map(({ label, values }) => [label, values])).to.deep.equal([
      ['0', [10, null, 30]],
      ['1', [null, 2, null]],
    ]);
  });

  it('keeps the busiest', () => {
    const { traces, total } = tracesOfAnswer(series, 1);
    expect(traces.map(({ label }) => label)).to.deep.equal(['0']);
    expect(total).to.equal(2);
  });

  it('names columns where there are several, and leaves texts out', () => {
    const values = [['2026-01-01T00:00:00Z', 1, 2, 'x']];
    const { times, traces } = tracesOfAnswer([{ name: 'm', columns: ['time', 'a', 'b', 's'], values }], 10);
    expect(times).to.deep.equal([Date.UTC(2026, 0, 1)]);
    expect(traces.map(({ label }) => label)).to.deep.equal(['a', 'b']);
  });

  it('makes a hole where nothing came for too long, and none elsewhere', () => {
    const table = new LiveTable();
    const values = [0, 1000, 2000, 9000].map((time) => [time, 1]);
    const frame = { name: 'm', columns: ['time', 'v'], values };
    table.apply({ op: 'rows', id: 's', phase: 'live', final: true, rev: 0, series: [frame], cursor: '' });
    const { times, traces } = tracesOfLive(table.series(), 10, 5000);
    expect(times).to.deep.equal([0, 1000, 2000, 2001, 9000]);
    expect(traces[0].values).to.deep.equal([1, 1, 1, null, 1]);
    expect(tracesOfLive(table.series(), 10).times.length).to.equal(4);
  });
});
