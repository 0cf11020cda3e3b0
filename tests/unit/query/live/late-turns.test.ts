/** What a home makes of shards that have no time to tell of every query as often as it asks for. */
import { expect } from 'chai';
import { LiveMerges } from '../../../../query/runtime/live/home/live-merges.ts';
import type { Emission } from '../../../../query/runtime/live/live-update.ts';
import { LiveShard } from '../../../../query/runtime/live/shard/live-shard.ts';
import { LiveStages } from '../../../../query/runtime/live/shard/live-stages.ts';
import type { LiveView } from '../../../../query/runtime/live/shard/live-view.ts';
import { AT, MemoryShard, NOW, planOf, rowsOf, SECOND } from './simulation.ts';

describe('live queries whose turns come late', () => {
  const live = planOf({ aggregates: [['sum', 'v']], interval: 10n * SECOND, fill: { kind: 'none' } });

  /** One shard and its home; `write` tells the home at once, so much later than the query asked for. */
  function query(heard: Float64Array | null = null) {
    const shard = new MemoryShard();
    const stage = new LiveShard(live, shard);
    const merge = new LiveMerges(live, 1, heard);
    merge.accept(0, stage.start(NOW));
    merge.subscribe(NOW);
    return {
      merge,
      write(seconds: number, v: number, nowMs: number, waitedMs?: number): Emission[] {
        const time = AT + BigInt(Math.round(seconds * 1000)) * 1_000_000n;
        stage.accept(shard.apply([{ host: 'a', time, v }]), nowMs);
        merge.accept(0, { ...stage.collect(nowMs)!, waitedMs });
        return merge.advance(nowMs);
      },
    };
  }

  function told(emissions: readonly Emission[]): unknown[] {
    return emissions.map(({ final, tables }) => [final, Object.fromEntries(rowsOf(tables))]);
  }

  it('open windows are sent as seldom as the shard tells of them', () => {
    const { merge, write } = query();
    expect(told(write(1, 1, NOW + 1_000))).to.deep.equal([[false, { 'a@0': [1] }]]);
    expect(told(write(2, 2, NOW + 2_000, 3_000))).to.deep.equal([]);
    expect(merge.nextAdvanceMs(NOW + 2_000)).to.equal(NOW + 5_000);
    expect(told(merge.advance(NOW + 4_999))).to.deep.equal([]);
    expect(told(merge.advance(NOW + 5_000))).to.deep.equal([[false, { 'a@0': [3] }]]);
    expect(told(write(3, 4, NOW + 6_000, 0)), 'the shard has time again').to.deep.equal([[false, { 'a@0': [7] }]]);
  });

  it('windows that end are sent at once', () => {
    const { write } = query();
    write(1, 1, NOW + 1_000, 60_000);
    expect(told(write(10, 5, NOW + 1_100))[0]).to.deep.equal([true, { 'a@0': [1] }]);
  });

  it('a shard whose stream goes on is not idle, though it has not told of it', () => {
    const heard = new Float64Array(1);
    const [silent, alive] = [query(), query(heard)];
    for (const { write } of [silent, alive]) write(1, 1, NOW + 1_000);
    heard[0] = NOW + 25_000;
    expect(told(silent.merge.advance(NOW + 30_000)), 'by the clock').to.deep.equal([[true, { 'a@0': [1] }]]);
    expect(told(alive.merge.advance(NOW + 30_000))).to.deep.equal([]);
    expect(alive.merge.nextAdvanceMs(NOW + 30_000)).to.equal(NOW + 35_000);
    expect(told(alive.merge.advance(NOW + 44_000)), 'ten silent seconds, and nine of the window').to.deep.equal([
      [true, { 'a@0': [1] }],
    ]);
  });

  it('the clock is looked at when it may close a window, and not before', () => {
    const { merge, write } = query();
    write(1, 1, NOW + 1_000);
    expect(merge.nextAdvanceMs(NOW + 2_000)).to.equal(NOW + 11_000);
    merge.advance(NOW + 11_000);
    expect(merge.nextAdvanceMs(NOW + 11_000)).to.equal(NOW + 20_000);
    expect(told(merge.advance(NOW + 20_000))).to.deep.equal([[true, { 'a@0': [1] }]]);
    expect(merge.nextAdvanceMs(NOW + 20_000)).to.equal(Number.POSITIVE_INFINITY);
  });

  it('a query of which no row came says nothing in a turn that is late, until a window ends or five seconds are over', () => {
    const shard = new MemoryShard();
    const stages = new LiveStages(shard);
    const [source] = live.plan.sources;
    const condition = {
      kind: 'binary',
      operator: '=',
      left: { kind: 'tag', name: 'host' },
      right: { kind: 'literal', type: 'string', value: 'b' },
      type: 'boolean',
    } as const;
    const view = stages.open({ ...live, plan: { ...live.plan, sources: [{ ...source, condition }] } }) as LiveView;
    const turn = (seconds: number, sealedAtMs: number, nowMs: number): boolean => {
      const input = shard.apply([{ host: 'a', time: AT + BigInt(seconds) * SECOND, v: 1 }]);
      stages.accept(input, sealedAtMs, 1, (_, error) => expect.fail(error.message));
      view.stream.seal(sealedAtMs);
      return view.collect(nowMs, true) !== null;
    };
    view.start(NOW);
    expect(turn(1, NOW + 1_000, NOW + 3_500), 'its home has not heard of the stream').to.equal(true);
    expect(turn(2, NOW + 4_000, NOW + 4_600), 'a turn in time').to.equal(true);
    expect(turn(3, NOW + 5_000, NOW + 8_000), 'a late one').to.equal(false);
    expect(turn(4, NOW + 8_100, NOW + 10_000), 'five seconds').to.equal(true);
    expect(turn(5, NOW + 10_100, NOW + 13_000)).to.equal(false);
    expect(view.collect(NOW + 13_001)?.touched.rows, 'a window ended').to.deep.equal(Float64Array.of(1));
  });

  it('where turns come later than windows end, the end of a window is the turn of its query', () => {
    const shard = new MemoryShard();
    const stages = new LiveStages(shard);
    const failed = (_: LiveView, error: Error): void => expect.fail(error.message);
    const [short, long] = [10n, 600n].map((seconds) => {
      const plan = planOf({ aggregates: [['sum', 'v']], interval: seconds * SECOND, fill: { kind: 'none' } });
      return stages.open(plan) as LiveView;
    });
    const write = (seconds: number, nowMs: number): void => {
      const input = shard.apply([{ host: 'a', time: AT + BigInt(seconds) * SECOND, v: 1 }]);
      stages.accept(input, nowMs, 1, failed);
      short.stream.seal(nowMs);
    };
    short.start(NOW);
    long.start(NOW);
    write(1, NOW + 1_000);
    write(11, NOW + 9_000);
    expect(short.collect(NOW + 9_000, false, true)?.cells?.window.length, 'what has ended').to.equal(1);
    expect(stages.turns(NOW + 9_000, 10, failed), 'it has not waited for ten seconds').to.deep.equal([short, long]);
    write(21, NOW + 19_000);
    expect(short.collect(NOW + 19_000, false, true)?.waitedMs).to.equal(18_000);
    expect(stages.turns(NOW + 19_100, 10, failed)).to.deep.equal([long]);
    expect(long.collect(NOW + 19_100, true)?.waitedMs).to.equal(18_100);
    write(31, NOW + 39_000);
    expect(long.collect(NOW + 39_000, true)).to.not.equal(null);
    expect(short.collect(NOW + 39_000, false, true)?.waitedMs).to.equal(19_000);
    expect(stages.turns(NOW + 40_000, 10, failed), 'though nothing came, and the other has nothing').to.deep.equal([
      short,
    ]);
    expect(short.collect(NOW + 40_000, true)?.cells?.window.length, 'what is open').to.equal(1);
    expect(stages.turns(NOW + 41_000, 10, failed)).to.deep.equal([]);
    expect(stages.idle).to.equal(false);
    stages.heard();
    expect(stages.idle).to.equal(true);
  });

  it('windows are kept for longer, for what is on its way', () => {
    const { merge, write } = query();
    write(1, 1, NOW + 1_000, 8_000);
    write(75, 1, NOW + 20_000);
    merge.advance(NOW + 25_000);
    expect(merge.expiredBefore, 'W has stood behind end + lateness for five seconds').to.equal(AT - 60n * SECOND);
    merge.advance(NOW + 31_000);
    expect(merge.expiredBefore).to.equal(AT + 10n * SECOND);
  });
});
