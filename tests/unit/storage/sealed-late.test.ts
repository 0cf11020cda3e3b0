/** Rows that came in any order are sealed in order of time: buckets give what memory gave. */
import { expect } from 'chai';
import { MemoryFiles, ShardStore } from '../../../storage/index.ts';
import { Random, seedOfRun } from '../../support/random.ts';
import { batchOf, rowsOf, type TestPoint } from './points.ts';

const SERIES = 7;
const BATCHES = 30;
const POINTS = 80;
/** Seconds: three weeks, so that there are several buckets. */
const SPAN = 3 * 7 * 24 * 3600;
const EVERYTHING = { minTime: -(2n ** 63n), maxTime: 2n ** 63n - 1n, series: null, fields: null };

describe('sealing of late rows', () => {
  const seed = seedOfRun();

  for (const [kind, secondOf] of [
    ['some behind others', (random: Random, batch: number) => (batch * SPAN) / BATCHES + random.between(-9000, 9000)],
    ['in no order', (random: Random) => random.between(0, SPAN)],
    ['from the last to the first', (random: Random, batch: number) => SPAN - batch * 60 - random.between(0, 59)],
  ] as const) {
    it(`gives the same points before and after, ${kind} (seed ${seed})`, async () => {
      const random = new Random(seed);
      const store = await ShardStore.open(new MemoryFiles(), '/data/shard-0', { shard: 0, failed: rethrow });
      for (let n = 0; n < BATCHES; n++) {
        const points = Array.from({ length: POINTS }, () => pointOf(random, Math.floor(secondOf(random, n))));
        store.apply(batchOf(distinct(points)).batch);
        store.applied(n + 1);
      }
      const before = rowsIn(store);
      await store.seal();
      expect(store.stats().bucketRows).to.equal(before.size);
      expect(rowsIn(store)).to.deep.equal(before);
      await store.close();
    });
  }
});

// private functions

function rethrow(error: Error): never {
  throw error;
}

function pointOf(random: Random, second: number): TestPoint {
  const fields = { x: { type: 'float', value: random.between(0, 1_000_000) } } as const;
  return { key: `host=h${random.between(1, SERIES)}`, time: BigInt(second) * 1_000_000_000n, fields };
}

/** One point of a series and time. */
function distinct(points: readonly TestPoint[]): TestPoint[] {
  return [...new Map(points.map((point) => [`${point.key} ${point.time}`, point])).values()];
}

function rowsIn(store: ShardStore): Map<string, Record<string, string>> {
  const table = store.series('db', 'autogen', 'm')!;
  const scan = store.scan({ database: 'db', retentionPolicy: 'autogen', measurement: 'm', ...EVERYTHING });
  return new Map([...rowsOf(scan, (series) => table.key(series))].sort(([a], [b]) => (a < b ? -1 : 1)));
}
