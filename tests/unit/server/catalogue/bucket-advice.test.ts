/** What documents say of buckets, in the words of stores. */
import { expect } from 'chai';
import type { CatalogueDocument } from '../../../../model/index.ts';
import { bucketAdviceIn, firstPolicy } from '../../../../server/catalogue/index.ts';

const HOUR = 3_600_000_000_000n;

describe('advice for buckets', () => {
  it('is what policies and measurements say, and is taken back with them', () => {
    const policy = firstPolicy('d', 'short', { duration: 24n * HOUR, shardDuration: null, replication: null }).put![0];
    const advice = (body: object): CatalogueDocument => {
      return { kind: 'measurement advice', database: 'd', name: 'm', revision: 2, body };
    };
    const told = bucketAdviceIn({
      databases: ['d'],
      change: {
        remove: [
          { kind: 'measurement advice', database: 'd', name: 'gone' },
          { kind: 'user', database: '', name: 'ann' },
        ],
        put: [{ ...policy, revision: 1 }, advice({ bucketBytes: 1 << 20, bucketWidth: String(2n * HOUR) })],
      },
    });
    expect(told).to.deep.equal([
      { scope: { database: 'd', retentionPolicy: null, measurement: 'gone' }, shape: null },
      { scope: { database: 'd', retentionPolicy: 'short', measurement: null }, shape: { spanNs: HOUR } },
      {
        scope: { database: 'd', retentionPolicy: null, measurement: 'm' },
        shape: { bucketBytes: 1 << 20, spanNs: 2n * HOUR },
      },
    ]);
  });
});
