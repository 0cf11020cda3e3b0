/**
 * The states in which the rows of a shard may lie, for tests that must give the same answers in each: all in the head; part by part
 * in buckets, later parts overwriting earlier ones; and as the cleaner leaves them.
 */
import { assert } from 'chai';
import { seriesKey } from '../../model/index.ts';
import { MemoryFiles, ShardStore } from '../../storage/index.ts';
import type { Row } from '../unit/query/support/array-source.ts';
import { batchOf, type TestPoint } from '../unit/storage/points.ts';

export const STORE_STATES = ['unsealed', 'sealed', 'cleaned'] as const;
export type StoreState = (typeof STORE_STATES)[number];

/** So many sealings, where it is sealed. */
const PARTS = 3;

/** A shard's store of the rows, which are in database `db`; rows written twice are merged as storage does. */
export async function storeOf(rows: readonly Row[], state: StoreState): Promise<ShardStore> {
  const failed = (error: Error): never => {
    throw error;
  };
  const store = await ShardStore.open(new MemoryFiles(), 'shard', { shard: 0, headBytes: 2 ** 30, failed });
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
  const { buckets, points } = store.stats();
  if (rows.length > 0) assert.equal(buckets > 0 && points === 0, state !== 'unsealed', 'rows lie where they should');
  return store;
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
