/** Rows that come late are read again only where they may repeat an earlier one. */
import { expect } from 'chai';
import type { Block } from '../../../../model/index.ts';
import { LiveStages } from '../../../../query/runtime/live/shard/live-stages.ts';
import type { LiveView } from '../../../../query/runtime/live/shard/live-view.ts';
import { TimesSeen } from '../../../../query/runtime/live/shard/times-seen.ts';
import type { ScanRequest } from '../../../../query/runtime/source/source.ts';
import { Random, seedOfRun } from '../../../support/random.ts';
import { AT, MemoryShard, planOf, SECOND } from './simulation.ts';

const SEED = seedOfRun();
const BLOCKS = 3_000;
const SERIES = 5;

describe(`times in which rows have come (SEED=${SEED})`, () => {
  it('leave no row out that repeats another, and none in doubt whose block meets no other', () => {
    const random = new Random(SEED);
    const seen = new TimesSeen();
    const rows = new Set<string>();
    const newest: number[] = new Array(SERIES).fill(-1);
    const stretches: [number, number][] = [];
    seen.allUpTo(50n);
    let inDoubt = 0;
    let doubtless = 0;
    for (let i = 0; i < BLOCKS; i++) {
      const begin = Math.max(0, 3 * i - random.pick([0, 0, 10, 100, 20_000]));
      const times = Array.from({ length: random.between(1, 4) }, () => begin + random.between(0, 5));
      const series = times.map(() => random.between(0, SERIES - 1));
      const late = times.flatMap((time, row) => {
        if (time <= newest[series[row]]) return [row];
        newest[series[row]] = time;
        return [];
      });
      const found = seen.repeating(blockOf(times, series), late.length === 0 ? null : Uint32Array.from(late)) ?? [];
      const repeats = times.flatMap((time, row) => {
        const key = `${series[row]} ${time}`;
        const isThere = rows.has(key);
        rows.add(key);
        return isThere ? [row] : [];
      });
      expect([...found]).to.include.members(repeats);
      expect(late).to.include.members([...found]);
      const [from, to] = [Math.min(...times), Math.max(...times)];
      // the oldest are one, and those of the newest thousand never are
      const isApart = from > 50 && stretches.slice(-1_000).every((one) => one[0] > to || one[1] < from);
      const isRecent = stretches.slice(0, -1_000).every((one) => one[1] < from);
      stretches.push([from, to]);
      if (late.length === 0) continue;
      if (found.length > 0) inDoubt++;
      if (!isApart || !isRecent || new Set(series).size < series.length) continue;
      doubtless++;
      expect([...found]).to.deep.equal([]);
    }
    expect(inDoubt).to.be.greaterThan(100);
    expect(doubtless).to.be.greaterThan(20);
  });

  it('let writers overtake each other without anything being read again', () => {
    const { shard, write, view } = watched();
    const begun = shard.scans;
    for (let pair = 1; pair <= 20; pair++) {
      write([pair * 20 + 10, pair * 20 + 11]);
      write([pair * 20, pair * 20 + 1]);
    }
    const cells = collected(view);
    expect(shard.scans).to.equal(begun);
    expect(cells).to.deep.equal([80, 80]);
    // the same row once more
    write([30]);
    expect(collected(view)).to.deep.equal([80, 80]);
    expect(shard.scans).to.be.greaterThan(begun);
  });
});

// private functions

class CountedShard extends MemoryShard {
  scans = 0;

  override *scan(request: ScanRequest): Iterable<Block> {
    this.scans++;
    yield* super.scan(request);
  }
}

/** A view of counts by host, with windows that nothing here ends, and a way to write rows of both hosts at some ms. */
function watched(): { shard: CountedShard; view: LiveView; write: (ms: number[]) => void } {
  const shard = new CountedShard();
  const stages = new LiveStages(shard);
  const nowMs = Number(AT / 1_000_000n) + 5_000;
  let sequence = 0;
  const write = (ms: number[]): void => {
    const points = ms.flatMap((at) => ['a', 'b'].map((host) => ({ host, time: AT + BigInt(at) * 1_000_000n, v: 1 })));
    stages.accept(shard.apply(points), nowMs, ++sequence, (_, error) => {
      throw error;
    });
  };
  const view = stages.open(planOf({ aggregates: [['count', 'v']], interval: 10n * SECOND })) as LiveView;
  view.start(nowMs);
  return { shard, view, write };
}

/** What is told of both hosts. */
function collected(view: LiveView): number[] {
  view.stream.seal(Number.MAX_SAFE_INTEGER);
  const [state] = view.collect(Number.MAX_SAFE_INTEGER)!.cells!.states;
  return Array.from(Object.values(state!)[0] as Float64Array);
}

function blockOf(times: readonly number[], series: readonly number[]): Block {
  return {
    rows: times.length,
    series: Uint32Array.from(series),
    base: 0n,
    offsets: Float64Array.from(times),
    columns: new Map(),
    selection: null,
  };
}
