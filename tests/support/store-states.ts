/**
 * The states in which the rows of a shard may lie, for tests that must give the same answers in each: all in the head; part by part
 * in buckets, later parts overwriting earlier ones; as the cleaner leaves them; and with every bucket in object storage.
 */
import { assert } from 'chai';
import { seriesKey } from '../../model/index.ts';
import type { PinnableSource } from '../../query/index.ts';
import { MemoryFiles, MemoryObjects, ShardStore } from '../../storage/index.ts';
import { ArraySource, type Row } from '../unit/query/support/array-source.ts';
import { batchOf, type TestPoint } from '../unit/storage/points.ts';
import type { Random } from './random.ts';

export const STORE_STATES = ['unsealed', 'sealed', 'cleaned', 'moved'] as const;
export type StoreState = (typeof STORE_STATES)[number];

/** So many sealings, where it is sealed. */
const PARTS = 3;
/** Of cases that only want their rows: arrays take a tenth of the time. */
const ARRAYS_SHARE = 0.7;
const HOUR_NS = 3_600_000_000_000n;

const open = new Set<ShardStore>();

/** A shard's store of the rows, which are in database `db`, until `closeStores`; rows written twice are merged as storage does. */
export async function storeOf(rows: readonly Row[], state: StoreState): Promise<ShardStore> {
  const failed = (error: Error): never => {
    throw error;
  };
  const tier = {
    objects: new MemoryObjects(),
    cacheBytesMax: 0,
    identity: () => 'abcdefgh01234567',
    afterNs: () => HOUR_NS,
    nowNs: () => 2n ** 63n + HOUR_NS,
    warn: (_text: string, error: Error) => failed(error),
  };
  const options = { shard: 0, headBytes: 2 ** 30, failed, tier: state === 'moved' ? tier : null, settledMs: 3_600_000 };
  const store = await ShardStore.open(new MemoryFiles(), 'shard', options);
  open.add(store);
  store.createDatabase('db');
  let sequence = 0;
  for (let part = 0; part < PARTS; part++) {
    const from = Math.floor((part * rows.length) / PARTS);
    const to = Math.floor(((part + 1) * rows.length) / PARTS);
    for (const [measurement, points] of byMeasurement(rows.slice(from, to))) {
      store.apply(batchOf(points, measurement).batch);
    }
    store.applied(++sequence);
    if (state !== 'unsealed') await store.seal();
  }
  if (state === 'cleaned') await store.clean();
  if (state === 'moved') await store.move();
  const { buckets, points, farBuckets } = store.stats();
  assert.equal(farBuckets, state === 'moved' ? buckets : 0);
  if (rows.length > 0) assert.equal(buckets > 0 && points === 0, state !== 'unsealed', 'rows lie where they should');
  return store;
}

/** To be called after each test. */
export async function closeStores(): Promise<void> {
  for (const store of open) await store.close();
  open.clear();
}

/** Rows of some shards as sources: mostly plain arrays, else stores in a state that is picked. */
export async function sourcesOf(
  random: Random,
  shards: readonly (readonly Row[])[],
  rowsPerBlock: number,
): Promise<PinnableSource[]> {
  const state = random.pick(STORE_STATES);
  if (random.next() < ARRAYS_SHARE) return shards.map((rows) => new ArraySource(rows, rowsPerBlock));
  return Promise.all(shards.map((rows) => storeOf(rows, state)));
}

// private functions

function byMeasurement(rows: readonly Row[]): Map<string, TestPoint[]> {
  const found = new Map<string, TestPoint[]>();
  for (const { measurement, tags, time, fields } of rows) {
    const point = { key: seriesKey(tags), time, fields } as TestPoint;
    const points = found.get(measurement);
    if (points === undefined) found.set(measurement, [point]);
    else points.push(point);
  }
  return found;
}
