/** Which live queries share a store of slices, and what happens to keys that are no tags. */
import { expect } from 'chai';
import type { Block } from '../../../../model/index.ts';
import type { TimeWindow } from '../../../../query/planner/plan-windows.ts';
import type { LivePlan } from '../../../../query/runtime/live/live-plan.ts';
import { LiveStages } from '../../../../query/runtime/live/shard/live-stages.ts';
import { LiveView } from '../../../../query/runtime/live/shard/live-view.ts';
import { firstSlice, sliceRuns, sliceWindow, windowWith } from '../../../../query/runtime/live/shard/share-plan.ts';
import type { ScanRequest } from '../../../../query/runtime/source/source.ts';
import { AT, MemoryShard, NOW, planOf, SECOND } from './simulation.ts';

describe('what live queries share', () => {
  /** Durations in seconds. */
  function hop(size: number, every: number): TimeWindow {
    return { of: 'hop', size: BigInt(size) * SECOND, every: BigInt(every) * SECOND, offset: null };
  }

  function cumulate(size: number, step: number): TimeWindow {
    return { of: 'cumulate', size: BigInt(size) * SECOND, step: BigInt(step) * SECOND, offset: null };
  }

  function windows(...intervals: number[]): TimeWindow {
    return { of: 'windows', intervals: intervals.map((s) => BigInt(s) * SECOND) };
  }

  function sums(of: TimeWindow | number): LivePlan {
    const window = typeof of === 'number' ? { interval: BigInt(of) * SECOND } : { beyond: of };
    return planOf({ aggregates: [['sum', 'v']], ...window, fill: { kind: 'none' } });
  }

  /** By query, in the order in which they begin: the width of its slices in seconds; null = it has an operator of its own. */
  function widths(...queries: (TimeWindow | number)[]): (number | null)[] {
    const stages = new LiveStages(new MemoryShard());
    return queries.map((of) => {
      const stage = stages.open(sums(of));
      return stage instanceof LiveView ? Number(stage.stream.plan.window!.interval / SECOND) : null;
    });
  }

  it('windows that overlap join the slices that are there', () => {
    expect(widths(10, hop(60, 10), cumulate(3600, 60), windows(60, 300), hop(60, 40))).to.deep.equal([
      ...[10, 10, 10, 10],
      10,
    ]);
  });

  it('slices are as wide as all panes are long', () => {
    expect(widths(hop(60, 10))).to.deep.equal([10]);
    expect(widths(hop(60, 40)), 'panes of 20 and 20 seconds').to.deep.equal([20]);
    expect(widths(hop(25, 10)), 'panes of 5 and 5').to.deep.equal([5]);
    expect(widths(hop(100, 60)), 'panes of 40 and 20').to.deep.equal([20]);
    expect(widths(hop(3, 60)), 'panes of 3 and 57, which are in no window').to.deep.equal([3]);
    expect(widths(windows(60, 90))).to.deep.equal([30]);
  });

  it('a store whose slices are too many for the longest window is not joined', () => {
    expect(widths(1, hop(600, 60), hop(3600, 60), cumulate(3600, 60))).to.deep.equal([1, 1, 60, 60]);
    expect(widths(hop(86_400, 120)), 'panes may be as many as they are').to.deep.equal([120]);
    expect(widths(hop(3600, 59)), '3,600 slices of a second are too many where panes are 122').to.deep.equal([null]);
    expect(widths(hop(3600, 58))).to.deep.equal([null]);
    expect(widths(hop(1000, 59))).to.deep.equal([1]);
  });

  it('every slice is a part of the window whose run it is in', () => {
    for (const asked of [10, hop(60, 10), hop(25, 10), hop(100, 60), hop(3, 60), cumulate(60, 20), windows(60, 90)]) {
      const { plan } = sums(asked);
      const runs = sliceRuns(plan, sliceWindow(plan, false))!;
      for (let window = -5; window < 5; window++) {
        const [from, to] = [firstSlice(runs, window), firstSlice(runs, window + 1)];
        expect(to, JSON.stringify(runs)).to.be.greaterThan(from);
        for (let slice = from; slice < to; slice++) expect(windowWith(runs, slice)).to.equal(window);
      }
      expect(firstSlice(runs, Number.NEGATIVE_INFINITY)).to.equal(Number.NEGATIVE_INFINITY);
    }
  });

  it('who would fill a shared store is refused alone', () => {
    const shard = new FullShard();
    const stages = new LiveStages(shard);
    const [first, wide, last] = [1, hop(1000, 1), 1].map((of) => stages.open(sums(of)) as LiveView);
    expect(wide.stream).to.equal(first.stream);
    first.start(NOW);
    expect(() => wide.start(NOW)).to.throw('live query: more than 1000000 cells on one shard');
    stages.close(wide);
    last.start(NOW);
    stages.accept(shard.apply([{ host: '7', time: AT, v: 5 }]), NOW, 1, raise);
    for (const view of [first, last]) {
      view.stream.seal(NOW);
      const { groups } = view.collect(NOW)!.cells!;
      expect(groups).to.deep.equal([{ name: 'm', tags: ['7'] }]);
    }
  });

  it('the key that tells kinds of windows apart is not the tag of its name', () => {
    const live = sums(windows(10, 60));
    const condition = {
      kind: 'binary',
      operator: '=',
      left: { kind: 'tag', name: 'window' },
      right: { kind: 'literal', type: 'string', value: 'open' },
      type: 'boolean',
    } as const;
    const [source] = live.plan.sources;
    const shard = new TaggedShard();
    const stages = new LiveStages(shard);
    const stage = stages.open({ ...live, plan: { ...live.plan, sources: [{ ...source, condition }] } }) as LiveView;
    expect(live.plan.groupBy).to.deep.equal(['host', 'window']);
    expect(stage.start(0).cells).to.equal(null);
    stages.accept(shard.apply([{ host: 'a', time: 1n, v: 1 }]), 0, 1, raise);
    stage.stream.seal(0);
    expect(stage.collect(0)!.cells!.groups).to.deep.equal([{ name: 'm', tags: ['a', ''] }]);
  });
});

/** All of its series have the tag window=open, too. */
class TaggedShard extends MemoryShard {
  override series(): ReturnType<MemoryShard['series']> {
    const table = super.series();
    return {
      size: table.size,
      key: (n) => table.key(n),
      tag: (n, key) => (key === 'window' ? 'open' : table.tag(n, key)),
      tagKeys: () => ['host', 'window'],
    };
  }
}

/** A point in every second before now of each of 1,000 hosts. */
class FullShard extends MemoryShard {
  readonly #hosts = 1_000;

  constructor() {
    super();
    for (let host = 0; host < this.#hosts; host++) this.apply([{ host: String(host), time: AT - SECOND, v: 1 }]);
  }

  override *scan({ minTime }: ScanRequest): Iterable<Block> {
    const rows = this.#hosts;
    const columns = new Map(
      ['v', 'w'].map(
        (name) => [name, { type: 'float', values: new Float64Array(rows).fill(1), present: null }] as const,
      ),
    );
    const series = Uint32Array.from({ length: rows }, (_, host) => host);
    for (let base = AT - SECOND; base >= minTime; base -= SECOND) {
      yield { rows, series, base, offsets: new Float64Array(rows), columns, selection: null };
    }
  }
}

function raise(_: unknown, error: Error): never {
  throw error;
}
